package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// What listens to nobody is left behind in time, and not before. All of it sleeps in the bubble.
func TestMend10WhateverHangsEnds(t *testing.T) {
	late, own := errors.New("late"), errors.New("its own")
	for _, test := range []struct {
		name string
		do   func(ctx context.Context) error
		want error
		took time.Duration // since the signal
	}{
		{"it hangs", func(context.Context) error { time.Sleep(time.Hour); return nil }, late, runLimit},
		{"it ends in time", func(ctx context.Context) error { <-ctx.Done(); time.Sleep(runLimit - 1); return own }, own, runLimit - 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, signal := context.WithCancel(t.Context())
				var at time.Time
				time.AfterFunc(time.Minute, func() { at = time.Now(); signal() })
				err := ends(ctx, runLimit, func() error { return test.do(ctx) }, late)
				if took := time.Since(at); !errors.Is(err, test.want) || took != test.took {
					t.Errorf("%v after %v, want %v after %v", err, took, test.want, test.took)
				}
				time.Sleep(time.Hour) // what was left behind ends
			})
		})
	}
	if err := ends(t.Context(), runLimit, func() error { return own }, late); !errors.Is(err, own) {
		t.Errorf("undisturbed: %v", err)
	}
	if runLimit >= interruptLimit || interruptLimit >= 5*time.Second {
		t.Error("the limits are out of order")
	}
}
