package check

import (
	"net/netip"
	"slices"
	"strings"

	"homeward/dhcpopts"
	"homeward/provisioning"
)

// nameServersDisagree is for name servers of which one has what another has not.
func nameServersDisagree(f *Facts) provisioning.Trouble {
	for i := range f.Found {
		if t := recordsOf(f, f.Found[i].Step); !t.None() {
			return t
		}
	}
	return provisioning.Trouble{}
}

// recordsDisagree is for name servers that name different Registrars, where those of some lead nowhere.
func recordsDisagree(f *Facts) provisioning.Trouble {
	if t := nameServersDisagree(f); t.Facts["works"] != nil {
		return t
	}
	return provisioning.Trouble{}
}

// recordsOf is how the name servers disagree about a step, and which of them is right, where the Registrars show that.
func recordsOf(f *Facts, step provisioning.Step) provisioning.Trouble {
	d := f.Disagree[step]
	if d.Fault != provisioning.FaultDNSDisagreeRecord {
		return d.Trouble
	}
	var works, stale []string
	for i := range d.Said {
		dead := true
		for j := range d.Said[i].Names {
			n := &d.Said[i].Names[j]
			at := provisioning.Endpoint{Host: n.Host, Port: n.Port, Transport: step.Transport()}
			leads := n.Reason != provisioning.NoAddress && provisioning.CheckName(n.Host, &f.Policy) == nil
			for _, p := range f.Places {
				if p.Endpoint == at {
					leads = p.ready()
					if hp := at.HostPort(); leads && !slices.Contains(works, hp) {
						works = append(works, hp)
					}
				}
			}
			dead = dead && !leads // or it is not known
		}
		if dead {
			stale = append(stale, d.Said[i].Server.Addr().String())
		}
	}
	if len(works) == 0 || len(stale) == 0 {
		return d.Trouble
	}
	return d.With(provisioning.Facts{"works": works, "servers": stale, "unsure": nil})
}

// addressesDisagree is for name servers that have different addresses of a host, where the Registrar answers only at those of some.
func addressesDisagree(f *Facts) provisioning.Trouble {
	for _, c := range f.Plan.Try {
		var words, stale, filters []string
		var good []netip.Addr
		for i := range f.Apart[c.Host] {
			name := &f.Apart[c.Host][i]
			c.Addrs = name.Addrs
			p, _ := f.place(&c)
			switch {
			case name.Reason == provisioning.NoAddress && (name.Trouble.None() || name.Trouble.Fault == provisioning.FaultDNSBlocked): // the name exists
				server := f.Servers[i].Addr().String()
				stale, filters, words = append(stale, server), append(filters, server), append(words, server+" gives none")
				continue
			case len(p.Probes) == 0:
				continue
			case p.ready():
				good = append(good, name.Addrs...)
			default:
				stale = append(stale, f.Servers[i].Addr().String())
			}
			words = append(words, f.Servers[i].Addr().String()+" says "+provisioning.ListOf(name.Addrs))
		}
		if len(good) > 0 && len(stale) > 0 {
			sorted(good)
			facts := provisioning.Facts{"host": c.Host, "problem": strings.Join(words, ", "), "addresses": slices.Compact(good), "servers": stale}
			if private(good) {
				facts["filters"] = filters
			}
			return provisioning.FaultDNSDisagreeAddress.Met(facts)
		}
	}
	return provisioning.Trouble{}
}

// sourcesDiffer adds to what is wrong at a place where the device signs in instead: which other source names that one; and, where the device was
// registered there by the source that names the dead one now, that this has changed.
func sourcesDiffer(f *Facts, p *Place, dead provisioning.Trouble) provisioning.Trouble {
	facts := provisioning.Facts{"host": p.Host, "instead": f.SignIn.Registrar.HostPort()}
	i := slices.IndexFunc(f.Plan.Try, func(c provisioning.Candidate) bool { return c.Endpoint == f.signedInAt() })
	if i < 0 || !p.Step.IsInside() || !f.Plan.Try[i].Step.IsInside() || f.Plan.Try[i].Host == p.Host {
		return dead.Also(provisioning.FaultInstead, facts)
	}
	works, r := f.Plan.Try[i], f.Record.Registrar
	source, side := f.sourceOf(p.Step, p.Host)
	other, _ := f.sourceOf(works.Step, works.Host)
	if source == other {
		return dead.Also(provisioning.FaultInstead, facts)
	}
	facts["source"], facts["other"] = source, other
	if !f.remembers() || r.Host != works.Host || r.Step != p.Step.String() {
		return dead.Also(provisioning.FaultInstead, facts)
	}
	facts["instead"], facts["when"] = works.Host, f.Record.RegisteredAt
	dead = dead.With(provisioning.Facts{"new": nil})
	return provisioning.FaultRecordAhead.Because(dead, facts).On(side).Also(provisioning.FaultNamedBefore, facts)
}

