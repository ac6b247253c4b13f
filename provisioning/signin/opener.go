package signin

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"homeward/provisioning"
)

// opener does what a race asks for. The goroutine of the walk alone uses it, and drives it while it waits.
type opener struct {
	race
	may      func(provisioning.Candidate, netip.Addr) bool // whether a packet may go there now
	open     func(provisioning.Candidate, netip.Addr) *opening
	pass     func()
	early    *early                            // what was opened before the race knew of it
	holds    func(provisioning.Candidate) bool // whether the device is registered there
	ahead    <-chan []provisioning.Candidate
	wake     <-chan struct{}
	ranks    []provisioning.Candidate // by number
	openings []*opening               // by lane; nil: nothing is open there
}

// expect appends Candidates to those whose turn will come.
func (o *opener) expect(candidates []provisioning.Candidate) {
	for j := range candidates {
		c := &candidates[j]
		o.ranks = append(o.ranks, *c)
		var places []attempted
		for _, addr := range interleaved(c.Addrs) {
			places = append(places, attempted{c.Endpoint, addr})
		}
		if i := slices.IndexFunc(places, o.early.isAt); i > 0 { // they are equals, and one handshake is enough
			places[0], places[i] = places[i], places[0]
		}
		for _, i := range o.add(len(o.ranks)-1, c.Transport == provisioning.TLS, places) {
			o.openings = append(o.openings, o.early.takeFor(o.lanes[i].place))
			o.apart = o.early.sockets()
			if o.holds(*c) {
				o.lanes[i].laneProgress = laneProgress{state: ready} // without a socket
			}
		}
	}
}

// interleaved are addresses in the order to connect to them: both families by turns (RFC 8305 section 4).
func interleaved(addrs []netip.Addr) []netip.Addr {
	var queues [2][]netip.Addr // of the family of the first, and the others
	for _, addr := range addrs {
		other := 0
		if addr.Is4() != addrs[0].Is4() {
			other = 1
		}
		queues[other] = append(queues[other], addr)
	}
	var all []netip.Addr
	for i := range addrs {
		for _, queue := range queues {
			if i < len(queue) {
				all = append(all, queue[i])
			}
		}
	}
	return all
}

// drive lets the race go on until it is settled, until is closed, or ctx ends. settled also says when to ask it again if
// nothing happens.
func (o *opener) drive(ctx context.Context, until <-chan struct{}, settled func(now time.Time) (bool, time.Time)) {
	for ctx.Err() == nil {
		o.pass()
		for i, p := range o.openings {
			if p != nil && !o.lanes[i].done {
				o.progress(i, p.progress())
			}
		}
		now := time.Now()
		done, again := settled(now)
		if done {
			return
		}
		orders, later := o.due(now, func(i int) bool { return o.may(o.ranks[o.lanes[i].rank], o.lanes[i].place.addr) })
		for _, order := range orders {
			o.obey(order)
		}
		if len(orders) > 0 {
			continue
		}
		if again.IsZero() || !later.IsZero() && later.Before(again) {
			again = later
		}
		if !o.wait(ctx, until, again) {
			return
		}
	}
}

// wait waits until something may have happened; false: until is closed.
func (o *opener) wait(ctx context.Context, until <-chan struct{}, again time.Time) bool {
	wait := passEvery
	if !again.IsZero() {
		wait = min(wait, time.Until(again))
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	select {
	case <-until:
		return false
	case <-ctx.Done():
	case <-o.wake:
	case <-over.C:
	case candidates, more := <-o.ahead:
		if o.expect(candidates); !more {
			o.ahead = nil
		}
	}
	return true
}

// await waits until the rank whose turn it is, of which these are the lanes, is decided.
func (o *opener) await(ctx context.Context, own []int) (v verdict, about int) {
	o.turn = own[0]
	o.drive(ctx, nil, func(now time.Time) (bool, time.Time) {
		var again time.Time
		v, about, again = o.verdict(own, now)
		return v != undecided, again
	})
	return v, about
}

// obey does what the race wants done.
func (o *opener) obey(order order) {
	i := order.lane
	switch order.do {
	case begin:
		o.openings[i] = o.open(o.ranks[o.lanes[i].rank], o.lanes[i].place.addr)
	case beginSecond:
		o.openings[i].second()
	case endSecond:
		o.openings[i].giveUpSecond()
	case end:
		o.openings[i].close()
		o.openings[i] = nil
	}
}

// leave leaves a lane behind.
func (o *opener) leave(i int) {
	if p := o.openings[i]; p != nil {
		p.close()
	}
	o.lanes[i].done, o.lanes[i].sockets = true, 0
}

// close gives up all that is open, and waits for its end.
func (o *opener) close() {
	for i, p := range o.openings {
		if p != nil {
			p.close()
			if l := &o.lanes[i]; l.done || l.state != failed { // how it failed is told when its turn comes
				o.openings[i] = nil
			}
		}
		if l := &o.lanes[i]; !l.done && l.sockets > 0 {
			l.laneProgress = laneProgress{}
		}
	}
}
