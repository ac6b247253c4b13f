package provisioning

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/internal/srv"
)

// Our choices.
const (
	verdictWithLastGood = 1800 * time.Millisecond // the client timer of RFC 8767: then something better than waiting exists
	verdictWithNothing  = 5 * time.Second         // nothing else to try: give slow sites their time
)

// verdictLimit is how long DNS and DHCP may take: less, when there is something to fall back on.
func verdictLimit(m memory) time.Duration {
	if _, ok := m.record(); ok {
		return verdictWithLastGood
	}
	return verdictWithNothing
}

// hostNames are the names of the Communicator order when no SRV record exists (TechNet dd572514).
var hostNames = []string{"sipinternal.", "sip.", "sipexternal."}

// gathering asks every source of one cycle at the same time, under one deadline, and hands the answers out in
// device order: nobody waits for DHCP when internal TLS has answered.
type gathering struct {
	policy   Policy
	wire     Wire
	steps    []Step   // asked, in order; those of the policy
	before   Findings // of an earlier gathering: only what it left open is asked for
	ground   ground
	resolver srv.Resolver
	limit    time.Duration
	started  time.Time
	conflict func(detail string)
	settled  func(Finding) // nil, or told of each Finding as soon as it is decided, from several goroutines

	tasks       sync.WaitGroup
	names       context.Context // bounds every look-up of a name
	cancelNames context.CancelFunc
	cancelAll   context.CancelFunc
	answers     map[Step]*answer // complete before the first task starts

	mu    sync.Mutex
	hosts map[string]*resolution
}

// answer is a Finding to come.
type answer struct {
	done    chan struct{}
	finding Finding
}

// resolution is the addresses of a host name to come.
type resolution struct {
	done  chan struct{}
	addrs []netip.Addr
	err   error
}

// Discover asks every source once and returns all that was found, in device order: what `homeward plan` shows.
// floor: this SIP domain has registered over TLS before. It registers nowhere.
func Discover(ctx context.Context, policy Policy, wire Wire, floor bool) Findings {
	var conflicts []string
	g := gather(ctx, policy, wire, floor, nil, nil, verdictWithNothing, func(detail string) { conflicts = append(conflicts, detail) })
	found := g.all(ctx)
	g.linger(ctx)
	for i := range found {
		if found[i].Source.Source == "dhcp" && len(conflicts) > 0 {
			found[i].Reason, found[i].Detail, found[i].Hint = DHCPConflict, conflicts[0], DHCPConflict.Hint()
		}
	}
	return found
}

// gather starts asking. What before has decided is not asked for again; known are host names whose addresses are wanted
// besides. Either end or linger must be called, and waits for all that is started here.
func gather(ctx context.Context, policy Policy, wire Wire, floor bool, before Findings, known []string, limit time.Duration, conflict func(string)) *gathering {
	g := &gathering{policy: policy, wire: wire, steps: policy.steps(), before: before, limit: limit, conflict: conflict}
	g.start(ctx, floor)
	for _, host := range known {
		g.resolve(host)
	}
	return g
}

// start starts asking, all steps that are not closed at the same time.
func (g *gathering) start(ctx context.Context, floor bool) {
	ctx, g.cancelAll = context.WithCancel(ctx)
	g.names, g.cancelNames = context.WithTimeout(ctx, g.limit)
	g.started, g.ground = time.Now(), groundOf(g.policy, g.wire)
	g.resolver = resolverOn(g.ground, g.wire)
	g.answers, g.hosts = map[Step]*answer{}, map[string]*resolution{}
	asked := slices.DeleteFunc(slices.Clone(g.steps), func(s Step) bool { return g.policy.closed(s.transport(), floor) != "" })
	for _, step := range asked {
		g.answers[step] = &answer{done: make(chan struct{})}
	}
	for _, step := range asked {
		g.tasks.Go(func() { g.ask(ctx, step) })
	}
}

