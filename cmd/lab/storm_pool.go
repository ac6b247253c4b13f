package main

import "time"

// pool is a model of the Registrars of a site: one queue, which is worked off at a rate. Times are since the power has returned.
type pool struct {
	rate      float64       // sign-ins a second
	handshake float64       // the part of that work which is TLS, and which a 503 costs as well
	begins    time.Duration // it starts so long after the power has returned
	queue     time.Duration // a longer one is answered with 503
	backlog   time.Duration // a longer one takes no more connections
	asks      asking

	free     time.Duration // when it has done all that is in its queue
	promised time.Duration // until when it has given out places to come back in
}

// asking is what a 503 says in Retry-After.
type asking struct {
	places bool          // as long as it will take to serve those who were sent away before
	fixed  time.Duration // the same to all; 0: nothing
}

// answer is what becomes of a try.
type answer uint8

const (
	accepted answer = iota
	busy            // a 503
	mute            // the device did not wait for its turn
	silent          // no connection came about
)

// Our choices for the model.
const (
	refusalWork = 0.1             // of a sign-in: a 503, after the handshake
	connectWait = 3 * time.Second // as long as the agent waits for a connection
)

// takes says whether the pool takes a connection.
func (p *pool) takes(now time.Duration) bool {
	return now >= p.begins && p.free-now <= p.backlog
}

// work is how long the pool needs for a part of a sign-in.
func (p *pool) work(part float64) time.Duration {
	return time.Duration(part / p.rate * float64(time.Second))
}

// try is one sign-in of a device that waits for so long. It returns what becomes of it, when, and what the pool asks for.
func (p *pool) try(now, patience time.Duration) (what answer, at, asked time.Duration) {
	if !p.takes(now) {
		return silent, now + connectWait, 0
	}
	p.free = max(p.free, now)
	waits := p.free - now
	switch {
	case waits > patience:
		p.free += p.work(p.handshake) // for nobody
		return mute, now + patience, 0
	case waits > p.queue:
		p.free += p.work(p.handshake + refusalWork)
		return busy, p.free, p.ask(p.free)
	default:
		p.free += p.work(1)
		return accepted, p.free, 0
	}
}

// ask is what a 503 says.
func (p *pool) ask(now time.Duration) time.Duration {
	if !p.asks.places {
		return p.asks.fixed
	}
	p.promised = max(p.promised, now) + p.work(1)
	return (p.promised - now).Truncate(time.Second) + time.Second // Retry-After has whole seconds
}
