package check

import (
	"net/netip"
	"slices"

	"homeward/dhcpopts"
	"homeward/provisioning"
	"homeward/provisioning/discover"
)

// Specification constants: the options in which DHCP names a router.
const (
	optionRouter    = 3   // RFC 2132 section 3.5
	optionClassless = 121 // RFC 3442
)

// lacksDefault are the faults of a device that has no default route, before it is known what DHCP says to that.
var lacksDefault = []provisioning.Fault{provisioning.FaultNoDefaultRoute, provisioning.FaultDNSNoDefault, provisioning.FaultNoDefault}

// routerFaults are what they are then.
var routerFaults = []provisioning.Fault{provisioning.FaultNoDefaultRoute, provisioning.FaultNoRouterGiven, provisioning.FaultRouterNotTaken, provisioning.FaultRouterIgnored}

// noDefault is about a device that has no default route, and for which what it needs is behind one: nothing that it asks or would try is
// beside it.
func noDefault(f *Facts) provisioning.Trouble {
	if dead := f.dnsDead().Trouble; dead.Fault == provisioning.FaultDNSNoDefault {
		return dead
	}
	var found provisioning.Trouble
	for _, p := range f.Places {
		if p.Role != Planned {
			continue
		}
		for _, probe := range p.Probes {
			switch {
			case isAnswered(probe):
				return provisioning.Trouble{}
			case probe.Trouble.Fault == provisioning.FaultNoDefault && found.None():
				found = probe.Trouble
			}
		}
	}
	return found
}

// byRouter is what is wrong with a device that has no default route, with what DHCP says to that: a router, none, or one that does not count.
func byRouter(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	if !slices.Contains(lacksDefault, t.Fault) {
		return t
	}
	fault, facts := routerOf(f)
	if beyond := beyondReach(f); len(beyond) > 0 {
		facts["beyond"] = beyond
	}
	told := fault.Met(facts)
	told.More = t.More
	if others, _ := facts["lacking"].([]netip.Addr); fault == provisioning.FaultRouterNotTaken && len(others) > 0 {
		told = told.OnNoSide() // it may have its lease from either
	}
	return told
}

// beyondReach are those that this device has asked, and cannot reach without a default route.
func beyondReach(f *Facts) (all []string) {
	if f.dnsDead().Trouble.Fault == provisioning.FaultDNSNoDefault {
		for _, server := range f.Beyond {
			all = append(all, "the name server "+server.String())
		}
	}
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			if p.Role == Planned && probe.Trouble.Fault == provisioning.FaultNoDefault {
				all = append(all, p.HostPort()+" ("+probe.Addr.String()+")")
			}
		}
	}
	return all[:min(len(all), provisioning.MaxSilent)]
}

// routerOf is what DHCP says of a router, where this device has no default route.
func routerOf(f *Facts) (provisioning.Fault, provisioning.Facts) {
	if why, silent := unheardOfRouters(f); why != "" {
		facts := provisioning.Facts{"why": why}
		if silent {
			facts["silent"] = "DHCP does not answer"
		}
		return provisioning.FaultNoDefaultRoute, facts
	}
	var giving, lacking, ignored, routers, unused []netip.Addr
	facts := provisioning.Facts{"on": f.DHCP.Interface}
	for i := range f.DHCP.Answers {
		a := &f.DHCP.Answers[i]
		switch router, by := givenDefault(a); {
		case router.IsValid():
			if giving = append(giving, a.Server); !slices.Contains(routers, router) {
				routers, facts["option"] = append(routers, router), by
			}
		case by == optionClassless:
			ignored, unused = append(ignored, a.Server), append(unused, a.Routers...)
		default:
			lacking = append(lacking, a.Server)
		}
	}
	fault := provisioning.FaultNoRouterGiven
	switch {
	case len(giving) > 0:
		fault, lacking, facts["giving"] = provisioning.FaultRouterNotTaken, append(ignored, lacking...), giving
	case len(ignored) > 0:
		fault, lacking, routers = provisioning.FaultRouterIgnored, ignored, unused
	}
	facts["lacking"], facts["routers"] = lacking, routers
	return fault, facts
}

// unheardOfRouters is why it is not known what DHCP says of routers; "": it is known. silent: DHCP was asked in vain.
func unheardOfRouters(f *Facts) (why string, silent bool) {
	switch {
	case f.DHCP == nil:
		return "DHCP was not asked", false
	case f.DHCP.Reason.IsDHCPUnasked():
		return "DHCP could not be asked", false
	case len(f.DHCP.Answers) == 0 && f.DHCP.Reason == provisioning.DHCPSilent && len(f.DHCP.Dropped) == 0:
		return "DHCP does not answer", true
	case len(f.DHCP.Answers) == 0:
		return "no answer of DHCP could be read", false
	}
	for i := range f.DHCP.Answers {
		a := &f.DHCP.Answers[i]
		unread := func(r dhcpopts.Route) bool { return r.Option == optionClassless && !r.To.IsValid() }
		onLink := func(r dhcpopts.Route) bool { return r.To.IsValid() && r.To.Bits() == 0 && !r.Via.IsValid() }
		if slices.ContainsFunc(a.Routes, onLink) {
			return "the answer of " + discover.Who(a) + " has a default route without a router, on the link itself", false
		}
		if a.Type != "ack" || a.Problem != "" || slices.ContainsFunc(a.Routes, unread) {
			return "the answer of " + discover.Who(a) + " cannot be used, or not all of it", false
		}
	}
	return "", false
}

// givenDefault is the router that an answer names, and by which option; zero: none, and with option 121 one of option 3 does not count (RFC 3442).
func givenDefault(a *dhcpopts.Answer) (router netip.Addr, option uint8) {
	option = optionRouter
	for i := range a.Routes {
		switch r := &a.Routes[i]; {
		case !r.To.IsValid():
		case r.To.Bits() == 0:
			return r.Via, r.Option
		case r.Option == optionClassless:
			option = optionClassless
		}
	}
	if option == optionClassless || len(a.Routers) == 0 {
		return netip.Addr{}, option
	}
	return a.Routers[0], option
}
