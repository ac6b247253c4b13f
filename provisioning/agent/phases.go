package agent

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/discover"
	"github.com/homeward-agent/homeward/provisioning/signin"
)

// A phase does one leg of the journey and names the next; nil ends the run.
//
//	recall      ok: registered             fail: discover
//	discover    ok: registered             nothing found: outage   all refused: rest
//	outage      ok: registered (degraded)  fail: rest
//	registered  lost: recall
//	rest        delay over, or something to discover: discover
//
// A change of the network leads from each of them to recall; from registered only if it concerns the registration.
type phase func(context.Context) phase

// Run goes from phase to phase until ctx ends. It unregisters then, and returns the cause within seconds. It
// never gives up. Only rest, and the look-out of a registration that is not the best one, try again.
func (a *Agent) Run(ctx context.Context) error {
	defer a.endGathering()
	for _, note := range a.store.Notes() {
		a.tell(provisioning.Event{Kind: provisioning.StoreNote, Reason: provisioning.Reason(note.Code), Detail: note.Text})
	}
	var heeding sync.WaitGroup
	heeding.Go(func() { a.heedChanges(ctx) })
	defer heeding.Wait()
	for next := a.recall(nil); next != nil && (ctx.Err() == nil || a.current != nil); {
		next = a.journey(ctx, next)
	}
	return context.Cause(ctx)
}

// journey goes from phase to phase to a registration, and to its end. When the network changes on the way, what was
// found out so far is of another network: whatever is under way is left, and recall begins anew.
func (a *Agent) journey(ctx context.Context, next phase) phase {
	searching, leave := context.WithCancel(ctx)
	defer leave() // not before the end of registered: DHCP may still be listened to
	change := a.unlessChanged(leave, func() {
		for next != nil && a.current == nil && searching.Err() == nil {
			a.pass()
			next = next(searching)
		}
	})
	switch {
	case a.current != nil:
		if change != "" { // it came at the last moment: does it concern the registration?
			a.noticed(change)
		}
		a.pass()
		return next(ctx)
	case change == "" || ctx.Err() != nil:
		return nil
	}
	a.tell(provisioning.Event{Kind: provisioning.NetworkChanged, Detail: change})
	a.nothingSince, a.openSince = time.Time{}, time.Time{}
	a.signer.Restraint().TakeTurns()
	return a.recall(nil)
}

// recall tries the Registrars this device was told to use ("from this point, the device uses the Registrar
// address provided to it by using in-band provisioning"). If one fails, "the device stops that cycle and begins
// from scratch" (TechNet gg398713): primary and backup of a home pool are one entry.
//
// On a cold start discovery is asked at the same time, so that a dead DNS costs one verdict, not two. lost is the
// registration that has just been lost; nil: none, or it was tried already.
func (a *Agent) recall(lost *signin.Registration) phase {
	return func(ctx context.Context) phase {
		a.beginCycle(nil)
		a.enter(provisioning.Recalling)
		plan := a.recallEntry(ctx, lost)
		for _, s := range plan.Skipped {
			a.tell(s.Event())
		}
		if reg := a.walk.Try(ctx, plan.Try); reg != nil {
			reg.Degraded = lost != nil && lost.Degraded // last good is no better for having been lost
			return a.accept(reg)
		}
		if a.walk.Stopped() {
			return a.rest
		}
		return a.discover
	}
}

// recallEntry returns the one entry of the recall list: the Registrar just lost, or else the pair that a
// Registrar named.
func (a *Agent) recallEntry(ctx context.Context, lost *signin.Registration) provisioning.Plan {
	record, known := a.record()
	told := known && record.Told
	if a.preferred != "" {
		return a.preferredEntry(ctx)
	}
	if lost == nil {
		g := a.gather(ctx)
		if !told {
			return provisioning.Plan{}
		}
		return a.recallPlan(record, g.AddressesNow(a.policy.NamesOf(record, a.signer.Vouched())))
	}
	a.endGathering() // what was asked before the loss is of the past
	entry := provisioning.Plan{Try: []provisioning.Candidate{lost.Candidate}}
	if told {
		pair := a.recallPlan(record, nil)
		entry.Skipped = pair.Skipped
		for _, c := range pair.Try {
			if c.Endpoint != lost.Candidate.Endpoint {
				entry.Try = append(entry.Try, c)
			}
		}
	}
	return entry
}

// preferredEntry is the Registrar that the last one sent us to (P-Preferred-Registrar, MS-SIPREGE).
func (a *Agent) preferredEntry(ctx context.Context) provisioning.Plan {
	c := provisioning.Candidate{Step: provisioning.Recall, Endpoint: provisioning.Endpoint{Host: a.preferred, Port: provisioning.TLSPort}, Via: "preferred Registrar"}
	a.preferred = ""
	name := provisioning.Name{}
	reason, detail := a.policy.RememberedReason(c, a.floor(), map[string]bool{c.Host: true})
	if reason == "" {
		name = a.resolveAll(ctx, []string{c.Host})[0]
		c.Addrs = name.Addrs
	}
	var plan provisioning.Plan
	plan.AddRemembered(c, name, reason, detail)
	return plan
}