// strangers is what is known of DHCP servers that disagree, and of which of them this device obeys.
func strangers(f *Facts) provisioning.Facts {
	facts := provisioning.Facts{"problem": f.DHCP.Conflict}
	var servers []netip.Addr
	like, alike := netip.Addr{}, 0 // whose name servers the device has
	for i := range f.DHCP.Answers {
		a := &f.DHCP.Answers[i]
		if !slices.Contains(servers, a.Server) {
			servers = append(servers, a.Server)
		}
		if len(f.Servers) > 0 && slices.Contains(a.NameServers, f.Servers[0].Addr()) {
			like = a.Server
			alike++
		}
	}
	facts["servers"] = sorted(servers) // they answer now in this order, now in that
	own := f.Lease
	switch {
	case own.IsValid():
		facts["lease"] = own
	case alike == 1:
		own, facts["like"] = like, like
	default:
		facts["unknown"] = "is not known"
		return facts
	}
	foreign := func(names bool) []netip.Addr {
		return slices.DeleteFunc(slices.Clone(servers), func(server netip.Addr) bool { return server == own || names && !namesOne(f, server) })
	}
	switch {
	case f.DHCP.Network == "":
	case f.signsIn() && !f.FromRecord: // the network that it has got works
		facts["foreign"] = foreign(false)
	case !namesOne(f, own) && noRecord(f):
		facts["foreign"], facts["own"], facts["domain"] = foreign(true), own, f.sipDomain()
	}
	return facts
}

// namesOne says whether a DHCP server names a Registrar.
func namesOne(f *Facts, server netip.Addr) bool {
	return slices.IndexFunc(f.DHCP.Answers, func(a dhcpopts.Answer) bool { return a.Server == server && len(a.SIP.Names) > 0 }) >= 0
}

// noRecord says whether DNS says that there is no SRV record.
func noRecord(f *Facts) bool {
	return !slices.ContainsFunc(f.Found, func(found provisioning.Finding) bool {
		return found.Source.Source == "dns" && found.Verdict != provisioning.Absent && f.Policy.Asks(found.Step)
	})
}

// disagreeAbout says of a host that leads nowhere that another DHCP server names another, and who names it.
func disagreeAbout(f *Facts, step provisioning.Step, host string, dead provisioning.Trouble) provisioning.Trouble {
	if step != provisioning.DHCPTLS && step != provisioning.DHCPTCP || f.DHCP == nil || f.DHCP.Conflict == "" {
		return dead
	}
	facts := strangers(f)
	var wrong []netip.Addr
	for i := range f.DHCP.Answers {
		if a := &f.DHCP.Answers[i]; slices.Contains(a.SIP.Names, host) {
			wrong = append(wrong, a.Server)
		}
	}
	if len(wrong) > 0 {
		facts["wrong"], facts["host"] = sorted(wrong), host
	}
	t := provisioning.FaultDHCPDisagreeDead.Because(dead, facts)
	for _, other := range f.Places {
		if other.Host != host && other.Role == Unplanned && other.Step == provisioning.DHCPTLS && other.ready() {
			return t.Also(provisioning.FaultDHCPOtherAnswers, provisioning.Facts{"host": other.HostPort()})
		}
	}
	return t
}

// byStrangers is for a device that finds no way where DHCP servers disagree about the gateway or the name servers: that may be why.
func byStrangers(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	switch t.Area() {
	case "dns", "discovery", "name", "connect":
		if f.DHCP != nil && f.DHCP.Network != "" {
			facts := strangers(f)
			if foreign, _ := facts["foreign"].([]netip.Addr); len(foreign) > 0 && t.Area() == "name" {
				return provisioning.FaultDHCPForeign.Because(t, facts)
			}
			return provisioning.FaultDHCPStranger.Because(t, facts)
		}
	}
	return t
}

// private says whether one of these addresses is private.
func private(addrs []netip.Addr) bool { return slices.ContainsFunc(addrs, netip.Addr.IsPrivate) }
