package agent

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/signin"
)

// silence is what all have in common that were asked in a cycle and have not answered.
func (b *basis) silence(ctx context.Context, cycle *provisioning.Cycle) provisioning.Trouble {
	find := func(addr netip.Addr) provisioning.Way { return signin.WayTo(&b.wire, addr, cycle.StartedAt) }
	servers, _ := discover.NameServers(&b.policy, &b.wire) // those that can be read
	asked, mac, known := false, "", false                  // of the one gateway that all have in common
	return cycle.Shared(servers, find, func(link string, hop netip.Addr) (string, bool) {
		if b.wire.Holders == nil || link == "" || !hop.Is4() {
			return "", false
		}
		if !asked {
			macs, err := b.wire.Holders(ctx, link, netip.IPv4Unspecified(), hop)
			asked, mac, known = true, strings.Join(macs, " and "), err == nil
		}
		return mac, known
	})
}

// twice is that another device on the link has the address, too, from which this one reaches another, or that more than one has the address of the
// gateway on the way there; none: neither is so, or that cannot be seen. Packets get lost now and then, and connections are cut.
func (b *basis) twice(ctx context.Context, to netip.Addr) (none provisioning.Trouble) {
	way := signin.WayTo(&b.wire, to, time.Now())
	if b.wire.Holders == nil || way.Link == "" || !to.Is4() {
		return none
	}
	conn, err := b.wire.Dial(ctx, "udp", netip.AddrPortFrom(to, 9).String()) // no packet is sent
	if err != nil {
		return none
	}
	defer conn.Close()
	own, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return none
	}
	macs, err := b.wire.Holders(ctx, way.Link, netip.IPv4Unspecified(), own.Addr().Unmap())
	if twice := provisioning.Twice(own.Addr().Unmap(), provisioning.OfThisDevice, macs, ""); err == nil && !twice.None() {
		return twice
	}
	if !way.Hop.Is4() || way.Hop == to || way.Tunnel {
		return none
	}
	if macs, err = b.wire.Holders(ctx, way.Link, netip.IPv4Unspecified(), way.Hop); err != nil {
		return none
	}
	of := provisioning.OfTheGateway
	if way.Detour != nil {
		of = provisioning.OfAGateway
	}
	return provisioning.Twice(way.Hop, of, macs, "")
}

// stillTwice is how often the link is asked again while an address on the way is used twice. (Our choice.)
const stillTwice = time.Minute

// gone is in how many looks in a row one alone must have an address that two had, for that to be over: not both answer each time. (Our choice.)
const gone = 3

// watchTwice tells whether that is so after a connection was cut, or it was so before, until it is not.
func (b *basis) watchTwice(ctx context.Context, board *board, to netip.Addr) {
	for once := 1; ; once++ {
		twice := b.twice(ctx, to)
		switch {
		case ctx.Err() != nil:
			return
		case !twice.None():
			once = 0
			board.paced(linkArea, twice)
		case once >= gone || !knownTwice(board):
			board.paced(linkArea)
			return
		}
		select {
		case <-time.After(stillTwice):
		case <-ctx.Done():
			return
		}
	}
}

// isTwice says whether that is what was found.
func isTwice(found provisioning.Fault) bool {
	return found == provisioning.FaultAddressTwice || found == provisioning.FaultOwnAddressTwice
}

// knownTwice says whether that was so, and has not been seen to be over.
func knownTwice(b *board) bool {
	return slices.ContainsFunc(b.snapshot(nil).Pace, func(p provisioning.Pace) bool { return isTwice(provisioning.Fault(p.Fault)) })
}

// missed is the last address that was tried in a cycle, or else the first name server; zero: there is none.
func missed(cycle *provisioning.Cycle, servers []netip.AddrPort) (addr netip.Addr) {
	if len(servers) > 0 {
		addr = servers[0].Addr()
	}
	for i := range cycle.Attempts {
		if a := &cycle.Attempts[i]; a.Address.IsValid() && a.Result != "skipped" {
			addr = a.Address
		}
	}
	return addr
}

