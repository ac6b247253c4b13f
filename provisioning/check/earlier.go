package check

import (
	"net/netip"
	"slices"
	"strings"

	"homeward/provisioning"
)

// lookBack has a look at where the names of the plan led when the device last registered, if they lead elsewhere now.
func lookBack(p *prober, plan []provisioning.Candidate) {
	for _, c := range plan {
		if earlier := p.eye.memory.Earlier(c); earlier != nil {
			c.Addrs = addrsIn(earlier, "was")
			p.probe(c, Unplanned)
		}
	}
}

// lookedBack notes where the names of the plan led earlier, and what was seen there, also with what is wrong where they lead now.
func (e *eye) lookedBack(f *Facts) {
	f.Earlier = map[provisioning.Endpoint]provisioning.Facts{}
	for _, c := range f.Plan.Try {
		earlier := e.memory.Earlier(c)
		if earlier == nil {
			continue
		}
		f.Earlier[c.Endpoint] = seenEarlier(f, c, earlier)
		for _, p := range f.Places {
			for _, probe := range p.Probes {
				if p.Endpoint == c.Endpoint && slices.Contains(c.Addrs, probe.Addr) && !probe.Trouble.None() {
					probe.Trouble = provisioning.Led(earlier, probe.Trouble)
				}
			}
		}
	}
	e.led = f.Earlier
}

// seenEarlier adds what was seen where a name led earlier.
func seenEarlier(f *Facts, c provisioning.Candidate, earlier provisioning.Facts) provisioning.Facts {
	delete(earlier, "ask")
	c.Addrs = addrsIn(earlier, "was")
	p, _ := f.place(c)
	silent := 0
	for _, probe := range p.Probes {
		switch {
		case isReady(probe):
			earlier["serving"], earlier["does"], earlier["record"] = append(addrsIn(earlier, "serving"), probe.Addr), "still answers", "A"
			if probe.Addr.Is6() {
				earlier["record"] = "AAAA"
			}
		case probe.Reason() == provisioning.ConnectTimeout, probe.Reason() == provisioning.ConnectUnreachable:
			silent++
		}
	}
	if silent > 0 && silent == len(c.Addrs) {
		earlier["does"] = "no longer answers"
	}
	return earlier
}

func addrsIn(facts provisioning.Facts, name string) []netip.Addr {
	addrs, _ := facts[name].([]netip.Addr)
	return addrs
}

// otherNow says which addresses the host of last good has now, if none of them is the one of then.
func otherNow(f *Facts) string {
	i := slices.IndexFunc(f.Plan.Try, func(c provisioning.Candidate) bool { return c.Host == f.lastGood().Host })
	if i < 0 {
		return ""
	}
	if now := addrsIn(f.Earlier[f.Plan.Try[i].Endpoint], "now"); len(now) > 0 {
		return "; DNS now gives " + provisioning.ListOf(now)
	}
	return ""
}

// nobodyThere are the Reasons of a place at which nothing at all shows that it is meant to be a Registrar, with what is there.
var nobodyThere = map[provisioning.Reason]string{
	provisioning.ConnectTimeout: "where nobody answers", provisioning.ConnectUnreachable: "where nobody answers",
	provisioning.ConnectRefused: "where no Registrar listens",
	provisioning.TLSName:        "where a server answers whose certificate is not for that name", provisioning.TLSNoName: "where a server answers whose certificate is not for that name",
	provisioning.TLSFailed: "where no Registrar answers", provisioning.SIPMalformed: "where no Registrar answers",
}

// ledElsewhere is for a place at which nothing shows a Registrar, and whose name led elsewhere when the device last registered, where one
// answers still. dead is what is wrong with the place.
func ledElsewhere(f *Facts, p *Place, dead provisioning.Trouble) provisioning.Trouble {
	led, _ := p.best().Trouble.Facts["led"].(provisioning.Trouble)
	serving, where := addrsIn(led.Facts, "serving"), nobodyThere[p.best().Reason()]
	if len(serving) == 0 || where == "" || provisioning.DeadForDNS[p.best().Trouble.Fault] != nil { // behind a gateway that is gone there may be anything
		return provisioning.Trouble{}
	}
	facts := led.With(provisioning.Facts{"was": serving, "where": where}).Facts
	if servers := sayers(f, p.Host, addrsIn(facts, "now")); len(servers) > 0 {
		facts["servers"] = strings.Join(servers, ", ")
	}
	return provisioning.FaultAddressChanged.Because(dead.With(provisioning.Facts{"led": nil}), facts)
}

// sayers are the name servers that give a host one of these addresses; none: it is not known which do.
func sayers(f *Facts, host string, addrs []netip.Addr) (servers []string) {
	if len(f.Servers) == 1 {
		return []string{f.Servers[0].Addr().String()}
	}
	for i, name := range f.Apart[host] {
		if slices.ContainsFunc(name.Addrs, func(a netip.Addr) bool { return slices.Contains(addrs, a) }) {
			servers = append(servers, f.Servers[i].Addr().String())
		}
	}
	return servers
}
