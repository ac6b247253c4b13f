package provisioning

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/provisioning/internal/sip"
)

// maxRedirects bounds a chain of redirects (interface: at most five).
const maxRedirects = 5

// walk is one way through a plan: what it has tried, and what the failures mean for the rest of it. It ends
// with a registration, with a stop (another Registrar would say the same), or with nothing left to try.
type walk struct {
	agent      *Agent
	failed     map[attempted]bool
	stop       bool
	retryAfter time.Duration // the shortest a Registrar asked for
}

// attempted is what an attempt depends on. A name that has moved to another address is worth another attempt.
type attempted struct {
	endpoint string
	addr     netip.Addr
}

func (a *Agent) newWalk() *walk { return &walk{agent: a, failed: map[attempted]bool{}} }

// try walks through the Candidates in order.
func (w *walk) try(ctx context.Context, candidates []Candidate) *registration {
	for _, c := range candidates {
		if reg := w.candidate(ctx, c, map[string]bool{}); reg != nil || w.stop || ctx.Err() != nil {
			return reg
		}
	}
	return nil
}

// candidate tries every address of one Candidate, and where it redirects to. visited holds the endpoints of
// this chain of redirects.
func (w *walk) candidate(ctx context.Context, c Candidate, visited map[string]bool) *registration {
	if reason, detail := w.ruledOut(c); reason != "" {
		w.skip(c, reason, detail)
		return nil
	}
	visited[c.endpoint()] = true
	for _, addr := range c.Addrs {
		if w.failed[attempted{c.endpoint(), addr}] {
			continue
		}
		w.failed[attempted{c.endpoint(), addr}] = true // until it accepts
		started := time.Now()
		reg, err := w.agent.attempt(ctx, c, addr)
		if err != nil && ctx.Err() != nil {
			return nil
		}
		var redirect *sip.RedirectError
		if errors.As(err, &redirect) {
			w.tried(Redirected, c, addr, started, err)
			return w.follow(ctx, c, redirect.Contacts, visited)
		}
		if err == nil {
			w.tried(Attempted, c, addr, started, nil)
			w.agent.restraint.succeeded(c)
			return reg
		}
		w.tried(Attempted, c, addr, started, err)
		if w.consider(c, err) != nextAddress {
			for _, sister := range c.Addrs {
				w.failed[attempted{c.endpoint(), sister}] = true
			}
			break
		}
	}
	return nil
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
	w.agent.restraint.failed(c, err)
	var status *sip.StatusError
	if errors.As(err, &status) && status.RetryAfter > 0 && (w.retryAfter == 0 || status.RetryAfter < w.retryAfter) {
		w.retryAfter = status.RetryAfter
	}
	after := afterFailure(err)
	w.stop = after == stopWalk
	return after
}

// afterFailure sorts failures: refused credentials and a forbidden account would be refused everywhere; an
// unknown user or a scheme we may not answer concerns all servers behind the name.
func afterFailure(err error) next {
	switch ReasonOf(err) {
	case SIPCredentials, SIPForbidden:
		return stopWalk
	case SIPNotFound, SIPAuthNotSupported, TLSUntrusted, TLSName, TLSNoName, TLSExpired, TLSNotYetValid, ClockWrong:
		return nextCandidate
	default:
		return nextAddress
	}
}

// ruledOut says why a Candidate is not even tried now.
func (w *walk) ruledOut(c Candidate) (Reason, string) {
	fresh := func(addr netip.Addr) bool { return !w.failed[attempted{c.endpoint(), addr}] }
	if !slices.ContainsFunc(c.Addrs, fresh) {
		return SameAsFailed, ""
	}
	return w.agent.restraint.ruledOut(c)
}

// follow tries the Contacts of a redirect in the order of their q values. The two best are the home pair:
// primary and backup.
func (w *walk) follow(ctx context.Context, from Candidate, contacts []sip.Redirect, visited map[string]bool) *registration {
	home := w.redirected(ctx, from, contacts)
	for _, c := range home {
		switch {
		case from.Transport == TLS && c.Transport == TCP:
			w.skip(c, SIPRedirectDowngrade, "redirected by "+from.Host)
		case visited[c.endpoint()] || len(visited) > maxRedirects:
			w.skip(c, SIPRedirectLoop, "redirected by "+from.Host)
		case len(c.Addrs) == 0:
			w.skip(c, NoAddress, "redirected by "+from.Host)
		default:
			if reg := w.candidate(ctx, c, visited); reg != nil || w.stop {
				if reg != nil && reg.Home == nil {
					reg.Home = homePair(from, home)
				}
				return reg
			}
		}
	}
	return nil
}

// redirected makes Candidates of Contacts and looks up the addresses of all of them at the same time. A
// Registrar reached over TLS has proven its name, and whom it names is trusted; one reached over plain TCP has
// not, and the name rule guards its word (Lync trust model; registration by redirect).
func (w *walk) redirected(ctx context.Context, from Candidate, contacts []sip.Redirect) []Candidate {
	a := w.agent
	ctx, cancel := context.WithTimeout(ctx, a.verdictLimit())
	defer cancel()
	resolver := newResolver(a.policy, a.wire)
	candidates := make([]Candidate, 0, len(contacts))
	for _, contact := range contacts {
		c := Candidate{Step: Redirect, Host: contact.Host, Port: contact.Port, Via: fmt.Sprintf("%s %s", from.Step, from.Host)}
		if contact.Transport == "tcp" {
			c.Transport = TCP
		}
		if reason, detail := a.policy.nameReason(Redirect, c.Host, TCP); reason != "" && from.Transport == TCP {
			w.skip(c, reason, detail)
			continue
		}
		candidates = append(candidates, c)
	}
	var lookups sync.WaitGroup
	for i := range candidates {
		lookups.Go(func() {
			candidates[i].Addrs, _ = resolveHost(ctx, resolver, candidates[i].Host) // none: skipped as no-address
		})
	}
	lookups.Wait()
	for i := range candidates {
		if len(candidates[i].Addrs) == 0 {
			candidates[i].Addrs = a.remembered(candidates[i].Host)
		}
	}
	return candidates
}

// homePair is the primary and the backup Registrar of a redirect that may be remembered.
func homePair(from Candidate, contacts []Candidate) []Candidate {
	var home []Candidate
	for _, c := range contacts {
		if from.Transport == TLS && c.Transport == TLS && len(home) < 2 {
			home = append(home, c)
		}
	}
	return home
}

func (w *walk) tried(kind EventKind, c Candidate, addr netip.Addr, started time.Time, err error) {
	e := Event{Kind: kind, Step: c.Step, Host: c.Host, Port: c.Port, Transport: c.Transport, Addr: addr, Took: time.Since(started)}
	if err != nil {
		e.Detail = err.Error()
	}
	if kind == Attempted {
		e.Reason, e.Hint = ReasonOf(err), hintOf(err)
	}
	w.agent.tell(e)
}

func (w *walk) skip(c Candidate, reason Reason, detail string) {
	w.agent.tellSkip(Skip{c.Step, c.Host, c.Port, c.Transport, reason, detail})
}
