package agent

import (
	"context"
	"time"

	"homeward/internal/identity"
	"homeward/internal/storm"
	"homeward/provisioning"
	"homeward/provisioning/enrol"
)

// Our choices: a fleet that was switched on together does not enrol together, and web services that are down are left alone.
const (
	enrolAfter   = 30 * time.Second // a first certificate is asked for so long after it is known where, at the earliest
	enrolSpread  = 270 * time.Second
	pinSpread    = 10 * time.Second // a first certificate by PIN is waited for
	enrolBetween = 24 * time.Hour   // two certificates are never asked for sooner, unless a tech says so
	enrolAgain   = time.Hour        // after the first failure; doubled, up to enrolBetween
	enrolLast    = time.Hour        // after a failure, in the last days of a certificate
	lastDays     = 72 * time.Hour
	lookAgain    = time.Hour // the clock may have been set
	onceADay     = 6         // after so many failures in a row, the next try is a day later
)

// enrolling gets certificates in the background: a first one, and the next when two thirds of the life of the one at hand have
// passed. The goroutine of run owns it; others only send to it.
type enrolling struct {
	credential *credential
	enroller   enrol.Enroller
	offers     chan enrol.Service // where certificates can be got; the latest
	asked      chan struct{}      // a tech wants one now
	wake       func()             // the device can sign in now, and could not before
	refused    func()             // a web service has refused the password

	service  enrol.Service
	since    time.Time // when service was told first
	failures int       // in a row, over restarts
	daily    bool      // one more could lock an account or make a certificate: the next try is tomorrow, or a tech's
	failedAt time.Time
	gotAt    time.Time // when the latest certificate came; zero: none has
	alone    time.Time // a web service has asked to be left alone until then
}

// share is a part of a span that is the same for this device always, and spread over the fleet.
func (e *enrolling) share(span time.Duration) time.Duration {
	return storm.Share(e.credential.owner.SIPAddress+" "+e.credential.owner.EndpointID, span)
}

// wanted says whether a certificate may be asked for without being told to: with a secret, or with the pair at hand.
func (e *enrolling) wanted(pair identity.Pair) bool {
	return e.enroller.Policy.Enrol && e.service.URL != "" && (e.enroller.HasSecret() || enrol.Renewable(&pair))
}

// due returns how long it is until a certificate is to be asked for; false: not until something has changed. What has happened since
// the start is counted by a clock that nobody sets, what a certificate says by a time that is not too early.
func (e *enrolling) due(pair identity.Pair) (time.Duration, bool) {
	if !e.wanted(pair) {
		return 0, false
	}
	now := e.credential.basis.now()
	wait := time.Until(e.since.Add(enrolAfter + e.share(enrolSpread)))
	if e.enroller.ByPIN() && pair.None() { // the device is of no use without
		wait = time.Until(e.since.Add(e.share(pinSpread)))
	}
	if !enrol.Renewable(&pair) { // else the password has no part in it
		wait = max(wait, e.enroller.Resting())
	}
	wait = max(wait, time.Until(e.alone))
	again := enrolBetween
	if !pair.None() && !pair.Refused {
		leaf := pair.Certificate.Leaf
		life := leaf.NotAfter.Sub(leaf.NotBefore)
		wait = max(wait, leaf.NotBefore.Add(life/3*2+e.share(min(enrolBetween, life/12))).Sub(now))
		if leaf.NotAfter.Sub(now) < lastDays && !e.daily {
			again = enrolLast
		}
	}
	if newest, err := e.credential.store.Newest(); err == nil && newest.Owner() == e.credential.owner && newest.Details.EnrolledBy != identity.Imported && !newest.Details.EnrolledAt.After(now) {
		wait = max(wait, newest.Details.EnrolledAt.Add(enrolBetween).Sub(now))
	}
	if !e.gotAt.IsZero() {
		wait = max(wait, time.Until(e.gotAt.Add(enrolBetween)))
	}
	if e.failures > 0 {
		pause := min(enrolAgain<<min(e.failures-1, onceADay-1), again)
		wait = max(wait, time.Until(e.failedAt.Add(pause*3/4+e.share(pause/2))))
	}
	return wait, true
}

