package signin

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/provisioning"
)

var racePlans = flag.Int("race-plans", 20_000, "how many random plans TestRaceIsTheSerialWalk goes through")

// fate is what a plan has in store for one address.
type fate struct {
	connect, handshake time.Duration // until each is decided
	dead               bool          // the last of them is a failure, and not a success
	ends               bool          // that failure, or the answer to REGISTER, is the end of all addresses of its name
	answer             time.Duration // until REGISTER is answered
	accepts            bool
}

// opens is how long it takes to be ready, or to fail.
func (f fate) opens() time.Duration { return f.connect + f.handshake }

// mute says whether REGISTER is never answered.
func (f fate) mute() bool { return f.answer > mostAnswer-time.Millisecond }

// trip is how long it takes to connect; 0: it does not.
func (f fate) trip() time.Duration {
	if f.dead && f.handshake == 0 {
		return 0
	}
	return f.connect
}

// racePlan is a random plan: ranks, their addresses, and what becomes of each.
type racePlan struct {
	ranks [][]attempted
	fates map[attempted]fate
}

func randomPlan(d *rand.Rand, maxRanks, maxAddrs int) racePlan {
	p := racePlan{fates: map[attempted]fate{}}
	ms := func(n int) time.Duration { return time.Duration(1+d.IntN(n)) * time.Millisecond }
	trip := []int{5, 20, 100, 300, 1000}[d.IntN(5)]
	for range 1 + d.IntN(maxRanks) {
		host := d.IntN(2 * maxRanks)
		secure := d.IntN(3) > 0
		var rank []attempted
		for i := range 1 + d.IntN(maxAddrs) {
			transport, port := provisioning.TLS, uint16(5061)
			if !secure {
				transport, port = provisioning.TCP, 5060
			}
			at := attempted{provisioning.Endpoint{Host: fmt.Sprint("h", host), Port: port, Transport: transport}, netip.AddrFrom4([4]byte{10, 0, byte(host), byte(i)})}
			if _, known := p.fates[at]; known {
				continue
			}
			f := fate{connect: ms(3 * trip), accepts: d.IntN(3) == 0, answer: ms(3 * trip), ends: d.IntN(6) == 0}
			if secure {
				f.handshake = ms(4 * trip)
			}
			switch d.IntN(6) {
			case 0: // black hole
				f.connect, f.handshake, f.dead, f.ends = connectLimit, 0, true, false
			case 1: // refusal
				f.handshake, f.dead, f.ends = 0, true, false
			case 2: // stall, or a certificate that proves nothing
				if f.dead = secure; f.dead && !f.ends {
					f.handshake = tlsLimit
				}
			case 3: // slow
				f.connect = ms(3000)
			case 4: // mute
				f.answer, f.accepts, f.ends = mostAnswer, false, false
			}
			f.connect, f.handshake = min(f.connect, connectLimit), min(f.handshake, tlsLimit)
			p.fates[at] = f
			rank = append(rank, at)
		}
		if len(rank) > 0 {
			p.ranks = append(p.ranks, rank)
		}
	}
	return p
}

// raceRun is a model of a walk through a plan in a time of its own, with the decisions of the race. TestWalkIsTheRace compares it
// with the walk itself.
type raceRun struct {
	*testing.T
	plan     racePlan
	race     race
	now      time.Time
	failed   map[attempted]bool
	late     [][]attempted
	patience map[attempted][]time.Duration // after how long it was passed over, each time
	chosen   attempted
	accepted bool
	log      []string
}

var raceBegan = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newRaceRun(t *testing.T, plan racePlan) *raceRun {
	r := &raceRun{T: t, plan: plan, now: raceBegan, failed: map[attempted]bool{}, patience: map[attempted][]time.Duration{}}
	for i, rank := range plan.ranks {
		r.race.add(i, rank[0].endpoint.Transport == provisioning.TLS, rank)
	}
	return r
}

func (r *raceRun) note(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf("%8s ", r.now.Sub(raceBegan))+fmt.Sprintf(format, args...))
}

// advance lets every lane come as far as it is by now.
func (r *raceRun) advance() (next time.Time) {
	for i := range r.race.lanes {
		l := &r.race.lanes[i]
		if l.done || !l.under() {
			continue
		}
		f, far := r.plan.fates[l.place], l.laneProgress
		connected, over := far.began.Add(f.connect), far.began.Add(f.opens())
		switch {
		case !r.now.Before(over) && f.dead:
			far = laneProgress{failed, 0, far.began, over, f.trip()}
		case !r.now.Before(over):
			far = laneProgress{ready, 1, far.began, over, f.trip()}
		case !r.now.Before(connected):
			far = laneProgress{securing, 1, far.began, connected, f.trip()}
			connected = over
			fallthrough
		default:
			if next.IsZero() || connected.Before(next) {
				next = connected
			}
		}
		r.race.progress(i, far)
	}
	return next
}

