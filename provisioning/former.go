package provisioning

import (
	"net/netip"
	"slices"
	"strings"

	"homeward/cache"
)

// Network is where a device is on the network, as a record keeps it.
type Network = cache.Network

// Now is where a device is, and what it finds there.
type Now struct {
	*Network
	Lessor string // the DHCP server that has given it its address, in words; "": not known
	Found  Findings
	Losses []Losses // of registrations before
	Left   Left
	Heard  []Lessor // the DHCP servers that have answered on its link
}

// Left is what is left on the link of a device of the network in which it was registered; zero: that is not known.
type Left struct {
	Gateway string // of then
	MAC     string // who answers for that; "": nobody
}

// Lessor is a DHCP server, and the gateways that it gives.
type Lessor struct {
	Addr    netip.Addr
	Routers []netip.Addr
}

// Before makes of what keeps this device out what has changed since it was registered, if that may be why: its network, its name servers, or
// which view of DNS they show.
func (m *Memory) Before(now *Now, t Trouble) Trouble {
	was, reason := m.kept.Network, t.Reason()
	if was == nil || !m.ours() || reason.IsSIP() && !unproven(t) {
		return t
	}
	facts := Facts{"when": m.last(now.Losses), "was": was.NameServers, "kept": true, "now": now.NameServers, "host": m.kept.Registrar.Host, "lessor": now.Lessor}
	asked := reason.IsDiscovery()
	if led := m.inside(now); led != nil && m.outside(now.Found, led.Step, facts) {
		if t.Fault == FaultOnlyOutside { // it says less
			t = *t.cause()
		}
		facts["host"], was = led.Host, &led.Network
		if led == m.kept.Inside {
			facts["when"], facts["was"] = moment(led.At), led.NameServers
		}
		t, asked = FaultOutsideView.Because(t, facts), true
	}
	alone := asked || reason.IsConnect() || slices.Contains(astray, reason)
	if alone || others(was, now) && unproven(t) {
		record := m.leadsInside(now.Found)
		switch moved := elsewhere(was, now, t, facts); {
		case moved.None():
		case alone || record == "":
			return moved
		default: // a network of the site, as far as DNS tells: it may be the Registrar
			return t.OnNoSide().Also(FaultNetworkChanged, Facts{"when": facts["when"], "differences": differing(was, now.Network), "record": record})
		}
	}
	switch {
	case was.NameServers == now.NameServers:
		facts["same"] = true
	case asked && others(was, now):
		return FaultOtherServers.Because(t, facts)
	}
	return t
}

// astray are the Reasons of a Registrar that may not be used: what names it may be of another network.
var astray = []Reason{NameNotAllowed, AddressNotAllowed, TransportPolicy, TLSFloor}

// unproven says that whoever answered has not proven to be a Registrar, as the judgement has found: in another network that may be anybody, such as a
// captive portal.
func unproven(t Trouble) bool {
	cause := t.cause()
	return t.Facts["unproven"] != nil || cause != nil && unproven(*cause)
}

// leadsInside is the SRV record for devices inside the site that leads to an address; "": none does.
func (m *Memory) leadsInside(found Findings) string {
	for i := range found {
		if s := &found[i]; m.policy.Asks(s.Step) && s.Step.BySRV() && s.leads() {
			return s.Query
		}
	}
	return ""
}

// leads says whether a source for devices inside the site leads to an address.
func (s *Finding) leads() bool {
	return s.Step.IsInside() && s.Verdict == Found && slices.ContainsFunc(s.Names, func(n Name) bool { return len(n.Addrs) > 0 })
}

// elsewhere is about a device whose gateway, subnet or network is another one than before; none: that is not so, or not known, or no reason for
// what keeps it out.
func elsewhere(was *Network, now *Now, t Trouble, facts Facts) Trouble {
	wider, narrower := resized(was, now)
	switch {
	case was.Gateway == "" || now.Gateway == "" || was.Gateway == now.Gateway && was.Subnet == now.Subnet:
		return Trouble{}
	case was.Subnet == now.Subnet:
		facts["left"], facts["here"] = was.Gateway, now.Gateway
		return FaultOtherGateway.Because(t, facts)
	case wider && (t.Fault == FaultNoNeighbour || t.Fault == FaultDNSNobodyThere):
		facts["left"], facts["here"], facts["gateway"] = was.Subnet, now.Subnet, now.Gateway
		if now.Lessor != "" {
			return FaultMaskChanged.Because(t, facts).On(SideDHCP)
		}
		return FaultMaskChanged.Because(t, facts)
	case wider || narrower: // that is the same network
		return Trouble{}
	}
	facts["differences"] = differing(was, now.Network)
	now.traces(was, facts)
	return FaultOtherNetwork.Because(t, facts)
}

// traces says of another network what speaks for a port in another VLAN, and what for a router that somebody has brought: then the
// network of before is still on the link.
func (now *Now) traces(was *Network, facts Facts) {
	lessor, _ := netip.ParseAddr(now.DHCPServer) // zero: not known
	subnet, err := netip.ParsePrefix(now.Subnet)
	if same := lessor.IsValid() && now.DHCPServer == was.DHCPServer; same || err == nil && lessor.BitLen() == subnet.Addr().BitLen() && !subnet.Contains(lessor) { // it is behind a relay
		if same {
			facts["before"], facts["lessor"] = now.Lessor, nil
		}
		return
	}
	former, others := now.heard(was)
	still := ""
	switch {
	case now.Left.Gateway == was.Gateway && now.Left.MAC != "":
		still = "its gateway " + was.Gateway + " (MAC " + now.Left.MAC + ")"
	case former.IsValid():
		still = "its DHCP server " + former.String()
	case now.Left.Gateway == was.Gateway:
		facts["gone"] = was.Gateway
	default:
		facts["untold"] = true
	}
	suspect := "the DHCP server of this network (homeward dhcp)"
	switch {
	case lessor.IsValid() && now.DHCPServer == now.Gateway && now.NameServers == now.Gateway+":53":
		suspect = now.Lessor + ", which is DHCP server, gateway and name server at once"
	case lessor.IsValid():
		suspect = "the DHCP server " + now.Lessor
	case others != nil:
		suspect = "the DHCP server " + others[0].String()
	}
	facts["suspect"] = suspect
	switch {
	case still == "":
		facts["later"] = true
	case others != nil || lessor.IsValid() && !former.IsValid():
		facts["still"], facts["beside"] = still, true
	default:
		facts["still"], facts["alone"] = still, true
	}
}

