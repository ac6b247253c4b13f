package provisioning

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// SameWay are the faults that one thing on the way to several Registrars, or that they share, can cause at all of them; those with the
// same value are told as that one where they stand side by side.
var SameWay = map[Fault]Fault{
	FaultFiltered: FaultFiltered, FaultHostDrops: FaultFiltered, FaultPortFiltered: FaultFiltered,
	FaultRefused: FaultRefused, FaultRefusedTCP: FaultRefused, FaultHostUnreachable: FaultHostUnreachable, FaultRouterRejects: FaultHostUnreachable,
	FaultTLSHungUp: FaultTLSHungUp, FaultTLSCut: FaultTLSCut, FaultTLSSilent: FaultTLSSilent,
	FaultTLSStalls: FaultTLSStalls, FaultTLSLost: FaultTLSLost, FaultTLSDropped: FaultTLSDropped,
	FaultDropsSIP: FaultDropsSIP, FaultCutAsking: FaultDropsSIP, FaultCut: FaultCut,
	FaultStepCut: FaultStepCut, FaultStepSilent: FaultStepSilent,
	FaultNoSIP: FaultNoSIP, FaultRegisterSilent: FaultRegisterSilent, FaultSIPDropped: FaultSIPDropped,
	FaultUnknownAuthority: FaultUnknownAuthority,
}

// Together is what fails in the same way.
type Together struct {
	Trouble             Trouble // the first
	Hosts, Addrs, ports []string
	near                bool   // some are known to be on a link of this device
	other               bool   // at some it is not proven that packets are lost for their size
	Port                uint16 // the one that they have in common; 0: all Registrars are alike
}

// Several says whether they are.
func (a *Together) Several() bool { return len(a.Hosts) > 1 || len(a.Addrs) > 1 }

// Add adds what is wrong at one address of a place; false: it is not the same.
func (a *Together) Add(at Endpoint, addr netip.Addr, t Trouble) bool {
	way := SameWay[t.Fault]
	switch {
	case way == "", t.More != nil && len(t.More.And) > 0, t.Fault == FaultUnknownAuthority && t.Facts["open"] != nil:
		return false // the last: there is a root above that is not sent
	case len(a.Addrs) == 0:
		a.Trouble = t
	case way != SameWay[a.Trouble.Fault], t.Fault == FaultUnknownAuthority && t.Facts["root"] != a.Trouble.Facts["root"]:
		return false
	case t.Fault != a.Trouble.Fault:
		a.Trouble = way.Met(a.Trouble.Facts)
	case t.Facts["elsewhere"] != a.Trouble.Facts["elsewhere"]:
		a.Trouble = a.Trouble.With(Facts{"elsewhere": "accepts or refuses connections on another port"})
	}
	a.other = a.other || t.Facts["smaller"] == nil
	a.near = a.near || t.Facts["there"] != nil || t.Fault == FaultHostDrops
	for list, value := range map[*[]string]string{&a.Hosts: at.Host, &a.Addrs: addr.String(), &a.ports: fmt.Sprint(at.Port)} {
		if !slices.Contains(*list, value) {
			*list = append(*list, value)
		}
	}
	return true
}

// oneDevice is what is most likely, where nothing speaks for anything else.
const oneDevice = "one device on the way, such as a firewall between this network and them"

// Told says it of all of them; before is when this device registered last.
func (a *Together) Told(before time.Time) Trouble {
	who := Facts{"at": fmt.Sprintf("each of the %d Registrars", len(a.Hosts)), "address": a.Hosts, "who": nil, "there": nil, "worked": nil, "led": nil, "new": true}
	if len(a.Hosts) == 1 {
		who["at"], who["address"] = fmt.Sprintf("each of the %d addresses of %s", len(a.Addrs), a.Hosts[0]), a.Addrs
	}
	if a.Port != 0 { // others fail elsewhere, or do not fail
		who["at"] = fmt.Sprintf("%s at port %d", who["at"], a.Port)
	}
	cause := a.Trouble.With(who)
	if cause.Fault == FaultUnknownAuthority {
		return FaultAllOfOne.Because(cause, cause.With(Facts{"when": before}).Facts)
	}
	if !a.other {
		return FaultAllLoseLarge.Because(cause, nil)
	}
	likely := oneDevice
	switch {
	case cause.Facts["arrived"] != nil:
		likely = "something that they share, or one device on the way that drops what they answer"
	case len(a.Addrs) == 1:
		likely = fmt.Sprintf("one device on the way, such as a firewall, or as likely the server or load balancer at %s, which they share", a.Addrs[0])
	case a.near:
		likely = "one filter on the way (in a switch or access point), or what they share (a host, a setting, an update)"
	case len(a.Hosts) == 1:
		likely += ", or something that the servers of the pool share"
	}
	t := FaultAlike.Because(cause, Facts{"likely": likely, "ports": strings.Join(a.ports, " or ")})
	lost := cause.OnSide() == SideNetwork || cause.Fault == FaultTLSDropped || cause.Fault == FaultSIPDropped ||
		cause.Fault == FaultPortFiltered // they are up
	if likely == oneDevice && lost { // several hosts do not do so at once
		return t.On(SideNetwork)
	}
	return t.OnNoSide()
}

// Alike is what has happened at all Registrars of a cycle, where that was the same. None: it was not, or not all were tried, or something else
// was seen that may be why: DNS does not answer, or a name leads elsewhere than before.
func (c *Cycle) Alike() Trouble {
	var all Together
	for i := range c.Attempts {
		switch a := &c.Attempts[i]; {
		case a.Result == "skipped" && !a.waits() && a.Reason != NoAddress: // it is no other place, or none that may be used
		case a.Result != "failed", a.Trouble.Fault == FaultUnknownAuthority, a.Trouble.Facts["led"] != nil, !all.Add(a.Endpoint(), a.Address, a.Trouble):
			return Trouble{}
		}
	}
	if !all.Several() || slices.ContainsFunc(c.Sources, func(s Source) bool { return s.Reason == DNSTimeout }) {
		return Trouble{}
	}
	return all.Told(time.Time{})
}
