package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

const usage = `usage: fleet list [--state STATE] [--json]   the devices, and how they stand
       fleet show DEVICE [--json]            everything about one device: its name, SITE/DEVICE, or its SIP address
       fleet watch [--json]                  what happens, until interrupted
       fleet export [--listen ADDRESS]       figures for Prometheus
       fleet serve [--listen ADDRESS]        a page that shows the fleet, for a browser on this machine

Each takes --broker, --cert, --key, --roots, --client-id and --site; fleet VERB --help explains them. docs/fleet.md has the whole story.
`

// oneShotMemory is our choice: bytes up to which a command that is over in a moment clears nothing up.
const oneShotMemory = 1 << 30

func main() {
	if len(os.Args) > 1 && os.Args[1] == "list" {
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(oneShotMemory)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, env{os.Stdout, os.Stderr}, os.Args[1:]))
}

var verbs = map[string]func(context.Context, env, []string) error{"list": list, "show": show, "watch": watch, "export": export.run, "serve": serve.run}

// run runs a command line, and returns its exit code.
func run(ctx context.Context, e env, args []string) int {
	if len(args) == 1 && (args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
		fmt.Fprint(e.stdout, usage)
		return 0
	}
	if len(args) == 0 || verbs[args[0]] == nil {
		fmt.Fprint(e.stderr, usage)
		return exitUsage
	}
	err := verbs[args[0]](ctx, e, args[1:])
	switch f := new(failure); {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &f):
		e.remark("error", f.error.Error())
		if f.hint != "" {
			e.remark("hint", f.hint)
		}
		return f.code
	default:
		e.remark("error", err.Error())
		return exitFailed
	}
}
