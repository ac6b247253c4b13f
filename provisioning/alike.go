package provisioning

import (
	"cmp"
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
	FaultUnknownAuthority: FaultUnknownAuthority, FaultNoIntermediate: FaultNoIntermediate, FaultUnknownIssuer: FaultUnknownIssuer,
}

// ofOneAuthority are those of an authority that this device does not trust: told of all where it is the same one, and where this device has trusted
// another one before.
var ofOneAuthority = map[Fault]Fault{FaultUnknownAuthority: FaultAllOfOne, FaultNoIntermediate: FaultAllOfOneIssuer, FaultUnknownIssuer: FaultAllOfOneIssuer}

// Together is what fails in the same way.
type Together struct {
	Trouble             Trouble // the first, with what is so at all of them
	Hosts, Addrs, ports []string
	own                 []string // the ports of the Registrars, among those that were asked
	places              []string // hosts with their addresses
	asked               int      // the least number of ports that were asked at one address in vain; 0: at some, only the one
	some                bool     // some answer at another port
	near                bool     // some are known to be on a link of this device
	other               bool     // at some it is not proven that packets are lost for their size
	Port                uint16   // the one that they have in common; 0: all Registrars are alike
}

// atAll are the facts that are told of all only where they are known of each: that what was sent has arrived, that it may be the size of packets,
// that a router is on the way, and that other ports were asked.
var atAll = []string{"arrived", "large", "routed", "vain"}

// Several says whether they are.
func (a *Together) Several() bool { return len(a.Hosts) > 1 || len(a.Addrs) > 1 }

// OfOne says whether it is that all certificates are of one authority, which this device does not trust.
func (a *Together) OfOne() bool { return ofOneAuthority[a.Trouble.Fault] != "" }

// Add adds what is wrong at one address of a place; false: it is not the same.
func (a *Together) Add(at Endpoint, addr netip.Addr, t Trouble) bool {
	way := SameWay[t.Fault]
	switch {
	case way == "", t.More != nil && len(t.More.And) > 0, t.Fault == FaultUnknownAuthority && t.Facts["open"] != nil:
		return false // the last: there is a root above that is not sent
	case len(a.Addrs) == 0:
		a.Trouble = t
	case way != SameWay[a.Trouble.Fault], t.Facts["sender"] != a.Trouble.Facts["sender"], a.OfOne() && t.Facts["root"] != a.Trouble.Facts["root"]:
		return false
	case t.Fault != a.Trouble.Fault:
		a.Trouble = way.Met(a.Trouble.Facts)
	case t.Facts["elsewhere"] != a.Trouble.Facts["elsewhere"]:
		a.Trouble = a.Trouble.With(Facts{"elsewhere": "accepts or refuses connections on another port"})
	}
	for _, name := range atAll {
		if t.Facts[name] == nil {
			a.Trouble = a.Trouble.With(Facts{name: nil})
		}
	}
	a.other = a.other || t.Facts["smaller"] == nil
	a.some = a.some || t.Fault == FaultPortFiltered
	a.near = a.near || t.Facts["near"] != nil || t.Fault == FaultHostDrops
	asked, _ := t.Facts["vain"].(Either)
	if len(a.Addrs) == 0 || len(asked) < a.asked {
		a.asked = len(asked)
	}
	if !slices.Contains(a.Addrs, addr.String()) {
		a.places = append(a.places, at.Host+" "+addr.String())
	}
	a.Hosts, a.Addrs = with(a.Hosts, at.Host), with(a.Addrs, addr.String())
	a.own = with(a.own, fmt.Sprint(at.Port))
	a.ports = with(with(a.ports, a.own...), asked...)
	return true
}

// with adds to a list what is not in it.
func with(list []string, values ...string) []string {
	for _, value := range values {
		if !slices.Contains(list, value) {
			list = append(list, value)
		}
	}
	return list
}

// Either are ports, of which a sentence has all.
type Either []string

func (e Either) String() string { return strings.Join(e, " or ") }

// each is all of them, as the cause of each is told of all.
func (a *Together) each() Facts {
	who := Facts{"at": fmt.Sprintf("each of the %d Registrars", len(a.Hosts)), "address": a.Hosts, "port": Either(a.own), "who": nil, "there": nil, "worked": nil, "led": nil, "new": true}
	everywhere := a.Trouble.Fault == FaultFiltered && a.asked == len(a.ports) && a.asked > 1 // each is silent at all ports that were asked
	for _, kind := range []string{"odd", "usual"} {
		if a.Trouble.Facts[kind] != nil {
			who[kind] = who["port"]
		}
	}
	switch {
	case len(a.Hosts) == 1:
		who["at"], who["address"] = fmt.Sprintf("each of the %d addresses of %s", len(a.Addrs), a.Hosts[0]), a.Addrs
	case everywhere && a.Port != 0:
		who["at"] = fmt.Sprintf("each of these %d Registrars", len(a.Hosts))
	}
	if a.Port != 0 && !everywhere { // others fail elsewhere, or do not fail
		who["at"] = fmt.Sprintf("%s at port %d", who["at"], a.Port)
	}
	switch {
	case a.Trouble.Fault == FaultTLSHungUp, a.OfOne(): // it is about the name
	case len(a.Addrs) == 1:
		who["host"] = a.Addrs[0]
	default:
		who["host"] = "each of them"
	}
	if a.Trouble.Fault != FaultFiltered {
		return who
	}
	if who["routed"] = nil; everywhere {
		who["asked"], who["port"] = Either(a.ports), Either(a.ports)
	}
	if len(a.Hosts) > 1 {
		who["address"] = a.places
	}
	return who
}

