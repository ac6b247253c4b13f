package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// besideLastGood adds to a Trouble of a place that the Registrar answers at which the device was registered last.
func besideLastGood(f *Facts, t provisioning.Trouble, p *Place) provisioning.Trouble {
	if t.None() || f.ByPassed {
		return t
	}
	if other := stale(f, p.Step, p.Host, t); !other.None() {
		return other.OnNoSide()
	}
	for i := range f.Outage.Try {
		c := &f.Outage.Try[i]
		named := slices.ContainsFunc(f.Plan.Try, func(try provisioning.Candidate) bool { return try.Host == c.Host })
		if seen, _ := f.place(c); seen.answered() && !named {
			source, _ := f.sourceOf(p.Step, p.Host)
			return t.Also(provisioning.FaultLastGoodAnswers, provisioning.Facts{"host": c.Host, "source": source})
		}
	}
	return t
}

// addressAlone is for DHCP that gives an address where nothing else names a Registrar. TLS is not tried there, since nothing says
// which name the certificate must be for: that plain TCP leads nowhere either is no fault of the server.
func addressAlone(f *Facts) provisioning.Trouble {
	for i := range f.Plan.Skipped {
		s := &f.Plan.Skipped[i]
		if s.Step == provisioning.DHCPTLS && s.Reason == provisioning.TLSNoName && !slices.ContainsFunc(f.Plan.Try, isNamed) {
			return notUsed(f, s)
		}
	}
	return provisioning.Trouble{}
}

func isNamed(c provisioning.Candidate) bool { return !provisioning.IsAddress(c.Host) }

// showsNothing says whether a place tells nothing of why it is dead. That nobody has its address, or that of the gateway to it,
// is known.
func showsNothing(f *Facts, p *Place) bool {
	best := p.best()
	known := provisioning.DeadForDNS[best.Trouble.Fault] != "" || best.Trouble.Fault == provisioning.FaultNoNeighbour || !ledElsewhere(f, p, best.Trouble).None()
	return stage(best) == 0 && !known
}

// betterRank is what keeps the device from a better rank than that of the first of those that are dead: a name that a source above has given, and that leads
// nowhere or may not be used. Were it right, the device would go there first.
func betterRank(f *Facts, dead []provisioning.Candidate) provisioning.Trouble {
	if len(dead) == 0 || !dead[0].Step.IsInside() {
		return provisioning.Trouble{}
	}
	for i := range f.Plan.Skipped {
		s := &f.Plan.Skipped[i]
		wrong := s.Reason == provisioning.NoAddress || s.Reason == provisioning.NameNotAllowed || isDNSFailure(s.Reason)
		if s.Host != "" && s.Step < dead[0].Step && wrong {
			return allOf(f, s)
		}
	}
	return provisioning.Trouble{}
}

// addressFails is about a pool of which one server does not serve. That a network has no IPv6, or
// nothing else, is no fault of a pool.
func addressFails(f *Facts) provisioning.Trouble {
	c := f.signedInAt()
	i := slices.IndexFunc(f.Plan.Try, func(try provisioning.Candidate) bool { return try.Endpoint == c })
	if i < 0 {
		return provisioning.Trouble{}
	}
	p, _ := f.place(&f.Plan.Try[i])
	for _, probe := range p.Probes {
		if isReady(probe) || cannotReach(f, probe) {
			continue
		}
		alone := *p
		alone.Probes = []*signin.Probe{probe}
		t := overFamily(f, p, probe, deadPlace(f, &alone))
		if shared := nothingBehind(f, probe.Addr); !shared.None() && provisioning.DeadForDNS[t.Fault] == "" && t.Fault != provisioning.FaultOneFamilyTold {
			t = shared
		}
		switch t.Fault { // the service runs: elsewhere
		case provisioning.FaultRefused:
			t = provisioning.FaultAddressRefuses.Met(t.Facts)
		case provisioning.FaultFiltered, provisioning.FaultHostDrops, provisioning.FaultNoNeighbour:
			t = provisioning.FaultAddressSilent.Met(t.Facts)
		}
		return throughAnother(p, probe, besideProven(f, p, t))
	}
	return provisioning.Trouble{}
}