// recall takes up the tries of before this start. When they were is not known better than by a clock that may have been wrong.
func (e *enrolling) recall() {
	asked, err := e.credential.store.Asked()
	if err != nil { // nobody knows how many there were
		asked = identity.Asked{At: e.credential.basis.now(), Failures: 1}
	}
	e.daily = asked.Failures >= onceADay
	ago := min(max(0, e.credential.basis.now().Sub(asked.At)), enrolBetween)
	if e.failures = asked.Failures; e.failures > 0 {
		e.failedAt = time.Now().Add(-ago)
	}
	e.leaveAlone(time.Duration(asked.Seconds)*time.Second, ago)
}

// leaveAlone takes note of what a web service has asked so long ago. It asks all devices for the same: each adds a part of it.
func (e *enrolling) leaveAlone(asked, ago time.Duration) {
	e.alone = time.Now().Add(asked + e.share(asked/2) - ago)
}

// note keeps on the disk that a certificate is asked for now, how many tries have failed, and for how long to ask for none.
func (e *enrolling) note(failures int, alone time.Duration) error {
	return e.credential.store.NoteAsked(identity.Asked{At: e.credential.basis.now(), Failures: failures, Seconds: int(alone.Seconds())})
}

// once asks for a certificate. A try that is not noted could be repeated after each restart: no password and no PIN is sent then.
func (e *enrolling) once(ctx context.Context) provisioning.Trouble {
	failures := e.failures + 1
	if e.enroller.ByPIN() {
		failures = max(failures, onceADay) // two forms are tried, and a PIN is locked soon
	}
	if err := e.note(failures, 0); err != nil {
		return provisioning.FaultEnrolStore.Met(provisioning.Facts{"problem": err.Error()})
	}
	_, trouble := e.enroller.Once(ctx, e.service)
	return trouble
}

// run gets certificates until ctx ends.
func (e *enrolling) run(ctx context.Context) {
	e.recall()
	for ctx.Err() == nil {
		var timer <-chan time.Time
		pair, _ := e.credential.store.Load(e.credential.owner, e.credential.basis.now()) // what is wrong is told at the sign-in
		wait, ok := e.due(pair)
		if ok && wait <= 0 {
			e.enrol(ctx)
			continue
		}
		e.credential.board.enrolsIn(wait, ok)
		if ok {
			timer = time.After(min(wait, lookAgain))
		}
		select {
		case <-ctx.Done():
		case service := <-e.offers:
			if e.service.URL == "" {
				e.since = time.Now()
			}
			e.service = service
		case <-e.asked:
			e.enrol(ctx)
		case <-timer:
		}
	}
}

// enrol asks for a certificate, once.
func (e *enrolling) enrol(ctx context.Context) {
	if e.service.URL == "" {
		e.credential.board.enrolled(provisioning.FaultEnrolNoService.Met(nil))
		return
	}
	trouble := e.once(ctx)
	if ctx.Err() != nil {
		return
	}
	e.failures++
	e.failedAt = time.Now()
	switch trouble.Fault {
	case "":
		if e.failures, e.daily, e.gotAt = 0, false, time.Now(); e.enroller.ByPIN() {
			defer e.wake()
		}
	case provisioning.FaultEnrolCredentials:
		e.daily = true
		e.refused()
	case provisioning.FaultEnrolPIN, provisioning.FaultEnrolNotRenewed, provisioning.FaultEnrolStore, provisioning.FaultEnrolUnusable:
		e.daily = true
	default:
		e.daily = false
	}
	kept := 0 // a service that was not there may be asked after a restart
	if e.daily {
		e.failures = max(e.failures, onceADay)
		kept = e.failures
	}
	asked := enrol.Asked(trouble)
	e.leaveAlone(asked, 0)
	_ = e.note(kept, asked) // else what was noted before stands
	e.credential.load()
	e.credential.board.enrolled(trouble)
}
