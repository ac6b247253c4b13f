package sip

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// flow is what keeps one connection alive (RFC 5626 section 2): when we act next, and what the peer has shown of itself.
type flow struct {
	refreshAt time.Time
	endsAt    time.Time // when the binding does
	doubted   int       // unsigned refusals in a row
	pingAt    time.Time
	interval  time.Duration // between pings
	awaiting  time.Time     // when the ping was sent that nothing was heard after; zero: none
	held      int           // times in a row that a ping was put off
	pongs     bool          // the peer answers pings: it has, or promised to (Flow-Timer)

	blanks int       // line ends since the last message
	echoed time.Time // when we last answered a ping
}

// moment draws when to renew what lives that long.
func moment(lifetime time.Duration) time.Time {
	var random [8]byte
	rand.Read(random[:])
	share := float64(binary.BigEndian.Uint64(random[:])>>11) / (1 << 53)
	return time.Now().Add(time.Duration((refreshFrom + share*(refreshTo-refreshFrom)) * float64(lifetime)))
}

// granted starts anew after a 2xx to REGISTER.
func (f *flow) granted(m *message, expires time.Duration) {
	f.refreshAt, f.endsAt, f.doubted = moment(expires), time.Now().Add(expires), 0
	told, ok := seconds(m.get("Flow-Timer"), maxExpires) // RFC 5626 section 4.4.1
	f.pongs = f.pongs || ok
	if !ok { // MS-CONMGMT: "UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300"
		told, ok = seconds(parseParams(split(m.get("ms-keep-alive"), ';'))["timeout"], maxExpires)
	}
	first := f.pingAt.IsZero()
	f.interval = pingInterval
	if ok {
		f.interval = max(time.Duration(pingShare*float64(told)*float64(time.Second)), minPingInterval)
	}
	f.pingAt = time.Now().Add(f.interval)
	if first && !f.pongs { // until it is known whether the peer answers pings, its silence says nothing
		f.pingAt = time.Now().Add(min(f.interval, firstPing))
	}
}

// doubts plans another refresh after one that an unsigned answer refused; false: it is enough.
func (f *flow) doubts() bool {
	left := time.Until(f.endsAt)
	if f.doubted++; f.doubted > maxDoubted || left < minExpires*time.Second {
		return false
	}
	f.refreshAt = time.Now().Add(min(doubtedWait, left/2))
	return true
}

// next returns when something is due: the refresh, a ping, or the end of patience.
func (f *flow) next() time.Time {
	next := f.pingAt
	if f.pongs && !f.awaiting.IsZero() {
		next = f.awaiting.Add(pongWait)
	}
	if f.refreshAt.Before(next) {
		next = f.refreshAt
	}
	return next
}

func (f *flow) pinged(now time.Time) { f.awaiting, f.pingAt, f.held = now, now.Add(f.interval), 0 }

// holds puts a ping off while the system is about to find out whether the peer is there: data on its way would make it begin
// anew. Not for ever: not every system probes.
func (f *flow) holds(now time.Time) bool {
	if f.held == maxHeld {
		return false
	}
	f.held++
	f.pingAt = now.Add(heldFor)
	return true
}

func (f *flow) silent(now time.Time) bool {
	return f.pongs && !f.awaiting.IsZero() && now.Sub(f.awaiting) >= pongWait
}

// heard takes note of an arrival: anything shows that the peer lives. One line end soon after a ping is a pong; a peer
// that has sent one is from then on expected to.
func (f *flow) heard(blanks int) {
	if blanks == 1 && !f.awaiting.IsZero() && time.Since(f.awaiting) < pongWait {
		f.pongs, f.blanks = true, 0
	} else {
		f.blanks += blanks
	}
	if blanks == 0 {
		f.blanks = 0
	}
	f.awaiting = time.Time{}
}
