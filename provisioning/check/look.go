package check

import (
	"context"
	"crypto/rand"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/dhcpopts"
	"homeward/internal/plain"
	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/signin"
)

// Our choices.
const (
	strayLetters = 12 // of a name that nobody has made
)

// looker is who looks: what is seen goes into the Facts.
type looker struct {
	*Facts
	eye    *eye
	asked  chan struct{} // closed when there is a plan
	prober *prober
	watch  *stopwatch
}

// stopwatch notes how long the look at a node takes; the longest, if there are several.
type stopwatch struct {
	mu   sync.Mutex
	took map[string]time.Duration
}

func (s *stopwatch) time(node string, look func()) {
	began := time.Now()
	look()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took[node] = max(s.took[node], time.Since(began))
}

// look sees everything there is to see. Sources and places are asked at the same time; the sign-in waits for them.
func look(ctx context.Context, o Options) *Facts {
	servers, unread := nameServers(&o)
	link := o.Link
	o.Link = *link.towards(&o.Wire, servers)
	began, ears := time.Now(), &ears{wire: o.Wire, link: o.Link, heard: map[netip.Addr]bool{}, barred: map[netip.Addr]error{}, nobody: map[netip.Addr]error{}}
	o.Wire = ears.listen(o.Wire)
	eye := newEye(&o)
	f := &Facts{Options: o, Now: time.Now(), ClockFloor: eye.memory.ClockFloor(), Servers: servers, NotServers: unread, Memory: eye.memory}
	if o.Wire.Search != nil {
		f.Search = o.Wire.Search()
	}
	if !o.ByPassed {
		f.Outage = eye.outage()
	}
	if was := o.Record.Network; was != nil && o.Wire.Holders != nil && o.Link.Interface != "" && len(o.Link.routable()) == 0 {
		if gateway, err := netip.ParseAddr(was.Gateway); err == nil && gateway.Is4() {
			f.OnLink, _ = o.Wire.Holders(ctx, o.Link.Interface, netip.IPv4Unspecified(), gateway)
		}
	}
	if o.Link.Lack == Nothing && o.Link.Interface != "" && len(o.Link.Addrs) == 0 && len(o.Link.Others) == 0 {
		f.NotAsked = true
		return f
	}
	f.Took, f.Apart = map[string]time.Duration{}, map[string][]provisioning.Name{}
	l := &looker{f, eye, make(chan struct{}), &prober{ctx: ctx, eye: eye, places: map[provisioning.Endpoint]*Place{}}, &stopwatch{took: f.Took}}
	var measuring sync.WaitGroup // beside everything else: nothing waits for it
	defer func() {
		measuring.Wait()
		ears.asking.Wait()
		ears.askLessors(ctx, f)
		f.Neighbours, f.Ways = ears.asked, ears.ways(f, began)
		ears.settle(f)
		f.Leads = append(autodiscoverLeads(f.Autodiscover), f.Leads...)
	}()
	if count := o.Wire.CarrierLosses; count != nil && o.Link.Interface != "" {
		before := count(o.Link.Interface)
		defer func() { f.LinkLost = count(o.Link.Interface) != before }()
	}
	f.Defaults = ears.defaults()
	ears.neighbours(ctx, o.Link, f.Defaults)
	if !o.ByPassed {
		measuring.Go(func() { f.Quality = eye.Measure(ctx) })
		measuring.Go(func() { f.Autodiscover = eye.autodiscover(ctx, l.planned) })
		measuring.Go(func() { f.Leads = eye.leads(ctx) })
		measuring.Go(func() {
			<-l.asked
			for i := range f.WebServices {
				s := &f.WebServices[i]
				s.Unknown = f.hijacked() && stray(f, s.Addrs)
			}
			eye.askServices(ctx, f.WebServices)
		})
	}
	o.Progress("asking DNS and DHCP")
	l.ask(ctx)
	close(l.asked)
	if !hurries(f) && (f.unheard() != "" || len(f.Plan.Try)+len(f.Outage.Try) > 0) { // else there is nobody who may have been late
		eye.signer.Unhurried.Store(true)
		l.prober.tasks.Go(func() { f.Trip = eye.Nearest(ctx, "") })
	}
	for i := range f.Outage.Try {
		c := &f.Outage.Try[i]
		l.prober.probe(*c, LastGood)
	}
	eye.lookBack(f, l.prober)
	if unheard := f.unheard(); unheard != "" {
		l.prober.tasks.Go(func() { f.Late = eye.AnswersLate(ctx, unheard) })
	}
	if f.dnsDead().Reason != "" {
		l.prober.tasks.Go(func() { eye.askUpstream(ctx, f) })
		for _, server := range f.Servers {
			ears.askFor(ctx, server.Addr())
			if o.Wire.NoDefault(server.Addr()) {
				f.Beyond = append(f.Beyond, server)
			}
		}
	}
	o.Progress("looking at the Registrars")
	l.prober.inClear(nil, f.Plan.Try, Planned)
	l.prober.inClear(f.Plan.Try, f.Outage.Try, LastGood)
	l.prober.tasks.Wait()
	f.Places, f.Former = l.prober.seen(f), l.prober.former
	cameLate(f)
	eye.lookedBack(f)
	if !o.ByPassed {
		f.Here = discover.Here(&f.Policy, &f.Wire, f.Found, f.Losses)
	}
	l.signIn(ctx)
	eye.tryAgain(ctx, f)
	if f.SignIn != nil {
		knownBetter(f, f.SignIn)
	}
	l.besideDaemon()
	l.missBinding()
	l.awaitDaemon()
	eye.askFormer(ctx, f)
	if f.Asked["unheard"] != nil && !f.lastGoodAnswers() {
		f.Asked["edge"] = eye.edge(ctx, f)
	}
	confirmClock(f)
	return f
}

