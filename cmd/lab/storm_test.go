package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// With the window that docs/storm.md advises, no device comes in vain, the pool has no more to do than it can, and the last one is
// there soon; however the pool meets those that are too many.
func TestStormWithTheRightWindow(t *testing.T) {
	for name, p := range map[string]pool{
		"503 with Retry-After": {queue: 2 * time.Second, backlog: 10 * time.Second, asks: asking{fixed: time.Minute}},
		"503":                  {queue: 2 * time.Second, backlog: 10 * time.Second},
		"silence":              {queue: 2 * time.Second, backlog: 2 * time.Second},
		"a long queue":         {queue: time.Hour, backlog: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			p.rate, p.handshake = 200, 0.3
			w := weather{devices: 10_000, pool: p, seed: 1, until: time.Hour}
			o := w.play(newAgents(w.devices, w.right()))
			if o.all == 0 || o.all > w.limit()*13/10 || o.tries > 1.1 || float64(o.peak) > 1.1*p.rate {
				t.Errorf("limit %v: %+v", w.limit(), o)
			}
		})
	}
}

// A pool that starts later than its devices finds them in their places.
func TestStormBeforeThePool(t *testing.T) {
	w := weather{devices: 10_000, pool: pool{rate: 200, handshake: 0.3, begins: 90 * time.Second, queue: 2 * time.Second, backlog: 10 * time.Second}, seed: 1, until: time.Hour}
	o := w.play(newAgents(w.devices, w.right()))
	if o.all == 0 || o.all > w.limit()*13/10 || o.tries > 1.1 || float64(o.peak) > 1.3*w.pool.rate {
		t.Errorf("limit %v: %+v", w.limit(), o)
	}
}

// Without the manners the same pool is down for minutes: the model is no easy one.
func TestStormWithoutManners(t *testing.T) {
	w := weather{devices: 10_000, pool: pool{rate: 200, handshake: 0.3, queue: 2 * time.Second, backlog: 10 * time.Second}, seed: 1, until: time.Hour}
	if o := w.play(newOthers(w.devices, fixed(30*time.Second))); o.all > 0 && o.all < 5*w.limit() || o.tries < 3 {
		t.Errorf("every 30 s: %+v", o)
	}
}

// A model without a queue, and one device, whose recovery can be told in the head.
func TestStormOfOne(t *testing.T) {
	p := pool{rate: 10, begins: 20 * time.Second, backlog: time.Hour, queue: time.Hour}
	w := weather{devices: 1, pool: p, seed: 1, until: time.Hour}
	o := w.play(newOthers(1, fixed(30*time.Second)))
	// It comes within two seconds, waits three for a connection, and comes again 30 later.
	if o.all < 33*time.Second || o.all > 35100*time.Millisecond || o.tries != 1 || o.peak != 1 {
		t.Errorf("%+v", o)
	}
}

// The same seed plays the same storm.
func TestStormCommand(t *testing.T) {
	args := strings.Fields("-n 2000 -rate 200 -cut 5s -retry-after 20s")
	var first, again bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &again} {
		if err := stormCommand(args, out); err != nil {
			t.Fatal(err)
		}
	}
	if first.String() != again.String() || strings.Count(first.String(), "\n") != 10 {
		t.Errorf("first\n%s\nagain\n%s", &first, &again)
	}
	for _, wrong := range []string{"-n 0", "-rate 0", "file", "-unknown"} {
		if err := stormCommand(strings.Fields(wrong), &again); err == nil {
			t.Errorf("%s: no error", wrong)
		}
	}
}
