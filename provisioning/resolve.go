package provisioning

import (
	"context"
	"net/netip"
	"sync"
)

// resolveAll looks up the addresses of hosts that a Registrar has named, all at the same time. What cannot be looked up
// now has the addresses last good holds for it. Only those are there to which a packet may go.
func resolveAll(ctx context.Context, policy Policy, wire Wire, m memory, hosts []string) []Name {
	ctx, cancel := context.WithTimeout(ctx, verdictLimit(m))
	defer cancel()
	ground := groundOf(policy, wire)
	resolver := resolverOn(ground, wire)
	look := func(host string) ([]netip.Addr, error) {
		addrs, err := resolveHost(ctx, resolver, host)
		if remembered := m.addresses(host); len(addrs) == 0 && len(remembered) > 0 { // shown as what it is: no address
			return remembered, nil
		}
		return addrs, err
	}
	found := make([]Name, len(hosts))
	var lookups sync.WaitGroup
	for i, host := range hosts {
		lookups.Go(func() {
			if host != "" {
				found[i] = lookedUp(ground, Redirect, Name{Host: host}, look)
			}
		})
	}
	lookups.Wait()
	return found
}