func newResolver(policy Policy, wire Wire) srv.Resolver {
	return resolverOn(groundOf(policy, wire), wire)
}

// ask answers one step. DHCP outlives the names, to notice servers that disagree.
func (g *gathering) ask(ctx context.Context, step Step) {
	if f, known := g.before.of(step); known && !f.open() {
		g.settle(step, g.complete(f))
		return
	}
	switch step {
	case DHCPTLS:
		g.askDHCP(ctx)
	case DHCPTCP: // answered together with DHCPTLS
	case Manual:
		g.settle(step, g.askManual())
	case HostName:
		g.settle(step, g.askHostNames())
	default:
		g.settle(step, g.askSRV(step))
	}
}

func (g *gathering) settle(step Step, f Finding) {
	f.Step = step
	f.Hint = f.Reason.Hint()
	if f.TookMS == 0 {
		f.TookMS = time.Since(g.started).Milliseconds()
	}
	g.answers[step].finding = f
	close(g.answers[step].done)
	if g.settled != nil {
		g.settled(f)
	}
}

// await returns the Finding of a step as soon as it is decided; false: the step is not asked, or ctx ended.
func (g *gathering) await(ctx context.Context, step Step) (Finding, bool) {
	a := g.answers[step]
	if a == nil {
		return Finding{}, false
	}
	select {
	case <-a.done:
		return a.finding, ctx.Err() == nil
	case <-ctx.Done():
		return Finding{}, false
	}
}

// all returns every Finding, once all are decided.
func (g *gathering) all(ctx context.Context) Findings {
	var found Findings
	for _, step := range g.steps {
		if f, ok := g.await(ctx, step); ok {
			found = append(found, f)
		}
	}
	return found
}

// end stops everything and waits for it.
func (g *gathering) end() {
	g.cancelAll()
	g.tasks.Wait()
}

// linger stops the look-ups of names, and lets DHCP listen to the end of its window, for servers that disagree;
// it waits for that, or for ctx.
func (g *gathering) linger(ctx context.Context) {
	g.cancelNames()
	defer context.AfterFunc(ctx, g.cancelAll)()
	g.tasks.Wait()
	g.cancelAll()
}

func (g *gathering) askSRV(step Step) Finding {
	f := Finding{Source: Source{Step: step, Source: "dns", Query: step.srvName() + g.policy.SIPDomain()}}
	targets, err := g.resolver.SRV(g.names, f.Query)
	if err != nil {
		f.Verdict, f.Reason, f.Detail = verdictOf(err)
		var e *srv.Error
		f.NoServer = errors.As(err, &e) && e.Kind == srv.NoServer
		return f
	}
	f.Verdict = Found
	for _, t := range targets {
		f.Names = append(f.Names, Name{Host: t.Host, Port: t.Port})
	}
	g.addresses(f.Step, f.Names)
	return f
}

func (g *gathering) askManual() Finding {
	f := Finding{Source: Source{Step: Manual, Source: "config", Verdict: Found, Query: "internal_server, external_server"}}
	for _, server := range g.policy.Manual {
		port := server.Port
		if server.External {
			port = cmp.Or(port, accessProxyPort)
		}
		f.Names = append(f.Names, Name{Host: server.Host, Port: port})
	}
	g.addresses(Manual, f.Names)
	return f
}

func (g *gathering) askHostNames() Finding {
	var found Findings
	for _, step := range g.steps {
		if a := g.answers[step]; a != nil && step != HostName {
			<-a.done // the names' own deadline bounds it
			found = append(found, a.finding)
		}
	}
	f := Finding{Source: Source{Step: HostName, Source: "dns", Query: "sipinternal, sip, sipexternal"}}
	if !hostNamesAllowed(found) {
		f.Verdict, f.Reason = Absent, SRVExists
		return f
	}
	for _, prefix := range hostNames {
		f.Names = append(f.Names, Name{Host: prefix + g.policy.SIPDomain()})
	}
	g.addresses(HostName, f.Names)
	f.Verdict, f.Reason = Absent, DNSNoRecord
	for _, name := range f.Names {
		switch {
		case len(name.Addrs) > 0:
			f.Verdict, f.Reason, f.Detail = Found, "", ""
			return f
		case name.Reason != NoAddress && f.Verdict == Absent:
			f.Verdict, f.Reason, f.Detail = Failed, name.Reason, name.Detail
		}
	}
	return f
}

