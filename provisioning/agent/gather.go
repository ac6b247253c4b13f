package agent

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"homeward/cache"
	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/signin"
)

// gatherer asks DNS and DHCP, whose answers wait for the phase that uses them, and knows for how long they have not been
// enough. The goroutine of Run alone uses it.
type gatherer struct {
	basis  basis
	board  *board
	pulse  pulse
	signer *signin.Signer

	gathering    *discover.Gathering // under way, or done and not used yet
	nothingSince time.Time           // since when discovery has found nothing usable; zero: it has
	openSince    time.Time           // since when some look-ups have not been answered; zero: all were
}

// start asks DNS and DHCP, and for the addresses of all names in last good. What was asked before is ended first.
func (g *gatherer) start(ctx context.Context) *discover.Gathering { return g.again(ctx, nil) }

// again does the same, but for what is known from before.
func (g *gatherer) again(ctx context.Context, before provisioning.Findings) *discover.Gathering {
	g.end()
	var known []string
	if record, ok := g.basis.record(); ok {
		known = g.names(&record)
	}
	b := g.basis
	patience := discover.Patience{Limit: discover.VerdictLimit(b.memory()), InVain: !g.nothingSince.IsZero() || !g.openSince.IsZero()}
	g.gathering = discover.Gather(ctx, &b.policy, b.wire, b.floor(), before, known, patience, g.board.noticed)
	return g.gathering
}

// answers returns what is under way, or starts asking.
func (g *gatherer) answers(ctx context.Context) *discover.Gathering {
	if g.gathering == nil {
		g.start(ctx)
	}
	return g.gathering
}

func (g *gatherer) end() {
	if g.gathering != nil {
		g.gathering.End()
		g.gathering = nil
	}
}

// hearOut returns what listens to DHCP for as long as servers may disagree, when it was asked on the way to a
// registration; what it says is told if it is malformed. It may run in a goroutine of its own.
func (g *gatherer) hearOut() func(context.Context) {
	gathering, board, b := g.gathering, g.board, g.basis
	g.gathering = nil
	return func(ctx context.Context) {
		if gathering == nil {
			return
		}
		gathering.Linger(ctx)
		f, ok := gathering.Await(ctx, provisioning.DHCPTLS)
		switch {
		case !ok:
		case f.Reason == provisioning.DHCPMalformed:
			board.foundUnlessShown(f)
		case f.Reason == provisioning.DHCPSilent && gathering.Hurried(): // slow, perhaps
			board.paced("dhcp", discover.NewEnquiry(&b.policy, &b.wire, b.floor()).DHCPPace(ctx))
		default:
			found := provisioning.Findings{b.lookedUpAnew(ctx, f)}
			if record, ok := gathering.Await(ctx, provisioning.InternalTLS); ok {
				found = append(found, record)
			}
			board.paced(optionArea, stale(provisioning.PlanOf(b.memory(), found).Skipped)...)
		}
	}
}

// lookedUpAnew is a Finding with the addresses of its names, or why there are none: a registration has stopped the look-ups, wherever they were.
func (b *basis) lookedUpAnew(ctx context.Context, f provisioning.Finding) provisioning.Finding {
	enquiry := discover.NewEnquiry(&b.policy, &b.wire, b.floor())
	f.Names = slices.Clone(f.Names)
	for i := range f.Names {
		name := &f.Names[i]
		if reason, _ := b.policy.NameReason(f.Step, name.Host, provisioning.TLS); reason != "" || len(name.Addrs) > 0 {
			continue
		}
		now := enquiry.LookUp(ctx, name.Host)
		name.Addrs, name.Reason, name.Detail, name.Trouble = now.Addrs, now.Reason, now.Detail, now.Trouble
	}
	return f
}

// remeasure is how often a registered device measures its name servers. (Our choice: the questions of one measurement are as many
// as those of ten minutes of look-ups.)
const remeasure = time.Hour

