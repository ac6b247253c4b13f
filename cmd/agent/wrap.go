package main

import (
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// Our choices, in columns of the screen.
const (
	serialWidth = 80 // of a terminal that does not know its size: a serial console
	narrowest   = 20 // a screen of less says nothing about what can be read on it
	hanging     = 2  // what follows a line that has no columns
	squeezed    = 4  // what is left of a margin that takes half of the screen
)

// screen returns the width of the terminal that f leads to, in columns; not ok: it leads to none. COLUMNS beats what the terminal says (POSIX, Environment Variables).
func screen(f *os.File) (width int, ok bool) {
	if !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, err := strconv.Atoi(os.Getenv("COLUMNS"))
	if err != nil || width <= 0 {
		width, _, err = term.GetSize(int(f.Fd()))
	}
	if err != nil || width < narrowest {
		return serialWidth, true
	}
	return width, true
}

// wrap breaks the lines of a text, each of which ends, so that they fit into a width.
func wrap(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		wrapLine(&b, strings.TrimSuffix(line, "\n"), width)
		b.WriteByte('\n')
	}
	return b.String()
}

// wrapLine breaks a line at blanks. What is broken off stands below the beginning of its column: below the last word
// in the left half of the screen that has two blanks or more before it. A word that is too long is left whole, so that
// it can be copied.
func wrapLine(b *strings.Builder, line string, width int) {
	at, below, gap := 0, hanging, 0
	broken := false
	for word := range strings.SplitSeq(line, " ") {
		if word == "" {
			gap++
			continue
		}
		switch size := columns(word); {
		case at == 0 && gap > width/2:
			gap, below = squeezed, squeezed
		case at > below && at+gap+size > width:
			b.WriteByte('\n')
			at, gap, broken = 0, below, true
		case (at == 0 || gap > 1) && !broken && at+gap <= width/2:
			below = max(at+gap, hanging)
		}
		b.WriteString(strings.Repeat(" ", gap))
		b.WriteString(word)
		at += gap + columns(word)
		gap = 1
	}
}

// columns is what a word takes of the screen: a column for each character, and none for the colours of page.paint.
func columns(word string) int {
	n := utf8.RuneCountInString(word)
	for {
		_, after, found := strings.Cut(word, "\x1b[")
		if !found {
			return n
		}
		sequence, rest, _ := strings.Cut(after, "m")
		n -= len("\x1b[") + len(sequence) + len("m")
		word = rest
	}
}
