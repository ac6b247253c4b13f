package agent

import (
	"cmp"
	"sync"
	"time"

	"homeward/cache"
	"homeward/internal/identity"
	"homeward/provisioning"
	"homeward/provisioning/enrol"
)

// replicated is the time after which a certificate has come to all Registrars of a site. (Our choice: minutes are usual.)
const replicated = time.Hour

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

	avoid      string // the fingerprint of a pair that has not come to the Registrars yet
	avoidUntil time.Time
	told       provisioning.Trouble // what is wrong, as it was told last
}

// Own returns the pair that the daemon of a device which remembers record would sign in with, or why it would not, for who only looks.
// The error is an *identity.Error.
func Own(store identity.Store, policy *provisioning.Policy, record *cache.Record) (identity.Pair, provisioning.Trouble, error) {
	looks := basis{policy: *policy, store: cache.InMemory(*record)}
	now := looks.now()
	newest, _ := store.Newest() // Load says what is wrong
	pair, err := store.Load(identity.Owner{SIPAddress: policy.SIPAddress.String(), EndpointID: cmp.Or(record.EndpointID, newest.Details.EndpointID)}, now)
	return pair, enrol.JudgeIdentity(err, now), err
}

// now is a time that is not too early: a clock that is behind is not believed.
func (b *basis) now() time.Time {
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
	c.mu.Lock()
	avoid := c.avoid
	if !time.Now().Before(c.avoidUntil) {
		avoid = ""
	}
	c.mu.Unlock()
	pair, err := c.store.Load(c.owner, now, avoid)
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

// accepted takes note that a Registrar has accepted the pair with a fingerprint. It may have been replaced since.
func (c *credential) accepted(fingerprint string) {
	c.mu.Lock()
	pair := c.used
	c.mu.Unlock()
	if pair.None() || pair.Fingerprint() != fingerprint || pair.Proven && !pair.Refused {
		return
	}
	if err := c.store.Confirm(pair); err != nil {
		c.board.certificate(provisioning.FaultEnrolStore.Met(provisioning.Facts{"problem": err.Error()}))
		return
	}
	c.load()
}

// refused takes note that a Registrar has refused the pair of the latest session. One that is new may not have come to that
// Registrar yet; one that was accepted before, or had its time to come, counts as refused. It is tried again all the same where
// there is no other, and asked for anew where that is possible.
func (c *credential) refused() {
	c.mu.Lock()
	pair := c.used
	c.mu.Unlock()
	switch {
	case pair.None() || pair.Refused:
		return
	case !pair.Proven && c.basis.now().Sub(pair.Details.EnrolledAt) < replicated:
		c.mu.Lock()
		c.avoid, c.avoidUntil = pair.Fingerprint(), time.Now().Add(replicated/4) // the one before is still known
		c.mu.Unlock()
		c.load()
		return
	}
	if err := c.store.Refuse(pair); err != nil {
		c.board.certificate(provisioning.FaultEnrolStore.Met(provisioning.Facts{"problem": err.Error()}))
	}
	c.load()
}
