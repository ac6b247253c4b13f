package agent

import (
	"context"
	"time"

	"homeward/cache"
	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/signin"
	"homeward/provisioning/wire"
)

// basis is what the agent has to go by before it asks anybody: its policy, its wire, and what it remembers now. It has no
// state of its own.
type basis struct {
	policy provisioning.Policy
	wire   wire.Wire
	store  *cache.DB
}

func (b *basis) memory() *provisioning.Memory { return b.policy.Memory(b.store) }
func (b *basis) record() (cache.Record, bool) { return b.memory().Record() }
func (b *basis) floor() bool                  { return b.memory().Floor() }
func (b *basis) clockFloor() time.Time        { return b.memory().ClockFloor() }
func (b *basis) ground() *provisioning.Ground { return discover.GroundOf(&b.policy, &b.wire) }

// cutOff is how long after its link was lost a connection may end of that: the system needs 8 s to notice, and the link a few more. (Our choice.)
const cutOff = 15 * time.Second

// linkLost is that the link of this device was lost since a moment, and not long before now.
func (b *basis) linkLost(now, since time.Time) (none provisioning.Trouble) {
	if b.wire.LinkLost == nil {
		return none
	}
	if at := now.Add(-cutOff); at.After(since) {
		since = at
	}
	iface, at := b.wire.LinkLost()
	return provisioning.LinkLostSince(iface, at, since)
}

// linkLostOften is that it was lost often lately.
func (b *basis) linkLostOften() (none provisioning.Trouble) {
	if b.wire.LinkLost == nil {
		return none
	}
	iface, at := b.wire.LinkLost()
	return provisioning.LinkLostOften(iface, at, time.Now())
}

// resolve returns the addresses of hosts; those of last good for a host whose question is not answered.
func (b *basis) resolve(ctx context.Context, hosts []string) []provisioning.Name {
	return discover.ResolveAll(ctx, &b.policy, &b.wire, b.memory(), hosts)
}

// endpointID returns the epid of this device (MS-SIPRE §3.2.3.1: it survives power cycles): the stored one, or a
// new one, which is stored with the first registration: ten hexadecimal digits, as those of Microsoft's clients.
func endpointID(store *cache.DB) string {
	if record, _ := store.Load(); record.EndpointID != "" {
		return record.EndpointID
	}
	return signin.FreshEndpointID()
}
