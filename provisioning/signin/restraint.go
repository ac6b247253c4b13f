package signin

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"homeward/internal/sip"
	"homeward/internal/storm"
	"homeward/provisioning"
)

// Our choices.
const (
	settled            = 30 * time.Second // a registration that holds so long is a good one
	earlyLossesAllowed = 1                // for each Registrar: one that restarts resets connections
	heldLong           = 10 * time.Minute // whoever ends a registration later than that has had a reason of that day
	endsAllowed        = 1                // for each Registrar, in band: one that is drained ends all of its registrations
	unreachedWait      = 10 * time.Second // this device itself is cut off: no Registrar was bothered
	refusalsAllowed    = 2                // a third wrong logon may lock the account
	credentialsRest    = 30 * time.Minute // the usual lock-out window of a directory
	mostInClear        = time.Minute      // of what is asked over plain TCP
	inVainAllowed      = 4                // tries of an address in a row of which nothing came, although it takes connections
	inVainDoubled      = 4                // so often the time grows for which it is left alone then: a primary is wanted back
	primaryHeld        = 10 * time.Minute // a primary that is lost sooner after it was taken back did not hold
	primaryPatience    = 8                // the longest factor on the interval, when the primary does not hold
)

// Restraint is what keeps the agent from hammering Registrars, burning passwords and falling for downgrades.
// It outlives the walks, which ask it before each attempt and tell it of each failure.
type Restraint struct {
	early       map[provisioning.Endpoint]int       // registrations lost at once, by endpoint, since one has held
	tries       storm.Tries                         // walks in a row that ended without registration, and what is tried sooner than they allow
	ended       map[provisioning.Endpoint]int       // registrations that the Registrar has ended itself, since one has held long
	inVain      map[attempted]int                   // tries in a row of which nothing came, of places that take connections
	aside       map[attempted]aside                 // places that have lost their turn
	refusals    refusals                            // complete credentials refused
	proven      attempted                           // the place that has accepted the password last, in this run
	certificate func() bool                         // whether the device can sign in without the secret
	leaveAlone  map[provisioning.Endpoint]time.Time // endpoints that sent Retry-After
	patience    int                                 // factor on the time before the primary is taken back
	returnedAt  time.Time                           // when it was taken back last
	distrust    distrust                            // where a certificate failed, or could not be judged: never plain TCP
	secured     map[provisioning.Endpoint]bool      // what spoke TLS when it was tried last: plain TCP makes no sense there
}

// refusals counts passwords that a server has seen and refused, by whatever way. Its methods may be called from any goroutine.
type refusals struct {
	mu    sync.Mutex
	inRow int
	at    time.Time // when the last of them was
	until time.Time // the password rests until then

	keep func(times int, at time.Time) // keeps how often in a row, for the next run; nil: nobody does
}

// recall takes up what was before this run.
func (r *refusals) recall(times int, ago time.Duration, keep func(int, time.Time)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keep = keep; ago < credentialsRest {
		r.count(times, time.Now().Add(-ago))
	}
}

// count is the last of so many in a row.
func (r *refusals) count(times int, at time.Time) {
	if r.inRow, r.at = times, at; times >= refusalsAllowed {
		r.inRow, r.until = 0, at.Add(credentialsRest)
	}
}

// add takes note of some more. What a directory has forgotten is forgotten here.
func (r *refusals) add(more int) {
	if more <= 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	switch {
	case now.Sub(r.at) > credentialsRest:
		r.inRow = 0
	case now.Before(r.until): // those for which it rests are not over
		r.inRow = refusalsAllowed
	}
	times := r.inRow + more
	if r.count(times, now); r.keep != nil {
		r.keep(times, r.at)
	}
}

// left is how many more may be refused now.
func (r *refusals) left() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch now := time.Now(); {
	case now.Before(r.until):
		return 0
	case now.Sub(r.at) > credentialsRest:
		return refusalsAllowed
	}
	return refusalsAllowed - r.inRow
}

// accepted takes note of a password that was accepted.
func (r *refusals) accepted() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inRow > 0 && r.keep != nil {
		r.keep(0, r.at)
	}
	r.inRow = 0
}

// end is when the password has rested.
func (r *refusals) end() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.until
}

// rest is how long the password rests; 0 or less: it does not.
func (r *refusals) rest() time.Duration { return time.Until(r.end()) }

// distrusted is why plain TCP to a host is closed.
const distrusted = "its TLS handshake failed: no plain TCP to the same host"

// attempted is what an attempt depends on. A name that has moved to another address is worth another attempt.
type attempted struct {
	endpoint provisioning.Endpoint
	addr     netip.Addr
}

// aside is why a place has lost its turn: it has accepted the device and then dropped it, or has not served it.
type aside struct {
	at, until time.Time
	reason    provisioning.Reason // of the last loss, or failure, which was at that time
	times     string              // how often
}