// discover asks DNS and DHCP and tries what they say in the Lync device order. A step is tried as soon as
// everything ranked above it is decided.
func (a *Agent) discover(ctx context.Context) phase {
	a.enter(provisioning.Discovering)
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
func (a *Agent) walkSteps(ctx context.Context, g *discover.Gathering) (reg *signin.Registration, usable bool) {
	var found provisioning.Findings
	floor, named := a.floor(), map[string]bool{}
	for _, step := range a.policy.Steps() {
		a.pass()
		if f, ok := g.Await(ctx, step); ok {
			found = append(found, f)
			if before, asked := a.found.Of(step); !asked || !before.Says(f) {
				a.tellFinding(f)
			}
		}
		if ctx.Err() != nil {
			return nil, usable
		}
		plan := provisioning.PlanStep(step, found, a.policy, floor)
		for _, s := range plan.Skipped {
			a.tell(s.Event())
		}
		usable = usable || len(plan.Try) > 0
		a.signer.Note(plan.Try, named)
		if reg := a.walk.Try(ctx, plan.Try); reg != nil || a.walk.Stopped() {
			return reg, usable
		}
	}
	a.found = found
	return nil, usable
}

// outage uses last good: discovery gave nothing usable, "the device will use the last registered Registrar […]
// FQDNs and cached IP addresses to connect" (TechNet gg398713).
func (a *Agent) outage(ctx context.Context) phase {
	a.enter(provisioning.Outage)
	if record, ok := a.record(); ok {
		plan := a.outagePlan(record)
		for _, s := range plan.Skipped {
			a.tell(s.Event())
		}
		if reg := a.walk.Try(ctx, plan.Try); reg != nil {
			reg.Degraded = true
			return a.accept(reg)
		}
	}
	return a.rest
}

// rest leaves the Registrars alone for a while. Look-ups go on when there was nothing to try, and for what was not
// answered: as soon as they find something, it is tried.
func (a *Agent) rest(ctx context.Context) phase {
	until := time.Now().Add(a.walk.Pause())
	resting := a.signer.Restraint().PasswordRests()
	a.tellRest(until, resting)
	defer a.change(func(s *provisioning.Status) { s.NextAttempt = time.Time{} })
	for {
		a.endGathering()
		pause := time.Until(until)
		if since := a.lookingSince(); !since.IsZero() && !resting {
			pause = min(pause, signin.LookupDelay(since))
		}
		if !a.wait(ctx, pause) {
			return nil
		}
		switch {
		case !time.Now().Before(until):
			a.signer.Restraint().TakeTurns()
			a.beginCycle(nil)
			return a.discover
		case !a.nothingSince.IsZero():
			if a.somethingUsable(ctx) {
				a.beginCycle(nil)
				return a.discover
			}
		case a.somethingNew(ctx):
			return a.discover // in this cycle: what has failed is left alone
		}
	}
}

// tellRest shows why and until when Registrars are left alone. resting: the password is.
func (a *Agent) tellRest(until time.Time, resting bool) {
	var reason provisioning.Reason
	a.change(func(s *provisioning.Status) {
		if reason, detail, hint := s.Cycle.Blame(a.walk.Stopped()); reason != "" && !s.Cycle.Registered() { // what was lost has its own reason
			s.Reason, s.Detail, s.Hint = reason, detail, hint
		}
		if resting {
			s.Reason, s.Hint = provisioning.CredentialsResting, provisioning.CredentialsResting.Hint()
		}
		reason, s.NextAttempt = s.Reason, until.UTC().Truncate(time.Millisecond)
	})
	a.enter(provisioning.Resting)
	a.tell(provisioning.Event{Kind: provisioning.Waiting, Until: until, Reason: reason})
}

// lookingSince is since when look-ups have left something to be looked up again; zero: they have not.
func (a *Agent) lookingSince() time.Time {
	switch open := !a.walk.Stopped() && a.found.Unanswered(); {
	case !a.nothingSince.IsZero():
		return a.nothingSince
	case !open:
		a.openSince = time.Time{}
	case a.openSince.IsZero():
		a.openSince = time.Now()
	}
	return a.openSince
}

// somethingUsable asks DNS and DHCP once more, until there is something to try; the answers are left for discover.
func (a *Agent) somethingUsable(ctx context.Context) bool {
	_, usable := a.lookUp(ctx, nil, func(provisioning.Candidate) bool { return true })
	return usable
}

// somethingNew asks once more for what was not answered in this cycle, until there is something to try that has not
// been tried in it; the answers are left for discover.
func (a *Agent) somethingNew(ctx context.Context) bool {
	found, usable := a.lookUp(ctx, a.found, a.walk.Untried)
	if !usable && ctx.Err() == nil {
		a.found = found
	}
	return usable
}

// lookUp asks DNS and DHCP, but for what is known from before, until there is a Candidate that will do.
func (a *Agent) lookUp(ctx context.Context, before provisioning.Findings, willDo func(provisioning.Candidate) bool) (found provisioning.Findings, usable bool) {
	g := a.gatherAgain(ctx, before)
	for _, step := range a.policy.Steps() {
		a.pass()
		if f, ok := g.Await(ctx, step); ok {
			found = append(found, f)
		}
		if slices.ContainsFunc(provisioning.PlanStep(step, found, a.policy, a.floor()).Try, willDo) {
			return found, true
		}
	}
	return found, false
}
