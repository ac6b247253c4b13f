package provisioning

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/homeward-agent/homeward/internal/sip"
)

// maxRedirects bounds a chain of redirects (interface: at most five).
const maxRedirects = 5

// maxContacts bounds what one Candidate can make us try, by redirects that fan out. (Our choice.)
const maxContacts = 20

// walk is one way through a plan: what it has tried, and what the failures mean for the rest of it. It ends
// with a registration, with a stop (another Registrar would say the same), or with nothing left to try.
type walk struct {
	signer     *signer
	failed     map[attempted]bool
	stop       bool
	retryAfter time.Duration // the shortest a Registrar asked for
	others     bool          // a Registrar failed without asking to be left alone
	reached    bool          // something on the network answered, or was silent
	found      Findings      // what DNS and DHCP said on the way
	counted    bool          // its failure is
	holding    *registration // what the device is registered with meanwhile; nil: nothing
}

// attempted is what an attempt depends on. A name that has moved to another address is worth another attempt.
type attempted struct {
	endpoint string
	addr     netip.Addr
}

func (s *signer) newWalk() *walk { return &walk{signer: s, failed: map[attempted]bool{}} }

// try walks through the Candidates in order.
func (w *walk) try(ctx context.Context, candidates []Candidate) *registration {
	for _, c := range candidates {
		if reg := w.candidate(ctx, c, chain{visited: map[string]bool{}}); reg != nil || w.stop || ctx.Err() != nil {
			return reg
		}
	}
	return nil
}

// chain is where redirects have led so far.
type chain struct {
	visited map[string]bool // endpoints, those of other branches too: none is worth a second visit
	depth   int
}

// candidate tries every address of one Candidate, and where it redirects to.
func (w *walk) candidate(ctx context.Context, c Candidate, at chain) *registration {
	if reason, detail := w.ruledOut(c); reason != "" {
		w.skip(c, reason, detail)
		return nil
	}
	at.visited[c.endpoint()] = true
	if w.holds(c) {
		return w.holding
	}
	for _, addr := range c.Addrs {
		place := attempted{c.endpoint(), addr}
		if w.failed[place] {
			continue
		}
		if reason, detail := w.signer.restraint.lostTurn(place); reason != "" {
			w.skip(c, reason, detail)
			continue
		}
		w.failed[place] = true // until it accepts
		started := time.Now()
		w.signer.owner.pass()
		reg, err := w.signer.attempt(ctx, c, addr)
		if err != nil && ctx.Err() != nil {
			return nil
		}
		var redirect *sip.RedirectError
		if errors.As(err, &redirect) {
			w.tried(Redirected, c, addr, started, err)
			return w.follow(ctx, c, redirect.Contacts, chain{at.visited, at.depth + 1})
		}
		if err == nil {
			w.tried(Attempted, c, addr, started, nil)
			w.signer.restraint.succeeded(c, addr)
			return reg
		}
		w.tried(Attempted, c, addr, started, err)
		w.signer.restraint.distrust.failed(c.Host, addr, err)
		if w.consider(c, err) != nextAddress {
			for _, sister := range c.Addrs {
				w.failed[attempted{c.endpoint(), sister}] = true
			}
			break
		}
	}
	return nil
}

// holds says whether the walk has come to the place where the device is registered: then nothing is to be tried,
// the registration at hand is the one it leads to.
func (w *walk) holds(c Candidate) bool {
	h := w.holding
	if h == nil || h.Candidate.endpoint() != c.endpoint() || !slices.Contains(c.Addrs, h.Addr) {
		return false
	}
	h.Candidate = c
	w.tried(Attempted, c, h.Addr, time.Now(), nil)
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
func (w *walk) consider(c Candidate, err error) next {
	w.signer.restraint.failed(c, err)
	var status *sip.StatusError
	if !errors.As(err, &status) || status.RetryAfter == 0 {
		w.others = true
	} else if w.retryAfter == 0 || status.RetryAfter < w.retryAfter {
		w.retryAfter = status.RetryAfter
	}
	w.reached = w.reached || ReasonOf(err) != ConnectUnreachable
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
	case reason == SIPCredentials:
		return stopWalk
	case reason == SIPNotFound, reason == SIPAuthNotSupported, reason.IsCertificate():
		return nextCandidate
	default:
		return nextAddress
	}
}

