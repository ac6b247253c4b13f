package provisioning

import (
	"net/netip"
	"slices"
	"strings"
)

// MaxSilent is how many of those that do not answer a sentence has. (Our choice.)
const MaxSilent = 4

// NorDHCP is the fact "dhcp" of a gateway that does not answer, where nothing else of this network does.
const NorDHCP = "DHCP does not answer"

// Way is what was found out about the way to an address.
type Way struct {
	Detour any        // the route that leads there, where that is not the default one; nil: it is, or it is not known
	Link   string     // the interface; "": not known
	Tunnel bool       // that is a tunnel
	Hop    netip.Addr // where the system sends what is for it: to the address itself, or to a gateway; zero: not known, or into a tunnel
	MAC    string     // of the hop, if it was there at that time
	Gone   bool       // nobody answers at the hop
	Heard  bool       // it has answered, be it with a refusal
	Barred bool       // nothing came of it, but it is said that it cannot be reached: by a router or firewall, unless the hop does not answer
	Sought bool       // Barred, and it may be so since a router has looked for it in vain
}

// Whose an address on a link is meant to be.
const (
	OfThisDevice = "this device"
	OfTheGateway = "the gateway" // of the default route
	OfAGateway   = "a gateway"
)

// Twice is about an address on a link, and the MACs that answer for it: each has one owner, and one of this device no other. system is who has found out
// that another device has it, too, without ARP; or "".
func Twice(addr netip.Addr, of string, macs []string, system string) Trouble {
	facts := Facts{"address": addr, "of": of, "system": system, "mac": strings.Join(macs, " and ")}
	switch {
	case of == OfThisDevice && (len(macs) > 0 || system != ""):
		return FaultOwnAddressTwice.Met(facts)
	case of != OfThisDevice && len(macs) > 1:
		return FaultAddressTwice.Met(facts)
	default:
		return Trouble{}
	}
}

// Ways are those to all addresses that were asked.
type Ways map[netip.Addr]Way

// Who says who is there at an address on a link; "": nobody. known: somebody has asked.
type Who func(link string, hop netip.Addr) (mac string, known bool)

// Who is there at a gateway, as the system knows; who has been there during the look is.
func (w Ways) Who(link string, hop netip.Addr) (mac string, known bool) {
	for _, way := range w {
		if way.Link == link && way.Hop == hop {
			mac, known = max(mac, way.MAC), known || way.MAC != "" || way.Gone
		}
	}
	return mac, known
}

// NothingBehind is about the gateway through which an address is reached, where nothing behind it answers. One address that does not
// answer may be at fault itself, unless it is known that the gateway does not answer either.
func (w Ways) NothingBehind(addr netip.Addr, who Who) Trouble {
	link, hop := w[addr].Link, w[addr].Hop
	if w.Dark(addr) {
		return w.DeadGateway(Facts{"at": addr}, addr)
	}
	if !hop.IsValid() || hop == addr {
		return Trouble{}
	}
	var silent, barred []netip.Addr
	sought := false
	for other, way := range w {
		switch {
		case way.Link != link || way.Hop != hop || other == hop:
			continue
		case way.Heard:
			return Trouble{}
		case way.Barred:
			barred = append(barred, other)
		default:
			silent = append(silent, other)
		}
		sought = sought || way.Sought
	}
	first := func(all []netip.Addr) []netip.Addr { return sorted(all)[:min(len(all), MaxSilent)] }
	mac, known := who(link, hop)
	facts := Facts{"at": addr, "mac": mac, "link": link}
	if known && mac == "" { // it was asked, too
		return w.DeadGateway(facts, addr)
	}
	facts.Through(hop)
	facts["silent"] = first(silent)
	switch {
	case len(silent)+len(barred) < 2, barred != nil && !known: // it is the gateway perhaps that does not answer
		return Trouble{}
	case barred != nil:
		facts["barred"] = first(barred)
		if sought { // hosts that are off, as likely
			return FaultRejectedBehind.Met(facts).With(Facts{"sought": true}).OnNoSide()
		}
		return FaultRejectedBehind.Met(facts)
	case known:
		return FaultNothingBehind.Met(facts)
	default:
		return FaultSilentBehind.Met(facts)
	}
}

