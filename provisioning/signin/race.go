package signin

import (
	"slices"
	"time"
)

// Our choices.
const (
	maxSockets    = 6               // open at once (curl has as many)
	readyLife     = 5 * time.Second // a connection on which nothing is said is as good as new for so long
	registerAhead = time.Second     // a Registrar that answers does so within it: until then no other is connected to
)

// race decides which addresses are connected to ahead of their turn (ADR 43). It knows lanes, sockets and moments, and touches
// no network: the walk tells it what has happened, and asks what is to be done. Lanes are in rank order.
type race struct {
	pace   pace
	lanes  []lane
	turn   int       // the first lane of the rank whose turn it is
	next   time.Time // no further lane is begun before, but the one whose turn it is
	latest int       // the lane begun last
	held   time.Time // since when a Registrar has been asked to register the device; zero: none is asked
	apart  int       // sockets open besides
}

// lane is one address of a Candidate.
type lane struct {
	place  attempted
	rank   int // lanes of one rank are addresses of one name: equals
	secure bool
	laneProgress
	spent time.Duration // it has had so much time, and has lent its socket to one that had not begun
	done  bool          // the walk has used it, or knows that it failed
	told  bool          // it was told that it is slow
}

// laneProgress is how far a lane has come.
type laneProgress struct {
	state   laneState
	sockets int
	began   time.Time
	since   time.Time     // when it came into this state
	trip    time.Duration // of the socket that has connected; 0: none has
}

type laneState uint8

const (
	waiting laneState = iota // nothing is open
	dialling
	securing
	ready
	failed
)

// under says whether a lane is under way.
func (l *lane) under() bool { return l.state == dialling || l.state == securing }

// order is something that the race wants done with a lane.
type order struct {
	lane int
	do   laneOrder
}

type laneOrder uint8

const (
	begin       laneOrder = iota
	beginSecond           // another SYN, on another socket
	endSecond
	end
)

// index is that of a lane, or -1.
func (r *race) index(place attempted) int {
	return slices.IndexFunc(r.lanes, func(l lane) bool { return l.place == place })
}

// add appends the addresses of a Candidate as one rank, except those that stand in a better one.
func (r *race) add(rank int, secure bool, places []attempted) (added []int) {
	for _, place := range places {
		if r.index(place) < 0 {
			r.lanes = append(r.lanes, lane{place: place, rank: rank, secure: secure})
			added = append(added, len(r.lanes)-1)
		}
	}
	return added
}

// progress takes note of how far a lane has come.
func (r *race) progress(i int, now laneProgress) {
	l := &r.lanes[i]
	if l.laneProgress == now {
		return
	}
	if l.trip == 0 {
		r.pace.seen = max(r.pace.seen, now.trip)
	}
	switch was := l.state; {
	case now.state == failed && was != failed && i == r.latest:
		r.next = time.Time{} // the next is begun at once
	case now.state == dialling && was == waiting: // it was opened before the race knew of it
		if soon := now.began.Add(r.pace.stagger()); soon.After(r.next) {
			r.next, r.latest = soon, i
		}
	case now.state == securing && was != securing, now.state == ready && was != ready && l.secure:
		if soon := now.since.Add(r.pace.stagger()); soon.After(r.next) {
			r.next = soon
		}
	}
	l.laneProgress = now
}

// sockets counts those that are open.
func (r *race) sockets() int {
	n := r.apart
	for i := range r.lanes {
		n += r.lanes[i].sockets
	}
	return n
}

// unused counts the lanes that are open, and have not had their turn.
func (r *race) unused() (n int) {
	for i := range r.lanes {
		if l := &r.lanes[i]; !l.done && l.sockets > 0 {
			n++
		}
	}
	return n
}

// decided counts the lanes that are done.
func (r *race) decided() (n int) {
	for i := range r.lanes {
		if r.lanes[i].done {
			n++
		}
	}
	return n
}

// barred says whether a lane would overtake TLS with plain TCP: a lane of the same host, or address, is better and not done.
func (r *race) barred(i int) bool {
	l := &r.lanes[i]
	for j := range i {
		b := &r.lanes[j]
		if !l.secure && b.secure && !b.done && (b.place.endpoint.Host == l.place.endpoint.Host || b.place.addr == l.place.addr) {
			return true
		}
	}
	return false
}

// patience is until when a lane that is under way may stay undecided while a worse one is ready.
func (r *race) patience(i int) time.Time {
	l := &r.lanes[i]
	if l.state == securing {
		return l.since.Add(pace{seen: l.trip}.handshake())
	}
	return l.began.Add(r.pace.connect())
}

