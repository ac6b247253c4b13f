package agent

import (
	"context"
	"errors"
	"sync"
	"time"

	"homeward/internal/sip"
	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/signin"
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
	defer a.search.end()
	defer a.search.close()
	storeNotes(a.board, a.basis.store.Notes())
	a.introduce()
	var heeding sync.WaitGroup
	heeding.Go(func() {
		select {
		case <-a.basis.store.Settled():
			storeNotes(a.board, a.basis.store.Notes())
		case <-ctx.Done():
		}
	})
	heeding.Go(func() { a.changes.heed(ctx, a.basis.wire.Changes) })
	if c := a.certificates; c.enrolling != nil {
		c.credential.load() // what is wrong with it is told before all else
		heeding.Go(func() { c.run(ctx) })
	}
	defer heeding.Wait()
	a.turn.await(ctx)
	for next := a.recall(nil); next != nil && (ctx.Err() == nil || a.keeper.current != nil); {
		next = a.journey(ctx, next)
	}
	return context.Cause(ctx)
}

// journey goes from phase to phase to a registration, and to its end. When the network changes on the way, what was
// found out so far is of another network: whatever is under way is left, and recall begins anew.
func (a *Agent) journey(ctx context.Context, next phase) phase {
	searching, leave := context.WithCancel(ctx)
	defer leave() // not before the end of registered: DHCP may still be listened to
	change := a.changes.unless(leave, func() {
		for next != nil && a.keeper.current == nil && searching.Err() == nil {
			a.pulse.pass()
			next = next(searching)
		}
	})
	switch {
	case a.keeper.current != nil:
		if change != "" { // it came at the last moment: does it concern the registration?
			a.changes.noticed(change)
		}
		a.pulse.pass()
		return next(ctx)
	case change == "" || ctx.Err() != nil:
		return nil
	}
	a.networkChanged(change)
	a.search.forget()
	a.signer.Restraint().TakeTurns()
	a.turn.await(ctx) // a switch that comes up later than its devices is one network change for all
	return a.recall(nil)
}

// networkChanged has everybody know that the network of this device is another now.
func (a *Agent) networkChanged(change string) {
	servers, _ := discover.NameServers(&a.basis.policy, &a.basis.wire) // none: it is not known who is asked
	a.board.networkChanged(change, servers)
	a.board.paced(plugArea, a.basis.linkLostOften())
	a.signer.NetworkChanged()
}

// recall tries the Registrars this device was told to use ("from this point, the device uses the Registrar
// address provided to it by using in-band provisioning"). If one fails, "the device stops that cycle and begins
// from scratch" (TechNet gg398713): primary and backup of a home pool are one entry.
//
// On a cold start discovery is asked at the same time, so that a dead DNS costs one verdict, not two. lost is the
// registration that has just been lost; nil: none, or it was tried already.
func (a *Agent) recall(lost *signin.Registration) phase {
	return func(ctx context.Context) phase {
		a.search.begin(nil)
		a.board.enter(provisioning.Recalling)
		if reg := a.search.try(ctx, a.recallEntry(ctx, lost)); reg != nil {
			reg.Degraded = lost != nil && lost.Degraded // last good is no better for having been lost
			return a.accept(reg)
		}
		if a.search.walk.Stopped() {
			return a.rest
		}
		return a.discover
	}
}

