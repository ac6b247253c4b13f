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
