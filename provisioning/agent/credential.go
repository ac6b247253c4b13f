package agent

import (
	"sync"
	"time"

	"github.com/homeward-agent/homeward/internal/identity"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/enrol"
)

// refusedApart is how far apart in time two refusals by one Registrar are, before a certificate counts as refused: what was
// issued just now may not have come to it yet. (Our choice.)
const refusedApart = 10 * time.Minute

// keptFor is how long a pair is not read again. (Our choice: parsing a key takes a while on a small device.)
const keptFor = 2 * time.Second

// credential is the certificate of the device: which one is used, and what Registrars think of it. It may be used from any
// goroutine.
type credential struct {
	basis basis
	board *board
	store identity.Store
	owner identity.Owner

	mu       sync.Mutex
	used     identity.Pair // of the latest session
	loadedAt time.Time
	doubts   map[string]doubt     // by fingerprint
	told     provisioning.Trouble // what is wrong, as it was told last
}

// doubt is the first refusal of a certificate since it was last accepted.
type doubt struct {
	host string
	at   time.Time
}

// now is a time that is not too early: a clock that is behind is not believed.
func (b basis) now() time.Time {
	now := time.Now()
	if floor := b.clockFloor(); now.Before(floor) {
		return floor
	}
	return now
}

// pair returns the pair to sign in with; none where there is none. An attempt asks more than once, and the disk once.
func (c *credential) pair() identity.Pair {
	c.mu.Lock()
	pair, fresh := c.used, time.Since(c.loadedAt) < keptFor
	c.mu.Unlock()
	if fresh {
		return pair
	}
	return c.load()
}

// load reads the pair to sign in with. What is wrong is told once.
func (c *credential) load() identity.Pair {
	now := c.basis.now()
	pair, err := c.store.Load(c.owner, now)
	trouble := enrol.JudgeIdentity(err, now)
	c.mu.Lock()
	news := trouble.Fault != c.told.Fault
	c.used, c.loadedAt, c.told = pair, time.Now(), trouble
	c.mu.Unlock()
	c.board.holds(pair, trouble)
	if news && !trouble.None() {
		c.board.certificate(trouble)
	}
	return pair
}

// accepted takes note that a Registrar has accepted the pair of the latest session.
func (c *credential) accepted() {
	c.mu.Lock()
	pair := c.used
	delete(c.doubts, pair.Fingerprint())
	c.mu.Unlock()
	if pair.None() || pair.Proven && !pair.Refused {
		return
	}
	if err := c.store.Confirm(pair); err != nil {
		c.board.certificate(provisioning.FaultEnrolStore.Met(provisioning.Facts{"problem": err.Error()}))
		return
	}
	c.load()
}

// refusedBy takes note that a Registrar has refused the pair of the latest session. Two servers have to, or one twice with some
// time in between. It says whether the pair counts as refused now.
func (c *credential) refusedBy(host string) bool {
	c.mu.Lock()
	pair := c.used
	first, known := c.doubts[pair.Fingerprint()]
	if !known {
		c.doubts = map[string]doubt{pair.Fingerprint(): {host, time.Now()}}
	}
	c.mu.Unlock()
	if pair.None() || !known || first.host == host && time.Since(first.at) < refusedApart {
		return false
	}
	if err := c.store.Refuse(pair); err != nil {
		c.board.certificate(provisioning.FaultEnrolStore.Met(provisioning.Facts{"problem": err.Error()}))
	}
	c.load()
	return true
}