// recallEntry returns the one entry of the recall list: the Registrar just lost, or else the pair that a
// Registrar named.
func (a *Agent) recallEntry(ctx context.Context, lost *signin.Registration) provisioning.Plan {
	record, known := a.basis.record()
	told := known && record.Told
	if a.preferred != "" {
		return a.preferredEntry(ctx)
	}
	if lost == nil {
		if known {
			a.search.warm(ctx, record)
		}
		a.search.start(ctx)
		if !told {
			return provisioning.Plan{}
		}
		return a.search.recallPlan(&record, false)
	}
	a.search.end() // what was asked before the loss is of the past
	entry := provisioning.Plan{Try: []provisioning.Candidate{lost.Candidate}}
	if told {
		pair := a.search.recallPlan(&record, true)
		entry.Skipped = pair.Skipped
		for i := range pair.Try {
			c := &pair.Try[i]
			if c.Endpoint != lost.Candidate.Endpoint {
				entry.Try = append(entry.Try, *c)
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
	reason, detail := a.basis.policy.RememberedReason(c, a.basis.floor(), map[string]bool{c.Host: true})
	if reason == "" {
		name = a.basis.resolve(ctx, []string{c.Host})[0]
		c.Addrs = name.Addrs
	}
	var plan provisioning.Plan
	plan.AddRemembered(&c, &name, reason, detail)
	return plan
}

// discover asks DNS and DHCP and tries what they say in the Lync device order. A step is tried as soon as
// everything ranked above it is decided.
func (a *Agent) discover(ctx context.Context) phase {
	a.board.enter(provisioning.Discovering)
	reg, usable := a.search.steps(ctx)
	if reg != nil {
		return a.accept(reg)
	}
	if ctx.Err() != nil {
		return nil
	}
	a.search.concluded(usable)
	if usable {
		return a.rest
	}
	return a.outage
}

// outage uses last good: discovery gave nothing usable, "the device will use the last registered Registrar […]
// FQDNs and cached IP addresses to connect" (TechNet gg398713).
func (a *Agent) outage(ctx context.Context) phase {
	a.board.enter(provisioning.Outage)
	if record, ok := a.basis.record(); ok {
		if reg := a.search.try(ctx, a.search.outagePlan(record)); reg != nil {
			reg.Degraded = true
			return a.accept(reg)
		}
	}
	return a.rest
}

// rest leaves the Registrars alone for a while. Look-ups go on when there was nothing to try, and for what was not
// answered: as soon as they find something, it is tried. So is a Registrar that takes a connection, where none came about.
func (a *Agent) rest(ctx context.Context) phase {
	a.search.close()
	until := time.Now().Add(a.search.walk.Pause())
	resting := a.signer.Restraint().PasswordRests()
	a.board.resting(until, resting, a.search.walk.Stopped(), func(s *provisioning.Status, t provisioning.Trouble) (provisioning.Trouble, bool) {
		return a.basis.explain(ctx, s, a.search.found, t)
	})
	defer a.board.rested()
	var lookAt, knockAt time.Time // zero: nothing to look up, nobody to knock at
	for {
		a.search.end()
		switch since := a.search.lookingSince(a.search.open()); {
		case since.IsZero() || resting:
			lookAt = time.Time{}
		case lookAt.IsZero():
			lookAt = time.Now().Add(a.search.lookupDelay(since))
		}
		if after, ok := a.search.walk.Doors.After(); ok && !a.search.walk.Stopped() && knockAt.IsZero() {
			knockAt = time.Now().Add(after)
		}
		next := until
		for _, at := range []time.Time{lookAt, knockAt} {
			if !at.IsZero() && at.Before(next) {
				next = at
			}
		}
		a.board.change(func(s *provisioning.Status) { s.NextLookup, s.NextKnock = shownTime(lookAt), shownTime(knockAt) })
		if !a.pulse.wait(ctx, time.Until(next)) {
			return nil
		}
		knocks := next.Equal(knockAt)
		if knocks {
			knockAt = time.Time{}
		} else {
			lookAt = time.Time{}
		}
		switch {
		case !time.Now().Before(until):
			a.signer.Restraint().TakeTurns()
			a.search.begin(nil)
			return a.discover
		case knocks:
			if a.search.walk.Doors.Knock(ctx) {
				a.search.begin(nil)
				return a.discover
			}
		case !a.search.nothingSince.IsZero():
			if a.search.somethingUsable(ctx) {
				a.search.begin(nil)
				return a.discover
			}
		case a.search.somethingNew(ctx):
			return a.discover // in this cycle: what has failed is left alone
		}
	}
}

// accept makes a registration the current one.
func (a *Agent) accept(reg *signin.Registration) phase {
	a.search.close()
	if !reg.Degraded {
		a.search.forget()
	}
	a.keeper.accept(reg)
	if !reg.Anew { // else nobody was asked
		a.board.paced(insideArea, a.search.gone)
	}
	a.certificates.certified(reg)
	return a.registered
}

// registered keeps the binding and commits it, learns what the Registrar tells in band, and looks out for
// something better while it is degraded or on the backup.
func (a *Agent) registered(ctx context.Context) phase {
	reg := a.keeper.current
	watch := a.keeper.watch(ctx, a.search.beside())
	defer watch.close()
	a.keeper.commit()
	better := newLookout(a.search, a.changes, reg)
	for {
		select {
		case <-a.pulse.asked:
		case granted := <-watch.renewed:
			a.keeper.rebound(watch, granted)
			a.certificates.renewed(granted)
		case lesson := <-watch.lessons:
			a.keeper.absorb(lesson)
			a.keeper.giveBack(watch)
		case err := <-watch.given:
			a.keeper.gaveBack(err)
		case err := <-watch.doubted:
			a.board.tell(reg.Failed(provisioning.Refreshed, err))
		case err := <-watch.unread:
			learned{a.board}.unread(reg, err)
		case err := <-watch.lost:
			if !a.keeper.outlives(ctx, watch, err) {
				return a.lose(ctx, err)
			}
		case <-watch.visits.due:
			if err := a.keeper.visit(ctx, watch); err != nil {
				return a.lose(ctx, err)
			}
		case <-watch.visits.anew:
			return a.signInAnew(ctx, better.open)
		case <-watch.visits.over:
			return a.lose(ctx, context.Cause(ctx))
		case <-a.reports.heeded:
			watch.refresh()
			better.soon()
		case change := <-a.changes:
			a.networkChanged(change)
			if err := a.signer.CheckPath(ctx, reg); err != nil {
				return a.lose(ctx, err)
			}
			watch.refresh()
			better.soon()
		case <-better.timer:
			switch next := better.look(watch.held); next {
			case nil:
			case reg:
				a.accept(reg)
				a.keeper.commit()
				better = newLookout(a.search, a.changes, reg)
			default:
				watch.release(ctx)
				return a.accept(next)
			}
		}
	}
}

// signInAnew signs in where the device is watched for, and goes on with what nobody has said about the inside. What refuses now ends the registration.
func (a *Agent) signInAnew(ctx context.Context, open provisioning.Findings) phase {
	reg := a.keeper.current
	a.search.begin(nil)
	next := a.search.walk.Try(ctx, []provisioning.Candidate{reg.Candidate})
	switch {
	case next != nil:
		next.Degraded, next.Better, next.Inside, next.Anew = reg.Degraded, reg.Better, reg.Inside, true
		a.search.outside = open
		return a.accept(next)
	case ctx.Err() != nil:
		return a.lose(ctx, context.Cause(ctx))
	}
	a.keeper.current = nil
	released{a.board}.refused(reg, a.search.walk.Stopped())
	if a.search.walk.Stopped() {
		return a.rest
	}
	return a.discover
}

// lose goes on after a registration: at shutdown it is given back, else something else is to be found.
func (a *Agent) lose(ctx context.Context, err error) phase {
	reg := a.keeper.current
	if ctx.Err() != nil {
		a.keeper.unregister(ctx)
		return nil
	}
	a.keeper.lose(err)
	var sent *sip.DeregisteredError
	if errors.As(err, &sent) {
		return a.sentAway(reg, sent)
	}
	if record, _ := a.basis.record(); signin.PathDied(err) && !record.Told && !reg.Degraded && !a.signer.Restraint().Spent() {
		a.search.begin(nil) // it has just been tried, by the system and in vain: its turn comes among the others
		return a.discover
	}
	return a.again(reg)
}

// again is how to go on after a loss: at once. A Registrar that accepts and drops the device over and over has lost its
// turn by now. Where many do, it is not for the next one to end that.
func (a *Agent) again(lost *signin.Registration) phase {
	if a.signer.Restraint().Spent() {
		return a.rest
	}
	return a.recall(lost)
}

// sentAway obeys a Registrar that ends the registration itself: "rejected" means to stay away for a while
// (RFC 3680 §5.1), the second time from this one only; a preferred Registrar (MS-SIPREGE) is tried first.
func (a *Agent) sentAway(reg *signin.Registration, sent *sip.DeregisteredError) phase {
	if sent.Event == "rejected" && !a.signer.Restraint().LostTurn(reg.Candidate.Endpoint, reg.Addr) {
		a.search.begin(nil)
		return a.rest
	}
	if sent.Preferred != "" && a.basis.policy.MayName(&reg.Candidate, sent.Preferred) {
		a.preferred = sent.Preferred
	}
	return a.again(reg)
}
