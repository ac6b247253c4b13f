package years

import (
	"slices"
	"sync"
	"time"

	"homeward/provisioning"
)

// Promises are the checks of all promises, in the order of ARCHITECTURE.md.
var Promises = []string{"order", "last-good", "stale", "credentials", "floor", "secret", "registrar.json", "status", "lock-out", "restraint", "home", "disk", "bounded", "alive", "phone", "fleet"}

// The limits of the promises. ARCHITECTURE.md has them in words.
const (
	homeLimit   = 65 * time.Minute // half an hour of rest, and the way back to the primary
	stopLimit   = 10 * time.Second
	aliveLimit  = 40 * time.Second
	noticed     = time.Minute      // a dead connection is told
	settled     = 15 * time.Second // what was asked before a cycle is not older
	written     = 2 * time.Second  // what is written down is on the disk
	visited     = 12 * time.Minute // without a binding, a Registrar that has ended the connection is asked as seldom
	published   = 20 * time.Minute // the longest pause between two tries to reach the broker, and some
	longestRest = 40 * time.Minute // what is asked for here, 25 min at most, and half of it again
	forgiven    = 45 * time.Minute // the longest that a Registrar loses its turn for, in one life

	maxWrong = 2 // passwords refused within the lock-out window, in one life
	lockout  = 30 * time.Minute

	nextCertificate = 17 * time.Hour // what could not be used is asked for a day later, a quarter either way
	maxConnects     = 20             // to one address within a minute
	maxRegisters    = 40             // in vain at one address within an hour
	maxFiles        = 24
	maxBytes        = 1 << 20
	maxGoroutines   = 300
)

// verdict is what was broken.
type verdict struct {
	mu   sync.Mutex
	said []string
}

func (v *verdict) broken() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.said)
}

// facts are what the promises remember of the device and of what the site has seen.
type facts struct {
	state   provisioning.State
	cycleAt time.Time // when it began to look for a Registrar
	clean   bool      // it was discovered, and DNS answered right from then on, until it registered
	told    bool      // the way led through a redirect
	floor   bool      // it has registered over TLS, by its record

	granted   map[string]grant       // by address
	wrong     []time.Time            // passwords refused
	connects  map[string][]time.Time // by address
	registers map[string][]time.Time // in vain, by address
	certified []time.Time
	netAt     time.Time // the latest change of the network of the device
	network   string
	standsAt  time.Time // the latest change of the state
}

type grant struct {
	at, until time.Time
}

func newFacts() facts {
	return facts{granted: map[string]grant{}, connects: map[string][]time.Time{}, registers: map[string][]time.Time{}, netAt: time.Now()}
}

// since returns those of some times that are not longer ago than that.
func since(times []time.Time, ago time.Duration) []time.Time {
	from := time.Now().Add(-ago)
	return slices.DeleteFunc(times, func(t time.Time) bool { return t.Before(from) })
}
