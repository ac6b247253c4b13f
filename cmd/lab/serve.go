package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"homeward/internal/sitetest"
)

// serve runs the site of a file until ctx ends, or until the command of the agent given does.
func serve(ctx context.Context, dir, file string, args []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	l, err := open(dir, filepath.Base(file), text)
	if err != nil {
		return err
	}
	defer l.Close()
	var cmd *exec.Cmd
	if args != nil {
		binary, err := build(ctx, dir)
		if err != nil {
			return err
		}
		cmd = command(ctx, binary, append(args, "--config", l.path("homeward.toml"))...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	}
	l.introduce(os.Stdout, file)
	watching, stop := context.WithCancel(context.WithoutCancel(ctx)) // an agent that is told to stop has a last word
	var watcher sync.WaitGroup
	watcher.Go(func() { l.watch(watching, func(e sitetest.Entry) { fmt.Println(seen(e)) }) })
	if cmd != nil {
		err = cmd.Run()
	} else {
		<-ctx.Done()
	}
	stop()
	watcher.Wait()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("homeward %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// watch calls see for everything the site has seen when ctx ends.
func (l *lab) watch(ctx context.Context, see func(sitetest.Entry)) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for shown := 0; ; {
		over := ctx.Err() != nil
		for _, e := range l.Log()[shown:] {
			see(e)
			shown++
		}
		if over {
			return
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// introduce says how to use the site.
func (l *lab) introduce(w io.Writer, file string) {
	row := func(label string, text ...any) { fmt.Fprintf(w, "  %-13s %s\n", label, fmt.Sprint(text...)) }
	fmt.Fprintf(w, "serving the site of %s on loopback until interrupted\n\n", file)
	for _, s := range l.servers {
		row("name server", s, " (UDP and TCP)")
	}
	if l.dhcp == nil {
		row("DHCP", "on lo, DHCPINFORM only")
	} else {
		row("DHCP", "not answered: ", l.dhcp)
	}
	for _, addr := range l.registrars {
		row("Registrar", l.Loopback(addr), " (", addr, " in the file)")
	}
	row("CA", l.path("ca.pem"))
	row("SIP address", l.sipAddress())
	if l.password != "" {
		row("account", "user ", l.user, ", password ", l.password)
	}
	fmt.Fprintf(w, `
To run an agent, as the same user:
  go run ./cmd/agent run --config %[1]s     (also plan, status, history, cache show)
Other phone software must ask the name server, trust the CA, and use the account.

what the site sees:
`, l.path("homeward.toml"))
}

// seen is an entry on one line.
func seen(e sitetest.Entry) string { return fmt.Sprintf("%9.3f s  %s", e.After.Seconds(), e.Line()) }
