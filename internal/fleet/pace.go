package fleet

import (
	"math/rand/v2"
	"time"
)

// Our choices. A device that falls silent is offline six minutes later at the most: one and a half keep-alives (MQTT 5 section 3.1.2.10), and
// the delay of the will, in which a daemon that was started again, or a network that was away for a moment, is not told.
const (
	keepAlive = 3 * time.Minute
	willDelay = 60 * time.Second
	dialLimit = 20 * time.Second // for TCP, TLS and CONNECT
	ackLimit  = 30 * time.Second // a broker that takes longer is left
	farewell  = time.Second      // the end of the daemon waits no longer for the broker
	coalesce  = 10 * time.Second // between two states
	day       = 24 * time.Hour   // all is published again after it, give or take a quarter
	spread    = 30 * time.Second // the first retry comes within it, at random; each further one within twice as much
	maxSpread = 15 * time.Minute
	heldFor   = time.Minute // a connection that holds so long ends a series of failures
)

// Pace is how fast a publisher goes. There is one that devices have; tests have less time, or more.
type Pace struct {
	KeepAlive, WillDelay time.Duration // whole seconds
	Spread               time.Duration // the first retry comes within it
	ackLimit, coalesce   time.Duration
	maxSpread, heldFor   time.Duration
}

var usual = Pace{keepAlive, willDelay, spread, ackLimit, coalesce, maxSpread, heldFor}

// wait is how long to wait after so many failures in a row: anything up to a bound, so that the devices that lost one broker do
// not come back together. A busy broker is given the whole bound.
func (p Pace) wait(failures int, busy bool) time.Duration {
	bound := p.Spread
	for range failures - 1 {
		bound = min(2*bound, p.maxSpread)
	}
	if busy {
		bound = p.maxSpread
	}
	return rand.N(bound) + bound/30
}

// aDay is 24 hours, give or take a quarter.
func aDay() time.Duration { return day*3/4 + rand.N(day/2) }
