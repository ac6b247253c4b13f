package provisioning

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/cache"
)

// Agent finds a Registrar, registers, and keeps registered. One goroutine, the one in Run, owns its state; the
// others read a Status.
type Agent struct {
	policy Policy
	wire   Wire
	store  *cache.DB
	emit   func(Event)

	restraint    *restraint
	walk         *walk           // through the Registrars, in this cycle
	gathering    *gathering      // look-ups under way, or done and not used yet
	endpointID   string          // epid: the same for the life of the device
	preferred    string          // the Registrar we were sent to
	named        map[string]bool // hosts that SRV records named when discovery last found some
	vouched      map[string]bool // hosts that proven Registrars have named
	current      *registration   // what the device is registered with
	nothingSince time.Time       // since when discovery has found nothing usable; zero: it has
	openSince    time.Time       // since when some look-ups have not been answered; zero: all were
	asked        chan struct{}   // whether Run goes on: taken whenever it passes by
	changes      chan string     // a change of the network that no phase has heeded yet

	mu     sync.Mutex
	status Status
}

// New returns an agent that has not started. emit is called for every Event, from several goroutines.
func New(policy Policy, wire Wire, store *cache.DB, emit func(Event)) *Agent {
	return &Agent{
		policy: policy, wire: wire, store: store, emit: emit, restraint: newRestraint(), endpointID: endpointID(store),
		asked: make(chan struct{}), changes: make(chan string, 1), named: map[string]bool{}, vouched: policy.vouchedIn(store),
		status: Status{Version: 1, SIPAddress: policy.SIPAddress, SIPDomain: policy.SIPDomain()},
	}
}

// endpointID returns the epid of this device (MS-SIPRE §3.2.3.1: it survives power cycles): the stored one, or a
// new one, which is stored with the first registration: ten hexadecimal digits, as those of Microsoft's clients.
func endpointID(store *cache.DB) string {
	if record, _ := store.Load(); record.EndpointID != "" {
		return record.EndpointID
	}
	var fresh [5]byte
	rand.Read(fresh[:]) // never fails
	return hex.EncodeToString(fresh[:])
}

// Status returns where the agent stands. It may be called at any time, from any goroutine.
func (a *Agent) Status() Status {
	a.mu.Lock()
	s := a.status
	if s.Cycle != nil {
		cycle := *s.Cycle
		cycle.Sources, cycle.Attempts = slices.Clone(cycle.Sources), slices.Clone(cycle.Attempts)
		s.Cycle = &cycle
	}
	a.mu.Unlock()
	for _, note := range a.store.Notes() {
		reason := Reason(note.Code)
		s.Store = append(s.Store, StoreState{Reason: reason, Detail: note.Text, Hint: reason.Hint()})
	}
	return s
}

// change edits the status; readers see all of it or nothing.
func (a *Agent) change(edit func(*Status)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	edit(&a.status)
}

// tell emits an event, and keeps what status shows of it.
func (a *Agent) tell(e Event) {
	e.At = time.Now()
	e.Hint = cmp.Or(e.Hint, e.Reason.Hint())
	a.change(func(s *Status) {
		e.Degraded = s.Degraded
		switch e.Kind {
		case StateChanged:
			s.State = e.State
		case Attempted:
			result := "failed"
			if e.Reason == "" {
				result = "ok"
			}
			s.attempt(e, result)
		case Redirected:
			s.attempt(e, "redirected")
		case Skipped:
			s.attempt(e, "skipped")
		case Conflict:
			s.source(Source{Step: e.Step, Source: "dhcp", Verdict: Found, Query: "option 120", Reason: e.Reason, Detail: e.Detail, Hint: e.Hint})
		default: // nothing more to show of it
		}
		e.State = s.State
	})
	a.emit(e)
}

// attempt adds an attempt or a skip to the cycle.
func (s *Status) attempt(e Event, result string) {
	if s.Cycle == nil {
		return
	}
	s.Cycle.Attempts = append(s.Cycle.Attempts, Attempt{
		Step: e.Step, Host: e.Host, Address: e.Addr, Port: e.Port, Transport: e.Transport, Result: result,
		Reason: e.Reason, Detail: e.Detail, Said: e.Said, User: e.User, Hint: e.Hint, TookMS: e.Took.Milliseconds(),
	})
	s.Cycle.TookMS = e.At.Sub(s.Cycle.StartedAt).Milliseconds()
}

