package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// alike is for several Registrars, or addresses of one, at which the same happens: that is more likely one cause than as many.
func alike(f *Facts) provisioning.Trouble { return alikeAt(f, 0) }

// alikeAt is the same for those at one port; 0: at whatever port.
func alikeAt(f *Facts, port uint16) provisioning.Trouble {
	all := provisioning.Together{Port: port}
	for i := range f.Plan.Try {
		c := &f.Plan.Try[i]
		p, _ := f.place(c)
		if p.closed() || port != 0 && p.Port != port {
			continue
		}
		way := func(probe *signin.Probe) bool { return !cannotReach(f, probe) }
		for _, probe := range p.Probes {
			if !way(probe) && slices.ContainsFunc(p.Probes, way) { // this device may have no IPv6, which tells nothing of the others
				continue
			}
			alone := *p
			alone.Probes = []*signin.Probe{probe}
			if !all.Add(p.Endpoint, probe.Addr, deadPlace(f, &alone)) {
				return provisioning.Trouble{}
			}
		}
	}
	wider := !f.ByPassed && f.dnsDead().Reason != "" // or packets get lost everywhere
	if !all.Several() || wider || onLossyWay(f, all.Trouble).Fault != all.Trouble.Fault {
		return provisioning.Trouble{}
	}
	before := f.remembers() && f.lastGood().Transport == provisioning.TLS                    // otherwise this device may never have had the root of the site
	oneHost := all.Trouble.Fault == provisioning.FaultUnknownAuthority && len(all.Hosts) < 2 // more likely it is about that
	if all.OfOne() && (oneHost || len(all.Addrs) < 2 || !before || f.proven()) {
		return provisioning.Trouble{}
	}
	if all.Trouble.Fault == provisioning.FaultFiltered {
		all.Trouble = all.Trouble.With(provisioning.Facts{"beside": behindToo(f, all.Addrs)})
	}
	return all.Told(f.Record.RegisteredAt)
}

// behindToo is what answers behind the gateway through which all of these are reached, "": nothing, or they are reached in several ways.
func behindToo(f *Facts, addrs []string) string {
	var hop netip.Addr
	for other, way := range f.Ways {
		switch {
		case !slices.Contains(addrs, other.String()):
		case hop.IsValid() && way.Hop != hop, way.Hop == other:
			return ""
		default:
			hop = way.Hop
		}
	}
	var heard []netip.Addr
	for other, way := range f.Ways {
		if way.Heard && hop.IsValid() && way.Hop == hop && other != hop && !slices.Contains(addrs, other.String()) {
			heard = append(heard, other)
		}
	}
	if heard == nil {
		return ""
	}
	return sorted(heard)[0].String()
}

