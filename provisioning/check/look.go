package check

import (
	"context"
	"crypto/rand"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/dhcpopts"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/discover"
	"github.com/homeward-agent/homeward/provisioning/signin"
)

// Our choices.
const (
	surveyLimit  = 2500 * time.Millisecond // for DHCP: two DHCPINFORMs without an answer
	maxProbed    = 8                       // addresses of one place
	maxHosts     = 12                      // besides those that the device would try
	strayLetters = 12                      // of a name that nobody has made
)

// besidePorts are where Registrars are found when they are not where they were said to be (TechNet dd637123). Plain
// TCP is not among them: over it a check goes where the daemon would go, and nowhere else.
var besidePorts = []provisioning.Endpoint{{Port: 5061, Transport: provisioning.TLS}, {Port: 443, Transport: provisioning.TLS}}

// look sees everything there is to see. Sources and places are asked at the same time; the sign-in waits for them.
func look(ctx context.Context, o Options) *Facts {
	eye := newEye(o.Policy, o.Wire, o.Record)
	f := &Facts{Options: o, Now: time.Now(), ClockFloor: eye.clockFloor(), Servers: nameServers(o)}
	if !o.ByPassed {
		f.Outage = eye.outage()
	}
	p := &prober{ctx: ctx, eye: eye, places: map[provisioning.Endpoint]*Place{}}
	if o.Link.Lack == Nothing && o.Link.Interface != "" && len(o.Link.Addrs) == 0 && len(o.Link.Others) == 0 {
		f.NotAsked = true
		return f
	}
	o.Progress("asking DNS and DHCP")
	f.ask(ctx, eye, p)
	for _, c := range f.Outage.Try {
		p.probe(c, LastGood)
	}
	if dead := f.dnsDead(); dead.Reason == provisioning.DNSTimeout && !dead.NoServer {
		p.tasks.Go(func() { f.Late = eye.AnswersLate(ctx, dead.Query) })
	}
	o.Progress("looking at the Registrars")
	p.inClear(nil, f.Plan.Try, Planned)
	p.inClear(f.Plan.Try, f.Outage.Try, LastGood)
	p.tasks.Wait()
	f.Places = p.seen(f)
	f.signIn(ctx, eye)
	return f
}

// nameServers are those that are asked.
func nameServers(o Options) []netip.AddrPort {
	if len(o.Policy.DNSServers) > 0 {
		return o.Policy.DNSServers
	}
	servers, _ := o.Wire.Resolvers() // none is what the tree shows then
	return servers
}

// ask asks every source, and has a look at each place as soon as it is named.
func (f *Facts) ask(ctx context.Context, eye *eye, p *prober) {
	var sources sync.WaitGroup
	steps := []provisioning.Step{provisioning.Manual}
	if !f.ByPassed {
		steps = append(steps[:0], provisioning.InternalTLS, provisioning.DHCPTLS, provisioning.InternalTCP, provisioning.DHCPTCP,
			provisioning.ExternalTLS, provisioning.ExternalTCP)
		if len(f.Policy.Manual) > 0 {
			steps = append(steps, provisioning.Manual)
		}
		sources.Go(func() { f.askBeside(ctx, eye) })
	}
	f.Found = eye.Survey(ctx, steps, func(found provisioning.Finding) {
		role := Unplanned
		if f.Policy.Asks(found.Step) {
			role = Planned
		}
		for _, c := range eye.candidates(found) {
			p.probe(c, role)
		}
	})
	sources.Wait()
	if f.Policy.Order == provisioning.CommunicatorOrder && len(f.Policy.Manual) == 0 {
		f.Found = append(f.Found, f.hostNameFinding())
	}
	f.Plan = eye.plan(f.Found)
	for _, c := range f.Plan.Try {
		p.probe(c, Planned)
	}
}

// askBeside asks for what no step asks for, and still tells a tech something.
func (f *Facts) askBeside(ctx context.Context, eye *eye) {
	var looks sync.WaitGroup
	var byDHCP, byDNS []TimeServer
	defer func() {
		looks.Wait()
		f.TimeServers = append(byDHCP, byDNS...)
	}()
	if f.Policy.AskDHCP {
		looks.Go(func() {
			asking, cancel := context.WithTimeout(ctx, surveyLimit)
			defer cancel()
			survey := discover.SurveyDHCP(asking, f.Wire, f.Policy.Interface)
			f.DHCP = &survey
			looks.Go(func() { byDHCP = f.askTime(ctx, eye, option42, ntpOf(survey.Answers)) })
			f.WebHosts = webHosts(ctx, eye, survey.Answers)
		})
	}
	hosts := []string{"sipinternal.", "sip.", "sipexternal."}
	f.HostNames = make([]provisioning.Name, len(hosts))
	for i, prefix := range hosts {
		looks.Go(func() { f.HostNames[i] = eye.LookUp(ctx, prefix+f.sipDomain()) })
	}
	looks.Go(func() {
		byDNS = f.askTime(ctx, eye, f.timeRecord(), eye.Records(ctx, f.timeRecord()).Names)
	})
	looks.Go(func() {
		name := eye.LookUp(ctx, strings.ToLower(rand.Text()[:strayLetters])+"."+f.sipDomain())
		f.Stray = &name
	})
}

