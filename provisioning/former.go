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
}

// Before makes of what keeps this device out what has changed since it was registered, if that may be why: its network, its name servers, or
// which view of DNS they show.
func (m *Memory) Before(now *Now, t Trouble) Trouble {
	was, reason := m.kept.Network, t.Reason()
	if was == nil || !m.ours() || reason.IsSIP() {
		return t
	}
	facts := Facts{"when": m.last(now.Losses), "was": was.NameServers, "now": now.NameServers, "host": m.kept.Registrar.Host, "lessor": now.Lessor}
	asked := reason.IsDiscovery()
	if led := m.inside(now); led != nil && m.outside(now.Found, led.Step, facts) {
		if t.Fault == FaultOnlyOutside { // it says less
			t = *t.cause()
		}
		facts["host"], was = led.Host, &led.Network
		if m.kept.Inside != nil {
			facts["when"], facts["was"] = moment(led.At), led.NameServers
		}
		t, asked = FaultOutsideView.Because(t, facts), true
	}
	before, here := was.Subnet+", gateway "+was.Gateway, now.Subnet+", gateway "+now.Gateway
	switch {
	case before != here && was.Gateway != "" && now.Gateway != "" && (asked || reason.about("connect-") || reason == NameNotAllowed || reason == TLSFloor):
		switch wider, changed := widened(was, now); {
		case was.Subnet == now.Subnet:
			facts["left"], facts["here"] = was.Gateway, now.Gateway
			return FaultOtherGateway.Because(t, facts)
		case wider && (t.Fault == FaultNoNeighbour || t.Fault == FaultDNSNobodyThere):
			facts["left"], facts["here"], facts["gateway"] = was.Subnet, now.Subnet, now.Gateway
			masked := FaultMaskChanged.Because(t, facts)
			if now.Lessor != "" {
				masked = masked.On(SideDHCP)
			}
			return masked
		case changed: // that is the same network
			return t
		}
		facts["changed"] = differing(was, now.Network)
		servers := "apart"
		if strings.HasPrefix(now.Lessor+" ", now.Gateway+" ") && now.NameServers == now.Gateway+":53" {
			servers = "router"
		}
		facts[servers] = true
		return FaultOtherNetwork.Because(t, facts)
	case was.NameServers == now.NameServers:
		facts["same"] = true
	case asked && others(was, now):
		return FaultOtherServers.Because(t, facts)
	}
	return t
}

// widened says whether the subnet of a device has become a wider one around the same gateway; changed: or a narrower one.
func widened(was *Network, now *Now) (wider, changed bool) {
	before, err := netip.ParsePrefix(was.Subnet)
	here, errHere := netip.ParsePrefix(now.Subnet)
	if err != nil || errHere != nil || was.Gateway != now.Gateway || !before.Overlaps(here) {
		return false, false
	}
	return here.Bits() < before.Bits(), here.Bits() != before.Bits()
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
	for server := range strings.SplitSeq(was.NameServers, ", ") {
		if strings.Contains(now.NameServers+",", server+",") {
			return false
		}
	}
	return was.NameServers != "" && now.NameServers != ""
}

// Outside is about a device that signs in from outside, in a network in which a record inside the site had led it before, and is gone.
func (m *Memory) Outside(now *Now) Trouble {
	led, facts := m.inside(now), Facts{"now": now.NameServers}
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
		return &cache.Inside{Network: *r.Network, Host: r.Registrar.Host, Port: r.Registrar.Port, At: r.RegisteredAt}
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
		case s.Step.IsInside() && s.Verdict == Found && slices.IndexFunc(s.Names, func(n Name) bool { return len(n.Addrs) > 0 }) >= 0:
			return false
		case s.Verdict == Absent && s.Step.IsInside() && s.Step.BySRV() && s.Step.String() == step:
			facts["record"] = s.Query
		}
	}
	return facts["outside"] != nil && facts["record"] != nil
}
