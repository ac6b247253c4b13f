package main

import (
	"fmt"
	"time"

	"homeward/internal/storm"
)

// usualPatience is how long the agent waits for an answer, usually.
const usualPatience = 4 * time.Second

// agents are devices with the agent: what it decides by is what is played.
type agents struct {
	site  time.Duration // storm_window; negative: none
	tries []storm.Tries
	asked []time.Duration // by a Registrar, the most; kept over the power cut
}

func newAgents(devices int, site time.Duration) *agents {
	return &agents{site, make([]storm.Tries, devices), make([]time.Duration, devices)}
}

// first begins anew after a power cut.
func (a *agents) first(device int, _ storm.Chance) time.Duration {
	window := storm.Window(a.site, a.asked[device])
	a.tries[device] = storm.Tries{Window: window}
	return storm.Share(fmt.Sprintf("sip:phone%d@contoso.com", device), window)
}

func (a *agents) patience(device int) time.Duration { return a.tries[device].Patience(usualPatience) }

func (a *agents) failed(device int, what answer, asked time.Duration, chance storm.Chance) (wait, knock time.Duration) {
	t := &a.tries[device]
	t.Refill() // the delay before this try is over
	a.asked[device] = max(a.asked[device], asked)
	wait = t.Failed(asked, chance)
	if what == silent {
		knock = t.Knock(chance)
	}
	return wait, knock
}

func (a *agents) knocked(device int, taken bool, chance storm.Chance) time.Duration {
	t := &a.tries[device]
	if taken {
		t.Knocked()
		return 0
	}
	return t.Knock(chance)
}

func (a *agents) accepted(device int) { a.tries[device].Accepted() }

// others are devices that come at once, wait for an answer as SIP has it, and come again after a delay.
type others struct {
	delay    func(n int, chance storm.Chance) time.Duration // after the nth failure in a row
	failures []int
}

func newOthers(devices int, delay func(int, storm.Chance) time.Duration) *others {
	return &others{delay, make([]int, devices)}
}

// fixed is always the same delay.
func fixed(d time.Duration) func(int, storm.Chance) time.Duration {
	return func(int, storm.Chance) time.Duration { return d }
}

func (o *others) first(int, storm.Chance) time.Duration { return 0 }

func (o *others) patience(int) time.Duration { return 32 * time.Second } // RFC 3261: timer F

func (o *others) failed(device int, _ answer, _ time.Duration, chance storm.Chance) (wait, knock time.Duration) {
	o.failures[device]++
	return o.delay(o.failures[device], chance), 0
}

func (o *others) knocked(int, bool, storm.Chance) time.Duration { return 0 }

func (o *others) accepted(int) {}
