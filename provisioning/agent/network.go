package agent

import (
	"context"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/provisioning/signin"
)

// changes hands changes of the network to the phases. It holds one that no phase has heeded yet.
type changes chan string

// heed hands them over at once, or as soon as restraint allows, until ctx ends. What happens meanwhile is one change, and
// none if all is as it was: whoever tells of changes goes on comparing.
func (c changes) heed(ctx context.Context, happen <-chan string) {
	var flaps signin.Flapping
	for {
		select {
		case change := <-happen:
			c.noticed(change)
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
func (c changes) noticed(change string) {
	select {
	case c <- change:
	default:
	}
}

// unless does something that a change of the network shall end, by leave. It returns the change, or "".
func (c changes) unless(leave, do func()) (change string) {
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case change = <-c:
			leave()
		case <-done:
		}
	})
	do()
	close(done)
	watch.Wait()
	return change
}
