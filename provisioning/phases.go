package provisioning

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/provisioning/internal/sip"
)

// A phase does one leg of the journey and names the next; nil ends the run.
//
//	recall      ok: registered             fail: discover
//	discover    ok: registered             nothing found: outage   all refused: rest
//	outage      ok: registered (degraded)  fail: rest
//	registered  lost: recall
//	rest        delay over, or something to discover: discover
type phase func(context.Context) phase

// unregisterLimit leaves the service manager's 5 s enough room.
const unregisterLimit = 2 * time.Second

// Run goes from phase to phase until ctx ends. It unregisters then, and returns the cause within seconds. It
// never gives up, and nothing else retries.
func (a *Agent) Run(ctx context.Context) error {
	defer a.endGathering()
	for _, note := range a.store.Notes() {
		a.tell(Event{Kind: StoreNote, Reason: Reason(note.Code), Detail: note.Text})
	}
	for next := a.recall; next != nil && ctx.Err() == nil; {
		next = next(ctx)
	}
	return context.Cause(ctx)
}

// recall tries the Registrars this device was told to use ("from this point, the device uses the Registrar
// address provided to it by using in-band provisioning"). If one fails, "the device stops that cycle and begins
// from scratch" (TechNet gg398713): primary and backup of a home pool are one entry.
//
// On a cold start discovery is asked at the same time, so that a dead DNS costs one verdict, not two.
func (a *Agent) recall(ctx context.Context) phase {
	a.beginCycle()
	a.enter(Recalling)
	plan := a.recallEntry(ctx)
	for _, s := range plan.Skipped {
		a.tellSkip(s)
	}
	if reg := a.walk.try(ctx, plan.Try); reg != nil {
		return a.accept(reg)
	}
	if a.walk.stop {
		return a.rest
	}
	return a.discover
}

// recallEntry returns the one entry of the recall list: the Registrar just lost, or else the pair that a
// Registrar named.
func (a *Agent) recallEntry(ctx context.Context) Plan {
	lost := a.current
	a.current = nil
	record, known := a.record()
	told := known && record.Told
	if lost == nil {
		g := a.gather(ctx)
		if !told {
			return Plan{}
		}
		return RecallPlan(record, a.policy, g.addressesNow(ctx, record))
	}
	entry := Plan{Try: []Candidate{lost.Candidate}}
	if told {
		for _, c := range RecallPlan(record, a.policy, nil).Try {
			if c.endpoint() != lost.Candidate.endpoint() {
				entry.Try = append(entry.Try, c)
			}
		}
	}
	return entry
}

// discover asks DNS and DHCP and tries what they say in the Lync device order. A step is tried as soon as
// everything ranked above it is decided.
func (a *Agent) discover(ctx context.Context) phase {
	a.enter(Discovering)
	g := a.gathering
	if g == nil {
		g = a.gather(ctx)
	}
	reg, usable := a.walkSteps(ctx, g)
	switch {
	case reg != nil:
		return a.accept(reg)
	case ctx.Err() != nil:
		return nil
	case usable:
		a.nothingSince = time.Time{}
		return a.rest
	default:
		if a.nothingSince.IsZero() {
			a.nothingSince = time.Now()
		}
		return a.outage
	}
}

// walkSteps walks the steps of the policy. usable: there was something to try.
func (a *Agent) walkSteps(ctx context.Context, g *gathering) (reg *registration, usable bool) {
	var found Findings
	floor := a.floor()
	for _, step := range a.policy.steps() {
		if f, ok := g.await(ctx, step); ok {
			found = append(found, f)
			a.tellFinding(f)
		}
		if ctx.Err() != nil {
			return nil, usable
		}
		plan := planStep(step, found, a.policy, floor)
		for _, s := range plan.Skipped {
			a.tellSkip(s)
		}
		usable = usable || len(plan.Try) > 0
		if reg := a.walk.try(ctx, plan.Try); reg != nil || a.walk.stop {
			return reg, usable
		}
	}
	return nil, usable
}

// outage uses last good: discovery gave nothing usable, "the device will use the last registered Registrar […]
// FQDNs and cached IP addresses to connect" (TechNet gg398713).
func (a *Agent) outage(ctx context.Context) phase {
	a.enter(Outage)
	if record, ok := a.record(); ok {
		plan := OutagePlan(record, a.policy, a.gathering.addressesNow(ctx, record))
		for _, s := range plan.Skipped {
			a.tellSkip(s)
		}
		if reg := a.walk.try(ctx, plan.Try); reg != nil {
			reg.Degraded = true
			return a.accept(reg)
		}
	}
	return a.rest
}

// accept makes a registration the current one.
func (a *Agent) accept(reg *registration) phase {
	a.current = reg
	a.restraint.failures = 0
	if !reg.Degraded {
		a.nothingSince = time.Time{}
	}
	a.show(reg)
	a.enter(Registered)
	if problem := a.clockProblem(reg.Binding.Date); problem != "" {
		a.tell(reg.event(ClockSkew, ClockWrong, problem))
	}
	return a.registered
}

// event is an event about a registration.
func (r *registration) event(kind EventKind, reason Reason, detail string) Event {
	c := r.Candidate
	return Event{Kind: kind, Step: c.Step, Host: c.Host, Port: c.Port, Transport: c.Transport, Addr: r.Addr, Reason: reason, Detail: detail}
}