// setAside takes its turn from a place for a while, which grows with n.
func setAside(places map[attempted]aside, at attempted, n int, reason provisioning.Reason, times string) {
	now := time.Now()
	places[at] = aside{now, now.Add(storm.Delay(n, rand.N)), reason, times}
}

// atTime is a time of today, as sentences have it.
const atTime = "15:04:05 UTC"

func newRestraint() *Restraint {
	return &Restraint{
		patience: 1, certificate: func() bool { return false }, leaveAlone: map[provisioning.Endpoint]time.Time{}, distrust: distrust{}, secured: map[provisioning.Endpoint]bool{},
		inVain: map[attempted]int{}, early: map[provisioning.Endpoint]int{}, ended: map[provisioning.Endpoint]int{}, aside: map[attempted]aside{},
	}
}

// ruledOut says why a Candidate may not be tried now.
func (r *Restraint) ruledOut(c *provisioning.Candidate) (provisioning.Reason, string) {
	if r.PasswordRests() {
		return provisioning.CredentialsResting, "until " + r.refusals.end().UTC().Format(atTime)
	}
	if time.Now().Before(r.leaveAlone[c.Endpoint]) {
		return provisioning.RetryAfter, "until " + r.leaveAlone[c.Endpoint].UTC().Format(atTime)
	}
	if r.distrust.closes(c) {
		return provisioning.TransportPolicy, distrusted
	}
	if c.Transport == provisioning.TCP && r.secured[c.Over(provisioning.TLS)] {
		return provisioning.TransportPolicy, "this port speaks TLS"
	}
	return "", ""
}

// lostTurn says why one address of a Candidate may not be tried now.
func (r *Restraint) lostTurn(at attempted) (provisioning.Reason, string) {
	turn := r.aside[at]
	if !time.Now().Before(turn.until) {
		return "", ""
	}
	return turn.reason, fmt.Sprintf("%s, the last time at %s; not tried before %s", turn.times, turn.at.UTC().Format(atTime), turn.until.UTC().Format(atTime))
}

// LostTurn says whether an address of an endpoint is not tried now.
func (r *Restraint) LostTurn(e provisioning.Endpoint, addr netip.Addr) bool {
	reason, _ := r.lostTurn(attempted{e, addr})
	return reason != ""
}

// Allows says whether an address of a Candidate may be connected to now.
func (r *Restraint) Allows(c *provisioning.Candidate, addr netip.Addr) bool {
	reason, _ := r.ruledOut(c)
	return reason == "" && !r.LostTurn(c.Endpoint, addr)
}

// PasswordRests says whether no sign-in is tried now, since the password was refused and there is nothing else to sign in with.
func (r *Restraint) PasswordRests() bool { return r.passwordRests() && !r.certificate() }

// passwordRests says whether the password is not used now, since it was refused.
func (r *Restraint) passwordRests() bool { return r.refusals.rest() > 0 }

// untilPassword is how long PasswordRests.
func (r *Restraint) untilPassword() time.Duration {
	if r.certificate() {
		return 0
	}
	return r.refusals.rest()
}

// Spent says whether Registrars, whoever they were, accept the device and drop it at once over and over. It is not for the
// next one to end that.
func (r *Restraint) Spent() bool { return r.tries.Spent() }

// Between draws a pause of at least from and less than to; after a power cut it is as long as the window, if that is longer.
func (r *Restraint) Between(from, to time.Duration) time.Duration {
	return r.tries.Between(from, to, rand.N)
}

// Storm takes note that the power has returned to all devices at once, which are spread over a window; 0: it has not.
func (r *Restraint) Storm(window time.Duration) { r.tries.Window = window }

// Stormy says whether that is so, and this device has not registered since.
func (r *Restraint) Stormy() bool { return r.tries.Window > 0 }

// Turn returns how long it is until the next turn of the device, whose share of the window is given, so long after its start.
func (r *Restraint) Turn(share, since time.Duration) time.Duration { return r.tries.Turn(share, since) }

// LeaveAlone leaves an endpoint alone for a while.
func (r *Restraint) LeaveAlone(e provisioning.Endpoint, wait time.Duration) {
	maps.DeleteFunc(r.leaveAlone, func(_ provisioning.Endpoint, until time.Time) bool { return time.Now().After(until) })
	r.leaveAlone[e] = time.Now().Add(wait)
}

// Patience is the factor on the time before the primary is taken back.
func (r *Restraint) Patience() int { return r.patience }

// TakeTurns gives all places their turn again.
func (r *Restraint) TakeTurns() {
	r.tries.Refill()
	clear(r.aside)
}

// failed takes note of what a failure means beyond its walk: what the port speaks, a password that was refused, a Registrar
// that asks to be left alone.
func (r *Restraint) failed(c *provisioning.Candidate, err error) {
	var attempt *attemptError
	if c.Transport == provisioning.TLS && errors.As(err, &attempt) {
		if delete(r.secured, c.Endpoint); attempt.stage == registering && len(r.secured) < maxDistrusted {
			r.secured[c.Endpoint] = true
		}
	}
	var credentials *sip.CredentialsError // by type, not by Reason: what a server says of itself must not put the password to rest
	if errors.As(err, &credentials) || doubtsPassword(err) {
		r.refusals.add(1)
	}
	if wait := retryAfter(c, err); wait > 0 {
		r.LeaveAlone(c.Endpoint, wait)
	}
}

