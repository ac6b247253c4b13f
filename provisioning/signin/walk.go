package signin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/homeward-agent/homeward/internal/plain"
	"github.com/homeward-agent/homeward/internal/sip"
	"github.com/homeward-agent/homeward/provisioning"
)

// maxRedirects bounds a chain of redirects. (Our choice.)
const maxRedirects = 5

// maxContacts bounds what one Candidate can make us try, by redirects that fan out. (Our choice.)
const maxContacts = 20

// Walk is one way through a plan: what it has tried, and what the failures mean for the rest of it. It ends
// with a registration, with a stop (another Registrar would say the same), or with nothing left to try.
type Walk struct {
	signer     *Signer
	holding    *Registration // what the device is registered with meanwhile; nil: nothing
	failed     map[attempted]bool
	stop       bool          // no Registrar will do: nothing more is tried
	retryAfter time.Duration // the shortest a Registrar asked for
	others     bool          // a Registrar failed without asking to be left alone
	reached    bool          // something on the network answered, or was silent
	counted    bool          // among the failures in a row, which a walk is once
}

// NewWalk begins a walk on which nothing has been tried. holding is what the device is registered with meanwhile: it is the
// end of the walk that leads there; nil: nothing.
func (s *Signer) NewWalk(holding *Registration) *Walk {
	return &Walk{signer: s, holding: holding, failed: map[attempted]bool{}}
}

// Stopped says whether a Registrar has refused the device for all of them: no other is tried.
func (w *Walk) Stopped() bool { return w.stop }

// Try walks through the Candidates in order.
func (w *Walk) Try(ctx context.Context, candidates []provisioning.Candidate) *Registration {
	for _, c := range candidates {
		if reg := w.candidate(ctx, c, chain{visited: map[provisioning.Endpoint]bool{}}); reg != nil || w.stop || ctx.Err() != nil {
			return reg
		}
	}
	return nil
}

// chain is where redirects have led so far.
type chain struct {
	visited map[provisioning.Endpoint]bool // endpoints, those of other branches too: none is worth a second visit
	depth   int
}

// candidate tries every address of one Candidate, and where it redirects to.
func (w *Walk) candidate(ctx context.Context, c provisioning.Candidate, at chain) *Registration {
	if reason, detail := w.ruledOut(c); reason != "" {
		w.skip(c, reason, detail)
		return nil
	}
	at.visited[c.Endpoint] = true
	if w.holds(c) {
		return w.holding
	}
	for _, addr := range c.Addrs {
		place := attempted{c.Endpoint, addr}
		if w.failed[place] {
			continue
		}
		if reason, detail := w.signer.restraint.lostTurn(place); reason != "" {
			w.skip(c, reason, detail)
			continue
		}
		w.failed[place] = true // until it accepts
		started := time.Now()
		w.signer.owner.Pass()
		reg, err := w.signer.attempt(ctx, c, addr)
		if err != nil && ctx.Err() != nil {
			return nil
		}
		var redirect *sip.RedirectError
		if errors.As(err, &redirect) {
			w.tried(provisioning.Redirected, c, addr, started, err)
			return w.follow(ctx, c, redirect.Contacts, chain{at.visited, at.depth + 1})
		}
		if err == nil {
			w.tried(provisioning.Attempted, c, addr, started, nil)
			w.signer.restraint.succeeded(c, addr, reg.Binding.Scheme)
			return reg
		}
		w.tried(provisioning.Attempted, c, addr, started, err)
		w.signer.restraint.distrust.failed(c.Host, addr, err)
		if w.consider(c, err) != nextAddress {
			for _, sister := range c.Addrs {
				w.failed[attempted{c.Endpoint, sister}] = true
			}
			break
		}
	}
	return nil
}

// holds says whether the walk has come to the place where the device is registered: then nothing is to be tried,
// the registration at hand is the one it leads to.
func (w *Walk) holds(c provisioning.Candidate) bool {
	h := w.holding
	if h == nil || h.Candidate.Endpoint != c.Endpoint || !slices.Contains(c.Addrs, h.Addr) {
		return false
	}
	h.Candidate = c
	w.tried(provisioning.Attempted, c, h.Addr, time.Now(), nil)
	return true
}