// registered keeps the binding, and commits it. While degraded it goes on looking for the normal way.
func (a *Agent) registered(ctx context.Context) phase {
	reg := a.current
	lost := make(chan error, 1)
	renewed := make(chan sip.Binding, 1)
	keeping, stop := context.WithCancel(ctx)
	var keeper sync.WaitGroup
	keeper.Go(func() {
		lost <- reg.Session.Keep(keeping, sip.Watch{Refreshed: func(b sip.Binding) {
			select {
			case renewed <- b:
			case <-keeping.Done():
			}
		}})
	})
	if g := a.gathering; g != nil {
		a.gathering = nil
		keeper.Go(func() { g.linger(keeping) })
	}
	defer func() { stop(); keeper.Wait(); reg.Session.Close() }()
	if !reg.Degraded {
		a.commit(reg)
	}
	normal := a.normalWay(reg.Degraded)
	for {
		select {
		case b := <-renewed:
			a.renew(reg, b)
		case err := <-lost:
			return a.lose(ctx, reg, err)
		case <-normal.due():
			if next := normal.look(ctx); next != nil {
				return a.accept(next)
			}
		}
	}
}

// lose ends a registration: at shutdown by unregistering, else by saying why it is gone.
func (a *Agent) lose(ctx context.Context, reg *registration, err error) phase {
	if ctx.Err() != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), unregisterLimit)
		defer cancel()
		event := reg.event(Unregistered, "", "")
		if err := reg.Session.Unregister(last); err != nil {
			event.Reason, event.Detail = ReasonOf(err), err.Error()
		}
		a.tell(event)
		return nil
	}
	event := reg.event(Lost, ReasonOf(err), err.Error())
	var credentials *sip.CredentialsError
	if errors.As(err, &credentials) {
		a.restraint.failed(reg.Candidate, err)
	}
	a.change(func(s *Status) {
		s.Registrar, s.RegisteredAt, s.ExpiresAt, s.Degraded = nil, time.Time{}, time.Time{}, false
		s.Reason, s.Detail, s.Hint = event.Reason, event.Detail, event.Reason.Hint()
	})
	a.tell(event)
	return a.recall
}

// rest leaves the Registrars alone for a while. Look-ups go on when there was nothing to try: as soon as they
// find something, it is tried.
func (a *Agent) rest(ctx context.Context) phase {
	until := time.Now().Add(a.restraint.delay(a.walk.retryAfter))
	resting := time.Now().Before(a.restraint.credentials)
	var reason Reason
	a.change(func(s *Status) {
		s.Reason, s.Detail, s.Hint = s.Cycle.blame(a.walk.stop)
		if resting {
			s.Reason, s.Hint = CredentialsResting, CredentialsResting.Hint()
		}
		reason, s.NextAttempt = s.Reason, until.UTC().Truncate(time.Millisecond)
	})
	a.enter(Resting)
	a.tell(Event{Kind: Waiting, Until: until, Reason: reason})
	defer a.change(func(s *Status) { s.NextAttempt = time.Time{} })
	for {
		a.endGathering()
		pause := time.Until(until)
		if !a.nothingSince.IsZero() && !resting {
			pause = min(pause, lookupDelay(a.nothingSince))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		if !time.Now().Before(until) || a.somethingUsable(ctx) {
			a.beginCycle()
			return a.discover
		}
	}
}

// somethingUsable asks DNS and DHCP once more; the answers are left for discover to use.
func (a *Agent) somethingUsable(ctx context.Context) bool {
	found := a.gather(ctx).all(ctx)
	return len(MakePlan(found, a.policy, a.floor()).Try) > 0
}

// normalWay is the look-out for the normal way while the device is registered through last good.
type normalWay struct {
	agent *Agent
	timer <-chan time.Time // nil: not degraded
	after time.Time        // Registrars are left alone until then
}

func (a *Agent) normalWay(degraded bool) *normalWay {
	n := &normalWay{agent: a}
	if degraded {
		n.timer = time.After(lookupDelay(a.nothingSince))
	}
	return n
}

func (n *normalWay) due() <-chan time.Time { return n.timer }

// look asks once more, and registers through the answers; nil: not yet.
func (n *normalWay) look(ctx context.Context) *registration {
	a := n.agent
	defer func() { n.timer = time.After(lookupDelay(a.nothingSince)) }()
	if !a.somethingUsable(ctx) || time.Now().Before(n.after) || ctx.Err() != nil {
		return nil
	}
	a.beginCycle()
	reg, _ := a.walkSteps(ctx, a.gathering)
	if reg == nil {
		n.after = time.Now().Add(a.restraint.delay(a.walk.retryAfter))
		return nil
	}
	a.tell(reg.event(WentNormal, "", ""))
	return reg
}

// show puts a registration into the status.
func (a *Agent) show(reg *registration) {
	home := a.homeOf(reg)
	a.change(func(s *Status) {
		s.Degraded = reg.Degraded
		s.Registrar = endpointOf(reg, home)
		s.Home = home
		s.RegisteredAt = time.Now().UTC().Truncate(time.Millisecond)
		s.ExpiresAt = s.RegisteredAt.Add(reg.Binding.Expires)
		s.Reason, s.Detail, s.Hint = "", "", ""
		if reg.Degraded {
			s.Reason, s.Detail, s.Hint = s.Cycle.blame(false)
		}
	})
}

func (a *Agent) renew(reg *registration, b sip.Binding) {
	reg.Binding = b
	a.change(func(s *Status) { s.ExpiresAt = time.Now().UTC().Truncate(time.Millisecond).Add(b.Expires) })
	a.tell(reg.event(Refreshed, "", ""))
}
