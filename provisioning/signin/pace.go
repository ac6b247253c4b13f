package signin

import (
	"cmp"
	"time"
)

// Our choices: how long an address may stay undecided. docs/deadlines.md has all of them in one table, with the reasons.
const (
	connectLimit = 3200 * time.Millisecond // nothing else is ready: a router that looks for the host in vain says so after 3 s

	// registerLimit is for the whole exchange; each answer has 4 s (package sip): not the 32 s of SIP timer F.
	registerLimit = 20 * time.Second
	passEvery     = 10 * time.Second // the owner hears of a walk that waits at least so often

	unknownTrip = 100 * time.Millisecond // the round trip, where none has been seen

	leastStagger, mostStagger = 250 * time.Millisecond, 2 * time.Second // RFC 8305 section 8
	leastSecond, mostSecond   = 150 * time.Millisecond, time.Second     // the kernel sends its second SYN after a second
	leastAfterSecond          = 250 * time.Millisecond
	leastHandshake            = 1200 * time.Millisecond // a lost packet and a busy server have room in it
	leastAnswer, mostAnswer   = 3 * time.Second, 4 * time.Second
)

// pace is how fast the network is, in round trips; 0: none.
type pace struct {
	seen   time.Duration // on the way to a Registrar in this walk, the longest
	before time.Duration // the same, of the last walk that has seen one
	hint   time.Duration // at most, to something else on the network in this walk
}

// known is the round trip to go by.
func (p pace) known() time.Duration { return cmp.Or(p.seen, p.before, p.hint, unknownTrip) }

// kept is what the next walk knows of it. What is seen then counts for more: a network is not slow for ever.
func (p pace) kept() pace { return pace{before: cmp.Or(p.seen, p.before)} }

// stagger is how long the next rank waits for one that makes no progress.
func (p pace) stagger() time.Duration { return min(max(3*p.known(), leastStagger), mostStagger) }

// second is when a second SYN is sent on a second socket, so that one lost packet decides nothing.
func (p pace) second() time.Duration { return min(max(2*p.known(), leastSecond), mostSecond) }

// connect is how long an address may take to connect while a worse rank is ready.
func (p pace) connect() time.Duration {
	return min(p.second()+max(3*p.known(), leastAfterSecond), connectLimit)
}

// handshake is the same for TLS; p is that of the connection.
func (p pace) handshake() time.Duration { return min(leastHandshake+8*p.known(), tlsLimit) }

// answer is how long a Registrar may be mute while a worse rank is ready.
func (p pace) answer() time.Duration { return min(leastAnswer+20*p.known(), mostAnswer) }
