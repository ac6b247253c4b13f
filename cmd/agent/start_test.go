package main

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// What takes long at a start begins once, and only when the first question has been sent.
func TestAfterFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Int32
		dial := afterFirst(func(context.Context, string, string) (net.Conn, error) { return nil, errors.ErrUnsupported }, func() { done.Add(1) })
		time.Sleep(time.Minute)
		synctest.Wait()
		if done.Load() != 0 {
			t.Error("it was done before anything was dialled")
		}
		for range 3 {
			if _, err := dial(t.Context(), "udp", "10.0.0.53:53"); !errors.Is(err, errors.ErrUnsupported) {
				t.Error(err)
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if n := done.Load(); n != 1 {
			t.Errorf("done %d times", n)
		}
	})
}

// A task behind a gate begins when that opens, and at the latest with the end of its context.
func TestAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, opens := range []bool{true, false} {
			began := make(chan error, 1)
			gate := make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			go after(gate, func(ctx context.Context) error { began <- ctx.Err(); return nil })(ctx)
			synctest.Wait()
			if len(began) > 0 {
				t.Error("it has begun before anything has happened")
			}
			if opens {
				close(gate)
			} else {
				cancel()
			}
			if err := <-began; (err == nil) != opens {
				t.Errorf("opens %v: begun with %v", opens, err)
			}
			cancel()
		}
	})
}
