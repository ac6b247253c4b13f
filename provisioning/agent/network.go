package agent

import (
	"context"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/provisioning/signin"
)

// heedChanges hands changes of the network to the phases, at once or as soon as restraint allows. What happens
// meanwhile is one change, and none if all is as it was: whoever tells of changes goes on comparing.
func (a *Agent) heedChanges(ctx context.Context) {
	var flaps signin.Flapping
	for {
		select {
		case change := <-a.wire.Changes:
			a.noticed(change)
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(flaps.HoldOff()):
		case <-ctx.Done():
			return
		}
	}
}

// noticed leaves a change to the phase that heeds it. One that waits already makes it look at the same network.
func (a *Agent) noticed(change string) {
	select {
	case a.changes <- change:
	default:
	}
}

// unlessChanged does something that a change of the network shall end, by leave. It returns the change, or "".
func (a *Agent) unlessChanged(leave, do func()) (change string) {
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case change = <-a.changes:
			leave()
		case <-done:
		}
	})
	do()
	close(done)
	watch.Wait()
	return change
}