// beside returns what a registered device does beside keeping its binding: it hears DHCP out, and measures its name servers, now
// and every hour.
func (g *gatherer) beside() func(context.Context) {
	hear, board, b := g.hearOut(), g.board, g.basis
	return func(ctx context.Context) {
		var hearing sync.WaitGroup
		hearing.Go(func() { hear(ctx) })
		defer hearing.Wait()
		for !b.policy.OnlyAddresses() {
			if quality, found := discover.NewEnquiry(&b.policy, &b.wire, b.floor()).Pace(ctx); ctx.Err() == nil { // what was cut short has lost nothing
				was := provisioning.Facts{}
				discover.Here(&b.policy, &b.wire, nil, nil).Asked(b.memory(), was)
				board.change(func(s *provisioning.Status) {
					for i := range found {
						if found[i].Fault == provisioning.FaultDNSSlow {
							found[i] = s.Late(found[i], was)
						}
					}
				})
				board.measured(quality, found)
			}
			select {
			case <-time.After(remeasure*3/4 + rand.N(remeasure/2)):
			case <-ctx.Done():
				return
			}
		}
	}
}

// names are the hosts of a record whose addresses may be asked for.
func (g *gatherer) names(record *cache.Record) []string {
	return g.basis.policy.NamesOf(*record, g.signer.Vouched())
}

// recallPlan is what may be used now of the pair in a record. remembered: with the addresses of the record.
func (g *gatherer) recallPlan(record *cache.Record, remembered bool) provisioning.Plan {
	var fresh map[string]provisioning.Name
	if !remembered {
		fresh = g.gathering.AddressesNow(g.names(record))
	}
	return g.basis.ground().Tidy(provisioning.RecallPlan(record, &g.basis.policy, fresh, g.signer.Vouched()))
}

// outagePlan is what may be used now of last good.
func (g *gatherer) outagePlan(record cache.Record) provisioning.Plan {
	fresh := g.gathering.AddressesNow(g.names(&record))
	return g.basis.ground().Tidy(provisioning.OutagePlan(&record, &g.basis.policy, fresh, g.signer.Vouched()))
}

// lookUp asks DNS and DHCP, but for what is known from before, until there is a Candidate that will do; the answers are
// left for discover.
func (g *gatherer) lookUp(ctx context.Context, before provisioning.Findings, willDo func(provisioning.Candidate) bool) (found provisioning.Findings, usable bool) {
	gathering := g.again(ctx, before)
	for _, step := range g.basis.policy.Steps() {
		g.pulse.pass()
		if f, ok := gathering.Await(ctx, step); ok {
			found = append(found, f)
			g.board.change(func(s *provisioning.Status) { s.Cycle.Asked(&f.Source, shownTime(time.Now())) })
		}
		if slices.ContainsFunc(provisioning.PlanStep(step, found, &g.basis.policy, g.basis.floor()).Try, willDo) {
			return found, true
		}
	}
	return found, false
}

// somethingUsable asks DNS and DHCP once more, until there is something to try.
func (g *gatherer) somethingUsable(ctx context.Context) bool {
	_, usable := g.lookUp(ctx, nil, func(provisioning.Candidate) bool { return true })
	return usable
}

// concluded takes note of whether a discovery has found something to try.
func (g *gatherer) concluded(usable bool) {
	switch {
	case usable:
		g.nothingSince = time.Time{}
	case g.nothingSince.IsZero():
		g.nothingSince = time.Now()
	}
}

// forget begins anew with how long nothing is found: the device is registered, or the network is another.
func (g *gatherer) forget() { g.nothingSince, g.openSince = time.Time{}, time.Time{} }

// lookingSince is since when look-ups have left something to be looked up again; zero: they have not. open: something was
// not answered.
func (g *gatherer) lookingSince(open bool) time.Time {
	switch {
	case !g.nothingSince.IsZero():
		return g.nothingSince
	case !open:
		g.openSince = time.Time{}
	case g.openSince.IsZero():
		g.openSince = time.Now()
	}
	return g.openSince
}
