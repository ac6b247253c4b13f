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

	unansweredFor = 1500 * time.Millisecond // then a server that has answered nothing is asked less often
	slowResend    = 300 * time.Millisecond
	slowSends     = 6 // so often before the pauses grow
)

// Pace is what is known of name servers that are asked several questions: how fast they answer, and whether they do. It may be
// used by several goroutines.
type Pace struct {
	inVain bool // nothing was answered the last time

	mu    sync.Mutex
	trips map[netip.AddrPort]time.Duration
}

// NewPace returns the pace of servers that have answered nothing yet. inVain: nor did they the last time, and are asked less
// often until they do.
func NewPace(inVain bool) *Pace {
	return &Pace{inVain: inVain, trips: map[netip.AddrPort]time.Duration{}}
}

// answered takes note of how long an answer has taken since the question was last sent.
func (p *Pace) answered(server netip.AddrPort, took time.Duration) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if before, known := p.trips[server]; !known || took < before { // a longer one may be the answer to an earlier try
		p.trips[server] = took
	}
}

// of returns the shortest round trip of a server; false: it has answered nothing.
func (p *Pace) of(server netip.AddrPort) (trip time.Duration, known bool) {
	if p == nil {
		return 0, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	trip, known = p.trips[server]
	return trip, known
}

// resends are the pauses after which one question is sent again to a server.
type resends struct {
	pace   *Pace
	server netip.AddrPort
	began  time.Time
	pause  time.Duration // the last one
	slow   int           // sent so often slowly
}

// next is how long to wait for the answer before the question is sent again.
func (r *resends) next() time.Duration {
	trip, answers := r.pace.of(r.server)
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
	return max(r.pause, resendTrips*trip)
}