// throughAnother adds that the device signs in all the same: over the other version of IP, where none of this one of an address is served.
func throughAnother(p *Place, probe *signin.Probe, t provisioning.Trouble) provisioning.Trouble {
	facts := provisioning.Facts{"host": p.Host, "among": true}
	for _, other := range p.Probes {
		switch {
		case !isReady(other):
		case other.Addr.Is4() == probe.Addr.Is4():
			return t.Also(provisioning.FaultOtherAddress, provisioning.Facts{"host": p.Host, "among": true})
		default:
			facts["among"], facts["version"] = nil, provisioning.Family(other.Addr)
		}
	}
	return t.Also(provisioning.FaultOtherAddress, facts)
}

// overFamily is what is wrong with an address of a place that does not answer: the way over its version of IP, where nothing answers
// over that, and the host does over the other one.
func overFamily(f *Facts, p *Place, probe *signin.Probe, silent provisioning.Trouble) provisioning.Trouble {
	fault, router := provisioning.FaultOneFamily, routerTo(f, probe.Addr)
	switch {
	case probe.Reason() == provisioning.ConnectUnreachable && silent.Fault != provisioning.FaultNotPermitted && silent.Fault != provisioning.FaultProhibited && router.IsValid():
		fault = provisioning.FaultOneFamilyTold
	case silent.Fault != provisioning.FaultFiltered && silent.Fault != provisioning.FaultHostDrops:
		return silent
	}
	var works *signin.Probe
	var addrs []netip.Addr
	for _, other := range p.Probes {
		switch same := other.Addr.Is4() == probe.Addr.Is4(); {
		case same && other.Connected:
			return silent
		case same:
			addrs = append(addrs, other.Addr)
		case other.Connected:
			works = other
		}
	}
	for _, was := range formerOf(f, p).Probes { // DNS gave it once
		if works == nil && was.Connected && was.Addr.Is4() != probe.Addr.Is4() {
			works = was
		}
	}
	if works == nil {
		return silent
	}
	facts := provisioning.Facts{
		"host": p.Host, "fails": provisioning.Family(probe.Addr), "addresses": addrs,
		"works": provisioning.Family(works.Addr), "address": works.Addr, "ms": max(1, works.Connecting.Milliseconds()),
	}
	if led := silent.Facts["led"]; led != nil { // DNS gives no address of the other one
		facts["led"] = led
	} else {
		facts["spare"] = true
	}
	if fault == provisioning.FaultOneFamilyTold {
		facts.Through(router)
	}
	return fault.Met(facts)
}

// spares are the hosts that the source which led to the sign-in names besides: where the device would go next.
func spares(f *Facts) []provisioning.Candidate {
	at := f.signedInAt()
	i := slices.IndexFunc(f.Plan.Try, func(c provisioning.Candidate) bool { return c.Endpoint == at })
	if i < 0 || f.Plan.Try[i].Step > provisioning.ExternalTCP {
		return nil
	}
	var next []provisioning.Candidate
	for _, c := range f.Plan.Try[i+1:] {
		if c.Step == f.Plan.Try[i].Step && c.Host != at.Host {
			next = append(next, c)
		}
	}
	return next
}

// spareFails is about the Registrar that would be next if the one fails at which the device signs in.
func spareFails(f *Facts) provisioning.Trouble {
	for _, c := range spares(f) {
		if p, _ := f.place(&c); len(p.Probes) > 0 && !p.ready() && !p.closed() {
			return provisioning.FaultSpareDead.Because(deadPlace(f, p), provisioning.Facts{"host": c.Host})
		}
	}
	return provisioning.Trouble{}
}

// otherService are the faults of a port at which something else than a Registrar may listen.
var otherService = []provisioning.Fault{provisioning.FaultTLSNot, provisioning.FaultTLSInClear, provisioning.FaultTLSSilent, provisioning.FaultNotSIP}

// deadPlace is what is wrong with one place, or with the name that leads there.
func deadPlace(f *Facts, p *Place) provisioning.Trouble {
	dead := atPlace(f, p)
	if led := ledElsewhere(f, p, dead); !led.None() {
		return led
	}
	return dead
}

