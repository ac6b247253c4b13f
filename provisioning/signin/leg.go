package signin

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"homeward/internal/sip"
	"homeward/provisioning"
)

// leg is a part of a walk: along the Candidates of a plan, or along those of a redirect.
type leg struct {
	*Walk
	visited map[provisioning.Endpoint]bool // endpoints, those of other branches too: none is worth a second visit
	depth   int                            // of redirects
	from    string                         // who has redirected here; "": nobody
}

func (w *Walk) newLeg() leg { return leg{Walk: w, visited: map[provisioning.Endpoint]bool{}} }

// candidate tries every address of one Candidate, and where it redirects to.
func (w leg) candidate(ctx context.Context, c provisioning.Candidate) *Registration {
	if reason, detail := w.ruledOut(&c); reason != "" {
		w.past(&c)
		w.rule(&c, netip.Addr{}, reason, detail)
		if reason == provisioning.RetryAfter {
			w.retryAfter.of(time.Until(w.signer.restraint.leaveAlone[c.Endpoint]))
			w.missed(&c)
		}
		return nil
	}
	w.visited[c.Endpoint] = true
	if w.holds(c) {
		c.Anchor = cmp.Or(c.Anchor, w.holding.Candidate.Anchor)
		w.holding.Candidate, w.holding.Better, w.holding.Inside = c, w.better, w.insideOf(&c)
		w.tried(provisioning.Attempted, &attempt{c: c, addr: w.holding.Addr}, nil)
		return w.holding
	}
	own := w.own(&c)
	if slices.ContainsFunc(own, w.opener.barred) {
		w.late = append(w.late, c)
		return nil
	}
	for len(own) > 0 {
		v, lane := w.opener.await(ctx, own)
		switch {
		case ctx.Err() != nil:
			return nil
		case v == overtaken:
			w.passOver(&c, own)
			return nil
		}
		a := attempt{c: c, addr: w.opener.lanes[lane].place.addr, lane: lane, from: w.from}
		reg, redirect, after := w.attend(ctx, &a, own)
		switch {
		case ctx.Err() != nil && reg == nil:
			return nil
		case redirect != nil:
			w.past(&c) // its sisters would lead to the same place
			return leg{w.Walk, w.visited, w.depth + 1, c.Host}.follow(ctx, &a.c, redirect.Contacts)
		case reg != nil:
			reg.Better, reg.Inside = w.better, w.insideOf(&c)
			return reg
		case after != nextAddress:
			w.give(&c)
			return nil
		}
		own = slices.DeleteFunc(own, func(i int) bool { return w.opener.lanes[i].done })
	}
	w.missed(&c)
	return nil
}

// rule tells that a Candidate, or an address of it, is not tried now; and who redirects there.
func (w leg) rule(c *provisioning.Candidate, addr netip.Addr, reason provisioning.Reason, detail string) {
	if w.from == "" {
		w.skip(c, addr, reason, detail)
		return
	}
	w.pass(&provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: w.from}}, c, reason, detail)
}

// missed takes note of the first Registrar inside of which no server would do: another time one may.
func (w leg) missed(c *provisioning.Candidate) {
	if w.inside == nil && (c.Step.IsInside() || c.Step == provisioning.Recall || c.Step == provisioning.Redirect) {
		w.inside = []provisioning.Candidate{*c}
	}
}

// insideOf is what was missed inside on the way to a Candidate outside.
func (w leg) insideOf(c *provisioning.Candidate) []provisioning.Candidate {
	if !c.Step.IsOutside() {
		return nil
	}
	return w.inside
}

// own are the lanes of a Candidate: those of its addresses that may be tried, and have not been.
func (w leg) own(c *provisioning.Candidate) (own []int) {
	for _, addr := range interleaved(c.Addrs) {
		place := attempted{c.Endpoint, addr}
		i := w.opener.index(place)
		if w.failed[place] || slices.Contains(own, i) {
			continue
		}
		if reason, detail := w.signer.restraint.lostTurn(place); reason != "" {
			w.opener.lanes[i].done = true
			w.rule(c, addr, reason, detail)
			continue
		}
		w.opener.lanes[i].done = false // whoever skipped it before has had reasons that are over
		own = append(own, i)
	}
	slices.Sort(own)
	return own
}

// attend tries to register on a lane that is ready, or takes note that it has failed, and says how the walk goes on.
func (w leg) attend(ctx context.Context, a *attempt, own []int) (*Registration, *sip.RedirectError, next) {
	for _, i := range own {
		if l := w.opener.lanes[i]; i < a.lane && l.state != failed {
			w.slow(&a.c, i)
		}
	}
	w.failed[attempted{a.c.Endpoint, a.addr}] = true // until it accepts
	w.opener.lanes[a.lane].done = true
	reg, err := w.attempt(ctx, a)
	w.opener.lanes[a.lane].laneProgress = laneProgress{state: failed}
	if err != nil && ctx.Err() != nil {
		return nil, nil, nextAddress
	}
	var redirect *sip.RedirectError
	if err == nil || errors.As(err, &redirect) {
		if redirect != nil {
			w.reached = true // it has had the work, wherever it leads
			w.tried(provisioning.Redirected, a, err)
			return nil, redirect, nextAddress
		}
		w.tried(provisioning.Attempted, a, nil)
		w.signer.restraint.succeeded(&a.c, a.addr, reg.Binding.Scheme)
		return reg, nil, nextAddress
	}
	w.tried(provisioning.Attempted, a, err)
	w.signer.restraint.distrust.failed(a.c.Host, a.addr, err)
	w.signer.restraint.triedInVain(attempted{a.c.Endpoint, a.addr}, err)
	return nil, nil, w.consider(&a.c, err)
}