// Lists says whether an address is among those of which a Trouble says that they do not answer, or cannot be reached.
func Lists(t Trouble, addr netip.Addr) bool {
	silent, _ := t.Facts["silent"].([]netip.Addr)
	barred, _ := t.Facts["barred"].([]netip.Addr)
	return slices.Contains(silent, addr) || slices.Contains(barred, addr)
}

// Dark says whether an address is reached through a tunnel through which nothing has answered.
func (w Ways) Dark(addr netip.Addr) bool {
	for _, way := range w {
		if way.Heard && way.Link == w[addr].Link {
			return false
		}
	}
	return w[addr].Tunnel
}

// DeadGateway is what is wrong with the gateway on the way to an address, which does not answer: that of the default route, or of another
// one; or with the tunnel.
func (w Ways) DeadGateway(facts Facts, addr netip.Addr) Trouble {
	way := w[addr]
	switch {
	case way.Tunnel && way.Detour != nil:
		return FaultTunnel.Met(facts).With(Facts{"tunnel": way.Link, "route": way.Detour})
	case way.Tunnel:
		return FaultTunnel.Met(facts).With(Facts{"tunnel": way.Link, "route": "the default route through it"})
	case way.Detour != nil:
		return FaultDeadRoute.Met(facts).With(ByRoute(way.Detour, way.Hop))
	}
	through := Facts{}
	through.Through(way.Hop)
	return FaultNoGateway.Met(facts).With(through)
}

// DeadForDNS are the faults of a gateway that does not answer, as those of the way to name servers.
var DeadForDNS = map[Fault]Fault{FaultNoGateway: FaultDNSNoGateway, FaultDeadRoute: FaultDNSDeadRoute, FaultTunnel: FaultDNSTunnel}

// ServersCut is what is wrong with the gateway on the way to these name servers, of which none answers.
func (w Ways) ServersCut(servers []netip.AddrPort, who Who) Trouble {
	for _, server := range servers {
		shared := w.NothingBehind(server.Addr(), who)
		if shared.Fault == FaultTunnel {
			servers = slices.DeleteFunc(slices.Clone(servers), func(s netip.AddrPort) bool { return !w.Dark(s.Addr()) })
		}
		if fault := DeadForDNS[shared.Fault]; fault != "" {
			shared.Fault, shared.Facts["servers"] = fault, ListOf(servers)
		}
		if !shared.None() {
			return shared
		}
	}
	return Trouble{}
}

// unanswered are the faults of those of which nothing came.
var unanswered = []Fault{
	FaultDNSSilentFor, FaultDNSSilent, FaultDNSNobodyThere, FaultDNSNoGateway, FaultDNSDeadRoute, FaultDNSTunnel, FaultDNSUnreachable,
	FaultFiltered, FaultHostDrops, FaultNoNeighbour, FaultNoGateway, FaultDeadRoute, FaultTunnel, FaultHostUnreachable, FaultNoHost, FaultRouterRejects, FaultNoWay,
}

// Unheard says whether nothing came of who was asked, whichever of several it was.
func Unheard(t Trouble) bool {
	for _, other := range t.Others() {
		if !other.Fault.Aside() && !Unheard(other) {
			return false
		}
	}
	return slices.Contains(unanswered, t.Fault)
}

// Bars says whether somebody has said that who was asked cannot be reached.
func Bars(t Trouble) bool {
	return t.Fault == FaultHostUnreachable || t.Fault == FaultNoHost || t.Fault == FaultRouterRejects || t.Fault == FaultDNSUnreachable || slices.ContainsFunc(t.Others(), Bars)
}

