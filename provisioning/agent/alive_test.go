package agent

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/homeward-agent/homeward/cache"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/wire"
)

// An agent that hangs is not alive: here in telling what happens. That one which works is always heard of in time, every
// scenario asks.
func TestAliveWhenHung(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		silent := wire.Wire{Resolvers: func() ([]netip.AddrPort, error) { return nil, nil }}
		agent := New(provisioning.Policy{SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}}, silent, cache.Open(dir), func(provisioning.Event) { <-release })
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); agent.Run(ctx) }()
		synctest.Wait() // it tells that it recalls, and is stuck
		limited, cancel := context.WithTimeout(ctx, 40*time.Second)
		defer cancel()
		if err := agent.Alive(limited); err == nil {
			t.Error("it is alive")
		}
		stop()
		close(release)
		<-ended
	})
}
