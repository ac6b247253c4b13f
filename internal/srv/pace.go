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
	trips map[netip.AddrPort]*trip
}

// trip is what is known of the round trip to a server: it takes that at most. sure: a question was answered that was sent once,
// else much of it may be the pauses after which lost questions were sent again.
type trip struct {
	most time.Duration // 0: it has answered nothing
	sure bool

	asking bool      // whether it lives
	alive  time.Time // when it has answered what it need not ask others
}

// NewPace returns the pace of servers that have answered nothing yet. inVain: nor did they the last time, and are asked less
// often until they do.
func NewPace(inVain bool) *Pace {
	return &Pace{inVain: inVain, trips: map[netip.AddrPort]*trip{}}
}

// to returns the trip to a server. The mutex is held.
func (p *Pace) to(server netip.AddrPort) *trip {
	t := p.trips[server]
	if t == nil {
		t = new(trip)
		p.trips[server] = t
	}
	return t
}

// begins says whether nobody is asking a server whether it lives, or has learned it since, and takes note that somebody asks now.
func (p *Pace) begins(server netip.AddrPort, since time.Time) bool {
	p.mu.Lock()
	t := p.to(server)
	begins := !t.asking && !t.alive.After(since)
	t.asking = t.asking || begins
	p.mu.Unlock()
	return begins
}

// ended takes note of whether a server that was asked lives.
func (p *Pace) ended(server netip.AddrPort, lives bool) {
	p.mu.Lock()
	t := p.to(server)
	if t.asking = false; lives {
		t.alive = time.Now()
	}
	p.mu.Unlock()
}

// answered takes note of how long an answer has taken since the question was first sent, and how often it was sent. (Which of
// them was answered nobody knows: RFC 6298 section 3.)
func (p *Pace) answered(server netip.AddrPort, took time.Duration, sends int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.to(server)
	if t.most > 0 {
		took = min(took, t.most)
	}
	t.most, t.sure = max(took, 1), t.sure || sends == 1
}

// of returns the round trip of a server; false: it has answered nothing.
func (p *Pace) of(server netip.AddrPort) (t trip, known bool) {
	if p == nil {
		return trip{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t = *p.to(server)
	return t, t.most > 0
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