// atPlace is what is wrong at one place: what the daemon would tell of it, and what a look around it adds.
func atPlace(f *Facts, p *Place) provisioning.Trouble {
	probe := p.best()
	if another := second(f, p.Endpoint, probe.Addr, probe.Trouble); !another.None() {
		return another
	}
	switch t := probe.Trouble; {
	case isUneven(probe, t):
		return unevenly(probe, t)
	case provisioning.DeadForDNS[t.Fault] != "", t.Fault == provisioning.FaultRouteRefuses: // whatever else there is, it is behind it
		return t
	case probe.Reason() == provisioning.ConnectRefused, probe.Reason() == provisioning.ConnectTimeout, probe.Reason() == provisioning.ConnectUnreachable:
		return closedPlace(f, p, t)
	case (slices.Contains(otherService, t.Fault) || t.Fault == provisioning.FaultTLSHungUp && p.Port == provisioning.TCPPort) && otherPort(f, p) != nil:
		return closedPlace(f, p, t)
	case t.Fault == provisioning.FaultTLSSilent:
		return silentTLS(p, t)
	case probe.Reason().IsCertificate() && probe.TLS.Version != "":
		return badCertificate(f, p, t)
	default:
		return t
	}
}

// silentTLS is for a port that takes connections and says nothing. One that a record names for TLS is the right one.
func silentTLS(p *Place, t provisioning.Trouble) provisioning.Trouble {
	if p.Step.BySRV() {
		t = t.With(provisioning.Facts{"odd": nil, "usual": p.Port})
	}
	return t
}

// closedPlace is for a port that cannot be reached: refused, filtered, or without a way to it. The server may be
// elsewhere on the same host.
func closedPlace(f *Facts, p *Place, closed provisioning.Trouble) provisioning.Trouble {
	source, side := f.sourceOf(p.Step, p.Host)
	other, silent := otherPort(f, p), filtered(f, p, closed)
	switch {
	case other != nil && !workedBefore(p):
		closed = closed.With(provisioning.Facts{"other": other.Port, "source": source, "nothing": nothingAt(p)})
	case otherFamily(f.Link, p):
		return provisioning.FaultDNSOtherVersion.Met(provisioning.Facts{"name": p.Host, "version": "IPv4", "addresses": p.Addrs, "record": "AAAA"})
	case onlyOutside(f, p):
		if inside, _ := f.finding(provisioning.InternalTLS); isDNSFailure(inside.Reason) { // it may well exist
			return dnsFails(f, inside.Trouble).Also(provisioning.FaultEdgeNotReached, closed.Facts)
		}
		if i := slices.IndexFunc(f.Plan.Skipped, func(s provisioning.Skip) bool { return s.Step == provisioning.InternalTLS && s.Host != "" }); i >= 0 { // it does
			return notUsed(f, &f.Plan.Skipped[i]).Also(provisioning.FaultEdgeNotReached, closed.Facts)
		}
		return provisioning.FaultOnlyOutside.Because(closed, closed.With(provisioning.Facts{"domain": f.sipDomain()}).Facts)
	case silent.Fault == provisioning.FaultPortFiltered:
		return silent
	case provisioning.IsAddress(p.Host) && p.Step == provisioning.Manual:
		return silent.Also(provisioning.FaultConfiguredAddress, silent.Facts)
	default:
		return silent
	}
	switch {
	case p.Step == provisioning.Manual && other.Port == provisioning.AccessProxyPort:
		return provisioning.FaultEdgePort.Because(closed, closed.Facts)
	case p.Step == provisioning.Manual:
		return provisioning.FaultOtherPortConfigured.Because(closed, closed.Facts)
	case side == provisioning.SideDHCP, p.Step == provisioning.HostName:
		return provisioning.FaultOtherPortDHCP.Because(closed, closed.Facts)
	default:
		return provisioning.FaultOtherPort.Because(closed, closed.Facts).On(side)
	}
}

// workedBefore says whether this device was registered at one of the addresses of a place: then the port is the right one.
func workedBefore(p *Place) bool {
	return slices.ContainsFunc(p.Probes, func(probe *signin.Probe) bool { return probe.Trouble.Facts["worked"] != nil })
}

