package check

import (
	"slices"
	"strings"

	"homeward/provisioning"
)

// reachesRegistrar says whether a Registrar that is to be tried has taken a connection, whatever came of it.
func reachesRegistrar(f *Facts) bool {
	return f.signsIn() || slices.ContainsFunc(f.Places, func(p *Place) bool { return p.Role == Planned && slices.ContainsFunc(p.Probes, isAnswered) })
}

func (b *branch) link() {
	l := b.facts.Link
	c := Check{ID: "link", Title: "link and address", Result: Good, Detail: strings.TrimSpace(l.Interface + " " + provisioning.ListOf(l.Addrs))}
	t := l.trouble()
	c.Detail += besideLink(b.facts)
	switch {
	case slices.Contains(routerFaults, b.verdict.Fault), b.verdict.Fault == provisioning.FaultLinkLost, b.verdict.Fault == provisioning.FaultWayNoCarrier:
		t = b.verdict
	case t.Fault == provisioning.FaultNoDefaultRoute && reachesRegistrar(b.facts):
		t = provisioning.FaultSubnetOnly.Met(nil)
	default:
		t = byRouter(b.facts, t)
	}
	switch {
	case t.None() && l.Through != "":
		c.Detail += "; the default route leads through " + l.Through + ", which has no DHCP"
	case t.None():
	case len(l.Others) > 0 && t.Fault != b.verdict.Fault:
		c.because(Warn, t)
		c.Detail = "there is also " + strings.Join(l.Others, ", ")
	case b.facts.signsIn(), t.Fault == provisioning.FaultSubnetOnly:
		c.because(Warn, t)
		c.Detail = ""
	default:
		c.because(Bad, t)
		c.Detail = ""
	}
	ofLink := []provisioning.Fault{
		provisioning.FaultNothingBehind, provisioning.FaultSilentBehind, provisioning.FaultRejectedBehind, provisioning.FaultOtherMask, provisioning.FaultOtherNetwork, provisioning.FaultOtherDefault,
		provisioning.FaultOtherGateway, provisioning.FaultMaskChanged, provisioning.FaultSetByHand, provisioning.FaultOwnNetwork, provisioning.FaultNoARP, provisioning.FaultAnswersLate,
	}
	if t := b.verdict; slices.Contains(ofLink, t.Fault) && c.Result == Good && (t.Fault != provisioning.FaultAnswersLate || t.OnSide() != "") {
		c.because(wrong(b.facts), t)
	}
	b.add(&c)
	neighbours(b)
}

// besideLink says which other interfaces count: that on which DHCP is asked, and those by which Registrars are reached.
func besideLink(f *Facts) (text string) {
	if asked := f.Link.AskedOn; asked != nil {
		text = "; DHCP is asked on " + asked.Interface + ", which " + asked.has()
	}
	told := []string{f.Link.Interface, ""}
	for _, p := range f.Places {
		if p.Role != Planned || len(p.Probes) == 0 || told[0] == "" {
			continue
		}
		if by := f.Ways[p.best().Addr].Link; !slices.Contains(told, by) {
			told, text = append(told, by), text+"; "+p.HostPort()+" is reached by "+by
		}
	}
	return text
}

// wrong is how a node stands that is not as it should be.
func wrong(f *Facts) Result {
	if f.signsIn() {
		return Warn
	}
	return Bad
}

// neighbours has a node for each address on the link on which this device depends, with who has it.
func neighbours(b *branch) {
	for _, n := range b.facts.Neighbours {
		c := Check{ID: "link.address." + n.Addr.String(), Under: "link", Title: "address " + n.Addr.String() + " of " + n.Of, Result: Good}
		switch t := n.trouble(); {
		case n.Problem != "":
			c.Result, c.Detail = Skipped, "it is not known who has it: "+n.Problem
		case !t.None():
			c.because(wrong(b.facts), t)
		case n.Of == provisioning.OfThisDevice:
			c.Detail = "no other device has it (ARP)"
		case len(n.MACs) == 0:
			c.Result, c.Detail = Skipped, "nobody answers (ARP)"
		default:
			c.Detail = "the MAC " + n.MACs[0] + " answers (ARP)"
		}
		b.add(&c)
	}
}
