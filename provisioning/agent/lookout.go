package agent

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/signin"
)

// Our choices: a fleet returns to its primary spread over minutes, and not to one that comes and goes.
const (
	primaryInterval = time.Minute // between looks at the primary, half of it either way
	primaryAnswers  = 2           // in a row, before it is taken back
)

// lookout is what a registration that is not the best one has in view: the normal way, while the device is
// registered through last good; the primary Registrar, while it is on the backup; the better one that was passed over since it
// was slow.
type lookout struct {
	search  *search
	changes changes
	reg     *signin.Registration

	timer    <-chan time.Time       // nil: nothing better to look for
	after    time.Time              // Registrars of discovery are left alone until then
	primary  provisioning.Candidate // or the better one; without a host: there is none. Without addresses: none was found so far
	slow     bool                   // it was passed over
	answered int                    // times in a row the primary has answered
}

// newLookout begins to look out for something better than reg, through s.
func newLookout(s *search, c changes, reg *signin.Registration) *lookout {
	l := &lookout{search: s, changes: c, reg: reg}
	if !reg.Degraded {
		if l.primary = primaryOf(reg, s.basis, s.signer); l.primary.Host == "" {
			l.primary, l.slow = slowOf(reg, s.basis), true
		}
	}
	l.rewind()
	return l
}

// primaryOf returns the primary Registrar of the home pair if reg is on the backup.
func primaryOf(reg *signin.Registration, b basis, signer *signin.Signer) provisioning.Candidate {
	record := reg.Record()
	if len(record.Home) < 2 {
		return provisioning.Candidate{}
	}
	first, err := provisioning.RegistrarOf(record.Home[0])
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

// slowOf returns the best Registrar that was passed over since it was slow, if it may be used now.
func slowOf(reg *signin.Registration, b basis) (better provisioning.Candidate) {
	if len(reg.Better) == 0 || b.policy.Closed(reg.Better[0].Transport, b.floor()) != "" {
		return provisioning.Candidate{}
	}
	better = reg.Better[0]
	better.Addrs, _ = b.ground().Only(better.Step, better.Host, better.Addrs)
	return better
}

func (l *lookout) rewind() {
	if l.timer = nil; l.primary.Host == "" && !l.reg.Degraded {
		return
	}
	wait := l.search.lookupDelay(l.search.nothingSince)
	if l.primary.Host != "" {
		wait = primaryInterval * time.Duration(l.search.signer.Restraint().Patience())
		wait = wait/2 + rand.N(wait)
	}
	l.timer = time.After(wait)
}

// soon looks for the normal way at once: the network is another.
func (l *lookout) soon() {
	if l.reg.Degraded {
		l.timer = time.After(0)
	}
}

// look tries the better way once; nil: not yet. The better way may be the registration at hand, found normally.
// A change of the network ends it, and is left to the phase.
func (l *lookout) look(ctx context.Context) (found *signin.Registration) {
	defer l.rewind()
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	change := l.changes.unless(leave, func() {
		if l.primary.Host != "" {
			found = l.lookAtPrimary(ctx)
		} else {
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

// primaryAnswers says whether the primary proves that it is there. Where it would not be signed in to now, nobody bothers it.
func (l *lookout) primaryAnswers(ctx context.Context, addr netip.Addr) bool {
	if !l.search.signer.Restraint().Allows(l.primary, addr) {
		return false
	}
	conn, err := l.search.signer.Connect(ctx, l.primary, addr)
	if err == nil {
		conn.Close()
	}
	return err == nil
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
	if l.slow {
		s.begin(l.reg)
	}
	reg := s.walk.Try(ctx, []provisioning.Candidate{l.primary})
	switch {
	case reg == nil:
		return nil
	case reg == l.reg: // it sends us here
		l.primary = provisioning.Candidate{}
		return nil
	case l.slow:
	case reg.Candidate.Endpoint != l.primary.Endpoint || reg.Binding.OnBackup:
		reg.Session.Close() // it sends us away again: the registration we have is as good
		return nil
	}
	s.signer.Restraint().Returned()
	detail := "the primary Registrar is back"
	if l.slow {
		detail = "the better Registrar is no longer slow"
	}
	s.board.tell(reg.Event(provisioning.WentNormal, "", detail))
	return reg
}
