package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
)

// K10 stale socket file: replaced; live one: exit with message. K11 symlink or regular file at path: refused.
func TestListen(t *testing.T) {
	live := serve(t)
	for _, test := range []struct {
		name  string
		leave func(path string)
		want  string // "": it listens
	}{
		{"nothing there", func(string) {}, ""},
		{"the socket of a dead daemon", func(path string) { leaveSocket(t, path) }, ""},
		{"a regular file", func(path string) { os.WriteFile(path, []byte("precious"), 0o600) }, "is not a socket"},
		{"a link to a socket", func(path string) { os.Symlink(live.socket, path) }, "is not a socket"},
		{"a directory", func(path string) { os.Mkdir(path, 0o700) }, "is not a socket"},
		{"a live daemon", func(path string) { os.Remove(path); os.Link(live.socket, path) }, ErrRunning.Error()},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := socketIn(t)
			test.leave(path)
			l, err := Listen(t.Context(), path)
			if err == nil {
				defer l.Close()
			}
			if got := fmt.Sprint(err); err == nil && test.want != "" || err != nil && (test.want == "" || !strings.Contains(got, test.want)) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if at, errAt := os.Lstat(path); err == nil && (errAt != nil || at.Mode().Perm() != socketMode) {
				t.Errorf("mode %v, want %o", at.Mode(), socketMode)
			}
			if err != nil && !strings.Contains(test.name, "live") {
				if _, err := os.Lstat(path); err != nil {
					t.Error("what was there is gone")
				}
			}
		})
	}
	if _, err := Listen(t.Context(), "/run/"+strings.Repeat("x", maxPath)); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("a path that is too long: %v", err)
	}
}

// leaveSocket leaves the socket of a daemon that died.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

// K01 connections at the same time: sixteen are served, and eight of those who are trusted besides; the rest is turned
// away. Whoever is trusted has the places of all others, too.
func TestMend08PlacesAreKeptForRoot(t *testing.T) {
	comes := make(chan net.Conn)
	somebody, root := caller{uid: os.Geteuid() + 1}, caller{uid: 0}
	from := somebody
	l := &limitListener{arrivals(comes), func(net.Conn) caller { return from }, newPlaces(maxClients, keptClients)}
	come := func(who caller) (conn net.Conn, said string) {
		t.Helper()
		from = who
		client, server := net.Pipe()
		accepted := make(chan net.Conn, 1)
		go func() {
			conn, _ := l.Accept()
			accepted <- conn
		}()
		comes <- server
		heard := make(chan string, 1)
		go func() {
			text, _ := io.ReadAll(client)
			heard <- string(text)
		}()
		select {
		case conn := <-accepted:
			return conn, ""
		case said := <-heard:
			comes <- nil // the listener goes on to wait: it is closed
			<-accepted
			return nil, said
		}
	}
	var open []net.Conn
	for range maxClients {
		conn, said := come(somebody)
		if conn == nil {
			t.Fatalf("turned away with %q", said)
		}
		open = append(open, conn)
	}
	for _, who := range []caller{somebody, {err: errors.New("this system does not say who is calling")}} {
		if conn, said := come(who); conn != nil || !strings.HasPrefix(said, "HTTP/1.1 503 ") || !strings.Contains(said, "\r\nRetry-After: 1\r\n") {
			t.Errorf("one more of %+v is accepted, or told %q", who, said)
		}
	}
	for i := range keptClients {
		if conn, said := come(root); conn == nil {
			t.Fatalf("the trusted caller %d is turned away with %q", i, said)
		}
	}
	if conn, _ := come(root); conn != nil {
		t.Error("more trusted callers are accepted than there are places")
	}
	open[0].Close()
	open[0].Close() // a second close must not free a second place
	if conn, said := come(caller{uid: os.Geteuid()}); conn == nil {
		t.Errorf("the daemon's own user is turned away from a free place with %q", said)
	}
	if conn, _ := come(somebody); conn != nil {
		t.Error("a place was freed twice")
	}
}

// arrivals is a listener for connections that come over a channel; nil closes it.
type arrivals chan net.Conn

func (a arrivals) Accept() (net.Conn, error) {
	if conn := <-a; conn != nil {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (arrivals) Close() error   { return nil }
func (arrivals) Addr() net.Addr { return nil }

// Whoever is turned away comes again, until there is a place.
func TestMend08BusyDaemonIsAskedAgain(t *testing.T) {
	s := &site{socket: socketIn(t), news: make(chan Entry)}
	l, err := Listen(t.Context(), s.socket)
	if err != nil {
		t.Fatal(err)
	}
	limited := l.(*limitListener)
	limited.who = func(net.Conn) caller { return caller{uid: os.Geteuid() + 1} }
	limited.places = newPlaces(1, 1)
	ctx, cancel := context.WithCancel(t.Context())
	var server sync.WaitGroup
	server.Go(func() { NewServer(l, s.source(), slog.New(slog.DiscardHandler)).Run(ctx) })
	defer server.Wait()
	defer cancel()
	holder, err := net.Dial("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	eventuallyTurnedAway(t, s.socket)
	answered := make(chan error, 1)
	go func() {
		_, err := NewClient(s.socket).Status(t.Context())
		answered <- err
	}()
	holder.Close()
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

// eventuallyTurnedAway waits until the only place is taken.
func eventuallyTurnedAway(t *testing.T, socket string) {
	t.Helper()
	for {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(conn)
		conn.Close()
		if strings.HasPrefix(string(answer), "HTTP/1.1 503 ") {
			return
		}
	}
}
