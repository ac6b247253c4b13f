package agent

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/cache"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/discover"
	"github.com/homeward-agent/homeward/provisioning/signin"
	"github.com/homeward-agent/homeward/provisioning/wire"
)

// Agent finds a Registrar, registers, and keeps registered. One goroutine, the one in Run, owns its state; the
// others read a Status.
type Agent struct {
	policy provisioning.Policy
	wire   wire.Wire
	store  *cache.DB
	emit   func(provisioning.Event)

	signer       *signin.Signer
	walk         *signin.Walk          // through the Registrars, in this cycle
	found        provisioning.Findings // what DNS and DHCP have said in this cycle
	gathering    *discover.Gathering   // look-ups under way, or done and not used yet
	preferred    string                // the Registrar we were sent to
	current      *signin.Registration  // what the device is registered with
	nothingSince time.Time             // since when discovery has found nothing usable; zero: it has
	openSince    time.Time             // since when some look-ups have not been answered; zero: all were
	asked        chan struct{}         // whether Run goes on: taken whenever it passes by
	changes      chan string           // a change of the network that no phase has heeded yet

	mu     sync.Mutex
	status provisioning.Status
}

// New returns an agent that has not started. emit is called for every Event, from several goroutines.
func New(policy provisioning.Policy, wire wire.Wire, store *cache.DB, emit func(provisioning.Event)) *Agent {
	a := &Agent{
		policy: policy, wire: wire, store: store, emit: emit,
		asked: make(chan struct{}), changes: make(chan string, 1),
		status: provisioning.Status{Version: 1, SIPAddress: policy.SIPAddress, SIPDomain: policy.SIPDomain()},
	}
	a.signer = signin.New(policy, wire, endpointID(store), policy.Memory(store).Vouched(), signin.Owner{
		Tell: a.tell, Pass: a.pass, Ground: a.ground, Floor: a.floor, ClockFloor: a.clockFloor, Resolve: a.resolveAll,
	})
	return a
}

// endpointID returns the epid of this device (MS-SIPRE §3.2.3.1: it survives power cycles): the stored one, or a
// new one, which is stored with the first registration: ten hexadecimal digits, as those of Microsoft's clients.
func endpointID(store *cache.DB) string {
	if record, _ := store.Load(); record.EndpointID != "" {
		return record.EndpointID
	}
	return signin.FreshEndpointID()
}

// Status returns where the agent stands. It may be called at any time, from any goroutine.
func (a *Agent) Status() provisioning.Status {
	a.mu.Lock()
	s := a.status
	if s.Cycle != nil {
		cycle := *s.Cycle
		cycle.Sources, cycle.Attempts = slices.Clone(cycle.Sources), slices.Clone(cycle.Attempts)
		s.Cycle = &cycle
	}
	a.mu.Unlock()
	for _, note := range a.store.Notes() {
		reason := provisioning.Reason(note.Code)
		s.Store = append(s.Store, provisioning.StoreState{Reason: reason, Detail: note.Text, Hint: reason.Hint()})
	}
	return s
}

// change edits the status; readers see all of it or nothing.
func (a *Agent) change(edit func(*provisioning.Status)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	edit(&a.status)
}

// tell emits an event, and keeps what status shows of it.
func (a *Agent) tell(e provisioning.Event) {
	e.At = time.Now()
	e.Hint = cmp.Or(e.Hint, e.Reason.Hint())
	a.change(func(s *provisioning.Status) {
		e.Degraded = s.Degraded
		switch e.Kind {
		case provisioning.StateChanged:
			s.State = e.State
		case provisioning.Conflict:
			s.Cycle.Source(provisioning.Source{Step: e.Step, Source: "dhcp", Verdict: provisioning.Found, Query: "option 120", Reason: e.Reason, Detail: e.Detail, Hint: e.Hint})
		default:
			s.Cycle.Note(e)
		}
		e.State = s.State
	})
	a.emit(e)
}

