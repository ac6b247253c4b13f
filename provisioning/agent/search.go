package agent

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"homeward/cache"
	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/signin"
)

// Our choices.
const (
	lookupInterval  = 2 * time.Second // look-ups alone, while nothing can be discovered
	lookupSlow      = 10 * time.Second
	lookupSlowAfter = 5 * time.Minute
)

// search is one cycle on the way to a Registrar: what was tried, and what DNS and DHCP have said; recall, discover and
// outage share it. The goroutine of Run alone uses it.
type search struct {
	gatherer // whose answers it walks through

	walk    *signin.Walk          // through the Registrars, in this cycle
	found   provisioning.Findings // what DNS and DHCP have said in it, if it has led nowhere
	outside provisioning.Findings // the same, if it has led outside, and something about the inside was not answered
	gone    provisioning.Trouble  // of the way inside, if it has led outside where there was one before
}

// begin starts anew with what was tried. holding is what the device is registered with meanwhile; nil: nothing.
func (s *search) begin(holding *signin.Registration) {
	s.close()
	s.walk, s.found, s.outside, s.gone = s.signer.NewWalk(holding), nil, nil, provisioning.Trouble{}
	s.board.beginCycle()
}

// close gives up what the walk has connected to and not used.
func (s *search) close() {
	if s.walk != nil {
		s.walk.Close()
	}
}

// warm connects to last good, or to the primary of the pair that a Registrar has named, before DNS and DHCP are asked: most
// often that is the place which they name.
func (s *search) warm(ctx context.Context, record cache.Record) {
	plan := provisioning.OutagePlan(&record, &s.basis.policy, nil, s.signer.Vouched())
	if record.Told {
		plan = provisioning.RecallPlan(&record, &s.basis.policy, nil, s.signer.Vouched())
	}
	if len(plan.Try) > 0 { // the walk asks whether a packet may go there: to ask the system for all its addresses takes long, and once is enough
		s.walk.Warm(ctx, &plan.Try[0])
		runtime.Gosched() // it is on the way before the questions are: of the two it takes more round trips
	}
}

// try walks through a plan.
func (s *search) try(ctx context.Context, plan provisioning.Plan) *signin.Registration {
	s.board.skipped(plan.Skipped)
	return s.walk.Try(ctx, plan.Try)
}

// scout plans ahead of the walk, as soon as each step is decided, and tells what will be tried.
func (s *search) scout(ctx context.Context, gathering *discover.Gathering, floor bool) (ahead <-chan []provisioning.Candidate, end func()) {
	steps := s.basis.policy.Steps()
	plans := make(chan []provisioning.Candidate, len(steps))
	ctx, cancel := context.WithCancel(ctx)
	var scouting sync.WaitGroup
	scouting.Go(func() {
		var found provisioning.Findings
		for _, step := range steps {
			if f, ok := gathering.Await(ctx, step); ok {
				found = append(found, f)
			}
			if ctx.Err() != nil {
				return
			}
			plans <- provisioning.PlanStep(step, found, &s.basis.policy, floor).Try
		}
	})
	return plans, func() { cancel(); scouting.Wait() }
}

// steps walks the steps of the policy. usable: there was something to try.
func (s *search) steps(ctx context.Context) (reg *signin.Registration, usable bool) {
	gathering := s.answers(ctx)
	ahead, end := s.scout(ctx, gathering, s.basis.floor())
	defer end()
	s.walk.Begin(ctx, ahead)
	defer s.walk.End()
	var found provisioning.Findings
	memory, named := s.basis.memory(), map[string]bool{}
	floor := memory.Floor()
	for _, step := range s.basis.policy.Steps() {
		s.pulse.pass()
		if f, ok := gathering.Foresee(ctx, step); ok {
			s.walk.Foresee(ctx, provisioning.PlanStep(step, append(slices.Clone(found), f), &s.basis.policy, floor).Try)
		}
		if f, ok := gathering.Await(ctx, step); ok {
			found = append(found, f)
			s.walk.Trip(f.Trip())
			if before, asked := s.found.Of(step); !asked || !before.Says(f) {
				s.board.found(f)
			}
		}
		if ctx.Err() != nil {
			return nil, usable
		}
		plan := provisioning.PlanStep(step, found, &s.basis.policy, floor)
		usable = usable || len(plan.Try) > 0
		s.signer.Note(plan.Try, named)
		provisioning.Tell(memory, found, plan.Skipped)
		s.board.skipped(plan.Skipped)
		if step == provisioning.DHCPTLS {
			s.board.paced(optionArea, stale(plan.Skipped)...)
		}
		if reg := s.walk.Step(ctx, plan.Try); reg != nil || s.walk.Stopped() {
			s.led(reg, found)
			if reg != nil {
				reg.By = min(reg.Candidate.Step, step).String()
			}
			return reg, usable
		}
	}
	if reg := s.walk.LookBack(ctx); reg != nil {
		return reg, usable
	}
	s.found = found
	s.board.change(func(st *provisioning.Status) { provisioning.Retell(st.Cycle, memory, found) }) // what came after them may name them, too
	return nil, usable
}

// led takes note of where a discovery has led: outside, perhaps, since nobody said whether there is a way inside.
func (s *search) led(reg *signin.Registration, found provisioning.Findings) {
	var inside provisioning.Findings
	for i := range found {
		if found[i].Step.IsInside() {
			inside = append(inside, found[i])
		}
	}
	switch outside := reg != nil && reg.Candidate.Step.IsOutside(); {
	case outside && inside.Unanswered():
		s.outside = found
	case outside:
		s.gone = s.basis.memory().Outside(discover.Here(&s.basis.policy, &s.basis.wire, found, nil))
		if !s.gone.None() { // it is not asked again while the registration holds
			s.gone = s.gone.With(provisioning.Facts{"seen": time.Now().UTC().Format("2006-01-02 15:04:05 UTC")})
		}
	}
}

// open says whether there is something in this cycle that no name server has answered, and that is worth another question.
func (s *search) open() bool { return !s.walk.Stopped() && s.found.Unanswered() }

// somethingNew asks once more for what was not answered in this cycle, until there is something to try that has not
// been tried in it.
func (s *search) somethingNew(ctx context.Context) bool {
	found, usable := s.lookUp(ctx, s.found, s.walk.Untried)
	if !usable && ctx.Err() == nil {
		s.found = found
	}
	return usable
}

// lookupDelay returns the pause between look-ups while nothing can be discovered.
func (g *gatherer) lookupDelay(since time.Time) time.Duration {
	base := lookupInterval
	if time.Since(since) > lookupSlowAfter {
		base = lookupSlow
	}
	return g.signer.Restraint().Between(base*3/4, base*5/4) // a quarter either way
}
