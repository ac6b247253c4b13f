package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/discover"
)

// Specification constant: RFC 1035 section 4.2.
const dnsPort = 53

// Our choices.
const (
	maxUpstreams  = 8               // asked
	maxFormer     = 3               // asked: as many as a record keeps, if nobody has changed it
	tcpDNSConnect = 2 * time.Second // as long as a Registrar has
	formerLimit   = 2 * time.Second // as long
)

// askUpstream asks the name servers behind a resolver on this device that has nothing to say, and sees whether one that is silent takes
// connections at least: then its host runs, and the way there is open. Of one that cannot look up it finds out whether DNSSEC keeps it from that.
func (e *eye) askUpstream(ctx context.Context, f *Facts) {
	servers, dead := f.upstreams(), f.dnsDead()
	var asking sync.WaitGroup
	defer asking.Wait()
	switch {
	case dead.Trouble.Fault == provisioning.FaultDNSServFail && e.OnlyUnvalidated(ctx, dead.Query):
		f.Unvalidated = true
	case len(servers) > 0:
		asking.Go(func() { f.Upstream = e.MeasureAll(ctx, servers) })
		f.OverTCP, _ = e.dnsOverTCP(ctx, f, servers)
	case f.unheard() != "":
		f.OverTCP, f.RefusedTCP = e.dnsOverTCP(ctx, f, f.Servers)
	}
}

// askFormer looks for what is left of the network in which this device was registered, where nothing leads it to a Registrar: on the link, and
// by one question to the name servers that it asked then, if it asks none of them now.
func (e *eye) askFormer(ctx context.Context, f *Facts) {
	former := ""
	if f.Here != nil && (f.FromRecord || !f.signsIn()) {
		f.Here.Left, f.Here.Heard = discover.Left(ctx, &e.policy, &e.wire, e.memory), lessors(f)
		former = f.Memory.Former(f.Here)
	}
	query := ""
	for i := len(f.Found) - 1; i >= 0; i-- {
		if found := &f.Found[i]; found.Step.BySRV() && found.Step.Transport() == provisioning.TLS && f.Policy.Asks(found.Step) && found.Verdict != provisioning.Found {
			query = found.Query
		}
	}
	if f.Here != nil && query != "" {
		e.askGiven(ctx, f, query)
	}
	var servers []netip.AddrPort
	for word := range strings.SplitSeq(former, ", ") {
		if at, err := netip.ParseAddrPort(word); err == nil && len(servers) < maxFormer && discover.CheckPlace(&f.Policy, &f.Wire, at, dnsPort) == nil {
			servers = append(servers, at)
		}
	}
	if query == "" || len(servers) == 0 {
		return
	}
	inTime, cancel := context.WithTimeout(ctx, formerLimit)
	defer cancel()
	asked := provisioning.ListOf(servers)
	serving := asked
	if len(servers) > 1 { // which of them it was, is not known
		serving = "one of " + asked
	}
	switch t := e.OfThese(inTime, servers, query, false); {
	case t.None():
		f.Asked = provisioning.Facts{"serving": serving, "query": query}
	case ctx.Err() != nil: // they had less time, or none
	case provisioning.Unheard(t):
		f.Asked = provisioning.Facts{"gone": asked, "kept": nil, "unsure": true, "unheard": true}
	case t.Reason() == provisioning.DNSTimeout: // something is there: it has refused the query, or answers others
		f.Asked = provisioning.Facts{"gone": asked, "kept": nil, "unsure": true}
	}
}

// askGiven asks the name servers that DHCP gives what those of this device do not answer, if it asks none of them: those of an answer count more than
// those of its lease.
func (e *eye) askGiven(ctx context.Context, f *Facts, query string) {
	here := f.Here
	leased := len(here.Given) > 0 && !here.ByHand()
	if now := acked(f); now != nil {
		here.Given = now
	}
	byHand := here.ByHand()
	servers := make([]netip.AddrPort, 0, len(here.Given))
	for _, addr := range here.Given {
		if at := netip.AddrPortFrom(addr, dnsPort); discover.CheckPlace(&f.Policy, &f.Wire, at, dnsPort) == nil {
			servers = append(servers, at)
		}
	}
	facts := provisioning.Facts{"better": here.Given, "does": true, "astray": true}
	if leased {
		facts["lease"] = true
	}
	if here.Given = nil; !byHand || len(servers) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, formerLimit)
	defer cancel()
	t := e.OfThese(ctx, servers, query, false)
	if f.unheard() != "" {
		facts["silent"], facts["astray"] = true, nil
	}
	if t.None() || t.Reason() == provisioning.DNSNoRecord && facts["silent"] != nil {
		f.Offers = facts
	}
}

