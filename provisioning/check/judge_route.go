package check

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"homeward/dhcpopts"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// byWhat is an interface and a metric, as a tech reads them in a table of routes.
func byWhat(r *wire.Route) string { return fmt.Sprintf("%s metric %d", r.Interface, r.Metric) }

// nobody says whether DHCP was asked on the link in use and does not answer, and nothing else has been heard of this network.
func nobody(f *Facts) bool {
	if f.Link.AskedOn != nil {
		return false
	}
	for _, way := range f.Ways {
		if way.Heard {
			return false
		}
	}
	return f.DHCP != nil && f.DHCP.Reason == provisioning.DHCPSilent
}

// byRoute adds to what does not answer what is known besides of the way there: where a gateway does not, which one does, what DHCP gives,
// and whose it is to put right.
func byRoute(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	switch {
	case t.Fault == provisioning.FaultNoGateway, t.Fault == provisioning.FaultDNSNoGateway:
		if nobody(f) {
			t = t.With(provisioning.Facts{"dhcp": provisioning.NorDHCP})
		}
		if t = byBeside(f, t); t.Fault == provisioning.FaultNoARP {
			return t
		}
		return byOther(f, byDHCP(f, t))
	case t.Fault == provisioning.FaultNoNeighbour, t.Fault == provisioning.FaultDNSNobodyThere:
		return byBeside(f, t)
	case slices.Contains(lacksDefault, t.Fault):
		return byRouter(f, t)
	case t.Fault == provisioning.FaultDeadRoute, t.Fault == provisioning.FaultDNSDeadRoute:
		return byOrigin(f, t)
	case t.Fault == provisioning.FaultTunnel, t.Fault == provisioning.FaultDNSTunnel:
		if name, _ := t.Facts["tunnel"].(string); f.Link.Of != nil && f.Link.Of(name).NoCarrier {
			t = t.With(provisioning.Facts{"idle": true})
		}
		return t
	case slices.Contains(unheardOf, t.Fault):
		return byDetour(f, t)
	default:
		return t
	}
}

// byBeside adds to a gateway that does not answer who else does on its link. Where nobody answers ARP, not even a DHCP server that has answered
// this device, the gateway is not at fault more than another: such an answer gets through where ARP does not.
func byBeside(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	silent, _ := t.Facts["address"].(netip.Addr)
	is6 := t.Facts["router"] != nil || silent.Is6()
	for _, addr := range sorted(slices.Collect(maps.Keys(f.Ways))) {
		if way := f.Ways[addr]; addr.Is6() == is6 && way.Heard && way.Hop == addr && f.Link.onSubnet(addr) {
			return t.With(provisioning.Facts{"beside": addr})
		}
	}
	var deaf []netip.Addr
	heard := netip.Addr{}
	for _, n := range f.Neighbours {
		switch {
		case n.Of == provisioning.OfThisDevice, n.link != f.Link.Interface, n.Problem != "", !f.Link.onSubnet(n.Addr), n.Addr.Is6() != is6:
			continue
		case len(n.MACs) > 0:
			return t.With(provisioning.Facts{"beside": n.Addr})
		}
		deaf = append(deaf, n.Addr)
		if answersDHCP(f, n) {
			heard = n.Addr
		}
	}
	if !heard.IsValid() {
		return t
	}
	t.Fault = provisioning.FaultNoARP
	return t.With(provisioning.Facts{"deaf": deaf, "heard": heard})
}

// answersDHCP says whether DHCP has answered from the address of a neighbour, on its link.
func answersDHCP(f *Facts, n *Neighbour) bool {
	return f.DHCP != nil && slices.ContainsFunc(f.DHCP.Answers, func(a dhcpopts.Answer) bool { return a.Server == n.Addr && cameOn(f, &a, n.link) })
}

// gatewayGone says whether nobody answers for the gateway of the default route.
func gatewayGone(f *Facts) bool {
	return slices.ContainsFunc(f.Neighbours, func(n *Neighbour) bool {
		mac, known := macOf(f, n.link, n.Addr)
		return n.Of == provisioning.OfTheGateway && n.Addr.String() == f.Here.Gateway && known && mac == ""
	})
}

// unheardOf are the faults of silence that a wrong route may cause.
var unheardOf = []provisioning.Fault{
	provisioning.FaultFiltered, provisioning.FaultNothingBehind, provisioning.FaultSilentBehind, provisioning.FaultRejectedBehind, provisioning.FaultHostUnreachable, provisioning.FaultNoHost, provisioning.FaultRouterRejects,
	provisioning.FaultDNSSilent, provisioning.FaultDNSSilentWayOpen, provisioning.FaultDNSUpstream,
}

