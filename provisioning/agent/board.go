package agent

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"homeward/cache"
	"homeward/internal/identity"
	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// board is what others see of the agent: a Status, and every Event as it happens. It is the one place where what happens
// becomes what is shown, and may be used from any goroutine.
type board struct {
	emit    func(*provisioning.Event)
	release bool // no binding is to be held

	mu     sync.Mutex
	status provisioning.Status
	losses provisioning.LossLog
	noted  []cache.Note           // what the store had to say when it was told last
	unwell []provisioning.Trouble // what was wrong with the name servers in this network, and is not known to be over
	lateAt time.Time              // when answers came late, in the last cycle in which some did
	denied provisioning.Event     // how the account was refused last, since a Registrar has accepted it
}

func newBoard(policy provisioning.Policy, emit func(*provisioning.Event)) *board {
	return &board{emit: emit, release: policy.Release, status: provisioning.Status{Version: 1, SIPAddress: policy.SIPAddress.String(), SIPDomain: policy.SIPAddress.Domain, NotRegisteredSince: shownTime(time.Now())}}
}

// snapshot returns the status, with what the store has to say of itself.
func (b *board) snapshot(notes []cache.Note) provisioning.Status {
	b.mu.Lock()
	s := b.status
	if s.Cycle != nil {
		cycle := *s.Cycle
		cycle.Sources, cycle.Attempts = slices.Clone(cycle.Sources), slices.Clone(cycle.Attempts)
		s.Cycle = &cycle
	}
	now := time.Now()
	s.Lost(b.losses.Lately(now), now)
	b.mu.Unlock()
	s.Paced(lossArea, lostOften(s.Losses)) // as it is now
	s.Paced(endingArea, s.EndSoon(now))
	for i := range notes {
		note := &notes[i]
		w := noteEvent(note).Why()
		s.Store = append(s.Store, provisioning.StoreState{Reason: w.Reason, Fault: w.Fault, What: w.What, Detail: w.Detail, Hint: w.Hint})
	}
	return s
}

