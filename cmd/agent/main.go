package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/homeward-agent/homeward/internal/config"
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
		return "root lacks its rights here, as in a container: run the command outside, or as the user of the daemon"
	}
	return advice
}

func main() {
	// Before anything that could wait. A second signal does nothing: the end comes soon, and what it cuts short is the
	// taking back of a binding.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, env{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

// run runs one command and returns its exit code. The voice of the program: results go to stdout; remarks go
// to stderr, as "homeward: error: …" and "homeward: hint: …", without a capital and without a full stop.
func run(ctx context.Context, e env, args []string) int {
	root := rootCommand(e)
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	var usage *usageError
	var f *failure
	var file *fs.PathError
	switch {
	case errors.As(err, &f):
	case errors.As(err, &file): // the output cannot be written
		f = &failure{code: exitFailed, err: err}
	default: // cobra's own words are about usage
		usage = &usageError{err.Error()}
		f = &failure{code: exitUsage, err: usage}
	}
	if f.err != nil {
		e.remark("error", f.err.Error())
	}
	hints := append(f.hints, advice(f.err)...)
	switch {
	case len(hints) > 0:
	case f.code == exitUsage && errors.Is(f.err, fs.ErrPermission):
		hints = []string{asWhom("run it as root: sudo " + command.CommandPath())}
	case usage != nil || errors.As(err, &usage):
		hints = []string{"see " + command.CommandPath() + " --help"}
	}
	for _, hint := range hints {
		e.remark("hint", hint)
	}
	if errors.Is(f.err, errNoVerb) {
		fmt.Fprintln(e.stderr)
		command.SetOut(e.stderr)
		_ = command.Help() // all that can be done
	}
	return f.code
}

// rootCommand is the tree of verbs.
func rootCommand(e env) *cobra.Command {
	root := group("homeward", "Find the Lync SIP Registrar of this device and register with it", []*cobra.Command{
		runCommand(e), statusCommand(e), planCommand(e), checkCommand(e), dhcpCommand(e), cacheCommand(e), historyCommand(e), bundleCommand(e), configCommand(e),
		serviceCommand(e), versionCommand(e),
	})
	root.Long = "homeward looks for the Registrar in the order of a Lync phone, through DNS and DHCP, signs in, follows its home pool, and remembers the last good Registrar and Media Relays for the day when DNS and DHCP fail. It runs as a daemon; the other verbs show what it knows, and what to fix."
	root.Version = thisVersion().Version // for --version, which people try first
	root.Flags().Bool("version", false, "show the version")
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(helpCommand())
	root.SetHelpFunc(printHelp)
	root.PersistentFlags().String("config", config.DefaultFile, "configuration `FILE`")
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	return root
}

// helpCommand is `help VERB`, the same as `VERB --help`. Cobra's own knows every verb, too, but not exit code 2.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:                   "help [verb]",
		Short:                 "Show the help of a verb",
		ValidArgsFunction:     completeVerb,
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return badUsage("unknown verb %q", args[len(args)-max(len(rest), 1)])
			}
			return about.Help()
		},
	}
}

// group is a command that has verbs below it and does nothing by itself.
func group(use, short string, verbs []*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:                   use + " VERB [flags]",
		Short:                 short,
		DisableFlagsInUseLine: true,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &failure{code: exitUsage, err: errNoVerb}
			}
			return unknownVerb(c, args[0])
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // makes cobra look at Args
	}
	c.AddCommand(verbs...)
	return c
}

// unknownVerb is for what is none of the verbs below c.
func unknownVerb(c *cobra.Command, typed string) error {
	text := fmt.Sprintf("unknown verb %q", typed)
	c.SuggestionsMinimumDistance = 2 // letters
	if near := c.SuggestionsFor(typed); len(near) > 0 {
		text += fmt.Sprintf(", did you mean %s?", near[0])
	}
	return badUsage("%s", text)
}

// verb is a command that does something. It takes no arguments.
func verb(use, short string, do func(c *cobra.Command) error) *cobra.Command {
	return &cobra.Command{
		Use:                   use,
		Short:                 short,
		Args:                  noArguments,
		ValidArgsFunction:     cobra.NoFileCompletions,
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, _ []string) error {
			return ends(c.Context(), interruptLimit, func() error { return do(c) }, &failure{code: exitFailed, err: errors.New("interrupted")})
		},
	}
}

// Our choices, within the 5 s in which the daemon ends when it is told to.
const (
	runLimit       = 4500 * time.Millisecond
	interruptLimit = 4800 * time.Millisecond // of every command, the daemon among them
)

// ends does something that ends with ctx, limit after it at the latest: what waits for a file system that has gone, or for
// whatever else does not listen, is left behind. The result is late then.
func ends(ctx context.Context, limit time.Duration, do func() error, late error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return late
	}
}

func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return badUsage("unexpected argument %q", args[0])
	}
	return nil
}