// until lets time pass until it is settled, or a moment comes (zero: none).
func (r *raceRun) until(moment time.Time, settled func() (bool, time.Time)) {
	for range 10_000 {
		next := r.advance()
		done, again := settled()
		if done || !moment.IsZero() && !r.now.Before(moment) {
			return
		}
		orders, later := r.race.due(r.now, func(i int) bool { return !r.failed[r.race.lanes[i].place] })
		if r.race.sockets() > maxSockets {
			r.Fatalf("%d sockets are open", r.race.sockets())
		}
		for _, o := range orders {
			r.note("%v %v", []string{"begin", "second", "end second", "end"}[o.do], r.race.lanes[o.lane].place.addr)
			if !r.race.held.IsZero() && o.do == begin && r.now.Before(r.race.held.Add(registerAhead)) {
				r.Fatal("a connection is begun while a Registrar has its time to answer")
			}
			if o.do == begin && slices.ContainsFunc(r.race.lanes[r.race.turn:o.lane], func(l lane) bool { return l.state == ready && !l.done }) {
				r.Fatal("a connection is begun although a better one is ready")
			}
			if o.do == begin && r.race.barred(o.lane) {
				r.Fatal("plain TCP overtakes TLS")
			}
		}
		if len(orders) > 0 {
			continue
		}
		for _, t := range []time.Time{again, later, moment} {
			if !t.IsZero() && (next.IsZero() || t.Before(next)) {
				next = t
			}
		}
		if next.IsZero() || !next.After(r.now) {
			r.Fatalf("it hangs:\n%s\n%+v", strings.Join(r.log, "\n"), r.race)
		}
		r.now = next
	}
	r.Fatal("no end")
}

func (r *raceRun) walk() {
	for _, rank := range r.plan.ranks {
		if r.candidate(rank); r.accepted {
			return
		}
	}
	for range 1000 {
		late := r.late
		r.late = nil
		for _, rank := range late {
			for _, place := range rank {
				if l := &r.race.lanes[r.race.index(place)]; !l.done {
					delete(r.failed, place)
					l.spent = 0
				}
			}
		}
		for _, rank := range late {
			if r.candidate(rank); r.accepted {
				return
			}
		}
		if len(r.late) == 0 {
			return
		}
	}
	r.Fatal("it looks back for ever")
}

func (r *raceRun) candidate(rank []attempted) {
	var own []int
	for _, place := range rank {
		if !r.failed[place] {
			own = append(own, r.race.index(place))
		}
	}
	if slices.ContainsFunc(own, r.race.barred) {
		r.late = append(r.late, rank)
		return
	}
	for len(own) > 0 {
		r.race.turn = own[0]
		v, lane := undecided, 0
		r.until(time.Time{}, func() (bool, time.Time) {
			var again time.Time
			v, lane, again = r.race.verdict(own, r.now)
			return v != undecided, again
		})
		if v == overtaken {
			r.passOver(own)
			return
		}
		for _, i := range own {
			if i < lane && r.race.lanes[i].state != failed {
				r.slow(i)
			}
		}
		if ends := r.attend(lane); r.accepted {
			return
		} else if ends {
			for _, place := range rank {
				l := &r.race.lanes[r.race.index(place)]
				r.failed[place], l.done, l.sockets = true, true, 0
			}
			return
		}
		own = slices.DeleteFunc(own, func(i int) bool { return r.race.lanes[i].done })
	}
}

func (r *raceRun) slow(i int) {
	l := &r.race.lanes[i]
	after := l.spent
	if l.under() {
		after = r.now.Sub(l.began)
	}
	if f := r.plan.fates[l.place]; f.opens() < after {
		r.Fatalf("%v is slow after %v, but it takes %v", l.place, after, f.opens())
	}
	r.patience[l.place] = append(r.patience[l.place], after)
	r.note("slow %v", l.place.addr)
}

func (r *raceRun) passOver(own []int) {
	var rank []attempted
	for _, i := range own {
		l := &r.race.lanes[i]
		if l.state != failed {
			if l.state == dialling && r.now.Sub(l.began) < r.race.pace.connect() || l.state == securing && r.now.Sub(l.since) < leastHandshake {
				r.Fatalf("%v is passed over too early", l.place)
			}
			r.slow(i)
		} else {
			r.patience[l.place] = append(r.patience[l.place], r.plan.fates[l.place].opens())
		}
		r.failed[l.place] = true
		rank = append(rank, l.place)
	}
	r.late = append(r.late, rank)
}

