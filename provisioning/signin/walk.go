package signin

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"homeward/internal/plain"
	"homeward/internal/sip"
	"homeward/provisioning"
)

// maxRedirects bounds a chain of redirects. (Our choice.)
const maxRedirects = 5

// maxContacts bounds what one Candidate can make us try, by redirects that fan out. (Our choice.)
const maxContacts = 20

// Walk is one way through a plan: what it has tried, and what the failures mean for the rest of it. It ends
// with a registration, with a stop (another Registrar would say the same), or with nothing left to try.
type Walk struct {
	Doors Doors // where to knock while the device rests

	signer     *Signer
	holding    *Registration // what the device is registered with meanwhile; nil: nothing
	failed     map[attempted]bool
	met        map[provisioning.Endpoint]provisioning.Trouble // what failed there last; none: it has redirected the device
	stop       bool                                           // no Registrar will do: nothing more is tried
	retryAfter least                                          // that a Registrar asked for
	others     bool                                           // a Registrar failed without asking to be left alone
	reached    bool                                           // something on the network answered, or was silent
	counted    bool                                           // among the failures in a row, which a walk is once

	opener *opener                  // connects ahead; nil: the walk has not begun, or is over
	wake   chan struct{}            // a connection has come further
	early  early                    // a connection to where nothing has led yet
	late   []provisioning.Candidate // what was passed over since it was slow, to be tried when nothing else is left
	better []provisioning.Candidate // the first of those ever
	inside []provisioning.Candidate // the first inside of which no server would do
}

// NewWalk begins a walk on which nothing has been tried. holding is what the device is registered with meanwhile: it is the
// end of the walk that leads there; nil: nothing.
func (s *Signer) NewWalk(holding *Registration) *Walk {
	return &Walk{Doors: Doors{signer: s}, signer: s, holding: holding, failed: map[attempted]bool{}, met: map[provisioning.Endpoint]provisioning.Trouble{}, wake: make(chan struct{}, 1)}
}

// Stopped says whether a Registrar has refused the device for all of them: no other is tried.
func (w *Walk) Stopped() bool { return w.stop }

// Begin begins to walk through Candidates that become known step by step: Step for each of them, then LookBack, then End. ahead
// is where those that will come may be learnt earlier, in the same order; nil: they may not.
func (w *Walk) Begin(ctx context.Context, ahead <-chan []provisioning.Candidate) {
	w.opener = w.newOpener(ctx, w.signer.pace, ahead)
}

// Trip takes note of a round trip to something else on the network, the first of this walk: it took that at most.
func (w *Walk) Trip(most time.Duration) {
	p := &w.opener.pace
	p.hint = cmp.Or(p.hint, most)
}

// newOpener returns what connects ahead for a walk.
func (w *Walk) newOpener(ctx context.Context, p pace, ahead <-chan []provisioning.Candidate) *opener {
	o := &opener{race: race{pace: p}, may: w.may, pass: w.signer.owner.Pass, early: &w.early, holds: w.holds, ahead: ahead, wake: w.wake}
	o.open = func(c provisioning.Candidate, addr netip.Addr) *opening {
		patient := w.signer.gate.known(&w.signer.sessions)
		patient.patience = w.signer.restraint.tries.Patience(tlsLimit)
		return newOpening(ctx, patient, &c, addr, func() { wake(w.wake) })
	}
	o.apart = w.early.sockets()
	return o
}

// wake wakes whoever waits, once.
func wake(waiting chan<- struct{}) {
	select {
	case waiting <- struct{}{}:
	default:
	}
}

// Warm connects to an address of last good before anything has named it. If a Candidate does, the connection is used when its
// turn comes. If none does, it is closed without a word.
func (w *Walk) Warm(ctx context.Context, c *provisioning.Candidate) {
	if len(c.Addrs) > 0 && w.early.opening == nil && w.may(*c, c.Addrs[0]) {
		w.early.opening = newOpening(ctx, w.signer.gate.known(&w.signer.sessions), c, c.Addrs[0], func() { wake(w.wake) })
	}
}

// Foresee connects to the first of the Candidates at an address which an answer hints at, before any name server has said that this
// is its address: as Warm does, unless that has connected already. Over TLS only: plain TCP waits for better ranks to be decided.
func (w *Walk) Foresee(ctx context.Context, most []provisioning.Candidate) {
	if len(most) == 0 || most[0].Transport != provisioning.TLS || w.early.opening != nil || w.holding != nil && w.holding.Candidate.Endpoint == most[0].Endpoint {
		return
	}
	if len(most[0].Addrs) > 0 && w.opener.index(attempted{most[0].Endpoint, most[0].Addrs[0]}) >= 0 { // the race sees to it
		return
	}
	w.Warm(ctx, &most[0])
	w.early.hinted = w.early.opening != nil
	w.opener.apart = w.early.sockets()
}

// Close gives up what Warm or Foresee has connected to.
func (w *Walk) Close() { w.early.close() }

// may says whether a packet may go to an address of a Candidate whose turn has not come.
func (w *Walk) may(c provisioning.Candidate, addr netip.Addr) bool {
	reason, _ := w.ruledOut(&c)
	return reason == "" && !w.signer.restraint.LostTurn(c.Endpoint, addr) && !w.failed[attempted{c.Endpoint, addr}] && !w.holds(c)
}

// End gives up all connections but that to the Registrar that has accepted.
func (w *Walk) End() {
	w.signer.pace = w.opener.pace.kept()
	w.opener.close()
	w.opener, w.late = nil, nil
}