// NoSRV is that the name server answers no queries for SRV records, where nothing but last good was tried therefore; none: that is not so.
func (c *Cycle) NoSRV() Trouble {
	host := c.onlyLastGood()
	for i := range c.Sources {
		if t := c.Sources[i].Trouble; host != "" && t.Fault == FaultDNSNoSRV {
			return t.Also(FaultLastGoodSilent, Facts{"host": host})
		}
	}
	return Trouble{}
}

// NoDNS is what DNS has left unanswered, where nothing but last good was tried therefore, which is silent, too; none: that is not so.
func (c *Cycle) NoDNS() Trouble {
	host := c.onlyLastGood()
	if host == "" || !slices.ContainsFunc(c.Sources, func(s Source) bool { return s.Source == "dns" && Unanswered(s.Reason) }) {
		return Trouble{}
	}
	_, t := c.blameSources()
	if t.None() || t.Reason() != DNSTimeout {
		return Trouble{}
	}
	return t.Also(FaultLastGoodSilent, Facts{"host": host})
}

// onlyLastGood is the first host of last good that was tried, where nothing else was; "": something was, or nothing.
func (c *Cycle) onlyLastGood() (host string) {
	for i := range c.Attempts {
		switch a := &c.Attempts[i]; {
		case a.Result == "skipped":
		case a.Step != LastGood:
			return ""
		case host == "":
			host = a.Host
		}
	}
	return host
}

// Shared is what all have in common that were asked in a cycle and have not answered: the gateway through which they are reached, where
// nothing behind it answers. None: they are reached in several ways, or that is not known. servers are the name servers of this device:
// where they are not known to be silent, they are taken for alive. find finds out about the way to an address, and ask asks a link who is at
// a gateway.
func (c *Cycle) Shared(servers []netip.AddrPort, find func(netip.Addr) Way, ask Who) (shared Trouble) {
	mute := c.silentServers()
	ways, silent := c.ways(servers, mute, find)
	for _, addr := range silent {
		if ways[addr].Link != ways[silent[0]].Link || ways[addr].Hop != ways[silent[0]].Hop {
			return shared
		}
	}
	var first *Attempt
	var last netip.Addr
	lastGood := ""
	nobody := len(mute) > 0 || len(servers) == 0
	for i := range c.Attempts {
		a := &c.Attempts[i]
		switch {
		case a.Result == "skipped":
			continue
		case !Unheard(a.Trouble):
			nobody = false
			continue
		case first == nil:
			first = a
		}
		if a.Step == LastGood && lastGood == "" {
			lastGood, last = a.Host, a.Address
		}
	}
	who := func(link string, hop netip.Addr) (mac string, known bool) {
		if mac, known = ways.Who(link, hop); !known {
			mac, known = ask(link, hop)
		}
		return mac, known
	}
	if shared = ways.ServersCut(mute, who); shared.None() && first != nil {
		if shared = ways.NothingBehind(first.Address, who); DeadForDNS[shared.Fault] != "" {
			shared = ways.DeadGateway(first.Trouble.Facts, first.Address)
		}
	}
	dead := shared.Fault == FaultDNSNoGateway || shared.Fault == FaultNoGateway
	for i := range c.Sources {
		if dead && nobody && c.Sources[i].Reason == DHCPSilent {
			shared = shared.With(Facts{"dhcp": NorDHCP})
		}
	}
	if lastGood != "" && !shared.None() && !Lists(shared, last) {
		shared = shared.Also(FaultLastGoodSilent, Facts{"host": lastGood})
	}
	return shared
}

