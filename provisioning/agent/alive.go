package agent

import (
	"context"
	"time"
)

// pulse is how others find out that the goroutine of Run goes on.
type pulse struct {
	asked chan struct{} // taken whenever Run passes by
}

// felt returns nil as soon as Run passes by, and the cause of ctx if that ends first.
func (p pulse) felt(ctx context.Context) error {
	select {
	case p.asked <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pass answers whoever asks.
func (p pulse) pass() {
	select {
	case <-p.asked:
	default:
	}
}

// wait returns true after d, false if ctx ends first.
func (p pulse) wait(ctx context.Context, d time.Duration) bool {
	over := time.NewTimer(d)
	defer over.Stop()
	for {
		select {
		case <-p.asked:
		case <-over.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
}
