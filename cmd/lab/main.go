package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

const usage = `usage: lab FILE               serve the site of FILE on loopback until interrupted
       lab FILE -- COMMAND …  also run this homeward command against it: lab FILE -- check
       lab demo               show the agent signing in, surviving an outage, and going back to normal
       lab bench              measure the agent, and print the figures with their limits
       lab drill              hold each drill beside the outage that it rehearses, and compare the times
       lab years [-n N] [-seed N] [-days D] [-episodes E] [-j J] [-k] [-trace] [-broken]
                              live years of devices in simulated time, and hold the promises of ARCHITECTURE.md
       lab storm [FLAGS]      play a power cut at a site of many devices, beside other ways to come back (-h: the flags)

The format of FILE is described in docs/simulated-site.md; cmd/lab/demo.txtar is an example.
`

func main() {
	runtime.LockOSThread() // what is started here ends with this thread, see bindLife
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	signal.Ignore(syscall.SIGPIPE) // lab demo | head: what is left is cleared away all the same
	context.AfterFunc(ctx, stop)   // a second signal ends the process at once
	switch err := run(ctx, os.Args[1:]); {
	case err == nil:
	case errors.Is(err, errUsage):
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	case errors.Is(err, errNoNamespace):
		os.Exit(exitNoNamespace)
	default:
		fmt.Fprintln(os.Stderr, "lab: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "demo" && os.Getenv(envInside) != "":
		return demoInside(ctx, os.Getenv(envInside))
	case len(args) == 1 && args[0] == "demo":
		return inDirectory(func(dir string) error { return demonstrate(ctx, dir) })
	case len(args) == 1 && args[0] == "drill" && os.Getenv(envInside) != "":
		return drillsInside(ctx, os.Getenv(envInside))
	case len(args) == 1 && args[0] == "drill":
		return inDirectory(func(dir string) error { return benchDrills(ctx, dir) })
	case len(args) == 1 && args[0] == "bench":
		return inDirectory(func(dir string) error {
			if err := bench(ctx, dir); err != nil {
				return err
			}
			return benchDrills(ctx, dir)
		})
	case len(args) > 0 && args[0] == "years":
		return liveYears(ctx, args[1:])
	case len(args) > 0 && args[0] == "storm":
		return stormCommand(args[1:], os.Stdout)
	case len(args) == 1 && args[0] != "" && args[0][0] != '-':
		return inDirectory(func(dir string) error { return serve(ctx, dir, args[0], nil) })
	case len(args) > 2 && args[1] == "--":
		return inDirectory(func(dir string) error { return serve(ctx, dir, args[0], args[2:]) })
	default:
		return errUsage
	}
}