// change edits the status; readers see all of it or nothing.
func (b *board) change(edit func(*provisioning.Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	edit(&b.status)
}

// tell emits an event, and keeps what status shows of it.
func (b *board) tell(e *provisioning.Event) {
	e.At = time.Now()
	b.change(func(s *provisioning.Status) {
		e.Degraded = s.Degraded
		if reason := e.Trouble.Reason(); reason == provisioning.SIPCredentials || reason == provisioning.SIPForbidden || e.Trouble.Fault == provisioning.FaultEnrolCredentials {
			b.denied = *e
		}
		switch e.Kind {
		case provisioning.StateChanged:
			s.State = e.State
		case provisioning.Conflict:
			s.Cycle.Source(provisioning.Source{Step: e.Step, Source: "dhcp", Verdict: provisioning.Found, Query: "option 120", Reason: e.Reason, Detail: e.Detail, Trouble: e.Trouble}.Told())
		default:
			s.Cycle.Note(e)
		}
		e.State = s.State
	})
	b.emit(e)
}

func (b *board) enter(state provisioning.State) {
	b.tell(&provisioning.Event{Kind: provisioning.StateChanged, State: state})
}

// storeNotes tells what the store has to say, but for what was told before.
func storeNotes(b *board, notes []cache.Note) {
	b.mu.Lock()
	before := b.noted
	b.noted = slices.Clone(notes)
	b.mu.Unlock()
	for i := range notes {
		note := &notes[i]
		if !slices.Contains(before, *note) {
			b.tell(noteEvent(note))
		}
	}
}

// noteEvent is what the store has found or could not do.
func noteEvent(n *cache.Note) *provisioning.Event {
	e := &provisioning.Event{Kind: provisioning.StoreNote, Reason: provisioning.Reason(n.Code), Detail: n.Text}
	switch facts := (provisioning.Facts{"dir": n.Dir, "owner": n.Owner, "user": n.User, "kept": n.Kept, "quoted": n.Quoted()}); {
	case n.Owner != "":
		e.Trouble = provisioning.FaultStateForeign.Met(facts)
	case n.Dir != "":
		e.Trouble = provisioning.FaultReadOnly.Met(facts)
	}
	return e
}

// skipped tells what was ruled out of a plan.
func (b *board) skipped(skips []provisioning.Skip) {
	for i := range skips {
		s := &skips[i]
		b.tell(s.Event())
	}
}

// found emits what a source said, and shows it in the cycle.
func (b *board) found(f provisioning.Finding) {
	b.change(func(s *provisioning.Status) { f.Trouble = s.Cycle.Said(f.Told()) })
	b.tell(&provisioning.Event{
		Kind: provisioning.LookedUp, Step: f.Step, Query: f.Query, Verdict: f.Verdict, Reason: f.Reason, Detail: f.Detail, Trouble: f.Trouble,
		Took: time.Duration(f.TookMS) * time.Millisecond,
	})
}

// foundUnlessShown does the same with what DHCP said, if no step has come to it, as one above has registered.
func (b *board) foundUnlessShown(f provisioning.Finding) {
	shown := false
	b.change(func(s *provisioning.Status) {
		shown = slices.ContainsFunc(s.Cycle.Sources, func(source provisioning.Source) bool {
			return source.Step == provisioning.DHCPTLS && source.Reason != provisioning.DHCPConflict
		})
	})
	if !shown {
		b.found(f)
	}
}

// noticed tells what was noticed about DHCP beside what it says.
func (b *board) noticed(t provisioning.Trouble) {
	if t.Reason() == provisioning.DHCPConflict {
		b.tell(&provisioning.Event{Kind: provisioning.Conflict, Step: provisioning.DHCPTLS, Reason: t.Reason(), Detail: fmt.Sprint(t.Facts["problem"]), Trouble: t})
		return
	}
	b.paced("dhcp", t)
}

// flawed shows what of an area is not as it should be now, although the device is registered, and returns what of it is new.
func (b *board) flawed(area string, found ...provisioning.Trouble) (fresh []provisioning.Trouble) {
	found = slices.DeleteFunc(found, provisioning.Trouble.None)
	b.change(func(s *provisioning.Status) { fresh = s.Paced(area, found) })
	return fresh
}

// serverOf is the name server that is slow, lossy or dead; zero: it is something else.
func serverOf(t *provisioning.Trouble) netip.AddrPort {
	server, _ := t.Facts["server"].(netip.AddrPort)
	return server
}

// paced tells what of an area is slow, lossy or dead now.
func (b *board) paced(area string, found ...provisioning.Trouble) {
	for _, t := range b.flawed(area, found...) {
		b.tell(&provisioning.Event{Kind: provisioning.Paced, Addr: serverOf(&t).Addr(), Reason: t.Reason(), Trouble: t})
	}
}

// beginCycle shows that nothing has been tried yet.
func (b *board) beginCycle() {
	b.change(func(s *provisioning.Status) {
		now := time.Now()
		s.Cycle = &provisioning.Cycle{StartedAt: now.UTC(), Attempts: []provisioning.Attempt{}, Lost: provisioning.JustLost(b.losses.Lately(now), now)}
	})
}

// registered shows a registration as the one in use. byLastGood is why it is one of last good, if it is.
func (b *board) registered(reg *signin.Registration, byLastGood func(*provisioning.Status) *provisioning.Why) {
	why := &provisioning.Why{}
	if met := b.snapshot(nil); reg.Degraded {
		why = byLastGood(&met)
	}
	b.change(func(s *provisioning.Status) {
		reg.Show(s)
		s.Degraded, b.denied = reg.Degraded, provisioning.Event{}
		s.RegisteredAt, s.NotRegisteredSince = shownTime(reg.Since), time.Time{}
		bound(s, reg, b.release)
		s.Because(why)
		misses(s, reg)
	})
	b.enter(provisioning.Registered)
	b.paced(wayArea, reg.Way)
	b.paced(bindingArea, reg.Unlisted())
	endSoon(b, true)
}

// renewed shows a binding that was granted again.
func (b *board) renewed(reg *signin.Registration) {
	b.change(func(s *provisioning.Status) {
		reg.Show(s)
		bound(s, reg, b.release)
	})
	b.tell(reg.Event(provisioning.Refreshed, "", ""))
	b.paced(bindingArea, reg.Unlisted())
	endSoon(b, false)
}

// bound shows until when the device is bound; and with which binding, where it is to hold none.
func bound(s *provisioning.Status, reg *signin.Registration, release bool) {
	now := shownTime(time.Now())
	s.ExpiresAt, s.Watch = now.Add(reg.Binding.Expires), nil
	if !release {
		return
	}
	s.Watch = &provisioning.Watch{Binding: provisioning.BindingHeld, Over: provisioning.OverConnection, AnsweredAt: now}
	if reg.Binding.Unbound {
		s.ExpiresAt, s.Watch.Binding = time.Time{}, provisioning.BindingNone
	}
}

// learned is what others see of what a Registrar tells in band.
type learned struct{ board *board }

// told shows what it has told, and what is wrong with that.
func (l learned) told(reg *signin.Registration) {
	l.board.change(func(s *provisioning.Status) {
		reg.Show(s)
		misses(s, reg)
	})
	event, flaws := reg.Told()
	l.board.flawed(inBandArea, flaws...)
	l.board.tell(event)
}

// unread shows that what it has told since cannot be read.
func (l learned) unread(reg *signin.Registration, err error) {
	event, flaw := reg.Unread(err)
	l.board.flawed(inBandArea, flaw)
	l.board.tell(event)
}

// The areas of the link, of the way to a Registrar, of one that is lost often, of a way inside the site that is gone, of registrations that are lost often, of certificates that end soon, of clocks
// that are far apart, of what is learned in band, and of bindings that are not listed.
const (
	linkArea    = "link"
	wayArea     = "connect"
	insideArea  = "inside"
	plugArea    = "plug"
	lossArea    = "loss"
	endingArea  = "certificate"
	clockArea   = "clock"
	inBandArea  = "in-band"
	bindingArea = "binding"
)

// endSoon tells which certificates end soon, once. At first nobody knows yet whether the next one for sign-in is on its way.
func endSoon(b *board, first bool) {
	var found []provisioning.Trouble
	b.change(func(s *provisioning.Status) {
		shown := *s
		if first {
			shown.Certificate = nil
		}
		found = shown.EndSoon(time.Now())
	})
	b.paced(endingArea, found...)
}

// lostOften is what is wrong where registrations are.
func lostOften(losses []provisioning.Losses) (found []provisioning.Trouble) {
	for i := range losses {
		l := &losses[i]
		if t := l.Trouble(); !t.None() {
			found = append(found, t)
		}
	}
	return found
}

// lost shows why a registration is gone, and counts that.
func (b *board) lost(event *provisioning.Event, loss provisioning.Loss) {
	var lately []provisioning.Losses
	b.change(func(s *provisioning.Status) {
		loss.Endpoint, loss.Reason, loss.At = event.Endpoint, event.Reason, time.Now()
		if event.Trouble.Fault != provisioning.FaultLinkLost { // that is nothing of the Registrar
			b.losses.Note(loss)
		}
		lately = b.losses.Lately(loss.At)
		s.KeepPace(lossArea, endingArea, plugArea, wayArea, linkArea)
		unregistered(s)
		s.NotRegisteredSince = shownTime(loss.At)
		s.Because(event.Why())
	})
	b.tell(event)
	b.paced(lossArea, lostOften(lately)...)
}

// worked is how the device was registered before it met an address of a place.
func worked(b *board, m *provisioning.Memory, at provisioning.Endpoint, addr netip.Addr) provisioning.Past {
	b.mu.Lock()
	lately := b.losses.Lately(time.Now())
	b.mu.Unlock()
	return m.Worked(lately, at, addr, time.Now())
}

// unregistering shows that the end has come.
func (b *board) unregistering() {
	b.change(func(s *provisioning.Status) {
		unregistered(s)
		s.State = provisioning.Resting
	})
}

// awaitsTurn shows until when the device waits after a power cut.
func (b *board) awaitsTurn(until time.Time) {
	why := provisioning.Event{Reason: provisioning.StormWindow}
	b.change(func(s *provisioning.Status) {
		s.Because(why.Why())
		s.NextAttempt = shownTime(until)
	})
	b.enter(provisioning.Resting)
	b.tell(&provisioning.Event{Kind: provisioning.Waiting, Until: until, Reason: why.Reason})
}

// holds shows the certificate for sign-in, or what is wrong with it.
func (b *board) holds(pair identity.Pair, trouble provisioning.Trouble) {
	b.showIdentity(func(before provisioning.Identity) provisioning.Identity {
		shown := shownIdentity(pair, trouble)
		shown.NextAt = before.NextAt
		if trouble.None() {
			shown.Because(before.Why())
		}
		return shown
	})
}

// enrolsIn shows when the next certificate is asked for; false: nobody asks for one.
func (b *board) enrolsIn(wait time.Duration, asks bool) {
	b.showIdentity(func(shown provisioning.Identity) provisioning.Identity {
		shown.NextAt = time.Time{}
		if asks {
			shown.NextAt = shownTime(time.Now().Add(wait))
		}
		return shown
	})
}

// enrolled tells that there is a new certificate, or why there is none.
func (b *board) enrolled(trouble provisioning.Trouble) {
	b.showIdentity(func(shown provisioning.Identity) provisioning.Identity {
		shown.Because(provisioning.WhyOf(trouble.Reason(), "", trouble))
		return shown
	})
	b.certificate(trouble)
}

// showIdentity edits what status shows of the certificate for sign-in: nothing, where there is nothing to say.
func (b *board) showIdentity(edit func(provisioning.Identity) provisioning.Identity) {
	b.change(func(s *provisioning.Status) {
		var shown provisioning.Identity
		if s.Certificate != nil {
			shown = *s.Certificate
		}
		shown = edit(shown)
		if s.Certificate = nil; shown != (provisioning.Identity{}) {
			s.Certificate = &shown
		}
	})
}

// certificate tells what has become of the certificate for sign-in.
func (b *board) certificate(trouble provisioning.Trouble) {
	b.tell(&provisioning.Event{Kind: provisioning.Enrolled, Reason: trouble.Reason(), Trouble: trouble})
}

// shownIdentity is a certificate in the form of Status.
func shownIdentity(p identity.Pair, trouble provisioning.Trouble) provisioning.Identity {
	var shown provisioning.Identity
	if !p.None() {
		leaf := p.Certificate.Leaf
		shown = provisioning.Identity{
			Subject: leaf.Subject.String(), NotBefore: shownTime(leaf.NotBefore), NotAfter: shownTime(leaf.NotAfter), Fingerprint: p.Fingerprint(),
			EnrolledBy: p.Details.EnrolledBy, EnrolledAt: shownTime(p.Details.EnrolledAt), Proven: p.Proven, Refused: p.Refused,
		}
	}
	shown.Because(provisioning.WhyOf(trouble.Reason(), "", trouble))
	return shown
}

// rested shows that nobody waits any more.
func (b *board) rested() {
	b.change(func(s *provisioning.Status) {
		s.NextAttempt, s.NextLookup, s.NextKnock = time.Time{}, time.Time{}, time.Time{}
	})
}

// shownTime is a time in the form of Status.
func shownTime(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