// option42 is what a tech knows it by.
const option42 = "DHCP option 42"

func (f *Facts) timeRecord() string { return "_ntp._udp." + f.sipDomain() }

// ntpOf are the time servers of the first answer that names some.
func ntpOf(answers []dhcpopts.Answer) (names []provisioning.Name) {
	for _, a := range answers {
		for _, addr := range a.NTP {
			names = append(names, provisioning.Name{Host: addr.String(), Port: ntpPort, Addrs: []netip.Addr{addr}})
		}
		if len(names) > 0 {
			break
		}
	}
	return names
}

// webHosts looks up the hosts of the URLs that option 43 holds, each once.
func webHosts(ctx context.Context, eye *eye, answers []dhcpopts.Answer) []provisioning.Name {
	var names []provisioning.Name
	for _, a := range answers {
		u, err := url.Parse(a.Vendor.URL)
		if err != nil || u.Hostname() == "" || slices.ContainsFunc(names, func(n provisioning.Name) bool { return n.Host == u.Hostname() }) {
			continue
		}
		names = append(names, eye.LookUp(ctx, u.Hostname()))
	}
	return names
}

// hostNameFinding is what the host names say to a device of the Communicator order.
func (f *Facts) hostNameFinding() provisioning.Finding {
	found := provisioning.Finding{
		Source: provisioning.Source{Step: provisioning.HostName, Source: "dns", Verdict: provisioning.Absent, Reason: provisioning.DNSNoRecord, Query: "sipinternal, sip, sipexternal"},
		Names:  f.HostNames,
	}
	for _, name := range f.HostNames {
		switch {
		case len(name.Addrs) > 0:
			found.Verdict, found.Reason, found.Detail = provisioning.Found, "", ""
			return found
		case name.Reason != provisioning.NoAddress:
			found.Verdict, found.Reason, found.Detail = provisioning.Failed, name.Reason, name.Detail
		}
	}
	return found
}

// signIn does what the device would do next. Only places that speak SIP are tried: what is wrong with the others has
// been seen, and is not waited for again. A bad certificate is met again: it rules out what comes after it, such as
// plain TCP to the same host.
func (f *Facts) signIn(ctx context.Context, eye *eye) {
	plan := f.Plan.Try
	if f.FromRecord = len(plan) == 0 && !f.ByPassed; f.FromRecord {
		plan = f.Outage.Try
	}
	speaks := isAnswered
	if len(f.alive(plan, speaks)) == 0 { // a server that does not answer strangers may still answer us
		speaks = func(p signin.Probe) bool { return p.Reason() == provisioning.SIPNoAnswer }
	}
	if len(f.alive(plan, speaks)) == 0 || f.CredentialsRest {
		return
	}
	f.Progress("signing in")
	s := eye.signIn(ctx, f.alive(plan, func(p signin.Probe) bool { return speaks(p) || isUnproven(p) }))
	f.SignIn = &s
	for _, a := range s.Attempts {
		if a.Result == "ok" || a.Result == "redirected" {
			f.proveReady(a)
		}
	}
}

// proveReady notes that a server has dealt with the device, whatever it says to strangers.
func (f *Facts) proveReady(a provisioning.Attempt) {
	for _, p := range f.Places {
		for i := range p.Probes {
			if probe := &p.Probes[i]; probe.Addr == a.Address && p.Endpoint == a.Endpoint() {
				probe.Answered, probe.Trouble, probe.Detail = true, provisioning.Trouble{}, ""
			}
		}
	}
}

// alive leaves the Candidates that have an address that counts, and of each these addresses.
func (f *Facts) alive(plan []provisioning.Candidate, counts func(signin.Probe) bool) []provisioning.Candidate {
	var try []provisioning.Candidate
	for _, c := range plan {
		place, _ := f.place(c)
		c.Addrs = nil
		for _, probe := range place.Probes {
			if counts(probe) {
				c.Addrs = append(c.Addrs, probe.Addr)
			}
		}
		if len(c.Addrs) > 0 {
			try = append(try, c)
		}
	}
	return try
}

// prober has a look at places, each once, all at the same time.
type prober struct {
	ctx   context.Context
	eye   *eye
	tasks sync.WaitGroup

	mu     sync.Mutex
	places map[provisioning.Endpoint]*Place
	hosts  []string
	shaken []handshake // all probes over TLS
}

