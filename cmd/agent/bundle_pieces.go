package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Our choices.
const (
	partLimit   = 17 * time.Second // for all parts, which are read at the same time; a check ends within 15 s
	stuckLimit  = time.Second      // after that, for a part that does not notice
	bundleMode  = 0o600
	bundleDir   = "homeward-bundle" // in the archive
	bundleStamp = "20060102T150405Z"
)

// part is a file of the archive. A name that ends in .json or .jsonl promises JSON.
type part struct {
	name string
	read func(ctx context.Context) ([]byte, error)
}

// piece is a part that was read, or why it could not be.
type piece struct {
	name string
	text []byte // if err is not nil: what stands for the part, in its form
	err  error
}

// collect reads all parts at the same time and returns them in their order. told is called for each.
func collect(ctx context.Context, parts []part, told func(piece)) ([]piece, error) {
	reading, stop := context.WithTimeout(ctx, partLimit)
	defer stop()
	waiting, cancel := context.WithTimeout(ctx, partLimit+stuckLimit)
	defer cancel()
	results := make([]chan piece, len(parts))
	for i, p := range parts {
		results[i] = make(chan piece, 1) // a part that is waited for no more ends all the same
		go func() {
			text, err := p.read(reading)
			if reading.Err() != nil && err != nil {
				err = fmt.Errorf("not available within %v: %w", partLimit, err)
			}
			results[i] <- piece{p.name, text, err}
		}()
	}
	pieces := make([]piece, len(parts))
	for i, p := range parts {
		select {
		case pieces[i] = <-results[i]:
		case <-waiting.Done():
			select {
			case pieces[i] = <-results[i]: // while another one was waited for
			default:
				pieces[i] = piece{name: p.name, err: fmt.Errorf("not available within %v: %w", partLimit, context.DeadlineExceeded)}
			}
		}
		if ctx.Err() != nil {
			return nil, &failure{code: exitFailed, err: errors.New("interrupted: nothing was written")}
		}
		if pieces[i].err != nil {
			pieces[i].text = excuse(p.name, pieces[i].err)
		}
		told(pieces[i])
	}
	return pieces, nil
}

// excuse is what stands in the archive for a part that could not be had.
func excuse(name string, err error) []byte {
	hints := advice(err)
	var f *failure
	if errors.As(err, &f) {
		hints = append(f.hints, hints...)
	}
	var b strings.Builder
	if filepath.Ext(name) == ".txt" {
		fmt.Fprintf(&b, "error: %v\n", err)
		for _, hint := range hints {
			fmt.Fprintf(&b, "hint: %s\n", hint)
		}
		return []byte(b.String())
	}
	_ = printJSONLine(&b, struct { // cannot fail: text into memory
		Version int      `json:"version"`
		Error   string   `json:"error"`
		Hints   []string `json:"hints,omitempty"`
	}{1, err.Error(), hints})
	return []byte(b.String())
}

// progress returns what says how far it is, to a person who waits.
func progress(w io.Writer) func(piece) {
	p := newPage(w)
	if p.width == 0 {
		return func(piece) {}
	}
	p.printf("collecting, for %v at most\n", partLimit+stuckLimit)
	return func(c piece) {
		outcome := p.paint(good, "ok")
		if c.err != nil {
			first, _, _ := strings.Cut(c.err.Error(), "\n")
			outcome = p.paint(warn, "missing") + ": " + printable(first)
		}
		p.row(c.name, outcome)
	}
}

// redact replaces the identities in all pieces, first looking for them in all.
func redact(pieces []piece) {
	r := newRedactor()
	isText := func(p piece) bool { return filepath.Ext(p.name) == ".txt" }
	for _, p := range pieces {
		if !isText(p) {
			r.learnFrom(p.text)
		}
	}
	for i, p := range pieces {
		if isText(p) {
			pieces[i].text = []byte(r.text(string(p.text)))
		} else {
			pieces[i].text = r.json(p.text)
		}
	}
}

// bundle is what is written into an archive.
type bundle struct {
	made     time.Time
	redacted bool
	pieces   []piece
}

// lacks says which parts are missing for want of a right or of time, and what to do about it; "": none is. That a daemon does
// not run, or that the configuration is wrong, is what a bundle is made to show.
func (b bundle) lacks() (text string, hints []string) {
	var closed, late []string
	for _, p := range b.pieces {
		switch {
		case errors.Is(p.err, fs.ErrPermission):
			closed = append(closed, p.name)
		case errors.Is(p.err, context.DeadlineExceeded), errors.Is(p.err, os.ErrDeadlineExceeded):
			late = append(late, p.name)
		}
	}
	var lacks []string
	if len(closed) > 0 {
		lacks = append(lacks, "this user cannot read "+strings.Join(closed, ", "))
		hints = append(hints, asWhom("run it as root: sudo homeward bundle"))
	}
	if len(late) > 0 {
		lacks = append(lacks, strings.Join(late, ", ")+" took too long")
		hints = append(hints, "run homeward bundle again")
	}
	return strings.Join(lacks, "; "), hints
}