// ways are those to all addresses that were asked in a cycle, and the silent among these. servers are the name servers; mute are those that
// are silent, where none has answered.
func (c *Cycle) ways(servers, mute []netip.AddrPort, find func(netip.Addr) Way) (ways Ways, silent []netip.Addr) {
	ways = Ways{}
	note := func(addr netip.Addr, heard, barred, sought bool) {
		way := find(addr)
		way.Heard, way.Barred, way.Sought = heard || ways[addr].Heard, barred || ways[addr].Barred, sought || ways[addr].Sought
		ways[addr] = way
		if !heard {
			silent = append(silent, addr)
		}
	}
	barred := slices.ContainsFunc(c.Sources, func(s Source) bool { return Bars(s.Trouble) })
	for _, server := range mute {
		note(server.Addr(), false, barred, false)
	}
	if len(mute) == 0 {
		for _, server := range servers {
			note(server.Addr(), true, false, false)
		}
	}
	for i := range c.Attempts {
		if a := &c.Attempts[i]; a.Result != "skipped" {
			note(a.Address, !Unheard(a.Trouble), Bars(a.Trouble), a.Trouble.Fault == FaultHostUnreachable || a.Trouble.Fault == FaultNoHost)
		}
	}
	return ways, silent
}

// silentServers are the name servers that have not answered in a cycle; none: one of them has.
func (c *Cycle) silentServers() (servers []netip.AddrPort) {
	note := func(t Trouble) {
		for _, one := range append([]Trouble{t}, t.Others()...) {
			texts, _ := one.Facts["servers"].([]string)
			for _, text := range texts {
				if at, err := netip.ParseAddrPort(text); err == nil && !slices.Contains(servers, at) {
					servers = append(servers, at)
				}
			}
		}
	}
	for i := range c.Attempts {
		if a := &c.Attempts[i]; a.Result == "skipped" && Unheard(a.Trouble) {
			note(a.Trouble)
		}
	}
	for i := range c.Sources {
		switch s := &c.Sources[i]; {
		case s.Source != "dns":
		case s.Verdict != Failed || !Unheard(s.Trouble):
			return nil
		default:
			note(s.Trouble)
		}
	}
	return servers
}

// Explained marks what follows from one cause, and returns it as it was told: that those did not answer who have not. What a name server has
// not answered follows only where none has answered anything.
func (c *Cycle) Explained() (follow []Event) {
	mute := len(c.silentServers()) > 0
	for i := range c.Sources {
		s := &c.Sources[i]
		if s.Follows = mute && s.Source == "dns" && Unheard(s.Trouble); s.Follows {
			follow = append(follow, Event{Kind: LookedUp, Step: s.Step, Query: s.Query, Verdict: s.Verdict, Reason: s.Reason, Trouble: s.Trouble})
		}
	}
	for i := range c.Attempts {
		a := &c.Attempts[i]
		kind := Attempted
		if a.Result == "skipped" {
			kind = Skipped
		}
		if a.Follows = Unheard(a.Trouble) && (mute || kind == Attempted); a.Follows {
			follow = append(follow, Event{Kind: kind, Step: a.Step, Endpoint: a.Endpoint(), Addr: a.Address, Reason: a.Reason, Trouble: a.Trouble})
		}
	}
	return follow
}

// Said adds what a source said, as Source does, and says of each question that DNS has left unanswered what it did with others in this cycle. Where
// it has just answered what it had left unanswered, nothing is to be done about the others that it left unanswered then. It returns what is wrong
// with said, as it is known then.
func (c *Cycle) Said(said Source) Trouble {
	if c == nil {
		return said.Trouble
	}
	again := said.Reason != DNSTimeout && slices.ContainsFunc(c.Sources, func(s Source) bool { return s.Step == said.Step && s.Trouble.Fault == FaultDNSSilentFor })
	c.Source(said)
	silent := 0
	for i := range c.Sources {
		if c.Sources[i].Trouble.Fault == FaultDNSSilentFor {
			silent++
		}
	}
	for i := range c.Sources {
		s := &c.Sources[i]
		switch {
		case s.Trouble.Fault != FaultDNSSilentFor:
			continue
		case again:
			s.Trouble = s.Trouble.With(Facts{"dead": nil, "alone": nil, "hears": nil})
		case c.hears():
			s.Trouble = AmongHeard(s.Trouble)
		case silent > 1:
			s.Trouble = s.Trouble.With(Facts{"alone": nil})
		}
		if *s = s.Told(); s.Step == said.Step {
			said.Trouble = s.Trouble
		}
	}
	return said.Trouble
}
