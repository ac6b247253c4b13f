package main

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"homeward/internal/packed"
	"homeward/provisioning"
	"homeward/provisioning/check"
	"homeward/service/control"
)

// pageFrame is index.html without what this bundle puts in: text that is escaped here, and data in JSON that its script
// shows as text. It is bundle.html, a third as large: make generate packs it.
//
//go:embed bundle.html.gz
var pageFrame string

// page returns index.html. It needs nothing but itself, and what it shows needs no script. The script is the only one
// a browser runs in it: it has a number that no foreign text could know.
func (b bundle) page() []byte {
	kept := "User names, the name of the device and MAC addresses are replaced by tokens (id-…), which are the same throughout this bundle and mean nothing outside it."
	if !b.redacted {
		kept = "Nothing was redacted (--identities): handle this bundle with care."
	}
	if lacks, hints := b.lacks(); lacks != "" {
		kept = "<strong>Incomplete: " + inHTML(lacks) + ". To complete it: " + inHTML(strings.Join(hints, "; ")) + ".</strong> " + kept
	}
	return []byte(strings.NewReplacer(
		"NONCE", rand.Text(),
		"<!--made-->", b.made.Format("2006-01-02 15:04:05 UTC"),
		"<!--program-->", inHTML(thisVersion().Version),
		"<!--kept-->", kept+" Names of Registrars, the SIP domain and IP addresses are readable: support needs them.",
		"<!--facts-->", b.facts(),
		"<!--parts-->", b.parts(),
		"<!--data-->", string(b.data()),
	).Replace(packed.Text(pageFrame)))
}

// facts is what matters most, as the command line prints it.
func (b bundle) facts() string {
	var status, checked, failures strings.Builder
	var now *provisioning.Status
	for _, p := range b.pieces {
		switch {
		case p.name == "status.json" && p.err != nil:
			status.WriteString(p.plain())
		case p.name == "status.json":
			var s provisioning.Status
			if json.Unmarshal(p.text, &s) == nil {
				now = &s
				_ = printStatus(newPage(&status), &s, b.made) // into memory
			}
		case p.name == "check.json" && p.err != nil:
			checked.WriteString(p.plain())
		case p.name == "check.json":
			var r check.Report
			if json.Unmarshal(p.text, &r) == nil {
				_ = printReport(newPage(&checked), &r, true) // into memory
			}
		case p.name == "failures.jsonl" && p.err != nil:
			failures.WriteString(p.plain())
		case p.name == "failures.jsonl":
			out, entries := newPage(&failures), entriesIn(p.text)
			each := printEntry(out, false)
			for i := range entries {
				e := &entries[i]
				_ = each(*e) // into memory
			}
			_ = printHints(out, entries, append(entries, b.entries("history.jsonl")...), now) // as above
		}
	}
	if failures.Len() == 0 {
		failures.WriteString("none")
	}
	return fmt.Sprintf("<h2>Status</h2>\n<pre>%s</pre>\n<h2>Check</h2>\n<pre>%s</pre>\n<h2>Failures, oldest first</h2>\n<pre>%s</pre>\n",
		shown(status.String()), shown(checked.String()), shown(failures.String()))
}

// entries are those of a part of the history; none if it is not there.
func (b bundle) entries(name string) []control.Entry {
	for _, p := range b.pieces {
		if p.name == name && p.err == nil {
			return entriesIn(p.text)
		}
	}
	return nil
}

// entriesIn reads a line of JSON for each entry.
func entriesIn(text []byte) (entries []control.Entry) {
	for line := range bytes.Lines(text) {
		var e control.Entry
		if json.Unmarshal(line, &e) == nil {
			entries = append(entries, e)
		}
	}
	return entries
}

// parts is the text of every part.
func (b bundle) parts() string {
	var out strings.Builder
	for _, p := range b.pieces {
		outcome, text := size(len(p.text)), string(p.text)
		if p.err != nil {
			outcome, text = `<em>not available</em>`, p.plain()
		}
		fmt.Fprintf(&out, "<details><summary>%s <small>%s</small></summary><pre>%s</pre></details>\n", inHTML(p.name), outcome, shown(text))
	}
	return out.String()
}

// plain returns why a part could not be had, for people. It reads the text of the piece, which is redacted; the error
// is not.
func (p piece) plain() string {
	var why struct {
		Error string   `json:"error"`
		Hints []string `json:"hints"`
	}
	if json.Unmarshal(p.text, &why) != nil {
		return string(p.text)
	}
	text := "error: " + why.Error + "\n"
	for _, hint := range why.Hints {
		text += "hint: " + hint + "\n"
	}
	return text
}

// bundleData is all parts of a bundle as one value.
type bundleData struct {
	Made    time.Time                      `json:"made"`    // when the bundle was made
	Missing []string                       `json:"missing"` // the parts that could not be had
	Titles  map[provisioning.Reason]string `json:"titles"`  // what each reason means
	Parts   map[string]any                 `json:"parts"`   // each part in JSON, by its name in the archive
}

// data is all parts as one value, for the script. Marshal writes "<" as an escape: nothing in it ends a script element.
func (b bundle) data() []byte {
	parts := map[string]any{}
	missing := []string{}
	for _, p := range b.pieces {
		if p.err != nil {
			missing = append(missing, p.name)
			continue
		}
		switch filepath.Ext(p.name) {
		case ".json":
			parts[p.name] = json.RawMessage(p.text)
		case ".jsonl":
			lines := []json.RawMessage{}
			for line := range bytes.Lines(p.text) {
				lines = append(lines, line)
			}
			parts[p.name] = lines
		}
	}
	titles := map[provisioning.Reason]string{}
	for _, r := range provisioning.Reasons() {
		titles[r.Code] = r.Title
	}
	text, err := json.Marshal(bundleData{b.made, missing, titles, parts})
	if err != nil { // a part is not what its name promises; its text is on the page
		return []byte("{}")
	}
	return text
}

// shown makes text ready for HTML: what cannot be printed is written as an escape, as everywhere; lines stay.
func shown(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '\n' || r != unicode.ReplacementChar && unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return inHTML(b.String())
}

// inHTML makes s text of a page. Package html does the same, and brings the names of 2,231 characters: 60 KB of the program.
func inHTML(s string) string { return forHTML.Replace(s) }

var forHTML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")

func size(bytes int) string {
	if bytes < 1<<10 {
		return fmt.Sprintf("%d bytes", bytes)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}
