package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"homeward/internal/config"
)

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
	tree := rootCommand
	if isDaemon(args) {
		tree = func(e env) *cobra.Command { return rootOf(e, runCommand(e)) }
	}
	root := tree(e)
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
	case f.code == exitUsage && errors.Is(f.err, fs.ErrPermission) && command.Name() == "run":
		hints = []string{mayRead(f.err)}
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

// isDaemon says whether a command line starts the daemon, which is in a hurry: it does without the other verbs.
func isDaemon(args []string) bool {
	if len(args) > 1 && args[0] == "--config" {
		args = args[2:]
	}
	return len(args) > 0 && args[0] == "run"
}

// rootCommand is the tree of verbs.
func rootCommand(e env) *cobra.Command {
	return rootOf(e,
		runCommand(e), statusCommand(e), planCommand(e), checkCommand(e), drillCommand(e), dhcpCommand(e), cacheCommand(e), identityCommand(e), trustCommand(e), reportCommand(e), historyCommand(e), bundleCommand(e), configCommand(e),
		serviceCommand(e), versionCommand(e),
	)
}

// rootOf is the tree of some of them.
func rootOf(e env, verbs ...*cobra.Command) *cobra.Command {
	root := group("homeward", "Find the Lync SIP Registrar of this device and register with it", verbs)
	root.Long = "homeward looks for the Registrar through DNS and DHCP, in the order of a Lync phone. It signs in, follows the redirect to its home pool, and stores the last good Registrar and Media Relays for the day when DNS and DHCP fail. It runs as a daemon; the other verbs show what it knows and what to fix."
	root.Version = thisVersion().Version // for --version, which people try first
	root.Flags().Bool("version", false, "show the version")
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(flagError)
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
