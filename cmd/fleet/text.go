package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// plain is text of a device for a terminal, on which it must not do anything.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// ago is how long ago a time was, roughly; "-" if it is not known.
func ago(at, now time.Time) string {
	age := now.Sub(at)
	switch {
	case at.IsZero():
		return "-"
	case age < time.Minute:
		return "now"
	case age < time.Hour:
		return fmt.Sprintf("%dmin", age/time.Minute)
	case age < 48*time.Hour:
		return fmt.Sprintf("%dh", age/time.Hour)
	default:
		return fmt.Sprintf("%dd", age/(24*time.Hour))
	}
}

// or is the first text that says something.
func or(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return plain(s)
		}
	}
	return "-"
}

// table prints rows in columns.
func table(w io.Writer, rows func(row func(cells ...string))) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	rows(func(cells ...string) { fmt.Fprintln(t, strings.TrimRight(strings.Join(cells, "\t"), "\t")) })
	return t.Flush()
}
