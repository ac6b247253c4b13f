package check

import (
	"slices"
	"strings"

	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/signin"
)

// deadPlaces is for a device that knows where to go, and meets nobody who speaks SIP there. The first place is the one
// the site means to be used; but one that shows a fault of its own says more than one that shows nothing.
func deadPlaces(f *Facts) provisioning.Trouble {
	var first *Place
	for _, c := range f.Plan.Try {
		p, ok := f.place(c)
		if !ok || len(p.Probes) == 0 {
			continue
		}
		if first == nil || stage(first.best()) == 0 && stage(p.best()) > 0 {
			first = &p
		}
	}
	if first == nil {
		return f.nothingNamed()
	}
	return f.deadPlace(*first)
}

// firstChoiceFails is about what the site means to be used, and is not.
func firstChoiceFails(f *Facts) provisioning.Trouble {
	for _, c := range f.Plan.Try {
		p, _ := f.place(c)
		if c.Endpoint == f.signedInAt() || len(p.Probes) == 0 {
			break
		}
		for _, attempt := range f.SignIn.Attempts {
			if attempt.Result != "failed" || attempt.Host != c.Host || attempt.Port != c.Port {
				continue
			}
			if bad, ok := f.badAt(attempt); ok {
				p = bad
				break
			}
			return f.refused(attempt) // it answers strangers, and refuses us
		}
		if !p.ready() && p.best().Reason() != "" {
			return f.deadPlace(p).Also(provisioning.FaultInstead, provisioning.Facts{"instead": f.SignIn.Registrar.HostPort()})
		}
	}
	return provisioning.Trouble{}
}

// addressFails is about a pool of which one server does not serve. That a network has no IPv6 is no fault of a pool.
func addressFails(f *Facts) provisioning.Trouble {
	c := f.signedInAt()
	i := slices.IndexFunc(f.Plan.Try, func(try provisioning.Candidate) bool { return try.Endpoint == c })
	if i < 0 {
		return provisioning.Trouble{}
	}
	p, _ := f.place(f.Plan.Try[i])
	for _, probe := range p.Probes {
		if isReady(probe) || probe.Addr.Is6() && probe.Reason() == provisioning.ConnectUnreachable {
			continue
		}
		p.Probes = []signin.Probe{probe}
		return f.deadPlace(p).Also(provisioning.FaultOtherAddress, provisioning.Facts{"host": p.Host})
	}
	return provisioning.Trouble{}
}

// signedInAt is the place that led to the sign-in: the one that redirected, where one did.
func (f *Facts) signedInAt() provisioning.Endpoint {
	for _, a := range f.SignIn.Attempts {
		if a.Result == "redirected" || a.Result == "ok" {
			return a.Endpoint()
		}
	}
	return provisioning.Endpoint{}
}

// deadPlace is what is wrong with one place: what the daemon would tell of it, and what a look around it adds.
func (f *Facts) deadPlace(p Place) provisioning.Trouble {
	probe := p.best()
	switch t := probe.Trouble; {
	case t.Fault == provisioning.FaultServerPort:
		_, side := f.sourceOf(p.Step)
		return t.On(side)
	case probe.Reason() == provisioning.ConnectRefused, probe.Reason() == provisioning.ConnectTimeout, probe.Reason() == provisioning.ConnectUnreachable:
		return f.closedPlace(p, t)
	case probe.Reason().IsCertificate() && probe.TLS.Version != "":
		return f.badCertificate(p, t)
	default:
		return t
	}
}

// closedPlace is for a port that cannot be reached: refused, filtered, or without a way to it. The server may be
// elsewhere on the same host.
func (f *Facts) closedPlace(p Place, closed provisioning.Trouble) provisioning.Trouble {
	source, side := f.sourceOf(p.Step)
	other := f.otherPort(p)
	switch {
	case other != nil:
		closed.Facts["other"], closed.Facts["source"] = other.Port, source
	case f.onlyOutside(p):
		if inside, _ := f.finding(provisioning.InternalTLS); isDNSFailure(inside.Reason) { // it may well exist
			return f.dnsFails(inside.Trouble).Also(provisioning.FaultEdgeNotReached, closed.Facts)
		}
		closed.Facts["domain"] = f.sipDomain()
		return provisioning.FaultOnlyOutside.Because(closed, closed.Facts)
	case provisioning.IsAddress(p.Host) && p.Step == provisioning.Manual:
		return closed.Also(provisioning.FaultConfiguredAddress, closed.Facts)
	default:
		return closed
	}
	switch {
	case p.Step == provisioning.Manual && other.Port == provisioning.AccessProxyPort:
		return provisioning.FaultEdgePort.Because(closed, closed.Facts)
	case p.Step == provisioning.Manual:
		return provisioning.FaultOtherPortConfigured.Because(closed, closed.Facts)
	case side == provisioning.SideDHCP:
		return provisioning.FaultOtherPortDHCP.Because(closed, closed.Facts)
	default:
		return provisioning.FaultOtherPort.Because(closed, closed.Facts).On(side)
	}
}

// otherPort returns the place on the same host that answers SIP instead, or nil.
func (f *Facts) otherPort(p Place) *Place {
	for _, other := range f.at(p.Host) {
		if other.Port != p.Port && other.Transport == p.Transport && other.answered() {
			return &other
		}
	}
	return nil
}

// onlyOutside says whether the device may be inside, and sees only what is meant for those outside.
func (f *Facts) onlyOutside(p Place) bool {
	if p.Step != provisioning.ExternalTLS {
		return false
	}
	return !slices.ContainsFunc(f.Plan.Try, func(c provisioning.Candidate) bool {
		return c.Step != provisioning.ExternalTLS && c.Step != provisioning.ExternalTCP
	})
}

// badCertificate is for a server whose certificate proves nothing to this device.
func (f *Facts) badCertificate(p Place, t provisioning.Trouble) provisioning.Trouble {
	dated := t.Reason() == provisioning.TLSNotYetValid || t.Reason() == provisioning.TLSExpired || t.Reason() == provisioning.ClockWrong
	switch clock := clockOff(f); {
	case dated && !clock.None():
		return clock
	case t.Reason() == provisioning.ClockWrong:
		return f.setClock(t.Fault, t.Facts)
	case t.Reason() == provisioning.TLSName:
		return f.wrongName(p, t)
	default:
		return t
	}
}

// wrongName says which name the certificate would have proven, when somebody has named that one too.
func (f *Facts) wrongName(p Place, t provisioning.Trouble) provisioning.Trouble {
	names := p.best().TLS.Names
	useful := ""
	for _, name := range names {
		if provisioning.CheckName(name, f.Policy) == nil && !strings.HasPrefix(name, "*") && (useful == "" || f.resolves(name)) {
			useful = name
		}
	}
	t.Facts["useful"] = useful
	if !f.resolves(useful) {
		t.Facts["missing"] = useful
	}
	source, side := f.sourceOf(p.Step)
	t.Facts["source"] = source
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

// isShortName says whether a host name has no domain: a NetBIOS name.
func isShortName(host string) bool {
	return !strings.Contains(host, ".") && !provisioning.IsAddress(host)
}

// isWildcardFor says whether a name of a certificate would stand for the host if wildcards were accepted (RFC 6125 §6.4.3).
func isWildcardFor(name, host string) bool {
	parent, is := strings.CutPrefix(name, "*.")
	_, domain, _ := strings.Cut(host, ".")
	return is && strings.EqualFold(parent, domain)
}
