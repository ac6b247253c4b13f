package main

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// Our choices.
const (
	partLimit   = 17 * time.Second // for all parts, which are read at the same time; a check ends within 15 s
	stuckLimit  = time.Second      // after that, for a part that does not notice
	bundleMode  = 0o600
	bundleDir   = "homeward-bundle" // in the archive
	bundleStamp = "20060102T150405Z"
)

func bundleCommand(e env) *cobra.Command {
	var file string
	var identities bool
	c := verb("bundle [-o FILE] [--identities]", "Write one redacted archive for support", func(c *cobra.Command) error {
		source, err := bundleSourceOf(c)
		if err != nil {
			return err
		}
		made := time.Now().UTC().Truncate(time.Second)
		if file == "" {
			file = fmt.Sprintf("homeward-bundle-%s-%s.zip", hostLabel(), made.Format(bundleStamp))
		}
		b := bundle{made: made, redacted: !identities}
		err = writeNew(file, func(w io.Writer) (err error) {
			if b.pieces, err = collect(c.Context(), source.parts(), progress(e.stderr)); err != nil {
				return err
			}
			if b.redacted {
				redact(b.pieces)
			}
			return writeArchive(w, b)
		}, e.stdout)
		if lacks, hints := b.lacks(); err == nil && lacks != "" {
			err = &failure{code: exitFailed, err: fmt.Errorf("%s is incomplete: %s", file, lacks), hints: hints}
		}
		return err
	})
	c.Long = `It holds what the commands print now, the history, the configuration, the end of the log, what this machine is, and index.html, a page that shows all of it without a network. What cannot be had is replaced by the reason. If a right was missing, or a part did not come in time, the archive is written all the same, says so, and the exit code is 1: run it as root.

User names, the name of this machine and MAC addresses are replaced by tokens, such as id-3f2a9c, that mean something within this archive only; --identities leaves them readable. Names of Registrars, the domain and IP addresses stay readable in any case: support needs them. The password is read for the check, which signs in, and is never in the archive. The name of the file holds the name of this machine; choose another with -o.`
	c.Flags().StringVarP(&file, "output", "o", "", "`FILE` to write (default homeward-bundle-HOST-TIME.zip in this directory)")
	c.Example = "homeward bundle\nhomeward bundle -o /tmp/site.zip"
	c.Flags().BoolVar(&identities, "identities", false, "do not replace user names, the name of this machine and MAC addresses")
	return c
}

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
				err = fmt.Errorf("it was not there within %v: %w", partLimit, err)
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
				pieces[i] = piece{name: p.name, err: fmt.Errorf("it was not there within %v: %w", partLimit, context.DeadlineExceeded)}
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
		lacks = append(lacks, "this user may not read "+strings.Join(closed, ", "))
		hints = append(hints, asWhom("run it as root: sudo homeward bundle"))
	}
	if len(late) > 0 {
		lacks = append(lacks, strings.Join(late, ", ")+" did not come in time")
		hints = append(hints, "make another one")
	}
	return strings.Join(lacks, "; "), hints
}

func writeArchive(w io.Writer, b bundle) error {
	archive := zip.NewWriter(w)
	add := func(name string, text []byte) error {
		header := &zip.FileHeader{Name: bundleDir + "/" + name, Method: zip.Deflate, Modified: b.made}
		header.SetMode(bundleMode)
		f, err := archive.CreateHeader(header)
		if err == nil {
			_, err = f.Write(text)
		}
		return err
	}
	if err := add("index.html", b.page()); err != nil {
		return err
	}
	for _, p := range b.pieces {
		if err := add(p.name, p.text); err != nil {
			return err
		}
	}
	return archive.Close()
}

// writeNew writes a file that must not exist yet, and prints its path. It takes the name first: that it is taken, or
// that the directory is closed, is said before anybody has waited. Whoever sees the file with something in it sees all.
func writeNew(file string, write func(io.Writer) error, stdout io.Writer) (err error) {
	hints := []string{"name another file with -o"}
	taken, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, bundleMode)
	if errors.Is(err, fs.ErrExist) {
		return &failure{code: exitFailed, err: fmt.Errorf("%s exists already, and is left as it is", file), hints: hints}
	}
	if err != nil {
		return &failure{code: exitFailed, err: err, hints: hints}
	}
	taken.Close()
	defer func() {
		if err != nil {
			os.Remove(file)
		}
	}()
	f, err := os.CreateTemp(filepath.Dir(file), ".homeward-bundle-") // mode 0600
	if err != nil {
		return &failure{code: exitFailed, err: err, hints: hints}
	}
	defer os.Remove(f.Name()) // in vain when all went well
	defer f.Close()
	if err := write(f); err != nil {
		return asFailure(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return &failure{code: exitFailed, err: err, hints: hints}
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return &failure{code: exitFailed, err: err, hints: hints}
	}
	_, err = fmt.Fprintln(stdout, file)
	return err
}

// asFailure gives an error of writing its exit code.
func asFailure(err error) error {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	return &failure{code: exitFailed, err: fmt.Errorf("write the archive: %w", err)}
}
