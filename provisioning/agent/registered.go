package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/internal/sip"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/signin"
)

// accept makes a registration the current one.
func (a *Agent) accept(reg *signin.Registration) phase {
	a.current = reg
	a.signer.Accept(reg, a.memory())
	if !reg.Degraded {
		a.nothingSince, a.openSince = time.Time{}, time.Time{}
	}
	a.show(reg)
	a.enter(provisioning.Registered)
	if problem := clockProblem(a.clockFloor(), reg.Binding.Date); problem != "" {
		a.tell(reg.Event(provisioning.ClockSkew, provisioning.ClockWrong, problem))
	}
	return a.registered
}

// registered keeps the binding and commits it, learns what the Registrar tells in band, and looks out for
// something better while it is degraded or on the backup.
func (a *Agent) registered(ctx context.Context) phase {
	reg := a.current
	granted := reg.Binding
	keeping, stop := context.WithCancel(ctx)
	looking, lookNoMore := context.WithCancel(ctx)
	defer lookNoMore()
	lost := make(chan error, 1)
	renewed, told, lessons := make(chan sip.Binding, 1), make(chan sip.Provisioning, 1), make(chan signin.Lesson, 1)
	doubted, unread := make(chan error, 1), make(chan error, 1)
	var tasks sync.WaitGroup
	defer func() { stop(); tasks.Wait(); reg.Session.Close() }()
	tasks.Go(func() {
		err := reg.Session.Keep(keeping, sip.Watch{Refreshed: latest(renewed), Doubted: latest(doubted), Provisioned: latest(told), Unread: latest(unread)})
		lookNoMore() // a loss is not to wait for the end of a look-out
		lost <- err
	})
	if reg.Candidate.Transport == provisioning.TLS {
		tasks.Go(func() { a.signer.Learn(keeping, reg.Session, granted, told, latest(lessons)) })
	} else if granted.Lync {
		lessons <- signin.Unproven()
	}
	tasks.Go(a.hearOut(keeping))
	a.commit(reg)
	better := a.lookOut(reg)
	for {
		select {
		case <-a.asked:
		case b := <-renewed:
			a.renew(reg, b)
		case l := <-lessons:
			a.absorb(reg, l)
		case err := <-doubted:
			a.tell(reg.Event(provisioning.Refreshed, signin.ReasonOf(err), provisioning.DetailOf(err)))
		case err := <-unread:
			a.tell(reg.Told(signin.ReasonOf(err), signin.InBandDetail(err)))
		case err := <-lost:
			return a.lose(ctx, reg, err)
		case change := <-a.changes:
			a.tell(provisioning.Event{Kind: provisioning.NetworkChanged, Detail: change})
			if err := a.signer.CheckPath(ctx, reg); err != nil {
				return a.lose(ctx, reg, err)
			}
			tasks.Go(func() { _ = reg.Session.Refresh(keeping) }) // what comes of it, Keep says
			better.soon()
		case <-better.timer:
			switch next := better.look(looking); next {
			case nil:
			case reg:
				a.accept(reg)
				a.commit(reg)
				better = a.lookOut(reg)
			default:
				stop()
				tasks.Wait()
				a.release(ctx, reg)
				return a.accept(next)
			}
		}
	}
}

// hearOut returns what listens to DHCP for as long as servers may disagree, when it was asked on the way here.
func (a *Agent) hearOut(ctx context.Context) func() {
	g := a.gathering
	a.gathering = nil
	return func() {
		if g != nil {
			g.Linger(ctx)
			a.tellFlaw(ctx, g)
		}
	}
}

// release takes back a binding that another has replaced. A Lync Registrar knows a device by its endpoint id,
// whatever the connection, and has done so already; taking it back would take the new one.
func (a *Agent) release(ctx context.Context, reg *signin.Registration) {
	if reg.Binding.Lync {
		return
	}
	limited, cancel := context.WithTimeout(ctx, signin.UnregisterLimit)
	defer cancel()
	_ = reg.Session.Unregister(limited) // what is left expires
}

// latest returns a function that never waits: a value that nobody has taken yet is replaced.
func latest[T any](ch chan T) func(T) {
	return func(v T) {
		select {
		case <-ch:
		default:
		}
		ch <- v
	}
}