// next is what a failure means for the rest of the walk.
type next uint8

const (
	nextAddress   next = iota // this server does not work: its sister may (RFC 3263 §4.3)
	nextCandidate             // no server behind this name will do
	stopWalk                  // no Registrar will do
)

// consider remembers what a failure means beyond this attempt, and says how the walk goes on.
func (w *Walk) consider(c provisioning.Candidate, err error) next {
	w.signer.restraint.failed(c, err)
	var status *sip.StatusError
	if !errors.As(err, &status) || status.RetryAfter == 0 {
		w.others = true
	} else if w.retryAfter == 0 || status.RetryAfter < w.retryAfter {
		w.retryAfter = status.RetryAfter
	}
	w.reached = w.reached || ReasonOf(err) != provisioning.ConnectUnreachable
	after := afterFailure(err)
	w.stop = after == stopWalk
	return after
}

// afterFailure sorts failures: refused credentials and a forbidden account would be refused everywhere; an
// unknown user or a scheme we may not answer concerns all servers behind the name.
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
	case reason == provisioning.SIPNotFound, reason == provisioning.SIPAuthNotSupported, reason.IsCertificate():
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
		r.failures--
	}
	w.counted = true
	if w.others {
		return r.delay(0)
	}
	return r.delay(w.retryAfter)
}

// Untried says whether a Candidate may be tried now, and has an address that was not tried on this walk.
func (w *Walk) Untried(c provisioning.Candidate) bool {
	reason, _ := w.ruledOut(c)
	return reason == "" && slices.ContainsFunc(c.Addrs, func(addr netip.Addr) bool {
		place := attempted{c.Endpoint, addr}
		turn, _ := w.signer.restraint.lostTurn(place)
		return turn == "" && !w.failed[place]
	})
}

// ruledOut says why a Candidate is not even tried now.
func (w *Walk) ruledOut(c provisioning.Candidate) (provisioning.Reason, string) {
	fresh := func(addr netip.Addr) bool { return !w.failed[attempted{c.Endpoint, addr}] }
	if !slices.ContainsFunc(c.Addrs, fresh) {
		return provisioning.SameAsFailed, ""
	}
	if reason := w.signer.policy.Closed(c.Transport, w.signer.owner.Floor()); reason != "" {
		return reason, ""
	}
	return w.signer.restraint.ruledOut(c)
}

// follow tries the Contacts of a redirect in the order of their q values. The two best are the home pair:
// primary and backup.
func (w *Walk) follow(ctx context.Context, from provisioning.Candidate, redirects []sip.Redirect, at chain) *Registration {
	contacts := w.contacts(ctx, from, redirects)
	for _, c := range contacts {
		switch {
		case c.reason != "":
			w.pass(from, c.Candidate, c.reason, c.detail)
		case at.visited[c.Endpoint] || at.depth > maxRedirects || len(at.visited) > maxContacts:
			w.pass(from, c.Candidate, provisioning.SIPRedirectLoop, "")
		default:
			if reg := w.candidate(ctx, c.Candidate, at); reg != nil || w.stop {
				if reg != nil && reg.Home == nil {
					reg.Home = homePair(from, contacts)
				}
				return reg
			}
		}
	}
	return nil
}

// contact is a Contact of a redirect, and why it is not tried.
type contact struct {
	provisioning.Candidate
	reason provisioning.Reason
	detail string
}

