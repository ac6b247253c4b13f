package check

import (
	"net/netip"
	"slices"
	"strings"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// lookBack has a look at where the names of the plan led when the device last registered, if they lead elsewhere now.
func (e *eye) lookBack(f *Facts, p *prober) {
	for i := range f.Plan.Try {
		c := f.Plan.Try[i]
		if c.Addrs = addrsIn(e.memory.Earlier(&f.Plan.Try[i]), "was"); c.Addrs != nil && !f.ByPassed && c.Transport == provisioning.TLS {
			p.lookBackAt(&c)
		}
	}
}

// lookedBack notes where the names of the plan led earlier, and what was seen there, also with what is wrong where they lead now.
func (e *eye) lookedBack(f *Facts) {
	f.Earlier = map[provisioning.Endpoint]provisioning.Facts{}
	for i := range f.Plan.Try {
		c := &f.Plan.Try[i]
		earlier := e.memory.Earlier(c)
		if earlier == nil {
			continue
		}
		delete(earlier, "ask")
		f.Earlier[c.Endpoint] = earlier
		for _, p := range f.Places {
			if p.Endpoint == c.Endpoint {
				lookedBackAt(f, p, c.Addrs, earlier)
			}
		}
	}
	e.led.Store(&f.Earlier)
}

// lookedBackAt adds to where the name of a place led earlier what was seen there, and that to what is wrong at its addresses of now.
func lookedBackAt(f *Facts, p *Place, now []netip.Addr, earlier provisioning.Facts) {
	was := formerOf(f, p)
	was.Probes = slices.DeleteFunc(was.Probes, func(probe *signin.Probe) bool { return slices.Contains(p.Addrs, probe.Addr) }) // another name server still gives it
	seenEarlier(slices.Concat(p.Probes, was.Probes), earlier)
	for _, probe := range p.Probes {
		if slices.Contains(now, probe.Addr) && !probe.Trouble.None() {
			probe.Trouble = provisioning.Led(earlier, probe.Trouble)
		}
	}
}

// formerOf is a place as it was when the device last registered: at the addresses that its host had then.
func formerOf(f *Facts, p *Place) *Place {
	for _, was := range f.Former {
		if was.Endpoint == p.Endpoint {
			return was
		}
	}
	return &Place{}
}

// seenEarlier adds to where a name led earlier what was seen there.
func seenEarlier(probes []*signin.Probe, earlier provisioning.Facts) {
	was := addrsIn(earlier, "was")
	var serving []netip.Addr
	silent := 0
	for _, probe := range probes {
		switch {
		case !slices.Contains(was, probe.Addr):
		case isReady(probe):
			serving = append(serving, probe.Addr)
		case probe.Reason() == provisioning.ConnectTimeout, probe.Reason() == provisioning.ConnectUnreachable:
			silent++
		}
	}
	switch {
	case serving != nil:
		record := "A"
		if serving[0].Is6() {
			record = "AAAA"
		}
		earlier["serving"], earlier["does"], earlier["record"] = serving, do(serving, "still answer"), record
	case silent == len(was):
		earlier["does"] = do(was, "no longer answer")
	}
}

// do says of one address, or of several, what they do.
func do(addrs []netip.Addr, verb string) string {
	if len(addrs) == 1 {
		verb += "s"
	}
	return provisioning.ListOf(addrs) + " " + verb
}

// otherNow says which addresses the host of last good has now, if none of them is the one of then.
func otherNow(f *Facts) string {
	for at, earlier := range f.Earlier {
		if at.Host == f.Record.Registrar.Host {
			return "; DNS now gives " + provisioning.ListOf(addrsIn(earlier, "now"))
		}
	}
	return ""
}

// nobodyThere says of a Reason what there is at a place at which nothing shows that it is meant to be a Registrar; "": something does.
func nobodyThere(reason provisioning.Reason) string {
	switch reason {
	case provisioning.ConnectTimeout, provisioning.ConnectUnreachable:
		return "where nobody answers"
	case provisioning.ConnectRefused, provisioning.TLSFailed, provisioning.SIPMalformed:
		return "where no Registrar answers"
	case provisioning.TLSName, provisioning.TLSNoName:
		return "where a server answers whose certificate is not for that name"
	default:
		return ""
	}
}

// ledElsewhere is for a place at which nothing shows a Registrar, and whose name led elsewhere when the device last registered, where one
// answers still. dead is what is wrong with the place.
func ledElsewhere(f *Facts, p *Place, dead provisioning.Trouble) provisioning.Trouble {
	best := p.best()
	led, _ := best.Trouble.Facts["led"].(provisioning.Trouble)
	where := nobodyThere(best.Reason())
	if led.Facts["serving"] == nil || where == "" || provisioning.DeadForDNS[best.Trouble.Fault] != "" { // behind a gateway that is gone there may be anything
		return provisioning.Trouble{}
	}
	facts := led.With(provisioning.Facts{"was": led.Facts["serving"], "where": where}).Facts
	facts.Count(addrsIn(led.Facts, "serving"))
	if servers := sayers(f, p); servers != "" {
		facts["servers"] = servers
	}
	fault, was := provisioning.FaultAddressChanged, addrsIn(led.Facts, "serving")[0]
	now := p.best().Addr
	if silent := where == nobodyThere(provisioning.ConnectTimeout); silent && was.Is4() != now.Is4() { // else it would not be compared
		fault = provisioning.FaultVersionGone
		facts["gone"], facts["left"] = provisioning.Family(was), provisioning.Family(now)
	}
	return fault.Because(dead.With(provisioning.Facts{"led": nil}), facts)
}

// sayers are the name servers that give the host of a place one of its addresses; "": it is not known which do.
func sayers(f *Facts, p *Place) string {
	if len(f.Servers) == 1 {
		return f.Servers[0].Addr().String()
	}
	var servers []string
	for i := range f.Apart[p.Host] {
		name := &f.Apart[p.Host][i]
		for _, addr := range name.Addrs {
			if addr == p.best().Addr {
				servers = append(servers, f.Servers[i].Addr().String())
			}
		}
	}
	return strings.Join(servers, ", ")
}

// besideProven adds to what is wrong with a certificate at the addresses of a place that it is as it should be at other ones of its host.
func besideProven(f *Facts, p *Place, t provisioning.Trouble) provisioning.Trouble {
	var proven []netip.Addr
	for _, whole := range f.Places {
		for _, probe := range whole.Probes {
			if whole.Endpoint == p.Endpoint && isSecured(probe) {
				proven = append(proven, probe.Addr)
			}
		}
	}
	if proven == nil || !t.Reason().IsCertificate() || t.Facts["led"] != nil || t.Fault == provisioning.FaultAddressChanged {
		return t
	}
	facts := provisioning.Facts{"host": p.Host, "addresses": proven}
	if t.Fault == provisioning.FaultExpired {
		facts["bad"] = t.Facts["address"]
	}
	return t.Also(provisioning.FaultOtherProven, facts)
}