// heard are the DHCP server of the network of before, if it answers here, and those that answer beside it.
func (now *Now) heard(was *Network) (former netip.Addr, others []netip.Addr) {
	for _, l := range now.Heard {
		gives := func(gateway string) bool {
			return slices.ContainsFunc(l.Routers, func(r netip.Addr) bool { return r.String() == gateway })
		}
		switch {
		case gives(was.Gateway), l.Addr.String() == was.DHCPServer && !gives(now.Gateway):
			former = l.Addr
		case !slices.Contains(others, l.Addr):
			others = append(others, l.Addr)
		}
	}
	return former, others
}

// resized says whether the subnet of a device has become a wider or a narrower one around the same gateway.
func resized(was *Network, now *Now) (wider, narrower bool) {
	before, err := netip.ParsePrefix(was.Subnet)
	here, errHere := netip.ParsePrefix(now.Subnet)
	if err != nil || errHere != nil || was.Gateway != now.Gateway || !before.Overlaps(here) {
		return false, false
	}
	return here.Bits() < before.Bits(), here.Bits() > before.Bits()
}

// differing is what differs between two networks.
func differing(was, now *Network) string {
	var all []string
	for _, of := range [][3]string{{"subnet ", was.Subnet, now.Subnet}, {"gateway ", was.Gateway, now.Gateway}, {"name server ", was.NameServers, now.NameServers}} {
		if was, now := of[1], of[2]; was != now && was != "" && now != "" {
			all = append(all, of[0]+now+" instead of "+was)
		}
	}
	return strings.Join(all, "; ")
}

// others says whether this device asks none of the name servers now that it asked before.
func others(was *Network, now *Now) bool {
	asked := strings.Split(now.NameServers, ", ")
	for server := range strings.SplitSeq(was.NameServers, ", ") {
		if slices.Contains(asked, server) {
			return false
		}
	}
	return was.NameServers != "" && now.NameServers != ""
}

// FormerGateway is that of the network in which this device was registered, if it is in another one now; "": it is not, or that is not known.
func (m *Memory) FormerGateway(now *Network) string {
	if was := m.kept.Network; was != nil && m.ours() && elsewhere(was, &Now{Network: now}, Trouble{}, Facts{}).Fault == FaultOtherNetwork {
		return was.Gateway
	}
	return ""
}

// Former are the name servers that this device asked when it was registered, if it asks none of them now, in what looks like the same network.
func (m *Memory) Former(now *Now) string {
	if was := m.kept.Network; was != nil && m.ours() && others(was, now) && elsewhere(was, now, Trouble{}, Facts{}).None() {
		return was.NameServers
	}
	return ""
}

// Outside is about a device that signs in from outside, in a network in which a record inside the site had led it before, and is gone.
func (m *Memory) Outside(now *Now) Trouble {
	led, facts := m.inside(now), Facts{"now": now.NameServers, "kept": true}
	if led == nil || !m.ours() || led.Gateway == "" || led.Gateway != now.Gateway || led.Subnet != now.Subnet || !m.outside(now.Found, led.Step, facts) {
		return Trouble{}
	}
	facts["when"], facts["was"], facts["host"] = moment(led.At), led.NameServers, led.Host
	switch {
	case led.NameServers == now.NameServers:
		facts["same"] = true
	case others(&led.Network, now):
		return FaultOtherServers.Because(FaultOutsideView.Met(facts), facts)
	}
	return FaultOutsideView.Met(facts)
}

// inside is the last registration to which a source inside the site had led: the last one, or one before it in the network in which the device
// is now; nil: there is none.
func (m *Memory) inside(now *Now) *cache.Inside {
	led := LastInside(&m.kept)
	if led == nil || led == m.kept.Inside && (led.Gateway != now.Gateway || led.Subnet != now.Subnet) {
		return nil
	}
	return led
}

// LastInside is the last registration of a record to which a source inside the site had led; nil: there is none.
func LastInside(r *cache.Record) *cache.Inside {
	if step := new(Step); r.Network != nil && step.UnmarshalText([]byte(r.Network.Step)) == nil && step.IsInside() {
		return &cache.Inside{Network: *r.Network, Host: r.Registrar.Host, At: r.RegisteredAt}
	}
	return r.Inside
}

// outside says whether only a record for devices outside is left, and notes it, and the one inside that had led this device, by a step.
func (m *Memory) outside(found Findings, step string, facts Facts) bool {
	for i := range found {
		switch s := &found[i]; {
		case !m.policy.Asks(s.Step):
		case s.Step.IsOutside() && s.Verdict == Found:
			facts["outside"] = s.Query
		case s.leads():
			return false
		case s.Verdict == Absent && s.Step.IsInside() && s.Step.BySRV() && s.Step.String() == step:
			facts["record"] = s.Query
		}
	}
	return facts["outside"] != nil && facts["record"] != nil
}