// source adds what a source said to the cycle, in the place of what it said before.
func (s *Status) source(said Source) {
	if s.Cycle == nil {
		return
	}
	before := func(x Source) bool {
		return x.Step == said.Step && x.Reason != DHCPConflict && said.Reason != DHCPConflict
	}
	s.Cycle.Sources = append(slices.DeleteFunc(s.Cycle.Sources, before), said)
}

func (a *Agent) tellSkip(s Skip) {
	a.tell(Event{Kind: Skipped, Step: s.Step, Host: s.Host, Port: s.Port, Transport: s.Transport, Reason: s.Reason, Detail: s.Detail})
}

// tellFinding emits what a source said, and shows it in the cycle.
func (a *Agent) tellFinding(f Finding) {
	a.change(func(s *Status) { s.source(f.Source) })
	a.tell(Event{
		Kind: LookedUp, Step: f.Step, Query: f.Query, Verdict: f.Verdict, Reason: f.Reason, Detail: f.Detail,
		Took: time.Duration(f.TookMS) * time.Millisecond,
	})
}

// tellFlaw tells what DHCP said if that is malformed and no step has come to it, as one above has registered.
func (a *Agent) tellFlaw(ctx context.Context, g *gathering) {
	f, ok := g.await(ctx, DHCPTLS)
	if !ok || f.Reason != DHCPMalformed {
		return
	}
	told := false
	a.change(func(s *Status) {
		told = slices.ContainsFunc(s.Cycle.Sources, func(source Source) bool { return source.Step == DHCPTLS && source.Reason != DHCPConflict })
	})
	if !told {
		a.tellFinding(f)
	}
}

func (a *Agent) enter(state State) { a.tell(Event{Kind: StateChanged, State: state}) }

// beginCycle starts anew with what was tried; recall, discover and outage of one cycle share it.
func (a *Agent) beginCycle() {
	a.walk = a.newWalk()
	a.change(func(s *Status) { s.Cycle = &Cycle{StartedAt: time.Now().UTC(), Attempts: []Attempt{}} })
}

// record returns last good, if it belongs to this SIP address.
func (a *Agent) record() (cache.Record, bool) {
	record, ok := a.store.Load()
	return record, ok && record.SIPAddress == a.policy.SIPAddress
}

// floor says whether this SIP domain has registered over TLS before, under whatever address.
func (a *Agent) floor() bool {
	record, ok := a.store.Load()
	return ok && record.TLSFloor && Policy{SIPAddress: record.SIPAddress}.SIPDomain() == a.policy.SIPDomain()
}

// verdictLimit is how long DNS and DHCP may take: less, when there is something to fall back on.
func (a *Agent) verdictLimit() time.Duration {
	if _, ok := a.record(); ok {
		return verdictWithLastGood
	}
	return verdictWithNothing
}

// gather starts asking DNS and DHCP, and for the addresses of all names in last good. What was asked before is
// ended first.
func (a *Agent) gather(ctx context.Context) *gathering { return a.gatherAgain(ctx, nil) }

// gatherAgain does the same, but for what is known from before.
func (a *Agent) gatherAgain(ctx context.Context, before Findings) *gathering {
	a.endGathering()
	var known []string
	if record, ok := a.record(); ok {
		known = a.policy.namesOf(record, a.vouched)
	}
	a.gathering = gather(ctx, a.policy, a.wire, a.floor(), before, known, a.verdictLimit(), func(detail string) {
		a.tell(Event{Kind: Conflict, Step: DHCPTLS, Reason: DHCPConflict, Detail: detail})
	})
	return a.gathering
}

func (a *Agent) endGathering() {
	if a.gathering != nil {
		a.gathering.end()
		a.gathering = nil
	}
}

// recallPlan and outagePlan are what may be used of a record now.
func (a *Agent) recallPlan(record cache.Record, fresh map[string]Name) Plan {
	return a.ground().tidy(RecallPlan(record, a.policy, fresh, a.vouched))
}

func (a *Agent) outagePlan(record cache.Record) Plan {
	fresh := a.gathering.addressesNow(a.policy.namesOf(record, a.vouched))
	return a.ground().tidy(OutagePlan(record, a.policy, fresh, a.vouched))
}

func (a *Agent) ground() ground { return a.policy.ground(a.wire) }

// remembered returns the addresses last good holds for a host.
func (a *Agent) remembered(host string) []netip.Addr {
	record, ok := a.record()
	if !ok {
		return nil
	}
	for _, e := range append([]cache.Endpoint{record.Registrar}, record.Home...) {
		if e.Host == host {
			return e.Addresses
		}
	}
	for _, r := range record.MediaRelays {
		if r.Host == host {
			return r.Addresses
		}
	}
	return nil
}
