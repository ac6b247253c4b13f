package signin

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"homeward/provisioning"
)

// Our choices. When it is knocked, package storm decides.
const (
	knockDoors = 6           // sockets at once
	knockLimit = time.Second // for a connection; the next knock is soon
)

// Doors are the Candidates of a walk to which no connection came about.
type Doors struct {
	signer *Signer
	all    []provisioning.Candidate
}

// failed takes note of a Candidate to which no connection came about: what came further is a matter for the whole rest.
func (d *Doors) failed(c *provisioning.Candidate, err error) {
	var attempt *attemptError
	known := func(other provisioning.Candidate) bool { return other.Endpoint == c.Endpoint }
	if errors.As(err, &attempt) && attempt.stage == connecting && !slices.ContainsFunc(d.all, known) {
		d.all = append(d.all, *c)
	}
}

// After returns when to Knock next; false: there is no door, or it is not for a Registrar to end the rest.
func (d *Doors) After() (time.Duration, bool) {
	if d.signer.restraint.Spent() || len(d.open()) == 0 {
		return 0, false
	}
	return d.signer.restraint.tries.Knock(rand.N), true
}

// open are the doors at which one may knock.
func (d *Doors) open() (doors []netip.AddrPort) {
	for i := range d.all {
		c := &d.all[i]
		for _, addr := range c.Addrs {
			if d.signer.restraint.Allows(c, addr) && d.signer.gate.refuses(c, addr) == nil {
				doors = append(doors, netip.AddrPortFrom(addr, c.Port))
			}
		}
	}
	rand.Shuffle(len(doors), func(i, j int) { doors[i], doors[j] = doors[j], doors[i] })
	return doors[:min(len(doors), knockDoors)]
}

// Knock finds out whether somebody takes a connection now. It sends nothing over it.
func (d *Doors) Knock(ctx context.Context) bool {
	limited, cancel := context.WithTimeout(ctx, knockLimit)
	defer cancel()
	var knocking sync.WaitGroup
	opened := make(chan struct{}, knockDoors)
	for _, door := range d.open() {
		knocking.Go(func() {
			if conn, err := d.signer.gate.wire.Dial(limited, "tcp", door.String()); err == nil {
				conn.Close()
				opened <- struct{}{}
				cancel()
			}
		})
	}
	knocking.Wait()
	if len(opened) == 0 {
		return false
	}
	d.signer.restraint.tries.Knocked()
	return true
}