// addresses fills in the addresses of names, all asked at the same time; no query is sent for a name that the
// name rule refuses.
func (g *gathering) addresses(step Step, names []Name) {
	for _, name := range names {
		if reason, _ := g.policy.nameReason(step, name.Host, TCP); reason == "" {
			g.resolve(name.Host)
		}
	}
	for i := range names {
		name := &names[i]
		if reason, _ := g.policy.nameReason(step, name.Host, TCP); reason != "" {
			continue
		}
		*name = lookedUp(g.ground, step, *name, g.lookup)
	}
}

// complete looks up the hosts of an earlier Finding for which no name server has answered.
func (g *gathering) complete(f Finding) Finding {
	var at []int
	var open []Name
	for i, name := range f.Names {
		if unanswered(name.Reason) {
			at, open = append(at, i), append(open, Name{Host: name.Host, Port: name.Port})
		}
	}
	g.addresses(f.Step, open)
	f.Names = slices.Clone(f.Names)
	for i, name := range open {
		f.Names[at[i]] = name
	}
	return f
}

// resolve starts the look-up of a host's addresses, once.
func (g *gathering) resolve(host string) *resolution {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.hosts[host]
	if r == nil {
		r = &resolution{done: make(chan struct{})}
		g.hosts[host] = r
		g.tasks.Go(func() {
			defer close(r.done)
			r.addrs, r.err = resolveHost(g.names, g.resolver, host)
		})
	}
	return r
}

// lookup returns the addresses of a host: the answer of the one look-up in this cycle.
func (g *gathering) lookup(host string) ([]netip.Addr, error) {
	r := g.resolve(host)
	<-r.done // the names' own deadline bounds it
	return r.addrs, r.err
}

// resolveHost returns the addresses of a host name; an address stands for itself.
func resolveHost(ctx context.Context, resolver srv.Resolver, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr.Unmap()}, nil
	}
	return resolver.Addrs(ctx, host)
}

// verdictOf says what a failed look-up of an SRV record proves.
func verdictOf(err error) (Verdict, Reason, string) {
	var e *srv.Error
	if !errors.As(err, &e) {
		return Failed, DNSMalformed, detailOf(err)
	}
	switch {
	case e.Kind == srv.NotOffered:
		return Found, ServiceNotOffered, ""
	case e.Absent():
		return Absent, DNSNoRecord, ""
	}
	return Failed, dnsReason(e), detailOf(err)
}

// addressReason says why a name has no address.
func addressReason(err error) (Reason, string) {
	var e *srv.Error
	if errors.As(err, &e) && !e.Absent() {
		return dnsReason(e), detailOf(err)
	}
	return NoAddress, detailOf(err)
}

func dnsReason(e *srv.Error) Reason {
	switch e.Kind {
	case srv.ServFail:
		return DNSServFail
	case srv.Refused:
		return DNSRefused
	case srv.Malformed:
		return DNSMalformed
	case srv.Timeout, srv.NoServer:
		return DNSTimeout
	default:
		return DNSNoRecord
	}
}

// addressesNow returns what DNS says in this cycle about the names of a record, by host. It waits for the verdict.
func (g *gathering) addressesNow(hosts []string) map[string]Name {
	fresh := map[string]Name{}
	if g == nil {
		return fresh
	}
	for _, host := range hosts {
		fresh[host] = lookedUp(g.ground, LastGood, Name{Host: host}, g.lookup)
	}
	return fresh
}
