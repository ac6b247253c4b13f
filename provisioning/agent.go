package provisioning

import (
	"cmp"
	"context"
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

	signer       *signer
	walk         *walk         // through the Registrars, in this cycle
	gathering    *gathering    // look-ups under way, or done and not used yet
	preferred    string        // the Registrar we were sent to
	current      *registration // what the device is registered with
	nothingSince time.Time     // since when discovery has found nothing usable; zero: it has
	openSince    time.Time     // since when some look-ups have not been answered; zero: all were
	asked        chan struct{} // whether Run goes on: taken whenever it passes by
	changes      chan string   // a change of the network that no phase has heeded yet

	mu     sync.Mutex
	status Status
}

// New returns an agent that has not started. emit is called for every Event, from several goroutines.
func New(policy Policy, wire Wire, store *cache.DB, emit func(Event)) *Agent {
	a := &Agent{
		policy: policy, wire: wire, store: store, emit: emit,
		asked: make(chan struct{}), changes: make(chan string, 1),
		status: Status{Version: 1, SIPAddress: policy.SIPAddress, SIPDomain: policy.SIPDomain()},
	}
	a.signer = newSigner(policy, wire, endpointID(store), policy.memory(store).vouched(), owner{
		tell: a.tell, pass: a.pass, ground: a.ground, floor: a.floor, clockFloor: a.clockFloor, resolve: a.resolveAll,
	})
	return a
}

// endpointID returns the epid of this device (MS-SIPRE §3.2.3.1: it survives power cycles): the stored one, or a
// new one, which is stored with the first registration: ten hexadecimal digits, as those of Microsoft's clients.
func endpointID(store *cache.DB) string {
	if record, _ := store.Load(); record.EndpointID != "" {
		return record.EndpointID
	}
	return freshEndpointID()
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
		case Conflict:
			s.Cycle.source(Source{Step: e.Step, Source: "dhcp", Verdict: Found, Query: "option 120", Reason: e.Reason, Detail: e.Detail, Hint: e.Hint})
		default:
			s.Cycle.note(e)
		}
		e.State = s.State
	})
	a.emit(e)
}

// tellFinding emits what a source said, and shows it in the cycle.
func (a *Agent) tellFinding(f Finding) {
	a.change(func(s *Status) { s.Cycle.source(f.Source) })
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
	a.walk = a.signer.newWalk()
	a.change(func(s *Status) { s.Cycle = &Cycle{StartedAt: time.Now().UTC(), Attempts: []Attempt{}} })
}

// memory is what the device remembers now.
func (a *Agent) memory() memory               { return a.policy.memory(a.store) }
func (a *Agent) record() (cache.Record, bool) { return a.memory().record() }
func (a *Agent) floor() bool                  { return a.memory().floor() }
func (a *Agent) clockFloor() time.Time        { return a.memory().clockFloor() }
func (a *Agent) ground() ground               { return groundOf(a.policy, a.wire) }

func (a *Agent) resolveAll(ctx context.Context, hosts []string) []Name {
	return resolveAll(ctx, a.policy, a.wire, a.memory(), hosts)
}

// gather starts asking DNS and DHCP, and for the addresses of all names in last good. What was asked before is
// ended first.
func (a *Agent) gather(ctx context.Context) *gathering { return a.gatherAgain(ctx, nil) }

// gatherAgain does the same, but for what is known from before.
func (a *Agent) gatherAgain(ctx context.Context, before Findings) *gathering {
	a.endGathering()
	var known []string
	if record, ok := a.record(); ok {
		known = a.policy.namesOf(record, a.signer.vouched)
	}
	a.gathering = gather(ctx, a.policy, a.wire, a.floor(), before, known, verdictLimit(a.memory()), func(detail string) {
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
	return a.ground().tidy(RecallPlan(record, a.policy, fresh, a.signer.vouched))
}

func (a *Agent) outagePlan(record cache.Record) Plan {
	fresh := a.gathering.addressesNow(a.policy.namesOf(record, a.signer.vouched))
	return a.ground().tidy(OutagePlan(record, a.policy, fresh, a.signer.vouched))
}