// probe starts a look at a place, and at the other ports of its host. Plain TCP waits: see inClear.
func (p *prober) probe(c provisioning.Candidate, role Role) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.hosts, c.Host) {
		if len(p.hosts) >= maxHosts && role != Planned {
			return
		}
		p.hosts = append(p.hosts, c.Host)
	}
	if c.Transport == provisioning.TLS {
		p.add(c, role)
	}
	for _, beside := range besidePorts {
		beside.Host = c.Host
		c.Endpoint = beside
		p.add(c, Beside)
	}
}

// add probes the addresses of a place that were not probed before. p.mu is held.
func (p *prober) add(c provisioning.Candidate, role Role) {
	place := p.placeOf(c, role)
	for _, addr := range c.Addrs {
		i, fresh := place.room(addr)
		if !fresh {
			continue
		}
		at, done := place.Candidate, make(chan struct{})
		p.shaken = append(p.shaken, handshake{c.Host, addr, place, i, done})
		p.tasks.Go(func() {
			defer close(done)
			p.put(place, i, p.eye.probe(p.ctx, at, addr))
		})
	}
}

// placeOf returns the place of a Candidate, which has the first of its roles. p.mu is held.
func (p *prober) placeOf(c provisioning.Candidate, role Role) *Place {
	place := p.places[c.Endpoint]
	if place == nil {
		place = &Place{Candidate: c, Role: role}
		place.Addrs = nil
		p.places[c.Endpoint] = place
	}
	if role < place.Role {
		place.Role, place.Step, place.Via = role, c.Step, c.Via
	}
	return place
}

// room makes room for the probe of an address, unless it is there or there are too many.
func (p *Place) room(addr netip.Addr) (index int, fresh bool) {
	if slices.Contains(p.Addrs, addr) || len(p.Addrs) == maxProbed {
		return 0, false
	}
	p.Addrs = append(p.Addrs, addr)
	p.Probes = append(p.Probes, signin.Probe{Addr: addr})
	return len(p.Probes) - 1, true
}

func (p *prober) put(place *Place, i int, seen signin.Probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	place.Probes[i] = seen
}

// handshake is a probe over TLS that is under way.
type handshake struct {
	host  string
	addr  netip.Addr
	place *Place
	index int
	done  chan struct{}
}

// inClear looks at the places of a plan that are reached over plain TCP. Each waits for what comes before it, in the plan
// or as the plan before, and has its name or its address: where that is distrusted, the daemon sends nothing, and nothing
// is sent here.
func (p *prober) inClear(before, plan []provisioning.Candidate, role Role) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for rank, c := range plan {
		if c.Transport == provisioning.TLS {
			continue
		}
		place := p.placeOf(c, role)
		earlier := slices.DeleteFunc(slices.Clone(p.shaken), func(h handshake) bool {
			same := h.host == c.Host || slices.Contains(c.Addrs, h.addr)
			return !same || !slices.ContainsFunc(slices.Concat(before, plan[:rank]), func(first provisioning.Candidate) bool {
				return first.Endpoint == h.place.Endpoint && slices.Contains(first.Addrs, h.addr)
			})
		})
		for _, addr := range c.Addrs {
			if i, fresh := place.room(addr); fresh {
				p.tasks.Go(func() { p.put(place, i, p.after(earlier, c, addr)) })
			}
		}
	}
}

// after looks at an address over plain TCP once the handshakes that come before it are over.
func (p *prober) after(earlier []handshake, c provisioning.Candidate, addr netip.Addr) signin.Probe {
	for _, h := range earlier {
		<-h.done // a probe has its own deadlines
		p.mu.Lock()
		distrusted := h.place.Probes[h.index].Distrusted
		p.mu.Unlock()
		if distrusted {
			return signin.Closed(addr)
		}
	}
	return p.eye.probe(p.ctx, c, addr)
}

// seen returns the places: those of the plan in its order, then those of last good, then the others.
func (p *prober) seen(f *Facts) []Place {
	var list []Place
	rank := func(place Place) int {
		i := slices.IndexFunc(f.Plan.Try, func(c provisioning.Candidate) bool { return c.Endpoint == place.Endpoint })
		if i < 0 {
			return len(f.Plan.Try) + int(place.Step)
		}
		return i
	}
	for _, place := range p.places {
		if i := rank(*place); i < len(f.Plan.Try) { // of two sources that name it, the one that the device follows
			place.Step, place.Via = f.Plan.Try[i].Step, f.Plan.Try[i].Via
		}
		list = append(list, *place)
	}
	slices.SortFunc(list, func(a, b Place) int {
		if a.Role != b.Role {
			return int(a.Role) - int(b.Role)
		}
		if byRank := rank(a) - rank(b); byRank != 0 {
			return byRank
		}
		if byHost := strings.Compare(a.Host, b.Host); byHost != 0 {
			return byHost
		}
		return int(a.Port) - int(b.Port)
	})
	return list
}