// planned says whether the plan leads to a host, once there is a plan.
func (l *looker) planned(host string) bool {
	<-l.asked
	return slices.ContainsFunc(l.Plan.Try, func(c provisioning.Candidate) bool { return c.Host == host })
}

// nameServers are those that are asked, and what is to be said of others.
func nameServers(o *Options) (servers []netip.AddrPort, unread string) {
	servers, err := discover.NameServers(&o.Policy, &o.Wire) // none is what the tree shows then
	if err != nil && len(servers) > 0 {
		unread = plain.Words(err)
	}
	return servers, unread
}

// ask asks every source, and has a look at each place as soon as it is named.
func (l *looker) ask(ctx context.Context) {
	var sources sync.WaitGroup
	steps := []provisioning.Step{provisioning.Manual}
	if !l.ByPassed {
		steps = append(steps[:0], provisioning.InternalTLS, provisioning.DHCPTLS, provisioning.InternalTCP, provisioning.DHCPTCP,
			provisioning.ExternalTLS, provisioning.ExternalTCP)
		if len(l.Policy.Manual) > 0 {
			steps = append(steps, provisioning.Manual)
		}
		sources.Go(func() { l.askBeside(ctx) })
		sources.Go(func() { l.Closed = l.eye.askClosed(ctx, steps) })
		sources.Go(func() {
			l.Disagree = l.eye.Disagreement(ctx, steps)
			for step, d := range l.Disagree { // a device uses the answer that comes first, and that may be the old one
				for i := range d.Said {
					for _, c := range l.eye.candidates(provisioning.Finding{Source: provisioning.Source{Step: step, Source: "dns"}, Names: d.Said[i].Names}) {
						l.prober.probe(c, Unplanned)
					}
				}
			}
		})
	}
	l.watch.time("plan", func() {
		l.Found = l.eye.Survey(ctx, steps, func(found provisioning.Finding) { l.probeNamed(ctx, found) })
	})
	sources.Wait()
	hears := slices.ContainsFunc(l.Found, func(f provisioning.Finding) bool { return f.Heard() })
	for i := range l.Found {
		t := &l.Found[i].Trouble
		if t.Fault == provisioning.FaultDNSRefused && l.remembers() { // a Registrar has known the SIP address: its domain is right
			*t = t.With(provisioning.Facts{"new": nil})
		}
		if hears {
			*t = provisioning.AmongHeard(*t)
		}
	}
	if l.Policy.Order == provisioning.CommunicatorOrder && len(l.Policy.Manual) == 0 {
		l.Found = append(l.Found, discover.HostNameFinding(l.HostNames))
	}
	l.Plan = l.eye.plan(l.Found)
	for i := range l.Plan.Skipped {
		if s := &l.Plan.Skipped[i]; hears {
			s.Trouble = provisioning.AmongHeard(s.Trouble)
		}
	}
	for i := range l.Plan.Try {
		c := &l.Plan.Try[i]
		l.prober.probe(*c, Planned)
	}
}

