package service

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	untilEnd := func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
	fails := func(context.Context) error { return errors.New("disk on fire") }
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, test := range []struct {
		name   string
		ctx    context.Context
		main   func(context.Context) error
		around func(context.Context) error
		want   string // "" is a clean end
	}{
		{"asked to stop", stopped, untilEnd, untilEnd, ""},
		{"the main task fails", t.Context(), fails, untilEnd, "agent has ended: disk on fire"},
		{"the main task ends by itself", t.Context(), func(context.Context) error { return nil }, untilEnd, "agent has ended"},
		{"a task around it fails", t.Context(), untilEnd, fails, "history has ended: disk on fire"},
		{"a task around it ends by itself", t.Context(), untilEnd, func(context.Context) error { return nil }, "history has ended"},
		{"a task around it panics", t.Context(), untilEnd, func(context.Context) error { panic("index out of range") }, "history has ended: panic: index out of range"},
		{"the main task panics", t.Context(), func(context.Context) error { panic("nil map") }, untilEnd, "agent has ended: panic: nil map"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ""
			if err := Run(test.ctx, Task{"agent", test.main}, Task{"history", test.around}); err != nil {
				got, _, _ = strings.Cut(err.Error(), "\n") // below it is the stack
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// The history must still see how the agent ended.
func TestRunEndsTheOthersAfterMain(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	mainEnded := false
	err := Run(ctx, Task{"agent", func(ctx context.Context) error {
		stop()
		<-ctx.Done()
		mainEnded = true
		return nil
	}}, Task{"history", func(ctx context.Context) error {
		<-ctx.Done()
		if !mainEnded {
			t.Error("a task around the main one was ended first")
		}
		return nil
	}})
	if err != nil {
		t.Error(err)
	}
}