// Told says it of all of them; before is when this device registered last.
func (a *Together) Told(before time.Time) Trouble {
	mixed := a.some && a.Trouble.Fault == FaultFiltered
	if mixed {
		a.Trouble = FaultPortFiltered.Met(a.Trouble.Facts).With(Facts{"elsewhere": "at least one of them accepts or refuses connections on another port", "same": true})
	}
	cause := a.Trouble.With(a.each())
	if a.OfOne() {
		return ofOneAuthority[cause.Fault].Because(cause, cause.With(Facts{"when": before}).Facts)
	}
	if !a.other {
		return FaultAllLoseLarge.Because(cause, nil)
	}
	likely, single := a.likely()
	facts := Facts{"likely": likely, "ports": Either(a.ports), "host": a.Trouble.Facts["host"]}
	switch arrived := cause.Facts["arrived"] != nil; {
	case !arrived && !loses(cause):
		facts["way"] = true
	case arrived && cause.Area() == "sip": // what is to be done about each comes first, and is not about the way
		facts["late"] = true
		fallthrough
	default:
		facts["each"] = true
	}
	if a.back() {
		facts["back"] = strings.Join(a.Addrs[:min(len(a.Addrs), MaxSilent)], ", ")
	}
	t := FaultAlike.Because(cause, facts)
	lost := cause.OnSide() == SideNetwork || cause.Fault == FaultTLSDropped || cause.Fault == FaultSIPDropped ||
		cause.Fault == FaultPortFiltered && !mixed // they are up
	if single && lost { // several hosts do not do so at once
		return t.On(SideNetwork)
	}
	return t.OnNoSide()
}

// back says whether what all of them answer may be lost on its way back: nothing has come of any, through routers.
func (a *Together) back() bool {
	return a.Trouble.Fault == FaultFiltered && a.Trouble.Facts["routed"] != nil
}

// loses says whether packets are lost, and perhaps only large ones.
func loses(cause Trouble) bool {
	return cause.Facts["large"] != nil && (cause.Fault == FaultTLSLost || cause.Fault == FaultTLSStalls)
}

// likely is what the cause is most likely where it is the same at all of them; single: one thing on the way, and nothing else that is as likely.
func (a *Together) likely() (what string, single bool) {
	cause, one, answers := a.Trouble, "", "they answer"
	if len(a.Addrs) == 1 {
		one, answers = fmt.Sprintf("the server or load balancer at %s, which they share", a.Addrs[0]), "it answers"
	}
	switch arrived := cause.Facts["arrived"] != nil; {
	case loses(cause):
		return "one place on the way to them that loses packets, perhaps only large ones", true
	case arrived:
		if cause.Facts["large"] != nil {
			answers += ", or only large packets of it"
		}
		return fmt.Sprintf("%s; less likely, one device on the way drops what %s", cmp.Or(one, hung[cause.Area()]), answers), false
	case one != "":
		return "one device on the way, such as a firewall, or as likely " + one, false
	case a.near:
		return "one filter on the way (in a switch or access point), or what they share (a host, a setting, an update)", false
	}
	what, single = "one device on the way, such as a firewall between this network and them", true
	if a.back() {
		what, single = what+", or their own way back to this network", false
	}
	if len(a.Hosts) == 1 {
		what, single = what+", or something that the servers of the pool share", false
	}
	return what, single
}

// hung is what is most likely where what was sent has arrived at all of them, and is not answered.
var hung = map[string]string{
	"tls": "a service that hangs on each of them, or something that they share, such as a load balancer",
	"sip": "something that they share",
}

// Alike is what has happened at all Registrars of a cycle, where that was the same. None: it was not, or not all were tried, or something else
// was seen that may be why: DNS does not answer, or a name leads elsewhere than before.
func (c *Cycle) Alike() Trouble {
	var all Together
	for i := range c.Attempts {
		switch a := &c.Attempts[i]; {
		case a.Earlier, a.Result == "skipped" && !a.waits() && a.Reason != NoAddress: // it is no other place, or none that may be used
		case a.Result != "failed", ofOneAuthority[a.Trouble.Fault] != "", a.Trouble.Facts["led"] != nil, !all.Add(a.Endpoint(), a.Address, a.Trouble):
			return Trouble{}
		}
	}
	if !all.Several() || slices.ContainsFunc(c.Sources, func(s Source) bool { return s.Reason == DNSTimeout }) {
		return Trouble{}
	}
	return all.Told(time.Time{})
}