// give marks all addresses of a Candidate as failed: no server behind its name will do.
func (w leg) give(c *provisioning.Candidate) {
	for _, addr := range c.Addrs {
		w.failed[attempted{c.Endpoint, addr}] = true
	}
	w.past(c)
}

// past leaves all addresses of a Candidate behind.
func (w leg) past(c *provisioning.Candidate) {
	for _, addr := range c.Addrs {
		if i := w.opener.index(attempted{c.Endpoint, addr}); i >= 0 {
			w.opener.leave(i)
		}
	}
}

// passOver leaves lanes that are slow for when nothing else is left: a worse rank is ready.
func (w leg) passOver(c *provisioning.Candidate, lanes []int) {
	late := *c
	late.Addrs = nil
	for _, i := range lanes {
		if w.opener.lanes[i].state != failed { // if it has, that is told when its turn comes again
			w.slow(c, i)
		}
		place := w.opener.lanes[i].place
		w.failed[place] = true
		late.Addrs = append(late.Addrs, place.addr)
	}
	w.late = append(w.late, late)
}

// slow tells that a lane is passed over, once.
func (w leg) slow(c *provisioning.Candidate, lane int) {
	l := &w.opener.lanes[lane]
	if l.told {
		return
	}
	l.told = true
	a := attempt{c: *c, addr: l.place.addr, took: l.spent, from: w.from}
	if l.under() {
		a.took = time.Since(l.began)
	}
	err := w.signer.gate.notConnected(a.addr, &overtakenError{a.took}, 0)
	if l.state == securing {
		err.stage = handshaking
	}
	w.tried(provisioning.Attempted, &a, err)
	if w.better == nil {
		w.better = []provisioning.Candidate{*c}
	}
}

// follow tries the Contacts of a redirect in the order of their q values. The two best are the home pair:
// primary and backup.
func (w leg) follow(ctx context.Context, from *provisioning.Candidate, redirects []sip.Redirect) *Registration {
	contacts := w.contacts(ctx, from, redirects)
	reg := w.detour(ctx, func() *Registration {
		for i := range contacts {
			c := &contacts[i]
			if c.reason == "" && !w.loops(&c.Candidate) {
				w.opener.expect([]provisioning.Candidate{c.Candidate})
			}
		}
		for i := range contacts {
			c := &contacts[i]
			switch {
			case c.reason != "":
				w.pass(from, &c.Candidate, c.reason, c.detail)
			case w.loops(&c.Candidate):
				w.pass(from, &c.Candidate, provisioning.SIPRedirectLoop, "")
			default:
				if reg := w.candidate(ctx, c.Candidate); reg != nil || w.stop {
					return reg
				}
			}
		}
		return w.LookBack(ctx)
	})
	if reg != nil && reg.Home == nil {
		reg.Home = homePair(&w.signer.policy, from, contacts)
	}
	return reg
}

// loops says whether a redirect has led there before, or leads on and on.
func (w leg) loops(c *provisioning.Candidate) bool {
	return w.visited[c.Endpoint] || w.depth > maxRedirects || len(w.visited) > maxContacts
}

// detour walks where a redirect leads, in a race of its own: what was connected to before waits.
func (w leg) detour(ctx context.Context, walk func() *Registration) *Registration {
	outer, late := w.opener, w.late
	outer.close()
	w.opener, w.late = w.newOpener(ctx, outer.pace, nil), nil
	reg := walk()
	w.opener.close()
	outer.pace, outer.apart = w.opener.pace, w.opener.apart
	w.opener, w.late = outer, late
	return reg
}

// Try walks through the Candidates in order.
func (w *Walk) Try(ctx context.Context, candidates []provisioning.Candidate) *Registration {
	w.Begin(ctx, nil)
	defer w.End()
	if reg := w.Step(ctx, candidates); reg != nil || w.stop {
		return reg
	}
	return w.LookBack(ctx)
}

// Step walks through the next Candidates in order.
func (w *Walk) Step(ctx context.Context, candidates []provisioning.Candidate) *Registration {
	w.opener.expect(candidates)
	for i := range candidates {
		c := &candidates[i]
		if reg := w.newLeg().candidate(ctx, *c); reg != nil || w.stop || ctx.Err() != nil {
			return reg
		}
	}
	return nil
}

// LookBack tries what was passed over since it was slow: nothing else is left. It ends with a round that decides nothing, too.
func (w *Walk) LookBack(ctx context.Context) *Registration {
	for decided := -1; len(w.late) > 0 && w.opener.decided() > decided; {
		decided = w.opener.decided()
		late := w.late
		w.late = nil
		for i := range late {
			c := &late[i]
			for _, addr := range c.Addrs {
				place := attempted{c.Endpoint, addr}
				if l := &w.opener.lanes[w.opener.index(place)]; !l.done {
					delete(w.failed, place)
					l.spent, l.told = 0, false
				}
			}
		}
		for i := range late {
			c := &late[i]
			if reg := w.newLeg().candidate(ctx, *c); reg != nil || w.stop || ctx.Err() != nil {
				return reg
			}
		}
	}
	return nil
}