// show puts a registration into the status.
func (a *Agent) show(reg *signin.Registration) {
	a.change(func(s *provisioning.Status) {
		reg.Show(s)
		s.Degraded = reg.Degraded
		s.RegisteredAt = reg.Since.UTC().Truncate(time.Millisecond)
		s.ExpiresAt = s.RegisteredAt.Add(reg.Binding.Expires)
		s.Reason, s.Detail, s.Hint = "", "", ""
		if reg.Degraded {
			s.Reason, s.Detail, s.Hint = s.Cycle.Blame(false)
		}
	})
}

func (a *Agent) renew(reg *signin.Registration, b sip.Binding) {
	a.signer.Renew(reg, b, a.memory())
	a.change(func(s *provisioning.Status) {
		reg.Show(s)
		s.ExpiresAt = time.Now().UTC().Truncate(time.Millisecond).Add(b.Expires)
	})
	a.tell(reg.Event(provisioning.Refreshed, "", ""))
	a.commit(reg) // what could not be written before, or was told to forget
}

// absorb takes in what was told in band: it is shown, and kept with the Registrar.
func (a *Agent) absorb(reg *signin.Registration, l signin.Lesson) {
	a.signer.Believe(reg, l, a.memory())
	a.change(reg.Show)
	a.tell(reg.Told(l.Reason, l.Detail))
	a.commit(reg)
}

// lose ends a registration: at shutdown by unregistering, else by saying why it is gone.
func (a *Agent) lose(ctx context.Context, reg *signin.Registration, err error) phase {
	a.current = nil
	if ctx.Err() != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), signin.UnregisterLimit)
		defer cancel()
		a.change(func(s *provisioning.Status) {
			s.State, s.Degraded, s.Registrar, s.RegisteredAt, s.ExpiresAt = provisioning.Resting, false, nil, time.Time{}, time.Time{}
		})
		event := reg.Event(provisioning.Unregistered, "", "")
		if err := reg.Session.Unregister(last); err != nil {
			event.Reason, event.Detail = signin.ReasonOf(err), provisioning.DetailOf(err)
		}
		a.tell(event)
		return nil
	}
	event := reg.Event(provisioning.Lost, signin.ReasonOf(err), provisioning.DetailOf(err))
	event.Hint = signin.HintOf(err)
	a.signer.Restraint().Lost(reg.Candidate, reg.Addr, err, time.Since(reg.Since))
	a.change(func(s *provisioning.Status) {
		s.Registrar, s.RegisteredAt, s.ExpiresAt, s.Degraded = nil, time.Time{}, time.Time{}, false
		s.Reason, s.Detail, s.Hint = event.Reason, event.Detail, event.Hint
	})
	a.tell(event)
	var sent *sip.DeregisteredError
	if errors.As(err, &sent) {
		return a.sentAway(reg, sent)
	}
	return a.again(reg)
}

// again is how to go on after a loss: at once. A Registrar that accepts and drops the device over and over has lost its
// turn by now. Where many do, it is not for the next one to end that.
func (a *Agent) again(lost *signin.Registration) phase {
	if a.signer.Restraint().AllDrop() {
		return a.rest
	}
	return a.recall(lost)
}

// sentAway obeys a Registrar that ends the registration itself: "rejected" means to stay away for a while
// (RFC 3680 §5.1); a preferred Registrar (MS-SIPREGE) is tried first.
func (a *Agent) sentAway(reg *signin.Registration, sent *sip.DeregisteredError) phase {
	if sent.Event == "rejected" {
		a.beginCycle(nil)
		return a.rest
	}
	if sent.Preferred != "" && a.policy.MayName(reg.Candidate, sent.Preferred) {
		a.preferred = sent.Preferred
	}
	return a.again(reg)
}

// clockProblem says what is wrong with our clock, as far as it shows, or "". floor has passed; date is the Registrar's, which
// may be far from ours by what sign-in tolerates (5 min for Kerberos, 15 min for NTLM; MS-SIPAE).
func clockProblem(floor, date time.Time) string {
	const tolerated = 5 * time.Minute
	now := time.Now()
	skew := date.Sub(now).Round(time.Second)
	switch {
	case now.Before(floor):
		return fmt.Sprintf("it shows %s, but %s has passed", now.UTC().Format(time.RFC3339), floor.UTC().Format(time.RFC3339))
	case date.IsZero() || skew.Abs() <= tolerated:
		return ""
	case skew > 0:
		return fmt.Sprintf("the Registrar's clock is %s ahead", skew)
	default:
		return fmt.Sprintf("the Registrar's clock is %s behind", -skew)
	}
}
