package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/signin"
	"homeward/provisioning/wire"
)

func TestLookupsSlowDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		since := time.Now()
		g := &gatherer{signer: signin.New(provisioning.Policy{}, wire.Wire{}, "", nil, signin.Owner{})}
		for range 1000 {
			if got := g.lookupDelay(since); got < 1500*time.Millisecond || got > 2500*time.Millisecond {
				t.Fatalf("at first: %v", got)
			}
		}
		time.Sleep(5*time.Minute + 1)
		for range 1000 {
			if got := g.lookupDelay(since); got < 7500*time.Millisecond || got > 12500*time.Millisecond {
				t.Fatalf("after five minutes: %v", got)
			}
		}
	})
}

func TestHoldOffGrowsWhileTheNetworkFlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flapping
		want := []time.Duration{time.Second, 4 * time.Second, 16 * time.Second, time.Minute, time.Minute}
		for i, w := range want {
			if got := f.holdOff(); got != w {
				t.Errorf("after change %d: %v, want %v", i+1, got, w)
			}
			time.Sleep(want[i])
		}
		time.Sleep(networkSettled)
		if got := f.holdOff(); got != want[0] {
			t.Errorf("after a long quiet time: %v, want %v", got, want[0])
		}
	})
}