// attend says whether the failure is that of all addresses of the name.
func (r *raceRun) attend(i int) (ends bool) {
	l := &r.race.lanes[i]
	f := r.plan.fates[l.place]
	r.failed[l.place], l.done = true, true
	r.patience[l.place] = append(r.patience[l.place], -1)
	if l.state == ready {
		if r.now.Sub(l.since) > readyLife {
			r.Fatalf("%v was ready for too long", l.place)
		}
		r.note("REGISTER %v", l.place.addr)
		r.race.held = r.now
		until, most := r.now.Add(r.race.pace.answer()), r.now.Add(f.answer)
		if f.mute() {
			most = r.now.Add(mostAnswer)
		}
		r.until(most, func() (bool, time.Time) {
			if r.now.Before(until) {
				return false, until
			}
			return r.race.anyReady(), time.Time{} // something else takes the device: a Registrar that has said nothing has had its time
		})
		r.race.held = time.Time{}
		r.chosen, r.accepted = l.place, f.accepts
	}
	r.note("over %v", l.place.addr)
	r.race.lanes[i].laneProgress = laneProgress{state: failed}
	return f.ends
}

// serial is the walk that does one thing after the other: each address until it is decided, or until it was passed over in the
// race. It shares nothing with the race but these times.
type serialWalk struct {
	plan     racePlan
	patience map[attempted][]time.Duration
	over     map[attempted]bool
	took     time.Duration
	chosen   attempted
	accepted bool
}

func (s *serialWalk) walk() {
	ranks := s.plan.ranks
	for len(ranks) > 0 && !s.accepted {
		var late [][]attempted
		for _, rank := range ranks {
			if later := s.rank(rank); len(later) > 0 {
				late = append(late, later)
			}
			if s.accepted {
				return
			}
		}
		ranks = late
	}
}

// rank returns what is left for later.
func (s *serialWalk) rank(rank []attempted) []attempted {
	if at := rank[0]; at.endpoint.Transport == provisioning.TCP && s.isAboveUndecided(at, rank) {
		return rank
	}
	for again := true; again; {
		again = false
		var slow []attempted
		for _, at := range rank {
			waits := s.patience[at]
			if s.over[at] {
				continue
			}
			if len(waits) > 0 {
				s.patience[at] = waits[1:]
			}
			if len(waits) > 0 && waits[0] >= 0 {
				s.took += waits[0]
				slow = append(slow, at)
				continue
			}
			if s.try(at); s.accepted {
				return nil
			}
			if s.plan.fates[at].ends {
				for _, at := range rank {
					s.over[at] = true
				}
				return nil
			}
			again = true // those that were slow have come further
			break
		}
		if !again {
			return slow
		}
	}
	return nil
}

func (s *serialWalk) isAboveUndecided(at attempted, rank []attempted) bool {
	for _, better := range s.plan.ranks {
		if better[0] == at || slices.Contains(better, at) {
			return false
		}
		for _, b := range better {
			if b.endpoint.Transport == provisioning.TLS && !s.over[b] && (b.endpoint.Host == at.endpoint.Host || slices.ContainsFunc(rank, func(a attempted) bool { return a.addr == b.addr })) {
				return true
			}
		}
	}
	return false
}

func (s *serialWalk) try(at attempted) {
	f := s.plan.fates[at]
	s.over[at] = true
	if s.took += f.opens(); f.dead {
		return
	}
	s.took += f.answer
	s.chosen, s.accepted = at, f.accepts
}

// For every plan, the race chooses the address that the serial walk with the same deadlines chooses, and never later.
func TestRaceIsTheSerialWalk(t *testing.T) {
	for seed := range *racePlans {
		d := rand.New(rand.NewPCG(uint64(seed), 13))
		plan := randomPlan(d, 1+d.IntN(9), 1+d.IntN(4))
		r := newRaceRun(t, plan)
		r.race.pace.before = []time.Duration{0, 5 * time.Millisecond, 100 * time.Millisecond, time.Second}[d.IntN(4)]
		r.walk()
		s := serialWalk{plan: plan, patience: r.patience, over: map[attempted]bool{}}
		s.walk()
		took := r.now.Sub(raceBegan)
		if r.accepted != s.accepted || r.accepted && r.chosen != s.chosen || took > s.took {
			for _, rank := range plan.ranks {
				for _, at := range rank {
					t.Logf("%v %+v", at, plan.fates[at])
				}
			}
			t.Fatalf("plan %d: the race has %v %v after %v, the serial walk %v %v after %v\n%s", seed, r.accepted, r.chosen, took, s.accepted, s.chosen, s.took, strings.Join(r.log, "\n"))
		}
	}
}
