package agent

import (
	"context"
	"sync"
	"time"
)

// holdOffs are the times after one change of the network in which the next is not heeded, while it changes over and
// over: a cable that is plugged in elsewhere changes it twice within seconds, a loose one for hours. (Our choice.)
var holdOffs = [...]time.Duration{time.Second, 4 * time.Second, 16 * time.Second, time.Minute}

// networkSettled is a time without a change after which the next one is the first again. (Our choice.)
const networkSettled = 2 * time.Minute

// changes hands changes of the network to the phases. It holds one that no phase has heeded yet.
type changes chan string

// heed hands them over at once, or as soon as restraint allows, until ctx ends. What happens meanwhile is one change, and
// none if all is as it was: whoever tells of changes goes on comparing.
func (c changes) heed(ctx context.Context, happen <-chan string) {
	var flaps flapping
	for {
		select {
		case change := <-happen:
			c.noticed(change)
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(flaps.holdOff()):
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

// flapping is how often the network of this device has changed of late.
type flapping struct {
	changes int
	last    time.Time
}

// holdOff returns how long the next change is not heeded after one that is heeded now, and counts it.
func (f *flapping) holdOff() time.Duration {
	if time.Since(f.last) > networkSettled {
		f.changes = 0
	}
	f.last = time.Now()
	wait := holdOffs[min(f.changes, len(holdOffs)-1)]
	f.changes++
	return wait
}
