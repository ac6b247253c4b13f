package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// What listens to nobody is left behind in time, and not before.
func TestMend10WhateverHangsEnds(t *testing.T) {
	late, own := errors.New("late"), errors.New("its own")
	for _, test := range []struct {
		name  string
		heeds bool          // the signal
		lasts time.Duration // from then on, or from the start
		want  error
		took  time.Duration // since the signal
	}{
		{"it hangs", false, time.Hour, late, runLimit},
		{"it ends in time", true, runLimit - 1, own, runLimit - 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, signal := context.WithCancel(t.Context())
				var at time.Time
				time.AfterFunc(time.Minute, func() { at = time.Now(); signal() })
				err := ends(ctx, runLimit, func() error {
					if test.heeds {
						<-ctx.Done()
					}
					time.Sleep(test.lasts)
					return own
				}, late)
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
