package signin

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"homeward/internal/trust"
	"homeward/provisioning"
)

// opening is the way to one address of a Candidate while it is opened: TCP, once or over two sockets of which the first counts,
// and TLS with the name proven. Not a word of SIP is said.
type opening struct {
	gate gate
	c    provisioning.Candidate
	addr netip.Addr
	wake func() // it has come further

	ctx     context.Context // of all
	cancel  context.CancelFunc
	dialing context.Context // until a socket is decided
	dialed  context.CancelFunc
	tasks   sync.WaitGroup
	dials   sync.WaitGroup // of the sockets, until each is connected or closed

	mu        sync.Mutex // guards these
	far       laneProgress
	decided   bool               // by one of the sockets
	endSecond context.CancelFunc // gives up the second socket; nil: there was none
	gone      chan struct{}      // closed when it is connected or closed
	conn      net.Conn           // when it is ready
	met       trust.Met
	err       error // when it has failed
	shut      bool  // nobody wants it any more

	connecting time.Duration // how long TCP took; set before it is ready
}

// newOpening begins to open the way.
func newOpening(ctx context.Context, g *gate, c *provisioning.Candidate, addr netip.Addr, wake func()) *opening {
	now := time.Now()
	p := &opening{gate: *g, c: *c, addr: addr, wake: wake, far: laneProgress{dialling, 1, now, now, 0}}
	p.ctx, p.cancel = context.WithCancel(ctx)
	p.dialing, p.dialed = context.WithTimeout(p.ctx, connectLimit)
	if err := g.refuses(c, addr); err != nil {
		p.comes(failed, nil, &trust.Met{}, err)
		return p
	}
	p.dials.Add(1)
	p.tasks.Go(func() { p.connect(p.dialing, nil) })
	return p
}

// early is a connection that was begun before anything has led there: to last good, or to where an answer hints at.
type early struct {
	opening *opening // nil: there is none, or its place was named
	hinted  bool     // at, by an answer of now
}

// isAt says whether it leads to a place.
func (e *early) isAt(place attempted) bool {
	return e.opening != nil && place == attempted{e.opening.c.Endpoint, e.opening.addr}
}

// takeFor hands it over if it leads to a place that was named; else nil. One to last good that could not be opened says nothing of now.
func (e *early) takeFor(place attempted) *opening {
	p := e.opening
	if !e.isAt(place) || !e.hinted && p.notConnected() {
		return nil
	}
	*e = early{}
	return p
}

func (e *early) sockets() int {
	if e.opening == nil {
		return 0
	}
	return e.opening.progress().sockets
}

func (e *early) close() {
	if e.opening != nil {
		e.opening.close()
		*e = early{}
	}
}

// progress is how far it has come.
func (p *opening) progress() laneProgress {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.far
}

// notConnected says whether it has failed without a connection.
func (p *opening) notConnected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	var attempt *attemptError
	return p.far.state == failed && !(errors.As(p.err, &attempt) && attempt.stage == handshaking)
}

// second sends another SYN, on another socket.
func (p *opening) second() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.far.state != dialling || p.far.sockets == 2 {
		return
	}
	p.far.sockets = 2
	if p.decided || p.shut {
		return
	}
	var ctx context.Context
	ctx, p.endSecond = context.WithCancel(p.dialing)
	p.dials.Add(1)
	gone := make(chan struct{})
	p.gone = gone
	p.tasks.Go(func() { p.connect(ctx, gone) })
}

// connect opens a socket, and goes on with it if it is the first to be decided. gone is closed for the second one when it is
// connected or closed.
func (p *opening) connect(ctx context.Context, gone chan struct{}) {
	began := time.Now()
	conn, err := p.gate.dial(ctx, &p.c, p.addr, connectLimit)
	speaks := err == nil || gone == nil || errors.Is(err, syscall.ECONNREFUSED) // else the first one says what is wrong
	goesOn := speaks && p.decide()
	if !goesOn && conn != nil {
		conn.Close()
	}
	if gone != nil {
		close(gone)
	}
	if !goesOn {
		p.dials.Done()
		return
	}
	connected := time.Now()
	p.dialed()
	p.dials.Done()
	p.dials.Wait() // for the other socket to be closed
	p.connecting = connected.Sub(p.far.began)
	if err != nil {
		p.comes(failed, nil, &trust.Met{}, err)
		return
	}
	p.mu.Lock()
	p.far.trip = max(connected.Sub(began), 1) // since the SYN of this socket: that of the other may have been lost
	p.mu.Unlock()
	if p.c.Transport == provisioning.TCP {
		p.comes(ready, conn, &trust.Met{}, nil)
		return
	}
	p.mu.Lock()
	p.far.state, p.far.sockets, p.far.since = securing, 1, connected
	p.mu.Unlock()
	p.wake()
	secure, met, err := p.gate.secure(p.ctx, &p.c, p.addr, conn)
	if err != nil {
		p.comes(failed, nil, &met, err)
		return
	}
	p.comes(ready, secure, &met, nil)
}

// decide says whether nothing has decided before.
func (p *opening) decide() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := !p.decided && !p.shut
	p.decided = true
	return first
}

// comes to its end.
func (p *opening) comes(state laneState, conn net.Conn, met *trust.Met, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dialed(); p.shut {
		if conn != nil {
			conn.Close()
		}
		return
	}
	p.conn, p.met, p.err = conn, *met, err
	p.far.state, p.far.sockets, p.far.since = state, 0, time.Now()
	if state == ready {
		p.far.sockets = 1
	}
	p.wake()
}

// giveUpSecond closes the second socket.
func (p *opening) giveUpSecond() {
	p.mu.Lock()
	gone := p.gone
	if p.endSecond != nil {
		p.endSecond()
	}
	if p.far.state == dialling {
		p.far.sockets = 1
	}
	p.mu.Unlock()
	if gone != nil {
		<-gone
	}
}

// take hands over what was opened: the connection belongs to the caller.
func (p *opening) take() (net.Conn, trust.Met, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = true
	p.cancel()
	return p.conn, p.met, p.err
}

// close gives up what is opened and not taken, and waits for its end.
func (p *opening) close() {
	p.mu.Lock()
	if !p.shut {
		p.shut = true
		p.cancel()
		if p.conn != nil {
			p.conn.Close()
		}
	}
	p.mu.Unlock()
	p.tasks.Wait()
}