// probeNamed has a look at each place that a source names.
func (l *looker) probeNamed(ctx context.Context, found provisioning.Finding) {
	if tookLong(&found) {
		l.eye.signer.Unhurried.Store(true)
	}
	role := Unplanned
	if l.Policy.Asks(found.Step) {
		role = Planned
	}
	for _, c := range l.eye.candidates(found) {
		l.prober.probe(c, role)
		if role == Planned && len(l.Servers) > 1 && !provisioning.IsAddress(c.Host) {
			l.askEach(ctx, c)
		}
	}
}

// askEach asks each name server for the addresses of a host, and has a look at all of them: a device takes the answer that comes
// first.
func (l *looker) askEach(ctx context.Context, c provisioning.Candidate) {
	l.prober.mu.Lock()
	defer l.prober.mu.Unlock()
	if _, asked := l.Apart[c.Host]; asked {
		return
	}
	l.Apart[c.Host] = nil
	l.prober.tasks.Go(func() {
		said := l.eye.Each(ctx, l.Servers, c.Step, c.Host)
		for i := range said {
			name := &said[i]
			c.Addrs = name.Addrs
			l.prober.probe(c, Unplanned)
		}
		l.prober.mu.Lock()
		defer l.prober.mu.Unlock()
		l.Apart[c.Host] = said
	})
}

// askBeside asks for what no step asks for, and still tells a tech something.
func (l *looker) askBeside(ctx context.Context) {
	var looks sync.WaitGroup
	var byDHCP, byDNS []TimeServer
	defer func() {
		looks.Wait()
		l.TimeServers = append(byDHCP, byDNS...)
	}()
	if l.Policy.AskDHCP {
		looks.Go(func() {
			var clocks bool
			heard := func(a dhcpopts.Answer) { // not at the end: a time server that is dead takes its time
				if names := ntpOf(a); len(names) > 0 && !clocks {
					clocks = true
					looks.Go(func() { l.watch.time("clock", func() { byDHCP = l.eye.askTime(ctx, option42, names) }) })
				}
			}
			l.watch.time("dhcp", func() { l.DHCP = discover.SurveyDHCP(ctx, &l.Wire, l.Policy.Interface, heard) })
			if l.DHCP.Conflict != "" {
				l.Lease = l.leasedBy()
			}
			l.WebServices = webServices(ctx, l.eye, l.DHCP.Answers)
			l.otherServers(ctx, l.DHCP)
		})
	}
	l.HostNames = make([]provisioning.Name, len(discover.HostNames))
	for i, prefix := range discover.HostNames {
		looks.Go(func() {
			l.watch.time("dns."+strings.TrimSuffix(prefix, "."), func() { l.HostNames[i] = l.eye.LookUp(ctx, prefix+l.sipDomain()) })
		})
	}
	looks.Go(func() {
		l.watch.time("clock", func() { byDNS = l.eye.askTime(ctx, l.timeRecord(), l.eye.Records(ctx, l.timeRecord()).Names) })
	})
	looks.Go(func() { l.Apex = l.eye.LookUp(ctx, l.sipDomain()) })
	looks.Go(func() {
		l.Stray = l.eye.LookUp(ctx, strayLabel()+"."+l.sipDomain())
		if len(l.Stray.Addrs) > 0 || l.Stray.Reason == provisioning.DNSServFail { // a wildcard record, DNS that answers whatever is asked, or a zone that is not loaded
			l.Abroad = l.eye.LookUp(ctx, strayLabel()+"."+foreignDomain(l.sipDomain()))
		}
	})
}

