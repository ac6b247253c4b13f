package agent

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// Our choices: a fleet returns to its primary spread over minutes, and not to one that comes and goes.
const (
	primaryInterval = time.Minute // between looks at the primary, half of it either way
	primaryAnswers  = 2           // in a row, before it is taken back
	mostVain        = 7           // looks inside that were in vain, each of which makes the next one a minute later
)

// lookout is what a registration that is not the best one has in view: the normal way, while the device is
// registered through last good; the primary Registrar, while it is on the backup; the better one that was passed over since it
// was slow; the way inside, while it is outside since that one failed (ADR 62).
type lookout struct {
	search  *search
	changes changes
	reg     *signin.Registration

	timer    <-chan time.Time       // nil: nothing better to look for
	next     time.Time              // when it comes
	after    time.Time              // Registrars of discovery are left alone until then
	primary  provisioning.Candidate // or the better one; without a host: there is none. Without addresses: none was found so far
	better   string                 // it is not the primary of a pair: what is told when it is taken
	answered int                    // times in a row the primary has answered
	vain     int                    // looks that have found nothing
	open     provisioning.Findings  // what was said when nobody said whether there is a way inside; none: somebody did
}

// newLookout begins to look out for something better than reg, through s.
func newLookout(s *search, c changes, reg *signin.Registration) *lookout {
	l := &lookout{search: s, changes: c, reg: reg}
	if !reg.Degraded {
		l.primary, l.open = primaryOf(reg, s.basis, s.signer), s.outside
		l.orBetter()
	}
	l.rewind()
	l.show()
	return l
}

// show shows what is in view, when it is looked at next, and what is known of it by now.
func (l *lookout) show() {
	l.search.board.change(func(s *provisioning.Status) {
		before := s.Better
		s.Better, s.NextLookup = nil, time.Time{}
		switch next := shownTime(l.next); {
		case l.timer == nil:
		case l.primary.Host == "":
			s.NextLookup = next
		default:
			s.Better = &provisioning.Better{Endpoint: l.primary.Endpoint, NextAt: next}
			if before != nil && before.Endpoint == l.primary.Endpoint && before.Answered == (l.answered > 0) { // else it has refused since
				*s.Better = *before
				s.Better.NextAt = next
			}
		}
		misses(s, l.reg)
	})
}

// primaryOf returns the primary Registrar of the home pair if reg is on the backup.
func primaryOf(reg *signin.Registration, b basis, signer *signin.Signer) provisioning.Candidate {
	record := reg.Record()
	if len(record.Home) < 2 {
		return provisioning.Candidate{}
	}
	first, err := provisioning.RegistrarOf(&record.Home[0])
	if err != nil || first.Endpoint == reg.Candidate.Endpoint {
		return provisioning.Candidate{}
	}
	primary := first.Recalled(provisioning.Recall, first.Addresses)
	if record.Registrar.Role != signin.Roles[1] && !reg.Binding.OnBackup {
		return provisioning.Candidate{}
	}
	if reason, _ := b.policy.RememberedReason(primary, b.floor(), signer.Vouched()); reason != "" {
		return provisioning.Candidate{}
	}
	primary.Addrs, _ = b.ground().Only(primary.Step, primary.Host, primary.Addrs)
	return primary
}

// orBetter has in view, without a primary, the best Registrar that was passed over since it was slow, or that would not do inside.
func (l *lookout) orBetter() {
	if l.primary.Host != "" {
		return
	}
	if l.primary, l.better = l.usable(l.reg.Better), "the better Registrar answers again"; l.primary.Host == "" {
		l.primary, l.better = l.usable(l.reg.Inside), insideAgain
	}
}

// insideAgain is what is told of a device that was outside.
const insideAgain = "the way inside is open again"

// usable is the first of these Registrars, if it may be used now.
func (l *lookout) usable(better []provisioning.Candidate) (first provisioning.Candidate) {
	b := l.search.basis
	if len(better) == 0 || b.policy.Closed(better[0].Transport, b.floor()) != "" {
		return provisioning.Candidate{}
	}
	first = better[0]
	first.Addrs, _ = b.ground().Only(first.Step, first.Host, first.Addrs)
	return first
}

func (l *lookout) rewind() {
	steady := l.primary.Host != "" || len(l.open) > 0
	if l.timer = nil; !steady && !l.reg.Degraded {
		return
	}
	wait := l.search.lookupDelay(l.search.nothingSince)
	if steady {
		times := l.search.signer.Restraint().Patience()
		if l.better == insideAgain && l.answered == 0 {
			times = max(times, 1+min(l.vain, mostVain))
		}
		wait = primaryInterval * time.Duration(times)
		wait = wait/2 + rand.N(wait)
	}
	l.timer, l.next = time.After(wait), time.Now().Add(wait)
}

// soon looks for the normal way at once: the network is another.
func (l *lookout) soon() {
	if l.reg.Degraded {
		l.timer, l.next = time.After(0), time.Now()
	}
}

