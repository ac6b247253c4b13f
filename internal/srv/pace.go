package srv

import (
	"net/netip"
	"sync"
	"time"
)

// Our choices: how often a question is sent again. A lost datagram must not cost seconds: where half of all are lost, one try in
// four is answered, and two questions in a row need some twenty to be sure of it.
const (
	firstResend  = 100 * time.Millisecond // a local resolver answers in 50 ms
	resendGrowth = 10 * time.Millisecond
	mostResend   = 150 * time.Millisecond
	resendTrips  = 2 // a server that is far away has the time for its answer

	mostUnsure = 750 * time.Millisecond // is the server far away, or was the question lost? The next one finds out, and costs that at most

	unansweredFor = 1500 * time.Millisecond // then a server that has answered nothing is asked less often
	slowResend    = 300 * time.Millisecond
	slowSends     = 6 // so often before the pauses grow
)

// Pace is what is known of name servers that are asked several questions: how fast they answer, and whether they do. It may be
// used by several goroutines.
type Pace struct {
	inVain bool // nothing was answered the last time

	mu    sync.Mutex
	trips map[netip.AddrPort]trip
}

// trip is what is known of the round trip to a server: it takes that at most. sure: a question was answered that was sent once,
// else much of it may be the pauses after which lost questions were sent again.
type trip struct {
	most time.Duration
	sure bool
}

// NewPace returns the pace of servers that have answered nothing yet. inVain: nor did they the last time, and are asked less
// often until they do.
func NewPace(inVain bool) *Pace {
	return &Pace{inVain: inVain, trips: map[netip.AddrPort]trip{}}
}

// answered takes note of how long an answer has taken since the question was first sent, and how often it was sent. (Which of
// them was answered nobody knows: RFC 6298 section 3.)
func (p *Pace) answered(server netip.AddrPort, took time.Duration, sends int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	before, known := p.trips[server]
	if known {
		took = min(took, before.most)
	}
	p.trips[server] = trip{took, before.sure || sends == 1}
}

// of returns the round trip of a server; false: it has answered nothing.
func (p *Pace) of(server netip.AddrPort) (t trip, known bool) {
	if p == nil {
		return trip{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t, known = p.trips[server]
	return t, known
}

// resends are the pauses after which one question is sent again to a server.
type resends struct {
	pace   *Pace
	server netip.AddrPort
	began  time.Time
	pause  time.Duration // the last one
	slow   int           // sent so often slowly
	sends  int
}

// next is how long to wait for the answer before the question is sent again.
func (r *resends) next() time.Duration {
	trip, answers := r.pace.of(r.server)
	r.sends++
	if inVain := r.pace != nil && r.pace.inVain; !answers && (inVain || time.Since(r.began) >= unansweredFor) {
		if r.slow++; r.slow > slowSends {
			r.pause = r.pause * 3 / 2
		} else {
			r.pause = slowResend
		}
		return r.pause
	}
	if r.pause == 0 || r.slow > 0 { // it begins, or the server has begun to answer
		r.pause, r.slow = firstResend, 0
	} else {
		r.pause = min(r.pause+resendGrowth, mostResend)
	}
	switch {
	case trip.sure:
		return max(r.pause, resendTrips*trip.most)
	case r.sends == 1:
		return max(r.pause, min(resendTrips*trip.most, mostUnsure))
	default:
		return r.pause
	}
}