// strayLabel is a name that nobody has made.
func strayLabel() string { return strings.ToLower(rand.Text()[:strayLetters]) }

// foreignDomain is one that exists and has no such names (RFC 2606 section 3), outside the SIP domain.
func foreignDomain(domain string) string {
	if strings.HasSuffix("."+domain, ".example.com") {
		return "example.net"
	}
	return "example.com"
}

// ntpOf are the time servers that an answer names.
func ntpOf(a dhcpopts.Answer) (names []provisioning.Name) {
	for _, addr := range a.NTP {
		names = append(names, provisioning.Name{Host: addr.String(), Port: ntpPort, Addrs: []netip.Addr{addr}})
	}
	return names
}

// leasedBy is the DHCP server that the newest lease of this device comes from; zero: that is not known.
func (l *looker) leasedBy() netip.Addr {
	leases, _ := l.Wire.Leases(l.Policy.Interface, l.Policy.LeaseHooks) // those that can be read
	for i := range leases {
		lease := &leases[i]
		if lease.Server.Is4() {
			return lease.Server
		}
	}
	return netip.Addr{}
}

// otherServers looks at what each of several DHCP servers names: a device uses the first that answers, and that may be the wrong
// one.
func (l *looker) otherServers(ctx context.Context, survey *discover.DHCPSurvey) {
	if l.DHCP.Conflict == "" {
		return
	}
	f := provisioning.Finding{Source: provisioning.Source{Step: provisioning.DHCPTLS, Source: "dhcp", Query: "option 120"}}
	for i := range survey.Answers {
		a := &survey.Answers[i]
		for _, host := range a.SIP.Names {
			if provisioning.CheckName(host, &l.Policy) == nil {
				f.Names = append(f.Names, l.eye.LookUp(ctx, host))
			}
		}
	}
	for _, c := range l.eye.candidates(f) {
		l.prober.probe(c, Unplanned)
	}
}

// signIn does what the device would do next. Only places that speak SIP are tried: what is wrong with the others has
// been seen, and is not waited for again. A bad certificate is met again: it rules out what comes after it, such as
// plain TCP to the same host.
func (l *looker) signIn(ctx context.Context) {
	plan := l.Plan.Try
	if l.FromRecord = len(plan) == 0 && !l.ByPassed; l.FromRecord {
		plan = l.Outage.Try
	}
	speaks := isAnswered
	if len(l.alive(plan, speaks)) == 0 { // a server that does not answer strangers may still answer us
		speaks = func(p *signin.Probe) bool { return p.Reason() == provisioning.SIPNoAnswer }
	}
	if len(l.alive(plan, speaks)) == 0 || !l.Daemon.spares(l.ByPassed).None() {
		return
	}
	if l.Second = refusedAside(l.Facts); l.witness() {
		s := asRegistered(l.Daemon.At)
		l.SignIn = &s
		return
	}
	if !l.eye.alone() { // it has just come
		l.Policy.Identity, l.Untried = nil, provisioning.FaultOnlyDaemon.Met(nil)
		return
	}
	l.Progress("signing in")
	var s signin.SignedIn
	l.watch.time("sign-in", func() {
		s = l.eye.signIn(ctx, l.alive(plan, func(p *signin.Probe) bool { return speaks(p) || isUnproven(p) }), l.Found)
	})
	l.Took["home"], l.Took["relays"] = s.InBandTook, s.InBandTook
	l.SignIn = &s
	for i := range s.Attempts {
		a := &s.Attempts[i]
		if a.Result == "ok" || a.Result == "redirected" {
			l.proveReady(a)
		}
	}
}

