package provisioning

import (
	"cmp"
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
	Gone   bool     // nobody answers for its gateway (ARP)
	// Given are the name servers that DHCP gives it, as far as its lease tells.
	Given []netip.Addr
	Links []OnLink // the subnets of IPv4 on its links
	By    string   // by which interface its default route leads; "": not known, or by none
	// Lasting are its addresses that have neither a lifetime nor a lease, as far as the system tells: such a one was set by hand, or a DHCP client has left
	// out both.
	Lasting []netip.Prefix
}

// OnLink is a subnet on a link of a device.
type OnLink struct {
	Interface string
	Own       netip.Prefix // its address there
	Down      bool         // there is no carrier
	Routed    bool         // a default route leads there, be it used or not
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
	if own := now.Set(); own.IsValid() && now.Gone && slices.Contains(unanswered, t.Fault) && !now.fits(own, t) {
		if hand := m.setByHand(now, own, t); !hand.None() {
			return hand
		}
		t = t.With(Facts{"manual": own.Addr()}).OnNoSide()
	}
	if was == nil || !m.ours() || reason.IsSIP() && !unproven(t) {
		return t
	}
	if (t.Fault == FaultNoGateway || t.Fault == FaultDNSNoGateway) && t.Facts["beside"] != nil && was.Gateway == now.Gateway { // the one of then, and the port is right
		return t.On(SideNetwork)
	}
	facts := Facts{"when": m.last(now.Losses), "was": was.NameServers, "now": now.NameServers, "host": m.kept.Registrar.Host, "lessor": now.Lessor}
	m.advise(facts)
	asked := reason.IsDiscovery()
	if led := m.inside(now); led != nil && m.outside(now.Found, led.Step, facts) {
		if t.Fault == FaultOnlyOutside { // it says less
			t = *t.cause()
		}
		facts["host"], was = led.Host, &led.Network
		if led == m.kept.Inside {
			facts["when"], facts["was"] = Moment{At: led.At}, led.NameServers
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
		return now.otherServers(was, &m.policy, t, facts)
	}
	return t
}

// otherServers is about a device that asks none of the name servers of before: where DHCP still gives one of those, as far as its lease tells, it does not
// ask those that DHCP gives.
func (now *Now) otherServers(was *Network, p *Policy, t Trouble, facts Facts) Trouble {
	then := strings.Split(was.NameServers, ", ")
	better := slices.DeleteFunc(slices.Clone(now.Given), func(a netip.Addr) bool { return !slices.Contains(then, netip.AddrPortFrom(a, dnsPort).String()) })
	switch {
	case now.ByHand() && len(better) > 0 && Unheard(t):
		facts["better"], facts["silent"] = better, true
	case now.ByHand() && len(better) > 0:
		facts["better"], facts["astray"] = better, true
	default:
		if now.DHCPServer != "" && was.DHCPServer != "" && now.DHCPServer != was.DHCPServer {
			facts["former"] = was.DHCPServer
		}
		t = FaultOtherServers.Because(t, facts)
		if facts["set"] != nil {
			return t.On(SideDevice)
		}
		return t.OnNoSide() // whether DHCP gives those of now, is not known
	}
	return now.NotAsGiven(p, t, facts)
}

// dnsPort is where a name server listens that DHCP gives.
const dnsPort = 53

// ByHand says whether this device asks none of the name servers that DHCP gives it. Whom a resolver on it asks may not be known.
func (now *Now) ByHand() bool {
	asked := strings.Split(now.NameServers, ", ")
	return len(now.Given) > 0 && now.NameServers != "" && !strings.HasPrefix(now.NameServers, "127.") &&
		!slices.ContainsFunc(now.Given, func(a netip.Addr) bool { return slices.Contains(asked, netip.AddrPortFrom(a, dnsPort).String()) })
}

// NotAsGiven is about a device that asks name servers of which t is the trouble, and not those that DHCP gives: the facts say which these are, and
// what they do.
func (now *Now) NotAsGiven(p *Policy, t Trouble, facts Facts) Trouble {
	facts["now"] = strings.TrimSuffix(strings.ReplaceAll(now.NameServers+", ", ":53, ", ", "), ", ")
	switch facts["set"] = nil; {
	case len(p.DNSServers) > 0:
		facts["set"], facts["lease"] = p.Setting("dns_servers"), nil
	case facts["lease"] == nil:
		facts["hand"] = true
	}
	return FaultNotAsGiven.Because(t.Reason().Met(""), facts) // what else is known of them says less
}

// advise notes what is to be done where a device asks other name servers than before, as far as nobody has looked: who asks them knows better.
func (m *Memory) advise(facts Facts) {
	facts["kept"], facts["sound"] = true, true
	if len(m.policy.DNSServers) > 0 {
		facts["set"] = true
	} else {
		facts["unsaid"] = true
	}
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

// elsewhere is about a device whose gateway, subnet or network is another one than before; none: that is not so, or not known, or no reason for
// what keeps it out.
func elsewhere(was *Network, now *Now, t Trouble, facts Facts) Trouble {
	wider, narrower := resized(was, now)
	for i := range now.Links {
		switch l := &now.Links[i]; {
		case was.Gateway == "" || l.Own.Masked().String() != was.Subnet || l.Interface == now.By || now.Subnet == was.Subnet:
		case l.Down:
			facts["unplugged"] = l.Interface
		case now.By != "" && t.Fault != FaultTunnel && t.Fault != FaultDNSTunnel:
			return now.byAnother(was, l, t, facts)
		}
	}
	switch {
	case was.Gateway == "" || now.Gateway == "" || was.Gateway == now.Gateway && was.Subnet == now.Subnet:
		return Trouble{}
	case was.Subnet == now.Subnet:
		facts["left"], facts["here"] = was.Gateway, now.Gateway
		moved := FaultOtherGateway.Because(t, facts)
		if now.given(facts) && (t.Fault == FaultNoGateway || t.Fault == FaultDNSNoGateway) {
			return moved.On(SideDHCP)
		}
		return moved
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
	if facts["manual"] = t.Facts["manual"]; facts["manual"] != nil {
		return FaultOtherNetwork.Because(t, facts).OnNoSide()
	}
	return FaultOtherNetwork.Because(t, facts)
}

// byAnother is about a device that is still in the network of then, by one link, while its default route leads through another one.
func (now *Now) byAnother(was *Network, still *OnLink, t Trouble, facts Facts) Trouble {
	facts["by"], facts["still"], facts["own"], facts["gateway"] = now.By, still.Interface, still.Own, now.Gateway
	for i := range now.Links {
		if l := &now.Links[i]; l.Interface == now.By {
			facts["here"] = l.Own
		}
	}
	if facts["routed"] = true; !still.Routed {
		facts["routed"], facts["left"] = nil, was.Gateway
	}
	if others(was, now) {
		facts["asks"], facts["asked"] = now.NameServers, was.NameServers
	}
	return FaultOtherDefault.Because(t, facts)
}

// Set is the address of this device beside its gateway, where it may have been set by hand; zero: it was not, or that is not known.
func (now *Now) Set() (own netip.Prefix) {
	gateway, err := netip.ParseAddr(now.Gateway)
	for _, p := range now.Lasting {
		if err == nil && p.Contains(gateway) {
			own = p
		}
	}
	return own
}

// fits says whether such an address is of this network all the same: somebody else in its subnet answers, or a name server does, or DHCP gives a
// gateway in it.
func (now *Now) fits(own netip.Prefix, t Trouble) bool {
	gives := func(l Lessor) bool { return slices.ContainsFunc(l.Routers, own.Contains) }
	answers := func(f Finding) bool { return f.Source.Source == "dns" && f.Verdict != Failed }
	return t.Facts["beside"] != nil || slices.ContainsFunc(now.Heard, gives) || slices.ContainsFunc(now.Found, answers)
}

// setByHand is about such an address whose gateway does not answer, where it is known besides that this network is another one, or that the device
// has had its address by DHCP before; none: that is not known.
func (m *Memory) setByHand(now *Now, own netip.Prefix, t Trouble) Trouble {
	facts, known := Facts{"own": own.Addr(), "gateway": now.Gateway}, false
	if was := m.kept.Network; m.moved(now.Network) {
		facts["when"], facts["differences"] = m.last(now.Losses), differing(was, now.Network)
		if was.DHCPServer != "" {
			facts["then"], known = facts["when"], true
		}
		if now.Left.Gateway == was.Gateway && now.Left.MAC != "" {
			facts["has"], facts["mac"], known = was.Gateway, now.Left.MAC, true
		}
	}
	for _, l := range now.Heard {
		if len(l.Routers) > 0 {
			facts["still"], facts["gives"], known = l.Addr, l.Routers, true
		}
	}
	if !known {
		return Trouble{}
	}
	return FaultSetByHand.Because(t, facts)
}

// given says whether DHCP gives the gateway of now, as far as is known, and notes which server does. Where nobody has heard an answer, that is who
// has given the address.
func (now *Now) given(facts Facts) bool {
	heard, giver := false, now.Lessor
	for _, l := range now.Heard {
		gives := slices.ContainsFunc(l.Routers, func(r netip.Addr) bool { return r.String() == now.Gateway })
		if gives && giver == "" {
			giver = l.Addr.String()
		}
		if gives {
			facts["giver"] = giver
			return true
		}
		heard = heard || len(l.Routers) > 0
	}
	facts["giver"] = giver
	return !heard && giver != ""
}

// traces says of another network what speaks for a port in another VLAN, and what for a router that somebody has brought: then a DHCP server of
// the network of before answers on the link, or something has the address of its gateway there while one box is everything at once here. That
// something has that address proves nothing alone.
func (now *Now) traces(was *Network, facts Facts) {
	former, both, others := now.heard(was)
	lessor, _ := netip.ParseAddr(now.DHCPServer) // zero: not known
	behind := now.behindRelay(lessor)
	same := both.IsValid() || behind && now.DHCPServer == was.DHCPServer
	switch {
	case behind && now.DHCPServer == was.DHCPServer:
		facts["before"], facts["lessor"] = now.Lessor, nil
	case same:
		facts["both"] = both
	}
	switch asked := now.Left.Gateway == was.Gateway; {
	case asked && now.Left.MAC != "":
		facts["has"], facts["mac"] = was.Gateway, now.Left.MAC
	case asked:
		facts["gone"] = was.Gateway
	case !former.IsValid():
		facts["untold"] = true
	}
	if former.IsValid() {
		facts["still"], facts["gives"] = former, was.Gateway
	}
	named := now.named(lessor, was)
	brought := named && now.DHCPServer == now.Gateway && now.NameServers == now.Gateway+":53"
	switch {
	case brought:
		facts["suspect"] = now.Lessor + ", which is DHCP server, gateway and name server at once"
	case named:
		facts["suspect"] = "the DHCP server " + now.Lessor
	case others != nil:
		facts["suspect"] = "the DHCP server " + others[0].String()
	case !behind || facts["has"] != nil:
		facts["suspect"] = "the DHCP server of this network (homeward dhcp)"
	}
	switch {
	case former.IsValid() && others != nil, brought && !former.IsValid() && facts["has"] != nil:
		facts["beside"] = true
	case former.IsValid():
		facts["alone"] = true
	case !same:
		facts["later"] = true
	}
}

// Relayed adds to what a device says that has no address from whom it had one when it was registered, and through which relay, where that is known;
// and who answers on its link for the gateway of then, macs: it is DHCP that does not serve it then.
func (m *Memory) Relayed(t Trouble, macs []string) Trouble {
	addressless := []Fault{FaultNoOwnAddress, FaultOnlySelfMadeAddress, FaultNothingHasAddress}
	was, when := m.kept.Network, Moment{At: m.kept.RegisteredAt}
	if !slices.Contains(addressless, t.Fault) || !m.ours() || was == nil || was.Gateway == "" {
		return t
	}
	lessor, _ := netip.ParseAddr(was.DHCPServer) // zero: not known
	if len(macs) > 0 {
		lessor := cmp.Or(was.DHCPServer, "of this network")
		t = t.With(Facts{"there": was.Gateway, "then": when, "mac": strings.Join(macs, " and "), "lessor": lessor, "unseen": nil}).On(SideDHCP)
	}
	if !(&Now{Network: was}).behindRelay(lessor) {
		return t
	}
	return t.With(Facts{"relay": was.Gateway, "relayed": was.DHCPServer, "when": when})
}

// heard are a DHCP server that gives the gateway of the network of before, if one answers here; the one of then, if it serves this network, too,
// from behind a relay; and those in the subnet of this device that may be somebody's router.
func (now *Now) heard(was *Network) (former, both netip.Addr, others []netip.Addr) {
	for _, l := range now.Heard {
		gives := func(gateway string) bool {
			return slices.ContainsFunc(l.Routers, func(r netip.Addr) bool { return r.String() == gateway })
		}
		switch {
		case gives(was.Gateway):
			former = l.Addr
		case l.Addr.String() == was.DHCPServer && now.behindRelay(l.Addr) && gives(now.Gateway):
			both = l.Addr
		case now.named(l.Addr, was) && !slices.Contains(others, l.Addr):
			others = append(others, l.Addr)
		}
	}
	return former, both, others
}

// behindRelay says whether a DHCP server is known not to be on the link: it is neither in the subnet of this device nor its gateway.
func (now *Now) behindRelay(server netip.Addr) bool {
	subnet, err := netip.ParsePrefix(now.Subnet)
	return err == nil && server.BitLen() == subnet.Addr().BitLen() && !subnet.Contains(server) && server.String() != now.Gateway
}

// named says whether a DHCP server may be named as somebody's router: it is in the subnet of this device, and not the one of then, unless it is
// the gateway now.
func (now *Now) named(server netip.Addr, was *Network) bool {
	subnet, err := netip.ParsePrefix(now.Subnet)
	return err == nil && subnet.Contains(server) && (server.String() != was.DHCPServer || server.String() == now.Gateway)
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
	if m.moved(now) {
		return m.kept.Network.Gateway
	}
	return ""
}

// moved says whether this device is in another network than the one in which it was registered.
func (m *Memory) moved(now *Network) bool {
	was := m.kept.Network
	return was != nil && m.ours() && elsewhere(was, &Now{Network: now}, Trouble{}, Facts{}).Fault == FaultOtherNetwork
}

// Former are the name servers that this device asked when it was registered, if it asks none of them now, in what looks like the same network.
func (m *Memory) Former(now *Now) string {
	if was := m.kept.Network; was != nil && m.ours() && others(was, now) && elsewhere(was, now, Trouble{}, Facts{}).None() {
		return was.NameServers
	}
	return ""
}

// Asked notes whom this device asked when it was registered, where it asks others now.
func (now *Now) Asked(m *Memory, facts Facts) {
	if was := m.Former(now); was != "" {
		facts["when"], facts["was"] = m.last(now.Losses), was
	}
}

// Outside is about a device that signs in from outside, in a network in which a record inside the site had led it before, and is gone.
func (m *Memory) Outside(now *Now) Trouble {
	led, facts := m.inside(now), Facts{"now": now.NameServers}
	m.advise(facts)
	if led == nil || !m.ours() || led.Gateway == "" || led.Gateway != now.Gateway || led.Subnet != now.Subnet || !m.outside(now.Found, led.Step, facts) {
		return Trouble{}
	}
	facts["when"], facts["was"], facts["host"] = Moment{At: led.At}, led.NameServers, led.Host
	switch {
	case led.NameServers == now.NameServers:
		facts["same"] = true
	case others(&led.Network, now):
		return now.otherServers(&led.Network, &m.policy, FaultOutsideView.Met(facts), facts)
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