// tellFinding emits what a source said, and shows it in the cycle.
func (a *Agent) tellFinding(f provisioning.Finding) {
	a.change(func(s *provisioning.Status) { s.Cycle.Source(f.Source) })
	a.tell(provisioning.Event{
		Kind: provisioning.LookedUp, Step: f.Step, Query: f.Query, Verdict: f.Verdict, Reason: f.Reason, Detail: f.Detail,
		Took: time.Duration(f.TookMS) * time.Millisecond,
	})
}

// tellFlaw tells what DHCP said if that is malformed and no step has come to it, as one above has registered.
func (a *Agent) tellFlaw(ctx context.Context, g *discover.Gathering) {
	f, ok := g.Await(ctx, provisioning.DHCPTLS)
	if !ok || f.Reason != provisioning.DHCPMalformed {
		return
	}
	told := false
	a.change(func(s *provisioning.Status) {
		told = slices.ContainsFunc(s.Cycle.Sources, func(source provisioning.Source) bool {
			return source.Step == provisioning.DHCPTLS && source.Reason != provisioning.DHCPConflict
		})
	})
	if !told {
		a.tellFinding(f)
	}
}

func (a *Agent) enter(state provisioning.State) {
	a.tell(provisioning.Event{Kind: provisioning.StateChanged, State: state})
}

// beginCycle starts anew with what was tried; recall, discover and outage of one cycle share it. holding is what the device
// is registered with meanwhile; nil: nothing.
func (a *Agent) beginCycle(holding *signin.Registration) {
	a.walk, a.found = a.signer.NewWalk(holding), nil
	a.change(func(s *provisioning.Status) {
		s.Cycle = &provisioning.Cycle{StartedAt: time.Now().UTC(), Attempts: []provisioning.Attempt{}}
	})
}

// memory is what the device remembers now.
func (a *Agent) memory() provisioning.Memory  { return a.policy.Memory(a.store) }
func (a *Agent) record() (cache.Record, bool) { return a.memory().Record() }
func (a *Agent) floor() bool                  { return a.memory().Floor() }
func (a *Agent) clockFloor() time.Time        { return a.memory().ClockFloor() }
func (a *Agent) ground() provisioning.Ground  { return discover.GroundOf(a.policy, a.wire) }

func (a *Agent) resolveAll(ctx context.Context, hosts []string) []provisioning.Name {
	return discover.ResolveAll(ctx, a.policy, a.wire, a.memory(), hosts)
}

// gather starts asking DNS and DHCP, and for the addresses of all names in last good. What was asked before is
// ended first.
func (a *Agent) gather(ctx context.Context) *discover.Gathering { return a.gatherAgain(ctx, nil) }

// gatherAgain does the same, but for what is known from before.
func (a *Agent) gatherAgain(ctx context.Context, before provisioning.Findings) *discover.Gathering {
	a.endGathering()
	var known []string
	if record, ok := a.record(); ok {
		known = a.policy.NamesOf(record, a.signer.Vouched())
	}
	a.gathering = discover.Gather(ctx, a.policy, a.wire, a.floor(), before, known, discover.VerdictLimit(a.memory()), func(detail string) {
		a.tell(provisioning.Event{Kind: provisioning.Conflict, Step: provisioning.DHCPTLS, Reason: provisioning.DHCPConflict, Detail: detail})
	})
	return a.gathering
}

func (a *Agent) endGathering() {
	if a.gathering != nil {
		a.gathering.End()
		a.gathering = nil
	}
}

// recallPlan and outagePlan are what may be used of a record now.
func (a *Agent) recallPlan(record cache.Record, fresh map[string]provisioning.Name) provisioning.Plan {
	return a.ground().Tidy(provisioning.RecallPlan(record, a.policy, fresh, a.signer.Vouched()))
}

func (a *Agent) outagePlan(record cache.Record) provisioning.Plan {
	fresh := a.gathering.AddressesNow(a.policy.NamesOf(record, a.signer.Vouched()))
	return a.ground().Tidy(provisioning.OutagePlan(record, a.policy, fresh, a.signer.Vouched()))
}
