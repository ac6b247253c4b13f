package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

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