// explain makes of what a cycle has failed for what those have in common who have not answered, which explains that they have not, or what has
// happened at all of them, and what
// has changed since the device was registered, if that may be why.
func (b *basis) explain(ctx context.Context, s *provisioning.Status, found provisioning.Findings, t provisioning.Trouble) (why provisioning.Trouble, explains bool) {
	unheard := provisioning.Unheard(t)
	if lost := b.linkLost(s.Cycle.StartedAt, time.Time{}); !lost.None() && (unheard || provisioning.EndsConnection(t.Reason()) || t.Reason() == provisioning.TLSTimeout) {
		return lost, true
	}
	if unheard || provisioning.EndsConnection(t.Reason()) || t.Reason() == provisioning.TLSTimeout {
		servers, _ := discover.NameServers(&b.policy, &b.wire) // those that can be read
		if twice := b.twice(ctx, missed(s.Cycle, servers)); !twice.None() {
			return twice, true
		}
	}
	if unheard {
		if shared := b.silence(ctx, s.Cycle); !shared.None() {
			t, explains = shared, true
		}
		if silent := s.Cycle.NoDNS(); !silent.None() && !explains {
			t = silent
		}
		if lacking := s.Cycle.NoSRV(); !lacking.None() && provisioning.DeadForDNS[t.Fault] == "" {
			t, explains = lacking, false
		}
	}
	if late := provisioning.LateAnswers(s.Pace, t); !late.None() {
		return late, true
	}
	if !explains && provisioning.SameWay[t.Fault] != "" {
		if all := s.Cycle.Alike(); !all.None() {
			t = all
		}
	}
	now, memory := discover.Here(&b.policy, &b.wire, found, s.Losses), b.memory()
	if !explains {
		t = memory.Lacking(s.Cycle, now, t)
	}
	now.Left = discover.Left(ctx, &b.policy, &b.wire, memory)
	now.Gone = unheard && discover.Gone(ctx, &b.wire, now)
	return memory.Before(now, t), explains
}

// lateFor is how long answers that came late may be why none come. (Our choice.)
const lateFor = 10 * time.Minute

// toldLate tells which answers of a cycle came late, until some are in time, or none have come for long.
func toldLate(b *board) {
	var found []provisioning.Trouble
	b.mu.Lock()
	for i := range b.status.Cycle.Attempts {
		if t := b.status.Cycle.Attempts[i].Trouble; t.Fault == provisioning.FaultAnswersLate {
			found, b.lateAt = []provisioning.Trouble{provisioning.Alone(t)}, time.Now()
		}
	}
	b.mu.Unlock()
	if found != nil || time.Since(b.lateAt) > lateFor {
		b.paced(wayArea, found...)
	}
}

// resting shows why and until when Registrars are left alone. password: since the password is; stopped: since one of them
// has refused for all. explain may know better why.
func (b *board) resting(until time.Time, password, stopped bool, explain func(*provisioning.Status, provisioning.Trouble) (provisioning.Trouble, bool)) {
	toldLate(b)
	why, trouble := blamed(b, stopped)
	explains := false
	if !password && why.Reason != "" {
		met, cause := b.snapshot(nil), trouble
		if cause.None() {
			cause = why.Reason.Met(why.Detail)
		}
		known := cause
		if known, explains = explain(&met, cause); known.Fault != cause.Fault || explains {
			why, trouble = provisioning.WhyOf(known.Reason(), "", known), known
		}
		switch {
		case isTwice(known.Fault): // it may be so again when the device is registered
			b.flawed(linkArea, known)
		case knownTwice(b):
			b.paced(linkArea)
		}
	}
	if trouble.Facts["sent"] != nil { // the fingerprints stand with the attempt
		trouble = trouble.With(provisioning.Facts{"sent": nil})
		why = provisioning.WhyOf(why.Reason, why.Detail, trouble)
	}
	var reason provisioning.Reason
	var follow []provisioning.Event
	b.change(func(s *provisioning.Status) {
		if why.Reason != "" {
			s.Because(why)
		}
		if password {
			trouble = passwordRests(&b.denied, until)
			s.Because(provisioning.WhyOf(provisioning.CredentialsResting, s.Detail, trouble))
		}
		if explains {
			follow = s.Cycle.Explained()
		}
		reason, s.NextAttempt = s.Reason, shownTime(until)
	})
	b.enter(provisioning.Resting)
	b.tell(&provisioning.Event{Kind: provisioning.Waiting, Until: until, Reason: reason, Trouble: trouble, Explains: explains, Follow: follow})
}

// passwordRests is why the password is not used until then: how the account was refused last, whatever has happened since.
func passwordRests(denied *provisioning.Event, until time.Time) provisioning.Trouble {
	cause, facts := denied.Trouble, provisioning.Facts{"until": until.UTC().Format("15:04:05 UTC")}
	if cause.None() {
		cause = provisioning.SIPCredentials.Met("") // before a crash, say
	} else {
		facts["at"] = denied.At.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	return provisioning.FaultPasswordRests.Because(cause, facts)
}

// blamed is what this cycle has failed for, unless it has ended with a registration: what was lost has its own reason.
func blamed(b *board, stopped bool) (*provisioning.Why, provisioning.Trouble) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.status.Cycle.Registered() {
		return &provisioning.Why{}, provisioning.Trouble{}
	}
	return b.status.Cycle.Blame(stopped)
}

// byLastGood is why the device is registered through last good.
func (b *basis) byLastGood(s *provisioning.Status) *provisioning.Why {
	return b.memory().ByLastGood(s.Cycle, discover.Here(&b.policy, &b.wire, nil, s.Losses))
}