// triedInVain takes note of a try that failed. A place that takes connections, and of which nothing comes over and over, loses its turn for a
// while, and then has one try each time, whatever brings the device to it. One that takes none begins anew: it costs nobody anything.
func (r *Restraint) triedInVain(at attempted, err error) {
	switch reason := ReasonOf(err); reason {
	case provisioning.SIPUnavailable, provisioning.SIPNoAnswer, provisioning.TLSTimeout:
		if len(r.inVain) >= maxDistrusted {
			clear(r.inVain)
		}
		r.inVain[at]++
		if n := r.inVain[at] - inVainAllowed; n > 0 {
			setAside(r.aside, at, min(n, inVainDoubled), reason, fmt.Sprintf("%d times in a row", r.inVain[at]))
		}
	case provisioning.ConnectRefused, provisioning.ConnectTimeout, provisioning.ConnectUnreachable:
		delete(r.inVain, at)
	default:
	}
}

// retryAfter is how long a Registrar asks to be left alone; 0: it does not. Over plain TCP anybody may have written it.
func retryAfter(c *provisioning.Candidate, err error) time.Duration {
	var status *sip.StatusError
	switch {
	case !errors.As(err, &status):
		return 0
	case c.Transport == provisioning.TCP:
		return min(status.RetryAfter, mostInClear)
	default:
		return status.RetryAfter
	}
}

// Refused takes note that another service has refused the password. It may be called from any goroutine.
func (r *Restraint) Refused() { r.refusals.add(1) }

// Recall takes up how often in a row the password was refused before this run, and how long ago the last time was. keep keeps
// that for the next.
func (r *Restraint) Recall(times int, ago time.Duration, keep func(times int, at time.Time)) {
	r.refusals.recall(times, ago, keep)
}

// PasswordRest is how long the password is not used, since it was refused. It may be called from any goroutine.
func (r *Restraint) PasswordRest() time.Duration { return r.refusals.rest() }

// Lost takes note of a registration that held for a while. What our own network has ended is not counted against the
// Registrar: changes have a hold-off of their own.
func (r *Restraint) Lost(c *provisioning.Candidate, addr netip.Addr, err error, held time.Duration) {
	r.failed(c, err)
	at := attempted{c.Endpoint, addr}
	reason := ReasonOf(err)
	if reason == provisioning.AddressChanged || reason == provisioning.ConnectUnreachable {
		return
	}
	if held >= settled {
		r.tries.Held()
		clear(r.early)
	} else {
		r.early[at.endpoint]++
		r.tries.Spend()
	}
	if held >= heldLong {
		delete(r.ended, at.endpoint)
	}
	if errors.As(err, new(*sip.DeregisteredError)) {
		r.ended[at.endpoint]++
	}
	early, ended := r.early[at.endpoint]-earlyLossesAllowed, r.ended[at.endpoint]-endsAllowed
	switch {
	case early > 0 && early >= ended:
		setAside(r.aside, at, early, reason, fmt.Sprintf("%d times, soon after the Registrar had accepted the device", early+earlyLossesAllowed))
	case ended > 0:
		setAside(r.aside, at, ended, reason, fmt.Sprintf("%d times", ended+endsAllowed))
	}
	var credentials *sip.CredentialsError
	if errors.As(err, &credentials) && credentials.Scheme == "digest" {
		r.refusals.add(1) // besides the answer to the challenge: the signature sent unasked with the refresh
	}
}

// succeeded takes note of a registration. scheme is how it signed in: one that asked for
// nothing, or took a certificate, says nothing of the password.
func (r *Restraint) succeeded(c *provisioning.Candidate, addr netip.Addr, scheme string) {
	if scheme != "" && scheme != "tls-dsk" {
		r.refusals.accepted()
		r.proven = attempted{c.Endpoint, addr}
	}
	r.tries.Accepted()
	delete(r.inVain, attempted{c.Endpoint, addr})
	delete(r.leaveAlone, c.Endpoint)
	if c.Transport == provisioning.TLS {
		r.distrust.proven(c.Host, addr)
	}
}

// delay returns how long to leave Registrars alone after a walk that failed, and counts it.
func (r *Restraint) delay(retryAfter time.Duration) time.Duration {
	return max(r.tries.Failed(retryAfter, rand.N), r.untilPassword())
}

// Returned takes note that the primary was taken back: one that does not hold is given more time to settle.
func (r *Restraint) Returned() {
	if time.Since(r.returnedAt) < primaryHeld {
		r.patience = min(r.patience*2, primaryPatience)
	} else {
		r.patience = 1
	}
	r.returnedAt = time.Now()
}
