package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// sameWay are the faults that one thing on the way to several Registrars, or that they share, can cause at all of them; those with the
// same value are told as that one where they stand side by side.
var sameWay = map[provisioning.Fault]provisioning.Fault{
	provisioning.FaultFiltered: provisioning.FaultFiltered, provisioning.FaultHostDrops: provisioning.FaultFiltered, provisioning.FaultPortFiltered: provisioning.FaultFiltered,
	provisioning.FaultRefused: provisioning.FaultRefused, provisioning.FaultRefusedTCP: provisioning.FaultRefused, provisioning.FaultHostUnreachable: provisioning.FaultHostUnreachable,
	provisioning.FaultTLSHungUp: provisioning.FaultTLSHungUp, provisioning.FaultTLSCut: provisioning.FaultTLSCut, provisioning.FaultTLSSilent: provisioning.FaultTLSSilent,
	provisioning.FaultTLSStalls: provisioning.FaultTLSStalls, provisioning.FaultTLSLost: provisioning.FaultTLSLost, provisioning.FaultTLSDropped: provisioning.FaultTLSDropped,
	provisioning.FaultDropsSIP: provisioning.FaultDropsSIP, provisioning.FaultCutAsking: provisioning.FaultDropsSIP, provisioning.FaultCut: provisioning.FaultCut,
	provisioning.FaultStepCut: provisioning.FaultStepCut, provisioning.FaultStepSilent: provisioning.FaultStepSilent,
	provisioning.FaultNoSIP: provisioning.FaultNoSIP, provisioning.FaultRegisterSilent: provisioning.FaultRegisterSilent, provisioning.FaultSIPDropped: provisioning.FaultSIPDropped,
	provisioning.FaultUnknownAuthority: provisioning.FaultUnknownAuthority,
}

// together is what fails in the same way.
type together struct {
	trouble             provisioning.Trouble // the first
	hosts, addrs, ports []string
	near                bool   // some are known to be on a link of this device
	other               bool   // at some it is not proven that packets are lost for their size
	port                uint16 // the one that they have in common; 0: all Registrars are alike
}

// alike is for several Registrars, or addresses of one, at which the same happens: that is more likely one cause than as many.
func alike(f *Facts) provisioning.Trouble { return alikeAt(f, 0) }

// alikeAt is the same for those at one port; 0: at whatever port.
func alikeAt(f *Facts, port uint16) provisioning.Trouble {
	all := together{port: port}
	for _, c := range f.Plan.Try {
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
			if !all.add(&alone, deadPlace(f, &alone)) {
				return provisioning.Trouble{}
			}
		}
	}
	wider := !f.ByPassed && f.dnsDead().Reason != "" // or packets get lost everywhere
	if len(all.hosts) < 2 && len(all.addrs) < 2 || wider || onLossyWay(f, all.trouble).Fault != all.trouble.Fault {
		return provisioning.Trouble{}
	}
	before := f.remembers() && f.lastGood().Transport == provisioning.TLS // otherwise this device may never have had the root of the site
	if all.trouble.Fault == provisioning.FaultUnknownAuthority && (len(all.hosts) < 2 || len(all.addrs) < 2 || !before || f.proven()) {
		return provisioning.Trouble{}
	}
	return all.told(f)
}

// add adds what is wrong at one address; false: it is not the same.
func (a *together) add(p *Place, t provisioning.Trouble) bool {
	way := sameWay[t.Fault]
	switch {
	case way == "", t.More != nil && len(t.More.And) > 0, t.Fault == provisioning.FaultUnknownAuthority && t.Facts["open"] != nil:
		return false // the last: there is a root above that is not sent
	case len(a.addrs) == 0:
		a.trouble = t
	case way != sameWay[a.trouble.Fault], t.Fault == provisioning.FaultUnknownAuthority && t.Facts["root"] != a.trouble.Facts["root"]:
		return false
	case t.Fault != a.trouble.Fault:
		a.trouble = way.Met(a.trouble.Facts)
	case t.Facts["elsewhere"] != a.trouble.Facts["elsewhere"]:
		a.trouble = a.trouble.With(provisioning.Facts{"elsewhere": "accepts or refuses connections on another port"})
	}
	a.other = a.other || t.Facts["smaller"] == nil
	a.near = a.near || t.Facts["there"] != nil || t.Fault == provisioning.FaultHostDrops
	for list, value := range map[*[]string]string{&a.hosts: p.Host, &a.addrs: p.Probes[0].Addr.String(), &a.ports: fmt.Sprint(p.Port)} {
		if !slices.Contains(*list, value) {
			*list = append(*list, value)
		}
	}
	return true
}

// oneDevice is what is most likely, where nothing speaks for anything else.
const oneDevice = "one device on the way, such as a firewall between this network and them"

// told says it of all of them.
func (a *together) told(f *Facts) provisioning.Trouble {
	who := provisioning.Facts{"at": fmt.Sprintf("each of the %d Registrars", len(a.hosts)), "address": a.hosts, "who": nil, "there": nil, "worked": nil, "led": nil, "new": true}
	if len(a.hosts) == 1 {
		who["at"], who["address"] = fmt.Sprintf("each of the %d addresses of %s", len(a.addrs), a.hosts[0]), a.addrs
	}
	if a.port != 0 { // others fail elsewhere, or do not fail
		who["at"] = fmt.Sprintf("%s at port %d", who["at"], a.port)
	}
	cause := a.trouble.With(who)
	if cause.Fault == provisioning.FaultUnknownAuthority {
		return provisioning.FaultAllOfOne.Because(cause, cause.With(provisioning.Facts{"when": f.Record.RegisteredAt}).Facts)
	}
	if !a.other {
		return provisioning.FaultAllLoseLarge.Because(cause, nil)
	}
	likely := oneDevice
	switch {
	case cause.Facts["arrived"] != nil:
		likely = "something that they share, or one device on the way that drops what they answer"
	case len(a.addrs) == 1:
		likely = fmt.Sprintf("one device on the way, such as a firewall, or as likely the server or load balancer at %s, which they share", a.addrs[0])
	case a.near:
		likely = "one filter on the way (in a switch or access point), or what they share (a host, a setting, an update)"
	case len(a.hosts) == 1:
		likely += ", or something that the servers of the pool share"
	}
	t := provisioning.FaultAlike.Because(cause, provisioning.Facts{"likely": likely, "ports": strings.Join(a.ports, " or ")})
	lost := cause.OnSide() == provisioning.SideNetwork || cause.Fault == provisioning.FaultTLSDropped || cause.Fault == provisioning.FaultSIPDropped ||
		cause.Fault == provisioning.FaultPortFiltered // they are up
	if likely == oneDevice && lost { // several hosts do not do so at once
		return t.On(provisioning.SideNetwork)
	}
	return t.OnNoSide()
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

// deadPlaces is for a device that knows where to go, and meets nobody who speaks SIP there. The first place is the one
// the site means to be used; but one that shows a fault of its own says more than one that shows nothing.
func deadPlaces(f *Facts) provisioning.Trouble {
	var first *Place
	for _, c := range f.Plan.Try {
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
	t := besideLastGood(f, byWildcard(f, disagreeAbout(f, first.Step, first.Host, deadOrAlike(f, first)), first), first)
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
	for _, c := range f.Plan.Try {
		p, _ := f.place(c)
		if c.Endpoint == f.signedInAt() || len(p.Probes) == 0 {
			break
		}
		for _, attempt := range f.SignIn.Attempts {
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
			return sourcesDiffer(f, p, besideProven(f, p, deadOrAlike(f, p)))
		}
	}
	return provisioning.Trouble{}
}
