package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"homeward/internal/config"
	"homeward/internal/safefile"
)

// env is the outside of a command: what it reads and where it writes.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// remark writes an "error" or a "hint" to stderr, each line of it as one.
func (e env) remark(kind, text string) {
	p := newPage(e.stderr)
	if kind == "error" {
		kind = p.paint(bad, kind)
	}
	for line := range strings.SplitSeq(text, "\n") {
		p.printf("homeward: %s: %s\n", kind, escape(line, maxRemark))
	}
}

// The exit codes.
const (
	exitFailed        = 1
	exitUsage         = 2 // usage or configuration
	exitNotRunning    = 3
	exitNotRegistered = 4 // or nothing usable, or no record
)

// failure is how a verb ends when it does not end well.
type failure struct {
	code  int
	err   error    // nil: the output has said it all
	hints []string // what to do about it
}

func (f *failure) Error() string {
	if f.err == nil {
		return "exit code " + fmt.Sprint(f.code)
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// badUsage is a command line that cannot be understood.
func badUsage(format string, args ...any) error {
	return &failure{code: exitUsage, err: &usageError{fmt.Sprintf(format, args...)}}
}

// usageError is followed by the way to the help of the command.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// errNoVerb is followed by the help itself: whoever types no verb looks for one.
var errNoVerb = errors.New("a verb is missing")

// uninterrupted is an error when the command was interrupted: what has been found out until then is no answer.
func uninterrupted(c *cobra.Command) error {
	if c.Context().Err() != nil {
		return &failure{code: exitFailed, err: errors.New("interrupted")}
	}
	return nil
}

// advised is an error with what to do about it.
type advised struct {
	error
	hint string
}

func (a *advised) Unwrap() error { return a.error }

// advice returns the hints of an error and of all it wraps, each once.
func advice(err error) []string {
	var hints []string
	switch e := err.(type) { //nolint:errorlint // each of the tree is looked at, not the first
	case *advised:
		hints = append(hints, e.hint)
	case *config.Problem:
		if e.Hint != "" {
			hints = append(hints, e.Hint)
		}
	}
	switch e := err.(type) { //nolint:errorlint // likewise
	case interface{ Unwrap() error }:
		hints = append(hints, advice(e.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, wrapped := range e.Unwrap() {
			hints = append(hints, advice(wrapped)...)
		}
	}
	slices.Sort(hints)
	return slices.Compact(hints)
}

const runAsRoot = "run the command as root, or as the user of the daemon"

// asWhom is the advice for who lacks a right, unless it is root: who is told to be whom they are, is told nothing.
func asWhom(advice string) string {
	if os.Geteuid() == 0 {
		return "root has limited rights here, as in a container: run the command outside it, or as the user of the daemon"
	}
	return advice
}

// mayRead is the advice where the daemon may not read a file of its configuration: whose the file should be, its user alone tells.
func mayRead(err error) string {
	var file *fs.PathError
	if os.Geteuid() <= 0 || !errors.As(err, &file) {
		return asWhom("run it as root: sudo homeward run")
	}
	user, do := safefile.UserName(os.Geteuid()), ""
	if _, err := os.Lstat(file.Path); errors.Is(err, fs.ErrPermission) {
		do = "give it access to the directories above " + file.Path
	} else {
		do = fmt.Sprintf("run: chown %s %s", user, safefile.Quoted(file.Path))
	}
	return fmt.Sprintf("if %s is the user of the daemon, %s; otherwise start the service: sudo homeward service start", user, do)
}

// progressOn tells people in front of a terminal what is going on, in one line that is gone at the end.
func progressOn(e env) (progress func(string), done func()) {
	f, ok := e.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(string) {}, func() {}
	}
	const clear = "\r\x1b[K" // erase in line (ECMA-48 §8.3.41)
	return func(what string) { fmt.Fprintf(f, "%s%s ...", clear, what) }, func() { fmt.Fprint(f, clear) }
}
