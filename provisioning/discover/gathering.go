package discover

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"homeward/internal/srv"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// Gathering asks every source of one cycle at the same time, under one deadline, and hands the answers out in
// device order: nobody waits for DHCP when internal TLS has answered.
type Gathering struct {
	policy   provisioning.Policy
	wire     wire.Wire
	steps    []provisioning.Step   // asked, in order; those of the policy
	before   provisioning.Findings // of an earlier gathering: only what it left open is asked for
	ground   *provisioning.Ground
	resolver srv.Resolver
	patience Patience
	started  time.Time
	notice   func(provisioning.Trouble) // of DHCP: servers that disagree, answers that are slow
	settled  func(provisioning.Finding) // nil, or told of each Finding as soon as it is decided, from several goroutines

	tasks       sync.WaitGroup
	names       context.Context // bounds every look-up of a name
	cancelNames context.CancelFunc
	cancelAll   context.CancelFunc
	answers     map[provisioning.Step]*answer // complete before the first task starts

	mu    sync.Mutex
	hosts map[string]*resolution
}

// Patience is how long answers are waited for.
type Patience struct {
	Limit  time.Duration // of DNS and DHCP
	InVain bool          // nothing was found the last time: name servers that are silent are asked less often
}

// answer is a Finding to come.
type answer struct {
	foreseen chan provisioning.Finding // at most one, before it is done
	done     chan struct{}
	finding  provisioning.Finding
}

// resolution is the addresses of a host name to come.
type resolution struct {
	done  chan struct{}
	addrs []netip.Addr
	one   bool
	err   error
}

func newResolver(policy *provisioning.Policy, wire *wire.Wire) srv.Resolver {
	return resolverOn(GroundOf(policy, wire), wire)
}

func (g *Gathering) settle(step provisioning.Step, f provisioning.Finding) {
	f.Step = step
	if f.Source.Source == "dhcp" && f.Trouble.None() {
		f.Trouble = DHCPTrouble(f.Reason, f.Detail)
	}
	f.Source = f.Told()
	if f.TookMS == 0 {
		f.TookMS = provisioning.Milliseconds(time.Since(g.started))
	}
	g.answers[step].finding = f
	close(g.answers[step].done)
	if g.settled != nil {
		g.settled(f)
	}
}

// Await returns the Finding of a step as soon as it is decided; false: the step is not asked, or ctx ended.
func (g *Gathering) Await(ctx context.Context, step provisioning.Step) (provisioning.Finding, bool) {
	a := g.answers[step]
	if a == nil {
		return provisioning.Finding{}, false
	}
	select {
	case <-a.done:
		return a.finding, ctx.Err() == nil
	case <-ctx.Done():
		return provisioning.Finding{}, false
	}
}

// Foresee returns what the Finding of a step will most likely be, with the addresses that name servers give besides an SRV record:
// good enough to connect to, and not to say a word. False: it is decided already, or nothing is foreseen.
func (g *Gathering) Foresee(ctx context.Context, step provisioning.Step) (provisioning.Finding, bool) {
	a := g.answers[step]
	if a == nil {
		return provisioning.Finding{}, false
	}
	select {
	case f := <-a.foreseen:
		return f, ctx.Err() == nil
	case <-a.done:
	case <-ctx.Done():
	}
	return provisioning.Finding{}, false
}

// all returns every Finding, once all are decided.
func (g *Gathering) all(ctx context.Context) provisioning.Findings {
	var found provisioning.Findings
	for _, step := range g.steps {
		if f, ok := g.Await(ctx, step); ok {
			found = append(found, f)
		}
	}
	return found
}

// End stops everything and waits for it.
func (g *Gathering) End() {
	g.cancelAll()
	g.tasks.Wait()
}

// Linger stops the look-ups of names, and lets DHCP listen to the end of its window, for servers that disagree;
// it waits for that, or for ctx.
func (g *Gathering) Linger(ctx context.Context) {
	g.cancelNames()
	defer context.AfterFunc(ctx, g.cancelAll)()
	g.tasks.Wait()
	g.cancelAll()
}

// addresses fills in the addresses of names, all asked at the same time; no query is sent for a name that the
// name rule refuses.
func (g *Gathering) addresses(step provisioning.Step, names []provisioning.Name) {
	for i := range names {
		name := &names[i]
		if reason, _ := g.policy.NameReason(step, name.Host, provisioning.TCP); reason == "" {
			g.resolve(name.Host)
		}
	}
	for i := range names {
		name := &names[i]
		if reason, _ := g.policy.NameReason(step, name.Host, provisioning.TCP); reason != "" {
			continue
		}
		lookUpName(g.ground, step, name, g.lookup)
	}
}

// resolve starts the look-up of a host's addresses, once.
func (g *Gathering) resolve(host string) *resolution {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.hosts[host]
	if r == nil {
		r = &resolution{done: make(chan struct{})}
		g.hosts[host] = r
		g.tasks.Go(func() {
			defer close(r.done)
			r.addrs, r.one, r.err = resolveHost(g.names, g.resolver, host)
		})
	}
	return r
}

// lookup returns the addresses of a host: the answer of the one look-up in this cycle.
func (g *Gathering) lookup(host string) (addrs []netip.Addr, one bool, err error) {
	r := g.resolve(host)
	<-r.done // the names' own deadline bounds it
	return r.addrs, r.one, r.err
}

// AddressesNow returns what DNS says in this cycle about the names of a record, by host. It waits for the verdict.
func (g *Gathering) AddressesNow(hosts []string) map[string]provisioning.Name {
	fresh := map[string]provisioning.Name{}
	if g == nil {
		return fresh
	}
	for _, host := range hosts {
		name := provisioning.Name{Host: host}
		lookUpName(g.ground, provisioning.LastGood, &name, g.lookup)
		fresh[host] = name
	}
	return fresh
}