// nothingAt says what does not happen at a place at which no Registrar answers.
func nothingAt(p *Place) string {
	best := p.best()
	switch {
	case p.Transport != provisioning.TLS || !best.Connected || best.TLS.Version != "":
		return "no Registrar answers"
	case p.Port == provisioning.TCPPort:
		return "nothing answers in TLS (5060 is the usual port of plain SIP)"
	default:
		return "nothing answers in TLS"
	}
}

// filtered is what is wrong with a place that does not answer, with what its address does at other ports.
func filtered(f *Facts, p *Place, closed provisioning.Trouble) provisioning.Trouble {
	silent := closed.Fault == provisioning.FaultFiltered || closed.Fault == provisioning.FaultHostDrops
	switch ports := inVainAt(f, p); {
	case !silent || otherPort(f, p) != nil && !workedBefore(p):
		return closed
	case elsewhere(f, p) == "" && closed.Fault == provisioning.FaultFiltered && len(ports) > 1:
		return closed.With(provisioning.Facts{"vain": ports})
	case elsewhere(f, p) == "":
		return closed
	}
	server, who := "same", "the same server"
	if f.Here != nil && slices.Contains([]provisioning.Fault{provisioning.FaultOtherNetwork, provisioning.FaultOtherDefault}, f.Memory.Before(f.Here, closed).Fault) { // a captive portal answers for everybody
		server, who = "moved", "what answers for this address"
	}
	return provisioning.FaultPortFiltered.Met(closed.With(provisioning.Facts{"elsewhere": elsewhere(f, p), "who": who, server: true, "routed": nil}).Facts)
}

// otherFamily says whether this device has IPv6 only, and a host is known by name and IPv4 addresses only. (Where the system says so
// itself, the host is not even tried: Wire.Lacks.)
func otherFamily(l Link, p *Place) bool {
	return l.onlyIPv6() && len(p.Addrs) > 0 && !provisioning.IsAddress(p.Host) && !slices.ContainsFunc(p.Addrs, netip.Addr.Is6)
}

// otherPort returns the place on the same host that answers SIP instead, or nil.
func otherPort(f *Facts, p *Place) *Place {
	for _, other := range f.at(p.Host) {
		if other.Port != p.Port && other.Transport == p.Transport && other.answered() {
			return other
		}
	}
	return nil
}

// elsewhere says what the address that does not answer at a place does at another port, "": nothing. A server that does is not
// down.
func elsewhere(f *Facts, p *Place) string {
	for _, other := range f.at(p.Host) {
		for _, probe := range other.Probes {
			switch {
			case other.Port == p.Port || probe.Addr != p.best().Addr:
			case probe.Connected:
				return fmt.Sprintf("accepts connections on port %d", other.Port)
			case probe.Reason() == provisioning.ConnectRefused:
				return fmt.Sprintf("refuses connections on port %d", other.Port)
			}
		}
	}
	return ""
}

// inVainAt are the ports of the address that does not answer at a place which were asked in vain.
func inVainAt(f *Facts, p *Place) provisioning.Either {
	ports := provisioning.Either{fmt.Sprint(p.Port)}
	for _, other := range f.at(p.Host) {
		for _, probe := range other.Probes {
			if other.Port != p.Port && probe.Addr == p.best().Addr && probe.Reason() == provisioning.ConnectTimeout {
				ports = append(ports, fmt.Sprint(other.Port))
			}
		}
	}
	return ports
}

// onlyOutside says whether the device may be inside, and sees only what is meant for those outside.
func onlyOutside(f *Facts, p *Place) bool {
	if p.Step != provisioning.ExternalTLS {
		return false
	}
	return !slices.ContainsFunc(f.Plan.Try, func(c provisioning.Candidate) bool {
		return c.Step != provisioning.ExternalTLS && c.Step != provisioning.ExternalTCP
	})
}