// byOrigin adds to a route that leads through a gateway that does not answer where it comes from, and the gateway of the default route that
// does answer.
func byOrigin(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	hop, _ := t.Facts["hop"].(netip.Addr)
	for _, r := range f.Defaults {
		if mac, _ := macOf(f, r.Interface, r.Via); (mac != "" || asked(f, r.Via, true)) && r.Via != hop && hop.Is4() {
			t = t.With(provisioning.Facts{"other": r.Via})
			break
		}
	}
	route, _ := t.Facts["route"].(*wire.Route)
	if route == nil {
		return t
	}
	facts, side := whoGives(f, route, hop)
	if t = t.With(facts); side != "" {
		t = t.On(side)
	}
	return t
}

// whoGives says who gives a route, and whose side it is on; "": that is not known. It is not, where DHCP was not asked on the link of the
// route, where an answer could not be read to its end, or where it has another route that this one may have been made from.
func whoGives(f *Facts, r *wire.Route, hop netip.Addr) (facts provisioning.Facts, side provisioning.Side) {
	if f.DHCP == nil || !hop.Is4() || r.Table != 0 || !slices.Contains(strings.Split(f.DHCP.Interface, ", "), r.Interface) {
		return nil, ""
	}
	var servers []netip.Addr
	for i := range f.DHCP.Answers {
		a := &f.DHCP.Answers[i]
		if a.Type != "ack" || a.Problem != "" {
			return nil, ""
		}
		servers = append(servers, a.Server)
		for j := range a.Routes {
			given := &a.Routes[j]
			to := given.To
			switch same := to.Bits() == r.To.Bits() && r.To.Contains(to.Addr()); {
			case same && given.Via == hop:
				return provisioning.Facts{"unsure": nil, "option": given.Option, "giver": a.Server}, provisioning.SideDHCP
			case !to.IsValid(), !same && to.Bits() > 0 && (to.Contains(r.To.Addr()) || r.To.Contains(to.Addr())):
				return nil, ""
			}
		}
	}
	if len(servers) == 0 {
		return nil, ""
	}
	return provisioning.Facts{"unsure": nil, "lacking": servers}, provisioning.SideDevice
}

// behind says whether a gateway is asked by an interface of which an answer of DHCP is.
func behind(f *Facts, gateway netip.Addr, a *dhcpopts.Answer) bool {
	for _, way := range f.Ways {
		if way.Hop == gateway && !cameOn(f, a, way.Link) {
			return false
		}
	}
	return true
}

// byDHCP adds to a gateway that does not answer the one that DHCP gives instead on the same link.
func byDHCP(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	gateway, known := t.Facts["gateway"].(netip.Addr)
	if f.DHCP == nil || !known {
		return t
	}
	var others []netip.Addr
	for i := range f.DHCP.Answers {
		given := f.DHCP.Answers[i].Routers
		if slices.Contains(given, gateway) {
			return t // then it is not for this to say which of the servers is right
		}
		if len(others) == 0 && behind(f, gateway, &f.DHCP.Answers[i]) {
			others = given
		}
	}
	if len(others) == 0 {
		return t
	}
	return t.With(provisioning.Facts{"given": provisioning.ListOf(others)}).On(provisioning.SideDevice)
}

// byDetour adds to what does not answer that it is reached by another route than all else.
func byDetour(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	addr, _ := t.Facts["address"].(netip.Addr)
	if way := f.Ways[addr]; way.Detour != nil && way.Hop != addr && !asked(f, way.Hop, true) {
		return t.Also(provisioning.FaultByRoute, provisioning.Facts{"route": way.Detour, "hop": way.Hop})
	}
	return byOther(f, t)
}

// byOther adds to what does not answer that there is another default route than the one that is used, where nobody has answered through that.
func byOther(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	if len(f.Defaults) < 2 || !asked(f, f.Defaults[0].Via, false) || asked(f, f.Defaults[0].Via, true) {
		return t
	}
	used, other := f.Defaults[0], f.Defaults[1]
	facts := provisioning.Facts{"hop": used.Via, "used": byWhat(used), "other": other.Via, "instead": byWhat(other)}
	if mac, _ := macOf(f, other.Interface, other.Via); mac != "" {
		facts["mac"] = mac
	}
	return t.Also(provisioning.FaultUnusedDefault, facts)
}
