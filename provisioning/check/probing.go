package check

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"sync"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// Our choices.
const (
	maxProbed = 8  // addresses of one place
	maxHosts  = 12 // besides those that the device would try
)

// besidePorts are where Registrars are found when they are not where they were said to be (TechNet dd637123). Plain
// TCP is not among them: over it a check goes where the daemon would go, and nowhere else.
var besidePorts = []provisioning.Endpoint{{Port: 5061, Transport: provisioning.TLS}, {Port: 443, Transport: provisioning.TLS}}

// prober has a look at places, each once, all at the same time.
type prober struct {
	ctx   context.Context
	eye   *eye
	tasks sync.WaitGroup

	mu     sync.Mutex
	places map[provisioning.Endpoint]*Place
	former []*Place // at the addresses that their hosts had once
	hosts  []string
	shaken []*handshake // all probes over TLS
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
		p.add(&c, role)
	}
	for _, beside := range besidePorts {
		beside.Host = c.Host
		c.Endpoint = beside
		p.add(&c, Beside)
	}
}

// add probes the addresses of a place that were not probed before. p.mu is held.
func (p *prober) add(c *provisioning.Candidate, role Role) {
	place := p.placeOf(c, role)
	for _, addr := range c.Addrs {
		i, fresh := place.room(addr)
		if !fresh {
			continue
		}
		at, done := place.Candidate, make(chan struct{})
		p.shaken = append(p.shaken, &handshake{c.Host, addr, place, i, done})
		p.tasks.Go(func() {
			defer close(done)
			p.put(place, i, p.eye.signer.Probe(p.ctx, &at, addr))
		})
	}
}

// lookBackAt starts a look at a Candidate at the addresses that its host had once. They lead no device anywhere: what is seen there is told of
// them alone, and not of the place.
func (p *prober) lookBackAt(c *provisioning.Candidate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := &Place{Candidate: *c, Role: Unplanned}
	was.Addrs = nil
	p.former = append(p.former, was)
	for _, addr := range c.Addrs {
		if i, fresh := was.room(addr); fresh {
			p.tasks.Go(func() { p.put(was, i, p.eye.signer.Probe(p.ctx, c, addr)) })
		}
	}
}

// placeOf returns the place of a Candidate, which has the first of its roles. p.mu is held.
func (p *prober) placeOf(c *provisioning.Candidate, role Role) *Place {
	place := p.places[c.Endpoint]
	if place == nil {
		place = &Place{Candidate: *c, Role: role}
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
	p.Probes = append(p.Probes, &signin.Probe{Addr: addr})
	return len(p.Probes) - 1, true
}

func (p *prober) put(place *Place, i int, seen *signin.Probe) {
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
	for rank := range plan {
		c := &plan[rank]
		if c.Transport == provisioning.TLS {
			continue
		}
		place := p.placeOf(c, role)
		earlier := slices.DeleteFunc(slices.Clone(p.shaken), func(h *handshake) bool {
			same := h.host == c.Host || slices.Contains(c.Addrs, h.addr)
			here := func(first provisioning.Candidate) bool {
				return first.Endpoint == h.place.Endpoint && slices.Contains(first.Addrs, h.addr)
			}
			return !same || !slices.ContainsFunc(before, here) && !slices.ContainsFunc(plan[:rank], here)
		})
		for _, addr := range c.Addrs {
			if i, fresh := place.room(addr); fresh {
				p.tasks.Go(func() { p.put(place, i, p.after(earlier, c, addr)) })
			}
		}
	}
}

// after looks at an address over plain TCP once the handshakes that come before it are over.
func (p *prober) after(earlier []*handshake, c *provisioning.Candidate, addr netip.Addr) *signin.Probe {
	for _, h := range earlier {
		<-h.done // a probe has its own deadlines
		p.mu.Lock()
		distrusted := h.place.Probes[h.index].Distrusted
		p.mu.Unlock()
		if distrusted {
			return signin.Closed(addr)
		}
	}
	return p.eye.signer.Probe(p.ctx, c, addr)
}

// seen returns the places: those of the plan in its order, then those of last good, then the others.
func (p *prober) seen(f *Facts) []*Place {
	var list []*Place
	rank := func(place *Place) int {
		i := slices.IndexFunc(f.Plan.Try, func(c provisioning.Candidate) bool { return c.Endpoint == place.Endpoint })
		if i < 0 {
			return len(f.Plan.Try) + int(place.Step)
		}
		return i
	}
	for _, place := range p.places {
		if i := rank(place); i < len(f.Plan.Try) { // of two sources that name it, the one that the device follows
			place.Step, place.Via = f.Plan.Try[i].Step, f.Plan.Try[i].Via
		}
		now := *place
		list = append(list, &now)
	}
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i], list[j]
		return cmp.Or(int(a.Role)-int(b.Role), rank(a)-rank(b), strings.Compare(a.Host, b.Host), int(a.Port)-int(b.Port)) < 0
	})
	return list
}

// knownBetter has the attempts of a sign-in say what the probes know: that the Registrar answers something else, or has just answered.
func knownBetter(f *Facts, s *signin.SignedIn) {
	for i := range s.Attempts {
		a := &s.Attempts[i]
		p, _ := f.place(&provisioning.Candidate{Endpoint: a.Endpoint(), Addrs: []netip.Addr{a.Address}})
		for _, probe := range p.Probes {
			known := answeredBefore(probe, slowerThan(a, probe, probe.Instead(a.Trouble)))
			if known.Fault == a.Trouble.Fault {
				continue
			}
			same := s.Trouble.Fault == a.Trouble.Fault && s.Trouble.Host() == known.Host()
			a.Trouble, a.Fault, a.What, a.Hint, a.Side = known, string(known.Fault), known.What(), known.Hint(), ""
			if same {
				s.Trouble, s.Why.Fault, s.Why.What, s.Why.Hint = known, a.Fault, a.What, a.Hint
			}
		}
	}
}

// slowerThan is what is wrong where an attempt did not wait for a connection, as another Registrar was ready, and a probe has had the patience.
func slowerThan(a *provisioning.Attempt, probe *signin.Probe, t provisioning.Trouble) provisioning.Trouble {
	if t.Reason() != provisioning.ConnectTimeout || !probe.Connected || provisioning.Milliseconds(probe.Connecting) < a.TookMS {
		return t
	}
	return provisioning.FaultTooSlow.Because(t, t.With(provisioning.Facts{"ms": probe.Connecting.Milliseconds()}).Facts)
}

// answeredBefore is what is wrong where an attempt met nobody, and a probe has had an answer just before.
func answeredBefore(probe *signin.Probe, t provisioning.Trouble) provisioning.Trouble {
	if isUneven(probe, t) {
		return unevenly(probe, t)
	}
	answered := t.Facts["answer"] != nil || t.Facts["differs"] != nil // on that connection, too
	if probe.Greeting.Code == 0 || answered || t.Fault == provisioning.FaultTooSlow || !slices.Contains(nobodyMet, t.Reason()) || t.Fault == provisioning.FaultNoGateway || t.Fault == provisioning.FaultDeadRoute {
		return t
	}
	facts := t.With(nil).Facts
	facts["answer"] = fmt.Sprint(probe.Greeting.Code, " ", probe.Greeting.Phrase)
	return provisioning.FaultAnsweredBefore.Because(t, facts).OnNoSide()
}
