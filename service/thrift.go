package service

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"homeward/provisioning"
	"homeward/service/control"
)

// settling is after how long without an event nothing of a registration goes on any more. Our choice.
const settling = 10 * time.Second

// Thrift gives memory back when a registration has settled: what discovery and sign-in have needed is needed again after a loss,
// which is rare.
func Thrift(story *Story, status func() provisioning.Status) Task {
	return Task{"thrift", func(ctx context.Context) error {
		seen, used := story.begin(ctx), true
		for {
			entries, next, err := nextWithin(ctx, story, seen, used)
			seen, used = next, used || slices.ContainsFunc(entries, stateChanged)
			if ctx.Err() != nil {
				return err
			}
			if err == nil {
				continue
			}
			used = false // nothing has happened for a while
			if status().State == provisioning.Registered {
				debug.FreeOSMemory()
				unmapIdle()
			}
		}
	}}
}

// nextWithin waits for the next events; limited: no longer than settling.
func nextWithin(ctx context.Context, story *Story, seen uint64, limited bool) ([]control.Entry, uint64, error) {
	if limited {
		short, cancel := context.WithTimeout(ctx, settling)
		defer cancel()
		ctx = short
	}
	return story.Next(ctx, seen)
}