// edge is where an Access Edge answers, at the name and the port that it usually has; "": nowhere, or that is not known.
func (e *eye) edge(ctx context.Context, f *Facts) string {
	c := provisioning.Candidate{Step: provisioning.ExternalTLS, Endpoint: provisioning.Endpoint{Host: "sip." + f.sipDomain(), Port: provisioning.AccessProxyPort, Transport: provisioning.TLS}}
	for i := range f.HostNames {
		if n := &f.HostNames[i]; n.Host == c.Host && len(n.Addrs) > 0 && isReady(e.signer.Probe(ctx, &c, n.Addrs[0])) {
			return c.HostPort()
		}
	}
	return ""
}

// dnsOverTCP is what the first name server does that does anything on TCP port 53; "": none does; and whether all of them refuse. Those that accept
// a connection are asked there what they have not answered, and f.ByTCP is the first that answers.
func (e *eye) dnsOverTCP(ctx context.Context, f *Facts, servers []netip.AddrPort) (does string, refused bool) {
	ctx, cancel := context.WithTimeout(ctx, tcpDNSConnect)
	defer cancel()
	said, errs, answers := make([]string, len(servers)), make([]error, len(servers)), make([]bool, len(servers))
	var dialling sync.WaitGroup
	for i, server := range servers {
		dialling.Go(func() {
			conn, err := e.wire.Dial(ctx, "tcp", server.String())
			switch errs[i] = err; {
			case err == nil:
				conn.Close()
				said[i] = server.Addr().String() + " accepts connections"
				answers[i] = slices.Contains(answered, e.OfThese(ctx, servers[i:i+1], f.unheard(), true).Reason())
			case errors.Is(err, syscall.ECONNREFUSED):
				said[i] = server.Addr().String() + " refuses connections"
			}
		})
	}
	dialling.Wait()
	refused = len(servers) > 0 && !slices.ContainsFunc(errs, func(err error) bool { return !errors.Is(err, syscall.ECONNREFUSED) })
	if i := slices.Index(answers, true); i >= 0 {
		f.ByTCP = servers[i]
	}
	if i := slices.IndexFunc(said, func(s string) bool { return s != "" }); i >= 0 {
		does = said[i]
	}
	return does, refused
}

// answered are the Reasons of a question to which a name server has given an answer, be it that there is none.
var answered = []provisioning.Reason{"", provisioning.DNSNoRecord, provisioning.DNSServFail, provisioning.DNSRefused}

// upstreams are the name servers that a resolver on this device asks, where this device asks no others itself; as far as the system tells,
// or failing that, those that DHCP gives: these it probably asks. One that does not run, or has an answer of its own, such as that it has nobody to ask, asks none. It
// notes whether the system has told.
func (f *Facts) upstreams() (servers []netip.AddrPort) {
	if dead := f.dnsDead(); dead.NoServer || dead.Reason != provisioning.DNSTimeout && dead.Reason != provisioning.DNSServFail {
		return nil
	}
	if len(f.Policy.DNSServers) > 0 || slices.ContainsFunc(f.Servers, func(s netip.AddrPort) bool { return !s.Addr().IsLoopback() }) {
		return nil
	}
	if f.Wire.Upstreams != nil {
		servers = f.Wire.Upstreams(f.Servers)
	}
	if f.Told = len(servers) > 0; !f.Told {
		servers = given(f)
	}
	return servers[:min(len(servers), maxUpstreams)]
}

// acked are the name servers that DHCP gives now.
func acked(f *Facts) (servers []netip.Addr) {
	for i := 0; f.DHCP != nil && i < len(f.DHCP.Answers); i++ {
		servers = append(servers, f.DHCP.Answers[i].NameServers...)
	}
	return servers
}

// given are the name servers that DHCP gives, and that this device does not ask.
func given(f *Facts) (servers []netip.AddrPort) {
	for _, addr := range acked(f) {
		at := netip.AddrPortFrom(addr, dnsPort)
		if discover.CheckPlace(&f.Policy, &f.Wire, at, dnsPort) == nil && !slices.Contains(servers, at) && !slices.Contains(f.Servers, at) {
			servers = append(servers, at)
		}
	}
	return servers[:min(len(servers), maxUpstreams)]
}

// serversFail is what is wrong with all of these name servers, or with the way to them, where none answers.
func serversFail(f *Facts, servers []netip.AddrPort) provisioning.Trouble {
	if shared := f.Ways.ServersCut(servers, who(f)); !shared.None() {
		return shared
	}
	gone := len(servers) > 0
	for _, server := range servers {
		way := f.Ways[server.Addr()]
		mac, known := macOf(f, way.Link, server.Addr())
		gone = gone && known && mac == "" && way.Hop == server.Addr()
	}
	if gone {
		return provisioning.FaultDNSNobodyThere.Met(provisioning.Facts{"servers": provisioning.ListOf(servers)})
	}
	return provisioning.Trouble{}
}

