package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// Exit codes, as those of homeward.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitNothing = 4
)

// failure is an error with its exit code, and what to do about it.
type failure struct {
	code int
	error
	hint string
}

func (f *failure) Unwrap() error { return f.error }

func usagef(format string, args ...any) error {
	return &failure{exitUsage, fmt.Errorf(format, args...), "fleet --help"}
}

// env is where a verb prints to: results to stdout, remarks to stderr.
type env struct{ stdout, stderr io.Writer }

func (e env) remark(kind, text string) { fmt.Fprintf(e.stderr, "fleet: %s: %s\n", kind, plain(text)) }

// remarkPartial says that what was printed is not all of so many devices.
func (e env) remarkPartial(devices int) {
	if devices > 0 {
		e.remark("hint", fmt.Sprintf("of %d devices the broker has given out only a part; Mosquitto drops retained messages above max_queued_messages: set it to 0", devices))
	}
}

// noteLink returns what says on stderr how the connection to a broker goes: each change once.
func (e env) noteLink(broker string) func(link) {
	last, first := "", true // what was said
	return func(l link) {
		switch said := l.Error; {
		case said == last && !first:
		case said == "":
			last, first = said, false
			e.remark("note", "connected to "+broker)
		default:
			last, first = said, false
			e.remark("error", said+"; trying again")
		}
	}
}

// parse reads the flags of a verb, before and behind its arguments, and returns those: it takes so many.
func (e env) parse(flags *flag.FlagSet, args []string, wants int) ([]string, error) {
	flags.SetOutput(io.Discard)
	var found []string
	for len(args) > 0 {
		if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
			flags.SetOutput(e.stdout)
			fmt.Fprintf(e.stdout, "usage: fleet %s\n", flags.Name())
			flags.PrintDefaults()
			return nil, err
		} else if err != nil {
			return nil, usagef("%s: %v", flags.Name(), err)
		}
		if args = flags.Args(); len(args) > 0 {
			found, args = append(found, args[0]), args[1:]
		}
	}
	switch {
	case len(found) > wants:
		return nil, usagef("%s: %q is one argument too many", flags.Name(), found[wants])
	case len(found) < wants:
		return nil, usagef("%s: an argument is missing", flags.Name())
	}
	return found, nil
}
