package check

import (
	"net/netip"
	"sort"

	"homeward/provisioning"
	"homeward/provisioning/discover"
)

// linkLost is about a link that is lost now and then, as the daemon says, or during the check: a loose plug or a bad cable or port.
func linkLost(f *Facts) provisioning.Trouble {
	if told := f.Daemon.LinkLost; told.What != "" {
		return provisioning.FaultLinkLost.Met(nil).InWords(told.What, told.Hint)
	}
	facts := provisioning.Facts{"interface": f.Link.Interface}
	switch {
	case f.LinkLost:
		facts["check"] = true
	case f.Link.NoCarrier && f.signsIn(): // it has come back
		facts["gone"] = true
	default:
		return provisioning.Trouble{}
	}
	return provisioning.FaultLinkLost.Met(facts)
}

// unplugged is about an interface without a carrier, where what this device needs is behind that one, and not all behind the same.
// The cable, the switch port or the device itself may be why.
func unplugged(f *Facts) provisioning.Trouble {
	var found provisioning.Trouble
	for _, p := range f.Places {
		if p.Role != Planned || len(p.Probes) == 0 {
			continue
		}
		way := f.Ways[p.best().Addr]
		by := way.Link
		switch {
		case p.answered():
			return provisioning.Trouble{}
		case way.Tunnel:
		case by != "" && f.Link.Of != nil && f.Link.Of(by).NoCarrier:
			found = provisioning.FaultWayNoCarrier.Met(provisioning.Facts{"interface": by, "to": p.HostPort()})
		}
	}
	return found
}

// addressTwice is about an address on the link that two devices have. That a Registrar refuses who asks is no consequence of that.
func addressTwice(f *Facts) provisioning.Trouble {
	if f.SignIn != nil && provisioning.OfWhoAsks(f.SignIn.Trouble) {
		return provisioning.Trouble{}
	}
	for _, n := range f.Neighbours {
		if t := n.trouble(); !t.None() {
			return t
		}
	}
	return provisioning.Trouble{}
}

// trouble is what is wrong with who has an address.
func (n *Neighbour) trouble() provisioning.Trouble {
	return provisioning.Twice(n.Addr, n.Of, n.MACs, n.System)
}

// otherMask is about a device whose subnet mask is wider than DHCP says: what is behind the gateway, and in the subnet by that mask alone,
// is looked for on the link, in vain.
func otherMask(f *Facts) provisioning.Trouble {
	if f.DHCP == nil {
		return provisioning.Trouble{}
	}
	var found provisioning.Trouble
	for i := range f.DHCP.Answers {
		a := &f.DHCP.Answers[i]
		if !cameOn(f, a, f.Link.Interface) {
			continue
		}
		for _, own := range f.Link.Addrs {
			if own = netip.PrefixFrom(own.Addr().Unmap(), own.Bits()); !own.Addr().Is4() || a.MaskBits == 0 {
				continue
			}
			if own.Bits() >= a.MaskBits { // nothing is looked for in vain by that, whatever another server says
				return provisioning.Trouble{}
			}
			narrow := netip.PrefixFrom(own.Addr(), a.MaskBits)
			for _, addr := range inVain(f) {
				by := f.Ways[addr].Link
				if found.None() && (by == "" || by == f.Link.Interface) && own.Contains(addr) && !narrow.Contains(addr) {
					found = provisioning.FaultOtherMask.Met(provisioning.Facts{"own": discover.MaskOf(own.Bits()), "mask": discover.MaskOf(a.MaskBits), "server": a.Server, "silent": addr})
				}
			}
		}
	}
	return found
}

// ownNetwork is about servers that this device looks for on a link of its own, where nobody has them, and not by its default route. Beside a tunnel
// each link is such a one.
func ownNetwork(f *Facts) provisioning.Trouble {
	if f.Wire.Route == nil || f.Link.Of == nil || f.Link.Through != "" {
		return provisioning.Trouble{}
	}
	byDefault, on := f.Wire.Route(farAway), ""
	var silent []netip.Addr
	for _, addr := range inVain(f) {
		if by := f.Ways[addr].Link; byDefault != nil && by != "" && by != byDefault.Interface && (on == "" || by == on) {
			silent, on = append(silent, addr), by
		}
	}
	if on == "" {
		return provisioning.Trouble{}
	}
	facts := provisioning.Facts{"silent": silent, "interface": on, "own": provisioning.ListOf(f.Link.Of(on).routable()), "link": byDefault.Interface}
	return provisioning.FaultOwnNetwork.Met(facts)
}

// inVain are the addresses that this device has looked for on its link, and that nobody has.
func inVain(f *Facts) (addrs []netip.Addr) {
	for addr, way := range f.Ways {
		if way.Hop == addr && !way.Heard {
			addrs = append(addrs, addr)
		}
	}
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			if probe.Trouble.Fault == provisioning.FaultNoNeighbour { // such a look is given up
				addrs = append(addrs, probe.Addr)
			}
		}
	}
	return sorted(addrs)
}

// sorted sorts addresses, and returns them. Not by the package slices: that costs 10 KB of program for each type it sorts.
func sorted(addrs []netip.Addr) []netip.Addr {
	sort.Slice(addrs, func(i, j int) bool { return addrs[i].Less(addrs[j]) })
	return addrs
}

// nothingBehind is about the gateway through which an address is reached, where nothing behind it answers.
func nothingBehind(f *Facts, addr netip.Addr) provisioning.Trouble {
	return f.Ways.NothingBehind(addr, who(f))
}

// besidePortal adds to another network whose certificate was shown there in place of a Registrar's, where it is not what keeps the device out:
// by its names a tech knows a captive portal.
func besidePortal(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	if t.Fault != provisioning.FaultOtherNetwork && t.Fault != provisioning.FaultOtherDefault || t.Reason().IsCertificate() {
		return t
	}
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			facts := probe.Trouble.Facts
			if facts["unproven"] != nil && facts["names"] != nil {
				return t.Also(provisioning.FaultPortal, facts)
			}
		}
	}
	return t
}
