package provisioning

import (
	"maps"
	"strings"

	"homeward/cache"
)

// vendorClass is as whom a device asks DHCP: that of dhcpopts, of which only the name is wanted here.
const vendorClass = "MS-UC-Client"

// NothingNamed is the site that says nothing at all, and says so clearly. dhcp is what DHCP says; nil: nobody asks it.
func (p *Policy) NothingNamed(dhcp *Source) Trouble {
	facts := Facts{"domain": p.SIPAddress.Domain, "option": "DHCP option 120", "unnamed": true}
	if local := ".local"; strings.HasSuffix(p.SIPAddress.Domain, local) {
		facts["local"] = local
	}
	says := DHCPOff.Met("")
	switch {
	case p.ReadLease && !p.AskDHCP:
		says = DHCPNoLease.Met("")
	case dhcp == nil:
	case dhcp.Reason.IsDHCPUnasked():
		return FaultDHCPUnasked.Because(dhcp.Reason.Met(dhcp.Detail), facts)
	case dhcp.Reason == DHCPSilent || dhcp.Trouble.Fault == FaultDHCPNoOptionSix:
		says = dhcp.Trouble
		says.Facts = maps.Clone(says.Facts)
		delete(says.Facts, "detail")
		if says.Fault == FaultDHCPSilentSix || says.Fault == FaultDHCPNoOptionSix {
			facts["option"] = "option 21 of DHCPv6"
		}
	default:
		says = DHCPNoOption.Met("")
		facts["class"], facts["option"] = vendorClass, "DHCP option 120, also for the vendor class "+vendorClass // a scope may give it to another class only
	}
	if p.Order == CommunicatorOrder {
		return FaultNothingNamedHosts.Met(facts)
	}
	facts["dhcp"] = says.What()
	return FaultNothingNamed.Met(facts)
}

// Led says whether a source has nothing now through which a device has registered last.
func (s *Source) Led(last *cache.Record) bool {
	return s.Verdict == Absent && s.Step.String() == last.Registrar.Step
}

// Gone is that such a source has nothing now. t is why nothing else leads to a Registrar.
func (s *Source) Gone(last *cache.Record, t Trouble) Trouble {
	source, side := s.Named()
	other := t.OnSide()
	t = FaultSourceGone.Because(t.With(Facts{"unnamed": nil}), Facts{"source": source, "last": last.Registrar.Host, "when": last.RegisteredAt})
	if side == SideDNS && other == SideDHCP { // it is enough to fix one of them
		return t.OnNoSide()
	}
	return t.On(side)
}

// nothing says whether a source that was asked says that it has nothing, and no more than that.
func (s *Source) nothing() bool {
	if s.Source == "dhcp" {
		return s.Reason == DHCPNoOption || s.Reason == DHCPSilent || s.Reason.IsDHCPUnasked()
	}
	return s.Verdict == Absent && (s.Step == HostName || s.Reason == DNSNoRecord && !s.Trouble.Specific())
}

// Lacking is why nothing leads to a Registrar, but for last good, where a cycle has met nothing that says more than t: all who were asked say that
// there is nothing, or what led this device before is gone.
func (m *Memory) Lacking(c *Cycle, now *Now, t Trouble) Trouble {
	registered, named, floor := c.Registered(), false, false
	for i := range c.Attempts {
		switch a := &c.Attempts[i]; {
		case a.Step == LastGood && (registered || a.Result == "skipped"):
		case a.Step == HostName && a.Reason == NoAddress: // nobody has named it
		case a.Result != "skipped":
			return t
		default:
			named, floor = named || a.Host != "", floor || a.Reason == TLSFloor
		}
	}
	var gone, dhcp *Source
	for i := range c.Sources {
		s := &c.Sources[i]
		if m.ours() && s.Led(&m.kept) {
			gone = s
		}
		if s.Source == "dhcp" && dhcp == nil {
			dhcp = s
		}
		named = named || !s.nothing()
	}
	switch {
	case named || c.Sources == nil:
	case floor && gone == nil && !registered: // a step that is closed may be the only one with something behind it
	default:
		t = m.policy.NothingNamed(dhcp)
		if !m.ours() { // else a Registrar has known the SIP address
			t.Facts["new"] = true
		}
	}
	if gone == nil || t.Area() == "dns" || m.Former(now) != "" { // that other name servers do not have it does not say that it is gone
		return t
	}
	return gone.Gone(&m.kept, t)
}

// AskedOfDNS adds to why nothing leads to a Registrar, but for last good, what DHCP names whose address DNS has not told.
func AskedOfDNS(t Trouble, s *Skip) Trouble {
	source := Source{Source: "dhcp"}
	if t.Reason() != s.Reason || s.Host == "" || s.Step != DHCPTLS || !Unanswered(s.Reason) && s.Reason != DNSRefused {
		return t
	}
	names, _ := source.Named()
	return t.Also(FaultAskedOfDNS, Facts{"source": names, "host": s.Host})
}

// ByLastGood is why a device is registered through last good.
func (m *Memory) ByLastGood(c *Cycle, now *Now) *Why {
	why, t := c.Blame(false)
	if t.None() {
		t = why.Reason.Met(why.Detail)
	}
	known := m.Lacking(c, now, t)
	for i := range c.Attempts {
		a := &c.Attempts[i]
		known = AskedOfDNS(known, &Skip{Step: a.Step, Endpoint: a.Endpoint(), Reason: a.Reason})
	}
	if known = m.Before(now, known); known.Fault == t.Fault && len(known.Others()) == len(t.Others()) {
		return why
	}
	return WhyOf(known.Reason(), "", known)
}

// Retell says of the names that were skipped what is known of them.
func Retell(c *Cycle, m *Memory, found Findings) {
	for i := range c.Attempts {
		a := &c.Attempts[i]
		a.Trouble = m.Known(found, a.Host, a.Trouble)
		w := WhyOf(a.Reason, a.Detail, a.Trouble)
		a.What, a.Hint, a.Side = w.What, w.Hint, w.Side
	}
}

// PlanOf is MakePlan, with what is known of the names.
func PlanOf(m *Memory, found Findings) Plan {
	plan := MakePlan(found, &m.policy, m.Floor())
	Tell(m, found, plan.Skipped)
	return plan
}

// Tell says of what is skipped what is known of its name.
func Tell(m *Memory, found Findings, skipped []Skip) {
	for i := range skipped {
		skipped[i].Trouble = m.Known(found, skipped[i].Host, skipped[i].Trouble)
	}
}