// pause is how long Registrars are left alone after this walk: as they asked, if all that failed did ask; else by the
// table. A device that reached nothing has bothered nobody, and looks again soon.
func (w *walk) pause() time.Duration {
	r := w.signer.restraint
	if w.others && !w.reached {
		return max(unreachedWait+rand.N(unreachedWait), time.Until(r.credentials))
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

// untried says whether a Candidate may be tried now, and has an address that was not tried on this walk.
func (w *walk) untried(c Candidate) bool {
	reason, _ := w.ruledOut(c)
	return reason == "" && slices.ContainsFunc(c.Addrs, func(addr netip.Addr) bool {
		place := attempted{c.endpoint(), addr}
		turn, _ := w.signer.restraint.lostTurn(place)
		return turn == "" && !w.failed[place]
	})
}

// ruledOut says why a Candidate is not even tried now.
func (w *walk) ruledOut(c Candidate) (Reason, string) {
	fresh := func(addr netip.Addr) bool { return !w.failed[attempted{c.endpoint(), addr}] }
	if !slices.ContainsFunc(c.Addrs, fresh) {
		return SameAsFailed, ""
	}
	if reason := w.signer.policy.closed(c.Transport, w.signer.owner.floor()); reason != "" {
		return reason, ""
	}
	return w.signer.restraint.ruledOut(c)
}

// follow tries the Contacts of a redirect in the order of their q values. The two best are the home pair:
// primary and backup.
func (w *walk) follow(ctx context.Context, from Candidate, redirects []sip.Redirect, at chain) *registration {
	contacts := w.contacts(ctx, from, redirects)
	for _, c := range contacts {
		switch {
		case c.reason != "":
			w.skip(c.Candidate, c.reason, c.detail)
		case at.visited[c.endpoint()] || at.depth > maxRedirects || len(at.visited) > maxContacts:
			w.skip(c.Candidate, SIPRedirectLoop, "redirected by "+from.Host)
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
	Candidate
	reason Reason
	detail string
}

// contacts makes Candidates of Contacts and looks up the addresses of all that may be tried, at the same time.
func (w *walk) contacts(ctx context.Context, from Candidate, redirects []sip.Redirect) []contact {
	s := w.signer
	contacts := make([]contact, len(redirects))
	hosts := make([]string, len(redirects)) // empty: not asked for
	for i, r := range redirects {
		c := &contacts[i]
		c.Candidate = Candidate{Step: Redirect, Host: r.Host, Port: r.Port, Via: fmt.Sprintf("%s %s", from.Step, from.Host)}
		if r.Transport == "tcp" {
			c.Transport = TCP
		}
		if c.reason, c.detail = s.contactReason(from, c.Candidate); c.reason == "" {
			hosts[i] = c.Host
		}
	}
	for i, name := range s.owner.resolve(ctx, hosts) {
		c := &contacts[i]
		if c.Addrs = name.Addrs; c.reason == "" && len(c.Addrs) == 0 {
			c.reason, c.detail = NoAddress, "redirected by "+from.Host
			if name.Reason == AddressNotAllowed || name.Reason == DNSMalformed {
				c.reason, c.detail = name.Reason, name.Detail
			}
		}
		if from.Transport == TLS && (c.reason == "" || c.reason == NoAddress) {
			s.vouch(c.Host)
		}
	}
	return contacts
}

// contactReason says why a Contact may not be tried, or "". A Registrar reached over TLS has proven its name, and whom it
// names is trusted; one reached over plain TCP has not, and the name rule guards its word (Lync trust model).
func (s *signer) contactReason(from, c Candidate) (Reason, string) {
	if from.Transport == TLS && c.Transport == TCP {
		return SIPRedirectDowngrade, "redirected by " + from.Host
	}
	if reason := s.policy.closed(c.Transport, s.owner.floor()); reason != "" {
		return reason, "redirected by " + from.Host
	}
	if reason, detail := s.policy.portReason(c.Step, c.Port); reason != "" {
		return reason, detail
	}
	if from.Transport == TLS && !isAddress(c.Host) {
		return "", ""
	}
	if !s.policy.mayName(from, c.Host) && isAddress(c.Host) && !s.policy.configured(c.Host) {
		return RegistrarNotProven, "redirected by " + from.Host
	}
	return s.policy.nameReason(c.Step, c.Host, c.Transport)
}

// homePair is the primary and the backup Registrar of a redirect that may be remembered.
func homePair(from Candidate, contacts []contact) []Candidate {
	var home []Candidate
	for _, c := range contacts {
		if from.Transport == TLS && (c.reason == "" || c.reason == NoAddress) && len(home) < 2 {
			home = append(home, c.Candidate)
		}
	}
	return home
}

func (w *walk) tried(kind EventKind, c Candidate, addr netip.Addr, started time.Time, err error) {
	e := Event{Kind: kind, Step: c.Step, Host: c.Host, Port: c.Port, Transport: c.Transport, Addr: addr, Took: time.Since(started)}
	if err != nil {
		e.Detail, e.Said, e.User = detailOf(err), saidOf(err), userOf(err)
	}
	if kind == Attempted {
		e.Reason, e.Hint = ReasonOf(err), hintOf(err)
		if e.Reason == SIPCredentials && e.User != "" {
			e.Hint = fmt.Sprintf("%s refused user %s: %s", c.Host, e.User, e.Hint)
		}
	}
	w.signer.owner.tell(e)
}

func (w *walk) skip(c Candidate, reason Reason, detail string) {
	w.signer.owner.tell(Skip{c.Step, c.Host, c.Port, c.Transport, reason, detail}.event())
}
