package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
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

// table prints rows in columns. The cells have one column for each character.
func table(w io.Writer, rows [][]string) error {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	out := bufio.NewWriterSize(w, 64<<10)
	for _, row := range rows {
		last := len(row) - 1
		for i, cell := range row[:last] {
			fmt.Fprintf(out, "%-*s", widths[i]+2, cell)
		}
		fmt.Fprintln(out, row[last])
	}
	return out.Flush()
}