// look tries the better way once; nil: not yet. The better way may be the registration at hand, found normally.
// A change of the network ends it, and is left to the phase.
func (l *lookout) look(ctx context.Context) (found *signin.Registration) {
	defer l.show()
	defer l.rewind()
	l.vain++
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	change := l.changes.unless(leave, func() {
		switch {
		case l.primary.Host != "":
			found = l.lookAtPrimary(ctx)
		case len(l.open) > 0:
			found = l.lookInside(ctx)
		default:
			found = l.lookForNormalWay(ctx)
		}
	})
	if change != "" {
		l.changes.noticed(change)
	}
	return found
}

// lookForNormalWay asks DNS and DHCP once more, and registers through the answers.
func (l *lookout) lookForNormalWay(ctx context.Context) *signin.Registration {
	if !l.search.somethingUsable(ctx) || time.Now().Before(l.after) || ctx.Err() != nil {
		return nil
	}
	l.search.begin(l.reg)
	reg, _ := l.search.steps(ctx)
	if reg == nil {
		if ctx.Err() == nil {
			l.after = time.Now().Add(l.search.walk.Pause())
		}
		return nil
	}
	reg.Degraded = false
	l.search.board.tell(reg.Event(provisioning.WentNormal, "", ""))
	return reg
}

// lookInside asks again what nobody has said about the inside, and registers there.
func (l *lookout) lookInside(ctx context.Context) *signin.Registration {
	s := l.search
	found, usable := s.lookUp(ctx, l.open, func(c provisioning.Candidate) bool { return c.Step.IsInside() })
	switch {
	case ctx.Err() != nil:
		return nil
	case !usable:
		s.led(l.reg, found)
		l.open, s.outside = s.outside, nil
		return nil
	}
	s.begin(l.reg)
	reg, _ := s.steps(ctx)
	if l.open = s.outside; reg == nil || reg == l.reg {
		l.orBetter()
		return nil
	}
	s.board.tell(reg.Event(provisioning.WentNormal, "", insideAgain))
	return reg
}

// primaryAnswers says whether the primary proves that it is there. Where it would not be signed in to now, nobody bothers it.
func (l *lookout) primaryAnswers(ctx context.Context, addr netip.Addr) bool {
	if !l.search.signer.Restraint().Allows(&l.primary, addr) {
		return false
	}
	conn, err := l.search.signer.Connect(ctx, &l.primary, addr)
	if err == nil {
		conn.Close()
	}
	if ctx.Err() == nil {
		l.looked(addr, signin.Judge(err, &l.primary, addr))
	}
	return err == nil
}

// looked shows what came of a look; none: it was answered.
func (l *lookout) looked(addr netip.Addr, t provisioning.Trouble) {
	now := shownTime(time.Now())
	l.search.board.change(func(s *provisioning.Status) {
		s.Better = &provisioning.Better{Endpoint: l.primary.Endpoint, LookedAt: now, Answered: t.None()}
		if !t.None() {
			why := provisioning.WhyOf(t.Reason(), "", t)
			s.Better.Reason, s.Better.Fault, s.Better.What, s.Better.Hint = why.Reason, why.Fault, why.What, why.Hint
			now = time.Time{}
		}
		s.Cycle.Looked(l.primary.Endpoint, addr, now)
	})
}

// turn makes the next look one at another address: this one may be dead, or the host may have moved. The name says where to.
func (l *lookout) turn(ctx context.Context) {
	b, p := l.search.basis, &l.primary
	addrs := p.Addrs
	if !provisioning.IsAddress(p.Host) {
		if name := b.resolve(ctx, []string{p.Host})[0]; len(name.Addrs) > 0 {
			addrs, _ = b.ground().Only(p.Step, p.Host, name.Addrs)
		}
	}
	var tried []netip.Addr
	if len(p.Addrs) > 0 {
		tried = p.Addrs[:1]
	}
	others := slices.DeleteFunc(slices.Clone(addrs), func(addr netip.Addr) bool { return slices.Contains(tried, addr) })
	if len(others) < len(addrs) { // it is one of them still
		others = append(others, tried...)
	}
	p.Addrs = others
}

// lookAtPrimary proves that the primary is there, and takes it back when it has answered often enough. Until
// then nothing is signed in to.
func (l *lookout) lookAtPrimary(ctx context.Context) *signin.Registration {
	s := l.search
	if len(l.primary.Addrs) == 0 || !l.primaryAnswers(ctx, l.primary.Addrs[0]) {
		l.answered = 0
		l.turn(ctx)
		return nil
	}
	if l.answered++; l.answered < primaryAnswers {
		return nil
	}
	l.answered = 0
	s.begin(nil)
	if l.better != "" {
		s.begin(l.reg)
	}
	reg := s.walk.Try(ctx, []provisioning.Candidate{l.primary})
	switch {
	case reg == nil:
		return nil
	case reg == l.reg: // it sends us here
		l.primary = provisioning.Candidate{}
		return nil
	case l.better != "":
	case reg.Candidate.Endpoint != l.primary.Endpoint || reg.Binding.OnBackup:
		reg.Session.Close() // it sends us away again: the registration we have is as good
		return nil
	}
	s.signer.Restraint().Returned()
	s.board.tell(reg.Event(provisioning.WentNormal, "", cmp.Or(l.better, "the primary Registrar is back")))
	return reg
}