// due says what is to be done now, and when to ask again if nothing happens (zero: then not). may says of a lane whether it
// may be connected to at all.
func (r *race) due(now time.Time, may func(int) bool) (orders []order, again time.Time) {
	var later soonest
	for i := range r.lanes {
		if l := &r.lanes[i]; l.state == ready && !l.done && l.sockets > 0 && later.unless(now, l.since.Add(readyLife)) {
			orders = append(orders, r.give(i, end))
		}
	}
	if !r.held.IsZero() && !later.unless(now, r.held.Add(registerAhead)) {
		return orders, later.at
	}
	for i := r.first(may); i >= 0 && (i == r.turn || later.unless(now, r.next)); i = r.first(may) {
		if r.sockets() >= maxSockets {
			freed, ok := r.free(now, i == r.turn, &later)
			if !ok {
				break
			}
			orders = append(orders, freed)
		}
		orders = append(orders, r.give(i, begin))
		r.lanes[i].laneProgress = laneProgress{dialling, 1, now, now, 0}
		r.next, r.latest = now.Add(r.pace.stagger()), i
	}
	for i := range r.lanes {
		l := &r.lanes[i]
		if l.state == dialling && l.sockets == 1 && r.sockets() < maxSockets && later.unless(now, l.began.Add(r.pace.second())) {
			orders = append(orders, r.give(i, beginSecond))
		}
	}
	return orders, later.at
}

// soonest is the first of the moments that have not come; zero: there is none.
type soonest struct{ at time.Time }

// unless says whether a moment has come, and else takes note of it.
func (s *soonest) unless(now, moment time.Time) bool {
	if !now.Before(moment) {
		return true
	}
	if s.at.IsZero() || moment.Before(s.at) {
		s.at = moment
	}
	return false
}

// first is the lane to begin next, or -1. Nothing is begun that is worse than one that is ready.
func (r *race) first(may func(int) bool) int {
	for i := r.turn; i < len(r.lanes); i++ {
		switch l := &r.lanes[i]; {
		case l.done:
		case l.state == ready && !r.barred(i):
			return -1
		case l.state == waiting && l.spent == 0 && !r.barred(i) && may(i):
			return i
		}
	}
	return -1
}

// free gives up a socket: a second one of a lane; else that of the worst lane, for the one whose turn it is; else that of the
// lane which has had its time, and of those the one that began first. Such a lane is slow from then on.
func (r *race) free(now time.Time, forTurn bool, later *soonest) (freed order, ok bool) {
	first, worst := -1, -1
	for i := range r.lanes {
		l := &r.lanes[i]
		if l.done || l.sockets == 0 {
			continue
		}
		if l.sockets == 2 {
			return r.give(i, endSecond), true
		}
		worst = i
		if l.under() && later.unless(now, r.patience(i)) && (first < 0 || l.began.Before(r.lanes[first].began)) {
			first = i
		}
	}
	switch {
	case forTurn && worst > r.turn:
		return r.give(worst, end), true
	case first >= 0:
		r.lanes[first].spent = max(now.Sub(r.lanes[first].began), 1)
		return r.give(first, end), true
	}
	return order{}, false
}

// give makes an order, and takes note of what it changes.
func (r *race) give(i int, do laneOrder) order {
	l := &r.lanes[i]
	switch do {
	case begin: // due does
	case beginSecond:
		l.sockets = 2
	case endSecond:
		l.sockets = 1
	case end:
		l.laneProgress = laneProgress{}
	}
	return order{i, do}
}

// verdict is what becomes of the rank whose turn it is.
type verdict uint8

const (
	undecided verdict = iota
	use               // a lane is ready: a Registrar may be spoken to
	drop              // a lane has failed
	overtaken         // all that has not failed is slow, and a worse rank is ready or has the socket
)

// verdict judges the lanes of one rank, those that are not done, and says which lane it is about, and when to ask again if
// nothing happens (zero: then not).
func (r *race) verdict(own []int, now time.Time) (v verdict, about int, again time.Time) {
	first := slices.IndexFunc(own, func(i int) bool { return r.lanes[i].state == ready })
	for _, i := range own[:max(first, 1)] {
		if r.lanes[i].state == failed && (first >= 0 || i == own[0]) {
			return drop, i, again
		}
	}
	if first >= 0 {
		return use, own[first], again
	}
	var later soonest
	worse := r.worseIsReady(own[len(own)-1])
	v = overtaken
	for _, i := range own {
		l := &r.lanes[i]
		lent := l.state == waiting && l.spent > 0
		if slow := l.under() && worse && later.unless(now, r.patience(i)); !lent && !slow && l.state != failed {
			v = undecided
		}
	}
	return v, own[0], later.at
}

// anyReady says whether a lane is ready that may be used next.
func (r *race) anyReady() bool { return r.worseIsReady(-1) }

// worseIsReady says whether a rank that is worse than that of a lane is ready.
func (r *race) worseIsReady(than int) bool {
	for i := than + 1; i < len(r.lanes); i++ {
		if l := &r.lanes[i]; l.state == ready && !l.done && !r.barred(i) {
			return true
		}
	}
	return false
}
