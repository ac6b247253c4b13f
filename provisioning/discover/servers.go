package discover

import (
	"context"
	"errors"
	"net/netip"

	"homeward/internal/place"
	"homeward/internal/srv"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

const dnsPort = 53 // RFC 1035, section 4.2

// GroundOf is the ground of this device now.
func GroundOf(p *provisioning.Policy, wire *wire.Wire) *provisioning.Ground {
	g := &provisioning.Ground{Policy: *p, Own: wire.Own}
	for _, server := range nameServers(p, wire) {
		// On port 53 of loopback stands a stub, as systemd-resolved is one, and says what the network says. Who configures
		// a name server on loopback, or has it on another port, means the device itself: the lab, a Registrar beside us.
		if server.Addr().IsLoopback() && (len(p.DNSServers) > 0 || server.Port() != dnsPort) {
			g.Bench = append(g.Bench, server)
		}
	}
	return g
}

// NameServers are those that are asked. The error says what of the system's list cannot be read; the others are there.
func NameServers(p *provisioning.Policy, wire *wire.Wire) ([]netip.AddrPort, error) {
	if len(p.DNSServers) > 0 || wire.Resolvers == nil {
		return p.DNSServers, nil
	}
	return wire.Resolvers()
}

// nameServers are those that are asked; none at all is an answer too: every look-up then says so.
func nameServers(p *provisioning.Policy, wire *wire.Wire) []netip.AddrPort {
	servers, _ := NameServers(p, wire)
	return servers
}

func resolverOn(g *provisioning.Ground, wire *wire.Wire) srv.Resolver {
	r := srv.Resolver{Servers: nameServers(&g.Policy, wire), Dial: wire.Dial, Absent: wire.Absent, Usable: g.Answer, Lacks: wire.Lacks, NoDefault: wire.NoDefault, Pace: srv.NewPace(false)}
	if route := wire.Route; route != nil {
		r.Detour = func(addr netip.Addr) string {
			if route := route(addr); route.Detour() {
				return route.String()
			}
			return ""
		}
	}
	return r
}

// lookUp gives the addresses of a host, as srv.Resolver does.
type lookUp func(host string) (addrs []netip.Addr, one bool, err error)

// lookUpName gives a name the addresses that look gives and a packet may go to, or why there are none.
func lookUpName(g *provisioning.Ground, step provisioning.Step, name *provisioning.Name, look lookUp) {
	addrs, one, err := look(name.Host)
	if err != nil {
		noAddress(name, err)
		return
	}
	allowed, problem := g.Only(step, name.Host, addrs)
	if name.Addrs, name.OneVersion = allowed, one; len(allowed) == 0 {
		name.Reason, name.Detail = provisioning.AddressNotAllowed, problem
	}
}

// CheckPlace says why no packet goes to a place that DNS or DHCP has named for another service than SIP, or nil. usual is
// the port of that service.
func CheckPlace(policy *provisioning.Policy, wire *wire.Wire, at netip.AddrPort, usual uint16) error {
	if problem := GroundOf(policy, wire).Refuses(provisioning.DHCPTLS, "", at.Addr()); problem != "" {
		return errors.New(problem)
	}
	if at.Port() != usual {
		return place.CheckPort(at.Port())
	}
	return nil
}

// resolveHost returns the addresses of a host name; an address stands for itself.
func resolveHost(ctx context.Context, resolver srv.Resolver, host string) (addrs []netip.Addr, one bool, err error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr.Unmap()}, false, nil
	}
	return resolver.Addrs(ctx, host)
}
