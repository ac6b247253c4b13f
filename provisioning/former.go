package provisioning

import (
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
	if m.outside(now.Found, facts) {
		if t.Fault == FaultOnlyOutside { // it says less
			t = *t.cause()
		}
		t, asked = FaultOutsideView.Because(t, facts), true
	}
	before, here := was.Subnet+", gateway "+was.Gateway, now.Subnet+", gateway "+now.Gateway
	switch {
	case before != here && was.Gateway != "" && now.Gateway != "" && (asked || reason.about("connect-") || reason == NameNotAllowed || reason == TLSFloor):
		if was.Subnet == now.Subnet {
			facts["left"], facts["here"] = was.Gateway, now.Gateway
			return FaultOtherGateway.Because(t, facts)
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
	case asked && was.NameServers != "" && now.NameServers != "":
		return FaultOtherServers.Because(t, facts)
	}
	return t
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

// outside says whether only a record for devices outside is left, and notes it, and the one inside that had led this device.
func (m *Memory) outside(found Findings, facts Facts) bool {
	for i := range found {
		switch s := &found[i]; {
		case !m.policy.Asks(s.Step):
		case s.Step.IsOutside() && s.Verdict == Found:
			facts["outside"] = s.Query
		case s.Step.IsInside() && s.Verdict == Found:
			return false
		case s.Verdict == Absent && s.Step.IsInside() && s.Step.BySRV() && s.Step.String() == m.kept.Network.Step:
			facts["record"] = s.Query
		}
	}
	return facts["outside"] != nil && facts["record"] != nil
}
