package service

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// watched makes this test the service manager, with a watchdog of that long.
func watched(t *testing.T, within time.Duration) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { manager.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", strconv.FormatInt(within.Microseconds(), 10))
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	return manager
}

// A watchdog is fed while all answer, not while one does not, and again when all do.
func TestWatchdog(t *testing.T) {
	manager := watched(t, 40*time.Millisecond)
	heard := func() string {
		buffer := make([]byte, 64)
		n, err := manager.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		return string(buffer[:n])
	}
	mark := func() { // what is heard before it was sent before it
		if _, err := daemon.SdNotify(false, "MARK"); err != nil {
			t.Fatal(err)
		}
	}
	story, log := newStory(t)
	answers := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	task := Watchdog(story.log, &Awake{},
		Check{"agent", func(context.Context) error { return nil }},
		Check{"control socket", func(context.Context) error {
			select {
			case err := <-answers:
				return err
			case <-ctx.Done():
				return nil
			}
		}})
	var running sync.WaitGroup
	running.Go(func() { task.Run(ctx) })

	answers <- nil
	if got := heard(); got != "WATCHDOG=1" {
		t.Fatalf("heard %q", got)
	}
	hung := errors.New("no answer")
	answers <- hung
	answers <- hung // the first has been judged
	mark()
	for heard() != "MARK" {
	}
	answers <- hung
	answers <- hung
	mark()
	if got := heard(); got != "MARK" {
		t.Errorf("heard %q while a part hangs", got)
	}
	answers <- nil
	if got := heard(); got != "WATCHDOG=1" {
		t.Errorf("all answer again: heard %q", got)
	}
	cancel()
	running.Wait()
	if n := strings.Count(log.String(), "control socket: no answer"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, log)
	}
}

// Where nobody watches, nobody is asked.
func TestWatchdogNotSet(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "")
	story, _ := newStory(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Watchdog(story.log, &Awake{}, Check{"agent", func(context.Context) error { t.Error("asked"); return nil }}).Run(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

// A daemon that cannot say its status, because something it takes a lock of hangs, is not alive.
func TestMend08WatchdogStatusHung(t *testing.T) {
	release := make(chan struct{})
	check := Returns("status", func() { <-release })
	if err := askAll(t.Context(), 100*time.Millisecond, []Check{check}); err == nil || !strings.HasPrefix(err.Error(), "status: ") {
		t.Errorf("a hung daemon is alive: %v", err)
	}
	close(release)
	if err := askAll(t.Context(), 30*time.Second, []Check{check}); err != nil {
		t.Errorf("a daemon that answers: %v", err)
	}
}