// besideAlike adds what else it may be where a gateway has let nothing through: several Registrars that have one cause in common, where
// nothing but Registrars was asked behind it.
func besideAlike(f *Facts, t provisioning.Trouble, addr netip.Addr) provisioning.Trouble {
	var registrars []netip.Addr
	var ports []string
	for _, p := range f.Places {
		registrars = append(registrars, p.Addrs...)
		if port := fmt.Sprint(p.Port); p.Role != Beside && !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	for other, way := range f.Ways {
		if way.Hop == f.Ways[addr].Hop && other != way.Hop && !slices.Contains(registrars, other) {
			return t
		}
	}
	return t.With(provisioning.Facts{"ports": strings.Join(ports, " or ")})
}

// deadOrAlike is what is wrong with a place: what it has in common with all, or loses at its port as all do that have that port.
func deadOrAlike(f *Facts, p *Place) provisioning.Trouble {
	if t := alike(f); !t.None() {
		return t
	}
	serves := func(other *Place) bool { return other.Port == p.Port && other.ready() }
	if slices.Contains(dropped, p.best().Trouble.Fault) && !slices.ContainsFunc(f.Places, serves) {
		if t := alikeAt(f, p.Port); !t.None() {
			return t
		}
	}
	return deadPlace(f, p)
}

// onePin leaves the pin of a certificate out where another Registrar, or address, is not trusted either, and shows another one: that pin would
// help at one of them alone.
func onePin(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	anchor := t.Facts["anchor"]
	for i := range f.Plan.Try {
		c := &f.Plan.Try[i]
		p, _ := f.place(c)
		for _, probe := range p.Probes {
			if other := probe.Trouble.Facts["anchor"]; anchor != nil && other != nil && other != anchor && probe.Reason() == provisioning.TLSUntrusted {
				return t.With(provisioning.Facts{"pin": nil})
			}
		}
	}
	return t
}

// sameAt adds to what is wrong at a place at which others of the plan the same is wrong.
func sameAt(f *Facts, p *Place, t provisioning.Trouble) provisioning.Trouble {
	t = onePin(f, t)
	var hosts []string
	for i := range f.Plan.Try {
		c := &f.Plan.Try[i]
		other, _ := f.place(c)
		if c.Host == p.Host || len(other.Probes) == 0 || other.ready() || slices.Contains(hosts, c.Host) || !t.Specific() || t.Area() == "clock" {
			continue
		}
		if same := deadPlace(f, other); same.Fault == t.Fault && same.Facts["issuer"] == t.Facts["issuer"] {
			hosts = append(hosts, c.Host)
		}
	}
	if hosts == nil {
		return t
	}
	if t.Fault == provisioning.FaultNoHost { // it may be their line
		t = t.OnNoSide()
	}
	others := strings.Join(hosts, " and ")
	return t.With(provisioning.Facts{"alike": others, "single": nil}).Also(provisioning.FaultLikewise, provisioning.Facts{"others": others})
}

// deadPlaces is for a device that knows where to go, and meets nobody who speaks SIP there. The first place is the one
// the site means to be used; but one that shows a fault of its own says more than one that shows nothing.
func deadPlaces(f *Facts) provisioning.Trouble {
	var first *Place
	for i := range f.Plan.Try {
		c := &f.Plan.Try[i]
		p, ok := f.place(c)
		if !ok || len(p.Probes) == 0 {
			continue
		}
		if first == nil || showsNothing(f, first) && (stage(p.best()) > 0 || !ledElsewhere(f, p, p.best().Trouble).None()) {
			first = p
		}
	}
	if first == nil {
		return nothingNamed(f)
	}
	led := !ledElsewhere(f, first, first.best().Trouble).None()
	if t := nothingBehind(f, first.best().Addr); !t.None() && !led && provisioning.DeadForDNS[first.best().Trouble.Fault] == "" {
		return besideAlike(f, t, first.best().Addr)
	}
	if t := addressAlone(f); !t.None() {
		return t
	}
	if t := betterRank(f, []provisioning.Candidate{first.Candidate}); !t.None() {
		return t
	}
	if t := aliasInCloud(f, first.Host); !t.None() {
		return t
	}
	t := besideLastGood(f, byWildcard(f, disagreeAbout(f, first.Step, first.Host, sameAt(f, first, deadOrAlike(f, first))), first), first)
	if other := recordsOf(f, first.Step); !t.None() && !other.None() { // it may be the old one
		t = t.And(other)
	}
	return t
}

// firstChoiceFails is about what the site means to be used, and is not: a name that leads nowhere comes before a Registrar of a later rank.
func firstChoiceFails(f *Facts) provisioning.Trouble {
	t := firstPlaceFails(f)
	if better := betterRank(f, f.Plan.Try); !t.None() && !better.None() {
		return better
	}
	return t
}

// firstPlaceFails is about the first Registrar that was tried, and did not take the device.
func firstPlaceFails(f *Facts) provisioning.Trouble {
	for j := range f.Plan.Try {
		c := &f.Plan.Try[j]
		p, _ := f.place(c)
		if c.Endpoint == f.signedInAt() || len(p.Probes) == 0 {
			break
		}
		for i := range f.SignIn.Attempts {
			attempt := &f.SignIn.Attempts[i]
			if attempt.Result != "failed" || attempt.Host != c.Host || attempt.Port != c.Port {
				continue
			}
			if bad, ok := badAt(f, attempt); ok {
				p = bad
				break
			}
			return refused(f, attempt) // it answers strangers, and refuses us
		}
		if !p.ready() && p.best().Reason() != "" {
			return sourcesDiffer(f, p, sameAt(f, p, besideProven(f, p, deadOrAlike(f, p))))
		}
	}
	return provisioning.Trouble{}
}
