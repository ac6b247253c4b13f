//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"

	"homeward/provisioning"
)

// sound looks at every line, or at every field of JSON, of what a command has printed, for what was never meant to be
// read: sound stdout; sound FILE.
func sound(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: sound stdout|stderr|FILE...")
	}
	for _, name := range args {
		text := ts.ReadFile(name)
		var err error
		switch trimmed := strings.TrimSpace(text); {
		case trimmed == "":
			err = errors.New("it is empty")
		case trimmed[0] == '{':
			err = soundJSON(text)
		case filepath.Ext(name) != ".html":
			err = soundText(text)
		}
		if err != nil {
			ts.Fatalf("%s: %v\n%s", name, err, text)
		}
	}
}

// unsound is what a value looks like that was printed without anybody having thought of how: a byte as an escape, a value of
// Go, a verb of fmt without its value, a time that nobody has set.
var unsound = regexp.MustCompile(`\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\[abfnrtv]\b|&\{|\bmap\[|\{[A-Z]\w*:|0xc0[0-9a-f]+|%!|<nil>|\b0001-01-01|invalid (IP|AddrPort|Prefix)`)

func soundText(text string) error {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return fmt.Errorf("%q holds what cannot be printed", line)
		}
		if found := unsound.FindString(line); found != "" {
			return fmt.Errorf("%q holds %q", line, found)
		}
	}
	return nil
}

// soundJSON reads one value or many.
func soundJSON(text string) error {
	in := json.NewDecoder(bytes.NewReader([]byte(text)))
	in.UseNumber()
	for {
		var v any
		if err := in.Decode(&v); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := soundValue("", "", v); err != nil {
			return err
		}
	}
}

// closed are the lists of interface.md, by the name of the field; those of "result" and "verdict" are of all commands.
var closed = func() map[string][]string {
	lists := map[string][]string{
		"state":     {"recalling", "discovering", "outage", "registered", "resting"},
		"result":    {"ok", "redirected", "warn", "failed", "skipped"},
		"verdict":   {"ok", "degraded", "failed", "found", "absent"},
		"transport": {"tls", "tcp"},
		"step":      {"internal-tls", "dhcp-tls", "internal-tcp", "dhcp-tcp", "external-tls", "external-tcp", "manual", "host-name", "recall", "last-good", "redirect"},
		"role":      {"primary", "backup"},
		"side":      {string(provisioning.SideDevice), string(provisioning.SideNetwork), string(provisioning.SideDNS), string(provisioning.SideDHCP), string(provisioning.SideRegistrar), string(provisioning.SideAccount)},
	}
	for _, r := range provisioning.Reasons() {
		lists["reason"] = append(lists["reason"], string(r.Code))
	}
	return lists
}()

// soundValue looks at a value, and at what is in it; path is where it stands, name its field.
func soundValue(path, name string, v any) error {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if err := soundValue(path+"."+key, key, inner); err != nil {
				return err
			}
		}
		says := func(state string) bool {
			detail := strings.TrimPrefix(fmt.Sprint(v["detail"]), "not registered (")
			return strings.HasPrefix(detail, state)
		}
		if v["id"] == "daemon" && v["reason"] == nil && !slices.ContainsFunc(closed["state"], says) {
			return fmt.Errorf("%s: the daemon is %q", path, v["detail"])
		}
	case []any:
		for i, inner := range v {
			if err := soundValue(fmt.Sprintf("%s[%d]", path, i), name, inner); err != nil {
				return err
			}
		}
	case string:
		if list, ok := closed[name]; ok && !slices.Contains(list, v) {
			return fmt.Errorf("%s: %q is none of %q", path, v, list)
		}
		if at, err := time.Parse(time.RFC3339, v); strings.HasSuffix(name, "_at") || name == "at" {
			if err != nil || !strings.HasSuffix(v, "Z") || at.Year() < 2000 {
				return fmt.Errorf("%s: %q is no time in UTC", path, v)
			}
		}
		if err := soundText(v); err != nil && !strings.HasSuffix(name, "hex") {
			return fmt.Errorf("%s: %w", path, err)
		}
	case json.Number:
		if _, ok := closed[name]; ok {
			return fmt.Errorf("%s: %v is a number", path, v)
		}
		if n, err := v.Int64(); strings.HasSuffix(name, "_ms") && (err != nil || n < 0) {
			return fmt.Errorf("%s: %v is no time that anything has taken", path, v)
		}
	case nil:
		return fmt.Errorf("%s: null; what is not known is absent", path)
	}
	return nil
}
