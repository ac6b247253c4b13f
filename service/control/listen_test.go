package control

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
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

// K01 connections at the same time: sixteen are served, the rest waits.
func TestAtMostSixteenAtATime(t *testing.T) {
	l := &limitListener{Listener: &endless{}, slots: make(chan struct{}, maxClients), closed: make(chan struct{})}
	var open []net.Conn
	for range maxClients {
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	accepted := make(chan error)
	go func() { _, err := l.Accept(); accepted <- err }()
	select {
	case <-accepted:
		t.Error("one more was accepted")
	default:
	}
	open[0].Close()
	open[0].Close() // a second close must not free a second place
	if err := <-accepted; err != nil {
		t.Error(err)
	}
	go func() { _, err := l.Accept(); accepted <- err }()
	l.Close()
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// endless accepts connections that lead nowhere.
type endless struct{ net.Listener }

func (*endless) Accept() (net.Conn, error) { conn, _ := net.Pipe(); return conn, nil }
func (*endless) Close() error              { return nil }
