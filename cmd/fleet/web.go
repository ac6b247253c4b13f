package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Our choices.
const (
	askLimit    = 10 * time.Second
	closeLimit  = time.Second
	maxAskBytes = 16 << 10
)

// checkLoopback refuses an address that others can reach: what is shown there is shown to whoever asks.
func checkLoopback(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return usagef("--listen: %q is not ADDRESS:PORT", listen)
	}
	if addr, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !addr.IsLoopback()) {
		return usagef("--listen: %q is not on loopback: put a server that asks for a password in front of it", listen)
	}
	return nil
}

// webSite is what a command shows of the fleet on loopback, until it is interrupted.
type webSite struct {
	command string
	listen  string // where, if nothing else is said
	usage   string // of --listen
	path    string // of what it prints the URL of
	pages   func(*follower) http.Handler
}

func (s webSite) run(ctx context.Context, e env, args []string) error {
	var o options
	flags := flag.NewFlagSet(s.command, flag.ContinueOnError)
	o.add(flags)
	listen := flags.String("listen", s.listen, s.usage)
	if _, err := e.parse(flags, args, 0); err != nil {
		return err
	}
	conf, err := o.settings()
	if err == nil {
		err = checkLoopback(*listen)
	}
	if err != nil {
		return err
	}
	f := newFollower(ctx, conf, o.site)
	f.noted = e.noteLink(conf.Broker)
	go f.run(ctx)
	return answer(ctx, *listen, s.pages(f), func(at net.Addr) { fmt.Fprintf(e.stdout, "http://%s%s\n", at, s.path) })
}

// answer serves HTTP on an address until ctx ends. opened is told which it is.
func answer(ctx context.Context, listen string, handler http.Handler, opened func(net.Addr)) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	opened(l.Addr())
	server := &http.Server{Handler: onlyLocal(handler), ReadHeaderTimeout: askLimit, ReadTimeout: askLimit, WriteTimeout: askLimit, MaxHeaderBytes: maxAskBytes}
	defer context.AfterFunc(ctx, func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
		defer cancel()
		_ = server.Shutdown(late) // it is over in any case
	})()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// onlyLocal answers who asks for this machine by its own name: a page of somebody else, whose name suddenly leads here, does not
// (DNS rebinding).
func onlyLocal(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if addr, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !addr.IsLoopback()) {
			http.Error(w, "this is answered on localhost only", http.StatusForbidden)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "this only reads", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}
