package discover

import (
	"net/netip"
	"slices"
	"strings"

	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// maxServers is how many name servers a Network has. (Our choice.)
const maxServers = 3

// away are addresses that nobody has (RFC 5737, RFC 3849): the way there is the default route. No packet goes there.
var away = []netip.Addr{netip.AddrFrom4([4]byte{198, 51, 100, 1}), netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff})}

// Network is where this device is on the network: the gateway of its default route and the subnet of that, unless it leads through a tunnel, and
// its name servers, or those that a resolver on it asks, as far as the system tells.
func Network(p *provisioning.Policy, w *wire.Wire) *provisioning.Network {
	n, servers := &provisioning.Network{}, nameServers(p, *w)
	if w.Upstreams != nil {
		if behind := w.Upstreams(servers); len(behind) > 0 {
			servers = behind
		}
	}
	asked := provisioning.Texts(servers[:min(len(servers), maxServers)])
	slices.Sort(asked)
	n.NameServers = strings.Join(asked, ", ")
	for _, to := range away {
		if w.Next == nil || w.Route == nil || n.Gateway != "" {
			break
		}
		if r := w.Route(to); r != nil && r.Tunnel { // it says nothing of the network below it
			return n
		}
		if hop, _, _ := w.Next(to); hop.IsValid() && hop != to {
			r := w.Route(hop)
			if r != nil && r.To.IsSingleIP() { // likewise
				return n
			}
			n.Gateway = hop.String()
			if r != nil {
				n.Subnet = r.To.String()
			}
		}
	}
	return n
}

// Here is where this device is now, what it finds there, and which registrations it has lost before.
func Here(p *provisioning.Policy, w *wire.Wire, found provisioning.Findings, losses []provisioning.Losses) *provisioning.Now {
	return &provisioning.Now{Network: Network(p, w), Lessor: lessor(p, w), Found: found, Losses: losses}
}

// lessor is the DHCP server that has given this device its address, in words, as far as its leases tell; "": they do not.
func lessor(p *provisioning.Policy, w *wire.Wire) string {
	if !p.ReadLease || w.Own == nil || w.Next == nil {
		return ""
	}
	leases, _ := w.Leases(p.Interface, p.LeaseHooks) // those that can be read
	for i := range leases {
		l := &leases[i]
		if !l.Server.IsValid() || !slices.Contains(w.Own(), l.Addr) {
			continue
		}
		if hop, mac, _ := w.Next(l.Server); hop == l.Server && len(mac) > 0 {
			return l.Server.String() + " (MAC " + mac.String() + ")"
		}
		return l.Server.String()
	}
	return ""
}