// upstreamFails is for a resolver on this device whose own name servers do not answer.
func upstreamFails(f *Facts) provisioning.Trouble {
	var servers []netip.AddrPort
	var waits *discover.Quality
	for i := range f.Upstream {
		q := &f.Upstream[i]
		if servers = append(servers, q.Server); q.Answered > 0 || q.From.IsValid() {
			return provisioning.Trouble{}
		}
		if q.Lives {
			waits = q
		}
	}
	switch {
	case waits != nil:
		return discover.Waits(waits)
	case len(servers) == 0:
		return provisioning.Trouble{}
	}
	if t := serversFail(f, servers); !t.None() {
		return t
	}
	facts := wayTo(f, servers)
	whom := "given"
	if f.Told {
		whom = "upstream"
	}
	facts["servers"], facts[whom] = provisioning.ListOf(f.Servers), provisioning.ListOf(servers)
	return provisioning.FaultDNSUpstream.Met(facts)
}

// noService is for name servers whose host says that no service runs there: one refusal outweighs all silence, since a system refuses only so many
// queries a second aloud. t is what one look-up met.
func noService(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	dead := f.dnsDead().Trouble
	if dead.Fault == provisioning.FaultDNSClosed {
		return dead
	}
	closed := func(t provisioning.Trouble) bool { return t.Fault == provisioning.FaultDNSClosed }
	if t.Fault != provisioning.FaultDNSSilentFor || dead.Fault != t.Fault || len(dead.Others()) > 0 {
		return provisioning.Trouble{}
	}
	names := append([]provisioning.Name{f.Apex, f.Stray}, f.HostNames...)
	if f.RefusedTCP || slices.ContainsFunc(names, func(n provisioning.Name) bool { return closed(n.Trouble) }) || slices.ContainsFunc(f.Plan.Skipped, func(s provisioning.Skip) bool { return closed(s.Trouble) }) {
		return provisioning.FaultDNSClosed.Met(provisioning.Facts{"servers": provisioning.ListOf(f.Servers)})
	}
	return provisioning.Trouble{}
}

// silentServers is for name servers of which none answers; t is what one look-up met.
func silentServers(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	facts := wayTo(f, f.Servers)
	facts["servers"] = provisioning.ListOf(f.Servers)
	fault := provisioning.FaultDNSSilent
	if f.ByTCP.IsValid() {
		fault, facts["works"] = provisioning.FaultDNSByTCP, f.ByTCP
	} else if facts["alive"] != nil || facts["hop"] != nil {
		fault = provisioning.FaultDNSSilentWayOpen
	}
	t.Fault = fault
	return t.With(facts)
}

// wayTo is what is known of the way to name servers of which none answers: who does on it, and DHCP.
func wayTo(f *Facts, servers []netip.AddrPort) provisioning.Facts {
	facts := provisioning.Facts{"blocked": "port 53"}
	alive := ""
	for _, server := range servers {
		link, hop := f.Ways[server.Addr()].Link, f.Ways[server.Addr()].Hop
		if mac, known := macOf(f, link, hop); hop != server.Addr() && known && mac != "" {
			facts["hop"] = hop
		}
		alive = cmp.Or(alive, beside(f, server.Addr(), hop))
	}
	if f.OverTCP != "" {
		alive, facts["dropped"] = f.OverTCP+" on TCP port 53", "UDP port 53"
		delete(facts, "blocked")
	}
	switch {
	case alive != "":
		facts["alive"] = alive
		delete(facts, "hop") // it is told with that
	case facts["hop"] == nil && nobody(f):
		facts["dhcp"] = provisioning.NorDHCP
	}
	return facts
}

// beside says who answers where a silent address is, through the same gateway or in the same subnet of this device; "": nobody.
func beside(f *Facts, silent, hop netip.Addr) string {
	for _, addr := range sorted(slices.Collect(maps.Keys(f.Ways))) {
		both := func(p netip.Prefix) bool { return p.Contains(silent) && p.Contains(addr) }
		switch way := f.Ways[addr]; {
		case !way.Heard || addr == silent || addr == hop || !hop.IsValid():
		case hop == silent && way.Hop == addr && slices.ContainsFunc(f.Link.Addrs, both):
			return addr.String() + ", in the same subnet, can be reached"
		case hop != silent && way.Hop == hop:
			return fmt.Sprintf("%s, behind the same gateway (%s), can be reached", addr, hop)
		}
	}
	return ""
}