// badCertificate is for a server whose certificate proves nothing to this device. The fingerprints of what it sends stand with the
// place.
func badCertificate(f *Facts, p *Place, t provisioning.Trouble) provisioning.Trouble {
	t = t.With(provisioning.Facts{"sent": ""})
	dated := t.Reason() == provisioning.TLSNotYetValid || t.Reason() == provisioning.TLSExpired || t.Reason() == provisioning.ClockWrong
	switch clock := clockWrong(f); {
	case dated && !clock.None():
		return clock
	case t.Reason() == provisioning.ClockWrong:
		return setClock(f, t)
	case t.Reason() == provisioning.TLSName && t.Fault != provisioning.FaultNameForm:
		return wrongName(f, p, t)
	case slices.Contains(openChain, t.Fault):
		return notSent(f, p, t)
	default:
		return t
	}
}

// openChain are the faults of a chain that leads to no root that is trusted. What is wrong in one that does is not that a certificate is not sent.
var openChain = []provisioning.Fault{
	provisioning.FaultNoIntermediate, provisioning.FaultUnknownIssuer, provisioning.FaultUnknownAuthority, provisioning.FaultStrangeIssuer, provisioning.FaultWrongIssuer, provisioning.FaultStrangerNameless,
}

// notSent is for a certificate that is not trusted for want of another one, which a Registrar that is trusted sends.
func notSent(f *Facts, p *Place, t provisioning.Trouble) provisioning.Trouble {
	for _, other := range f.Places {
		for _, probe := range other.Probes {
			sender := other.Host
			if sender == p.Host {
				sender = probe.Addr.String()
			}
			switch {
			case !probe.Completes(p.best()):
			case t.Fault == provisioning.FaultStrangerNameless: // it would not help
				return t.On(provisioning.SideRegistrar)
			default:
				return provisioning.FaultNotSent.Met(t.With(provisioning.Facts{"sender": sender}).Facts)
			}
		}
	}
	return t
}

// wrongName says which name the certificate would have proven, when somebody has named that one too.
func wrongName(f *Facts, p *Place, t provisioning.Trouble) provisioning.Trouble {
	names := p.best().TLS.Names
	useful := ""
	for _, name := range names {
		if provisioning.CheckName(name, &f.Policy) == nil && !strings.HasPrefix(name, "*") && !f.isElsewhere(name, p.Addrs) && (useful == "" || f.resolves(name)) {
			useful = name
		}
	}
	source, side := f.sourceOf(p.Step, p.Host)
	t = t.With(provisioning.Facts{"useful": useful, "source": source})
	switch {
	case provisioning.IsAddress(p.Host):
		return provisioning.FaultAddressNotProven.Met(t.Facts)
	case p.Step == provisioning.Manual && isShortName(p.Host):
		return provisioning.FaultShortNotProven.Met(t.Facts)
	case slices.ContainsFunc(names, func(n string) bool { return isWildcardFor(n, p.Host) }):
		return provisioning.FaultWildcard.Met(t.Facts)
	case useful != "" && p.Step <= provisioning.ExternalTCP && side == provisioning.SideDNS:
		return provisioning.FaultWrongNameOfRecord.Met(t.Facts)
	case useful != "":
		return provisioning.FaultWrongNameUseful.Met(t.Facts)
	default:
		return t
	}
}

// isWildcardFor says whether a name of a certificate would stand for the host if wildcards were accepted (RFC 6125 §6.4.3).
func isWildcardFor(name, host string) bool {
	parent, is := strings.CutPrefix(name, "*.")
	_, domain, _ := strings.Cut(host, ".")
	return is && strings.EqualFold(parent, domain)
}

// badAt returns the place at which an attempt has met a bad certificate, with the address that showed it.
func badAt(f *Facts, a *provisioning.Attempt) (*Place, bool) {
	p, ok := f.place(&provisioning.Candidate{Endpoint: a.Endpoint(), Addrs: []netip.Addr{a.Address}})
	return p, ok && a.Reason.IsCertificate() && slices.ContainsFunc(p.Probes, isUnproven)
}

// refused is for one Registrar that answered, and did not take the device. A wrong clock may be why.
func refused(f *Facts, a *provisioning.Attempt) provisioning.Trouble {
	t := a.Trouble
	if clock := clockOff(f); !clock.None() && a.Reason != provisioning.ClockWrong {
		t = t.And(clock)
	}
	return t
}
