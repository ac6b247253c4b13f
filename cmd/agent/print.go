package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"homeward/provisioning"
)

// printJSON writes a value the way every --json does.
func printJSON(w io.Writer, v any) error { return encodeJSON(w, v, "  ") }

// printJSONLine writes a value on one line.
func printJSONLine(w io.Writer, v any) error { return encodeJSON(w, v, "") }

// encodeJSON writes JSON that a terminal can show: what would move its cursor, or turn the direction of its text, is written
// as an escape. Such text can only stand inside a string, where an escape means the same.
func encodeJSON(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	out.SetIndent("", indent)
	if err := out.Encode(v); err != nil {
		return err
	}
	text := make([]byte, 0, b.Len())
	for _, r := range b.String() {
		if r < utf8.RuneSelf && r != 0x7f || unicode.IsPrint(r) {
			text = utf8.AppendRune(text, r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			text = fmt.Appendf(text, `\u%04x`, unit)
		}
	}
	_, err := w.Write(text)
	return err
}

// page is text for people on its way out. On a terminal it is wrapped, and may have colour; elsewhere a line stays a
// line, for grep. The first error of writing is kept.
type page struct {
	w      io.Writer
	colour bool
	width  int             // of the terminal, in columns; 0: there is none, and lines are left as they are
	begun  string          // of a line that has not ended, and is not on the terminal yet
	hinted map[string]bool // what to do is said once
	err    error
}

func newPage(w io.Writer) *page {
	p := &page{w: w, hinted: map[string]bool{}}
	if f, ok := w.(*os.File); ok {
		width, terminal := screen(f)
		dumb := os.Getenv("TERM") == "" || os.Getenv("TERM") == "dumb"
		p.width, p.colour = width, terminal && !dumb && os.Getenv("NO_COLOR") == ""
	}
	return p
}

// printf writes lines. Columns have at least two blanks between them, so that wrapping sees them.
func (p *page) printf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if p.width > 0 {
		text = p.begun + text
		whole := strings.LastIndexByte(text, '\n') + 1
		text, p.begun = wrap(text[:whole], p.width), text[whole:]
	}
	if p.err == nil {
		_, p.err = io.WriteString(p.w, text)
	}
}

// asIs writes lines that stay whole on a terminal, too: commands to be copied, and what has been wrapped.
func (p *page) asIs(format string, args ...any) {
	width := p.width
	p.width = 0
	p.printf(format, args...)
	p.width = width
}

// row writes a label and its value; nothing without a value.
func (p *page) row(label, text string) {
	if text != "" {
		p.printf("  %-14s %s\n", label, text)
	}
}

// hint writes what to do about the row before.
func (p *page) hint(text string) { p.row("hint", inFull(text)) }

// because writes why something is as it is, and what to do about it, below the line it belongs to.
func (p *page) because(w *provisioning.Why) {
	if w.Reason == "" {
		return
	}
	p.printf("%27s%s\n", "", because(w))
	if w.Hint != "" && !p.hinted[w.Hint] {
		p.hinted[w.Hint] = true
		p.printf("%27shint: %s\n", "", inFull(w.Hint))
	}
}

// The colours, as SGR parameters (ECMA-48 §8.3.117).
const (
	good = "32"
	warn = "33"
	bad  = "31"
	bold = "39" // the colour that text has anyway
)

func (p *page) paint(colour, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[1;" + colour + "m" + text + "\x1b[0m"
}

// Our choices: what one piece of foreign text may take of the screen, in bytes.
const (
	maxText   = 256
	maxWhat   = 1 << 10 // of a sentence of ours in which such text may stand more than once
	maxRemark = 4 << 10 // of a remark, in which paths of files may stand
)

// printable makes text from the network safe to show: control characters are written as escapes.
func printable(s string) string { return escape(s, maxText) }

// inFull makes a sentence of ours safe to show, in which text from the network stands.
func inFull(s string) string { return escape(s, maxWhat) }

func escape(s string, limit int) string {
	var b strings.Builder
	for _, r := range s {
		if b.Len() > limit {
			b.WriteString("...")
			break
		}
		if r != unicode.ReplacementChar && unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// hostPort is "fe01.contoso.com:5061", or less when less is known.
func hostPort(host string, port uint16) string {
	return printable(provisioning.Endpoint{Host: host, Port: port}.HostPort())
}

// because is a reason in words: "connect-refused: fe01.contoso.com:5061 refuses the connection". Where no more is known than
// the reason, its title stands there, and in parentheses the raw words.
func because(w *provisioning.Why) string {
	text := printable(string(w.Reason))
	switch title := w.Reason.Title(); {
	case w.What != "" && text == "":
		return inFull(w.What)
	case w.What != "":
		return text + ": " + inFull(w.What)
	case title != "":
		text += ": " + title
	}
	if w.Detail != "" {
		text += " (" + printable(w.Detail) + ")"
	}
	return text
}

// ago says how long something is past, in words.
func ago(now, then time.Time) string {
	if d := now.Sub(then); d >= 0 {
		return words(d) + " ago"
	}
	return "in the future: the clock was wrong then, or is wrong now"
}

// words is a duration as people say it: one number and one unit.
func words(d time.Duration) string {
	units := []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}}
	for _, u := range units {
		switch n := d / u.length; {
		case n == 1:
			return "1 " + u.name
		case n > 1:
			return fmt.Sprintf("%d %ss", n, u.name)
		}
	}
	return "a moment"
}

// clock is a point in time as the device's own clock shows it.
func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") }

// milliseconds is a duration in the unit of the JSON.
func milliseconds(ms int64) string { return fmt.Sprintf("%d ms", ms) }

// moment is a point in time without its zone, which is the device's own.
func moment(t time.Time) string { return t.Local().Format(time.DateTime) }

// fields joins what is not empty.
func fields(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), " ")
}
