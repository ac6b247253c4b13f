package discover

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"homeward/dhcpopts"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// maxServers is how many name servers a Network has. (Our choice.)
const maxServers = 3

// away are addresses that nobody has (RFC 5737, RFC 3849): the way there is the default route. No packet goes there.
var away = []netip.Addr{netip.AddrFrom4([4]byte{198, 51, 100, 1}), netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff})}

// Network is where this device is on the network: the gateway of its default route and the subnet of that, unless it leads through a tunnel, and
// its name servers, or those that a resolver on it asks, and who has given it its address, as far as the system tells.
func Network(p *provisioning.Policy, w *wire.Wire) *provisioning.Network {
	n, servers := &provisioning.Network{}, nameServers(p, w)
	if l := lease(p, w); l.Server.IsValid() {
		n.DHCPServer = l.Server.String()
	}
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
	n := Network(p, w)
	now := &provisioning.Now{Network: n, Lessor: withMAC(w, n.DHCPServer), Found: found, Losses: losses, Given: lease(p, w).NameServers}
	if w.Lasting != nil && n.DHCPServer == "" {
		now.Lasting = w.Lasting()
	}
	now.Links, now.By = links(w)
	return now
}

// links are the subnets of IPv4 on the links of this device, and by which interface its default route leads.
func links(w *wire.Wire) (all []provisioning.OnLink, by string) {
	if w.Routes == nil || w.Route == nil || w.Own == nil {
		return nil, ""
	}
	routed, owns := map[string]bool{}, w.Own()
	routes := w.Routes()
	for _, r := range routes {
		routed[r.Interface] = routed[r.Interface] || r.To.Bits() == 0 && r.To.Addr().Is4()
	}
	for _, r := range routes {
		if r.Via.IsValid() || r.Tunnel || !r.To.Addr().Is4() || r.To.Bits() == 0 {
			continue
		}
		for _, own := range owns {
			if r.To.Contains(own) && own != r.To.Addr() && !own.IsLoopback() {
				all = append(all, provisioning.OnLink{Interface: r.Interface, Own: netip.PrefixFrom(own, r.To.Bits()), Down: r.Down, Routed: routed[r.Interface]})
			}
		}
	}
	if r := w.Route(away[0]); r != nil {
		by = r.Interface
	}
	return all, by
}

// Left is who answers on the link of this device for the gateway of the network in which it was registered, if it is in another one now.
func Left(ctx context.Context, p *provisioning.Policy, w *wire.Wire, m *provisioning.Memory) (left provisioning.Left) {
	n := Network(p, w)
	now, err := netip.ParseAddr(n.Gateway)
	was, errWas := netip.ParseAddr(m.FormerGateway(n))
	if err != nil || errWas != nil || !was.Is4() || !now.Is4() || w.Holders == nil {
		return left
	}
	r := w.Route(now)
	if r == nil || r.Interface == "" {
		return left
	}
	macs, err := w.Holders(ctx, r.Interface, netip.IPv4Unspecified(), was)
	if err == nil && len(macs) > 0 { // a gateway that answers for everybody says nothing
		theirs, unknown := w.Holders(ctx, r.Interface, netip.IPv4Unspecified(), now)
		err = unknown
		macs = slices.DeleteFunc(macs, func(mac string) bool { return slices.Contains(theirs, mac) })
		if len(macs) == 0 {
			return left
		}
	}
	if err != nil {
		return left
	}
	return provisioning.Left{Gateway: was.String(), MAC: strings.Join(macs, " and ")}
}

// Gone says whether nobody on the link answers for the gateway of a device whose address may have been set by hand. That of others answered when
// they got theirs.
func Gone(ctx context.Context, w *wire.Wire, now *provisioning.Now) bool {
	gateway, err := netip.ParseAddr(now.Gateway)
	own := now.Set()
	if !own.IsValid() || err != nil || w.Holders == nil {
		return false
	}
	r := w.Route(gateway)
	if r == nil || r.Interface == "" {
		return false
	}
	macs, err := w.Holders(ctx, r.Interface, own.Addr(), gateway)
	return err == nil && len(macs) == 0
}

// lease is that of the address of this device which tells who has given it, as far as its leases tell.
func lease(p *provisioning.Policy, w *wire.Wire) (none dhcpopts.Lease) {
	if !p.ReadLease || w.Own == nil || w.Next == nil {
		return none
	}
	leases, _ := w.Leases(p.Interface, p.LeaseHooks) // those that can be read
	for i := range leases {
		if l := &leases[i]; l.Server.IsValid() && slices.Contains(w.Own(), l.Addr) {
			return *l
		}
	}
	return none
}

// withMAC adds to an address the MAC of who has it on the link, if that is known.
func withMAC(w *wire.Wire, server string) string {
	at, err := netip.ParseAddr(server)
	if err != nil {
		return server
	}
	if hop, mac, _ := w.Next(at); hop == at && len(mac) > 0 {
		return server + " (MAC " + mac.String() + ")"
	}
	return server
}
