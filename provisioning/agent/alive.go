package agent

import (
	"context"
	"time"
)

// Alive returns nil as soon as the goroutine of Run passes by, and the cause of ctx if that ends first. Run passes
// by at once while it waits, and between any two things it does otherwise: the longest of them is one attempt, whose
// stages have 26 s together. A Registrar that is down, a silent DNS and a disk that hangs are no reason not to.
func (a *Agent) Alive(ctx context.Context) error {
	select {
	case a.asked <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pass answers whoever waits in Alive.
func (a *Agent) pass() {
	select {
	case <-a.asked:
	default:
	}
}

// wait returns true after d, false if ctx ends first.
func (a *Agent) wait(ctx context.Context, d time.Duration) bool {
	over := time.NewTimer(d)
	defer over.Stop()
	for {
		select {
		case <-a.asked:
		case <-over.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
}