// holds says whether the walk has come to the place where the device is registered: then nothing is to be tried,
// the registration at hand is the one it leads to.
func (w *Walk) holds(c provisioning.Candidate) bool {
	h := w.holding
	return h != nil && h.Candidate.Endpoint == c.Endpoint && slices.Contains(c.Addrs, h.Addr)
}

// next is what a failure means for the rest of the walk.
type next uint8

const (
	nextAddress   next = iota // this server does not work: its sister may (RFC 3263 §4.3)
	nextCandidate             // no server behind this name will do
	stopWalk                  // no Registrar will do
)

// consider remembers what a failure means beyond this attempt, and says how the walk goes on.
func (w *Walk) consider(c *provisioning.Candidate, err error) next {
	w.signer.restraint.failed(c, err)
	w.Doors.failed(c, err)
	if wait := Heed(w.signer, c, err); wait == 0 {
		w.others = true
	} else {
		w.retryAfter.of(wait)
	}
	w.reached = w.reached || ReasonOf(err) != provisioning.ConnectUnreachable
	after := afterFailure(err)
	w.stop = after == stopWalk
	return after
}

// Heed leaves a Registrar alone for as long as it asks, and tells of it; 0: it does not ask.
func Heed(s *Signer, c *provisioning.Candidate, err error) time.Duration {
	wait := retryAfter(c, err)
	if wait == 0 {
		return 0
	}
	s.restraint.LeaveAlone(c.Endpoint, wait)
	if s.owner.Asked != nil && c.Transport == provisioning.TLS && !s.policy.Withholds(c.Anchor) {
		s.owner.Asked(c.Endpoint, wait)
	}
	return wait
}

// least is the shortest of some durations; 0: there were none.
type least time.Duration

func (l *least) of(d time.Duration) {
	if *l == 0 || d < time.Duration(*l) {
		*l = least(d)
	}
}

// afterFailure sorts failures: refused credentials and a forbidden account would be refused everywhere; an
// unknown user or a scheme we may not answer concerns all servers behind the name; a certificate that server alone (ADR 71).
func afterFailure(err error) next {
	var status *sip.StatusError
	switch isStatus := errors.As(err, &status); {
	case isStatus && status.Unsigned: // anyone on the way may have written it
		return nextAddress
	case isStatus && status.Code == 403: // whatever its diagnostics say
		return stopWalk
	}
	switch reason := ReasonOf(err); {
	case reason == provisioning.SIPCredentials:
		return stopWalk
	case reason == provisioning.SIPNotFound, reason == provisioning.SIPAuthNotSupported:
		return nextCandidate
	default:
		return nextAddress
	}
}

// Pause is how long Registrars are left alone after this walk: as they asked, if all that failed did ask; else by the
// table. A device that reached nothing has bothered nobody, and looks again soon.
func (w *Walk) Pause() time.Duration {
	r := w.signer.restraint
	if w.others && !w.reached {
		return max(unreachedWait+rand.N(unreachedWait), r.untilPassword())
	}
	if w.counted { // it went on after a rest, to what had not been answered before
		r.tries.Failures--
	}
	w.counted = true
	if w.others {
		return r.delay(0)
	}
	return r.delay(time.Duration(w.retryAfter))
}

// Untried says whether a Candidate may be tried now, and has an address that was not tried on this walk.
func (w *Walk) Untried(c provisioning.Candidate) bool {
	return slices.ContainsFunc(c.Addrs, func(addr netip.Addr) bool { return w.may(c, addr) })
}

// ruledOut says why a Candidate is not even tried now.
func (w *Walk) ruledOut(c *provisioning.Candidate) (provisioning.Reason, string) {
	fresh := func(addr netip.Addr) bool { return !w.failed[attempted{c.Endpoint, addr}] }
	if !slices.ContainsFunc(c.Addrs, fresh) {
		return provisioning.SameAsFailed, ""
	}
	if reason := w.signer.policy.Closed(c.Transport, w.signer.owner.Floor()); reason != "" {
		return reason, ""
	}
	return w.signer.restraint.ruledOut(c)
}

// attempt is one address of a Candidate whose turn it is.
type attempt struct {
	c    provisioning.Candidate
	addr netip.Addr
	lane int
	from string        // who has redirected there; "": nobody
	took time.Duration // without the time in which it was ready, and its turn had not come
}

func (w *Walk) tried(kind provisioning.EventKind, a *attempt, err error) {
	e := &provisioning.Event{Kind: kind, Step: a.c.Step, Endpoint: a.c.Endpoint, Addr: a.addr, Rank: a.c.Rank, Took: a.took}
	if err == nil && w.opener != nil {
		e.Unused = w.opener.unused()
	}
	if kind == provisioning.Redirected {
		e.Detail = plain.Words(err)
	} else {
		e = Explained(e, err)
		e.Trouble = since(w.signer, e.Trouble, &a.c, a.addr)
		if a.from != "" && err != nil {
			e.Trouble = e.Trouble.Also(provisioning.FaultRedirected, provisioning.Facts{"from": a.from, "at": a.c.HostPort(), "host": a.c.Host})
		}
	}
	w.met[a.c.Endpoint] = e.Trouble
	w.signer.owner.Tell(e)
}

// skip tells that a Candidate is not tried now, or, where only that has lost its turn, an address of it.
func (w *Walk) skip(c *provisioning.Candidate, addr netip.Addr, reason provisioning.Reason, detail string) {
	e := (&provisioning.Skip{Step: c.Step, Endpoint: c.Endpoint, Reason: reason, Detail: detail}).Event()
	e.Addr, e.Rank = addr, c.Rank
	w.signer.owner.Tell(e)
}
