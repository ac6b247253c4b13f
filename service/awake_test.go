package service

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What is done every so often is done in the company of a keep-alive, and does not wake the process by itself soon after; without
// keep-alives it goes on as before.
func TestAwake(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", strconv.Itoa(60_000_000))
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	t.Setenv("NOTIFY_SOCKET", "")
	synctest.Test(t, func(t *testing.T) {
		began, log := time.Now(), slog.New(slog.DiscardHandler)
		var looked, asked []int // after so many seconds
		after := func(seconds *[]int) { *seconds = append(*seconds, int(time.Since(began).Seconds())) }
		awake := &Awake{}
		w := &NetworkWatch{
			resolvers: func() ([]netip.AddrPort, error) { return nil, nil }, slept: func() time.Duration { return 0 }, way: noWay,
			log: log, changes: make(chan string), awake: awake.join(),
		}
		w.Besides(func() { after(&looked) })
		watchdog := Watchdog(log, awake, Check{"agent", func(ctx context.Context) error {
			if ctx.Err() == nil {
				after(&asked)
			}
			return nil
		}})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { w.Run(ctx) })
		running.Go(func() { watchdog.Run(ctx) })
		for _, pause := range []time.Duration{25, 30, 30} {
			time.Sleep(pause * time.Second)
			awake.Tell()
		}
		time.Sleep(69 * time.Second)
		cancel()
		running.Wait()
		if want := []int{25, 55, 85, 145}; !slices.Equal(looked, want) {
			t.Errorf("looked at the network after %d s, want %d", looked, want)
		}
		asked = slices.Compact(asked)
		if want := []int{0, 15, 25, 40, 55, 70, 85, 100, 115, 130, 145}; !slices.Equal(asked, want) {
			t.Errorf("asked for the watchdog after %d s, want %d", asked, want)
		}
	})
}