// besideDaemon takes the word of the daemon where the check fails at the very place where that is registered, and still is.
func (l *looker) besideDaemon() {
	if l.signsIn() || l.Daemon.At == nil || !l.Untried.None() {
		return
	}
	if secondOf(l.Facts).None() && !withAll(l.Facts) {
		return
	}
	if l.Again != nil {
		l.Daemon = *l.Again()
	}
	t := secondOf(l.Facts) // it may have lost its registration meanwhile
	if t.None() && withAll(l.Facts) {
		l.WithAll, l.FromRecord, t = true, false, provisioning.ConnectTimeout.Met("") // until all of it is known
	}
	if t.None() {
		return
	}
	s := asRegistered(l.Daemon.At)
	s.Attempts = attempts(l.SignIn)
	l.Second, l.SignIn = t, &s
}

// missBinding notes that the daemon holds a binding, before and after the question, at a Registrar that lists none. One that has listed none to
// the daemon either does not say what it holds.
func (l *looker) missBinding() {
	s := l.Daemon.At
	if !l.signsIn() || !l.SignIn.Nobody || l.ByPassed || l.Policy.Release || l.Again == nil || !l.holds(s) || slices.IndexFunc(s.Pace, notListed) >= 0 {
		return
	}
	if now := l.Again().At; now != nil && l.holds(now) && now.ExpiresAt.Equal(s.ExpiresAt) {
		l.Gone = provisioning.FaultBindingGone.Met(provisioning.Facts{
			"at": s.Registrar.HostPort(), "host": s.Registrar.Host, "user": s.SIPAddress, "since": l.Daemon.since(), "left": int64((time.Until(s.ExpiresAt) + time.Minute - 1) / time.Minute),
		})
	}
}

// awaitDaemon asks a daemon that was not registered, or at a fallback, once more, where a sign-in works: it may have come back meanwhile.
func (l *looker) awaitDaemon() {
	idle := !l.Daemon.registered() && l.Daemon.Reason != "" || l.Daemon.aside()
	if !l.signsIn() || !idle || l.Again == nil {
		return
	}
	if now := l.Again(); !now.Unknown && !now.Hangs {
		l.Daemon = *now
	}
}

// holds says whether a daemon holds a binding of this account, on the very server that the check has signed in to.
func (l *looker) holds(s *provisioning.Status) bool {
	r := l.SignIn.Registrar
	return s != nil && s.Registrar != nil && s.Watch == nil && s.SIPAddress == l.Policy.SIPAddress.String() && time.Now().Before(s.ExpiresAt) &&
		s.Registrar.Endpoint == r.Endpoint && s.Registrar.Address == r.Address
}

func notListed(p provisioning.Pace) bool { return p.Fault == string(provisioning.FaultUnlisted) }

// proveReady notes that a server has dealt with the device, whatever it says to strangers.
func (l *looker) proveReady(a *provisioning.Attempt) {
	for _, p := range l.Places {
		for _, probe := range p.Probes {
			if probe.Addr == a.Address && p.Endpoint == a.Endpoint() {
				probe.Answered, probe.Trouble, probe.Detail = true, provisioning.Trouble{}, ""
			}
		}
	}
}

// alive leaves the Candidates that have an address that counts, and of each these addresses.
func (l *looker) alive(plan []provisioning.Candidate, counts func(*signin.Probe) bool) []provisioning.Candidate {
	var try []provisioning.Candidate
	for _, c := range plan {
		place, _ := l.place(&c)
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
