package discover

import (
	"context"
	"net/netip"
	"sync"

	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// ResolveAll looks up the addresses of hosts that a Registrar has named, all at the same time. What cannot be looked up
// now has the addresses last good holds for it. Only those are there to which a packet may go.
func ResolveAll(ctx context.Context, policy *provisioning.Policy, wire *wire.Wire, m *provisioning.Memory, hosts []string) []provisioning.Name {
	ctx, cancel := context.WithTimeout(ctx, VerdictLimit(m))
	defer cancel()
	ground := GroundOf(policy, wire)
	resolver := resolverOn(ground, wire)
	look := func(host string) ([]netip.Addr, bool, error) {
		addrs, one, err := resolveHost(ctx, resolver, host)
		if remembered := m.Addresses(host); len(addrs) == 0 && len(remembered) > 0 { // shown as what it is: no address
			return remembered, false, nil
		}
		return addrs, one, err
	}
	found := make([]provisioning.Name, len(hosts))
	var lookups sync.WaitGroup
	for i, host := range hosts {
		lookups.Go(func() {
			if host != "" {
				found[i].Host = host
				lookUpName(ground, provisioning.Redirect, &found[i], look)
			}
		})
	}
	lookups.Wait()
	return found
}
