package main

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// plain is text of a device for a terminal, on which it must not do anything.
func plain(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return s
	}
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
		return strconv.Itoa(int(age/time.Minute)) + "min"
	case age < 48*time.Hour:
		return strconv.Itoa(int(age/time.Hour)) + "h"
	default:
		return strconv.Itoa(int(age/(24*time.Hour))) + "d"
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
			_, _ = out.WriteString(cell) // Flush has its error
			for range widths[i] + 2 - utf8.RuneCountInString(cell) {
				_ = out.WriteByte(' ')
			}
		}
		_, _ = out.WriteString(row[last] + "\n")
	}
	return out.Flush()
}