// contacts makes Candidates of Contacts and looks up the addresses of all that may be tried, at the same time.
func (w *Walk) contacts(ctx context.Context, from provisioning.Candidate, redirects []sip.Redirect) []contact {
	s := w.signer
	contacts := make([]contact, len(redirects))
	hosts := make([]string, len(redirects)) // empty: not asked for
	for i, r := range redirects {
		c := &contacts[i]
		c.Candidate = provisioning.Candidate{Step: provisioning.Redirect, Endpoint: provisioning.Endpoint{Host: r.Host, Port: r.Port}, Via: fmt.Sprintf("%s %s", from.Step, from.Host)}
		if err := c.Transport.UnmarshalText([]byte(r.Transport)); err != nil {
			c.reason, c.detail = provisioning.TransportPolicy, err.Error()
			continue
		}
		if c.reason, c.detail = s.contactReason(from, c.Candidate); c.reason == "" {
			hosts[i] = c.Host
		}
	}
	for i, name := range s.owner.Resolve(ctx, hosts) {
		c := &contacts[i]
		if c.Addrs = name.Addrs; c.reason == "" && len(c.Addrs) == 0 {
			c.reason, c.detail = provisioning.NoAddress, ""
			if name.Reason == provisioning.AddressNotAllowed || name.Reason == provisioning.DNSMalformed {
				c.reason, c.detail = name.Reason, name.Detail
			}
		}
		if from.Transport == provisioning.TLS && (c.reason == "" || c.reason == provisioning.NoAddress) {
			s.vouch(c.Host)
		}
	}
	return contacts
}

// contactReason says why a Contact may not be tried, or "". A Registrar reached over TLS has proven its name, and whom it
// names is trusted; one reached over plain TCP has not, and the name rule guards its word (Lync trust model).
func (s *Signer) contactReason(from, c provisioning.Candidate) (provisioning.Reason, string) {
	if from.Transport == provisioning.TLS && c.Transport == provisioning.TCP {
		return provisioning.SIPRedirectDowngrade, ""
	}
	if reason := s.policy.Closed(c.Transport, s.owner.Floor()); reason != "" {
		return reason, ""
	}
	if reason, detail := s.policy.PortReason(c.Step, c.Port); reason != "" {
		return reason, detail
	}
	if from.Transport == provisioning.TLS && !provisioning.IsAddress(c.Host) {
		return "", ""
	}
	if !s.policy.MayName(from, c.Host) && provisioning.IsAddress(c.Host) && !s.policy.Configured(c.Host) {
		return provisioning.RegistrarNotProven, ""
	}
	return s.policy.NameReason(c.Step, c.Host, c.Transport)
}

// homePair is the primary and the backup Registrar of a redirect that may be remembered.
func homePair(from provisioning.Candidate, contacts []contact) []provisioning.Candidate {
	var home []provisioning.Candidate
	for _, c := range contacts {
		if from.Transport == provisioning.TLS && (c.reason == "" || c.reason == provisioning.NoAddress) && len(home) < 2 {
			home = append(home, c.Candidate)
		}
	}
	return home
}

func (w *Walk) tried(kind provisioning.EventKind, c provisioning.Candidate, addr netip.Addr, started time.Time, err error) {
	e := provisioning.Event{Kind: kind, Step: c.Step, Endpoint: c.Endpoint, Addr: addr, Took: time.Since(started)}
	if kind == provisioning.Redirected {
		e.Detail = plain.Words(err)
	} else {
		e = Explained(e, err)
	}
	w.signer.owner.Tell(e)
}

func (w *Walk) skip(c provisioning.Candidate, reason provisioning.Reason, detail string) {
	w.signer.owner.Tell(provisioning.Skip{Step: c.Step, Endpoint: c.Endpoint, Reason: reason, Detail: detail}.Event())
}

// pass tells that a Contact of a redirect is not tried.
func (w *Walk) pass(from, c provisioning.Candidate, reason provisioning.Reason, detail string) {
	facts := provisioning.Facts{"from": from.Host, "host": c.Host}
	s := provisioning.Skip{Step: c.Step, Endpoint: c.Endpoint, Reason: reason, Detail: cmp.Or(detail, "redirected by "+from.Host)}
	switch reason {
	case provisioning.NoAddress:
		s.Trouble = provisioning.FaultRedirectNoAddress.Met(facts)
	case provisioning.SIPRedirectLoop:
		s.Trouble = provisioning.FaultRedirectLoop.Met(facts)
	default:
		s.Trouble = provisioning.FaultRedirectNotUsed.Because(reason.Met(detail), facts)
	}
	w.signer.owner.Tell(s.Event())
}
