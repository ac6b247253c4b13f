package storm

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Usual is the window of a site that has named none, where no Registrar has asked for anything. (Our choice: a pool of 200
// registrations a second has 6,000 devices back in it, and nobody minds 30 s after a power cut.)
const Usual = 30 * time.Second

// mostAsked bounds the window that follows from what a Registrar asked. It may have asked for an hour, for reasons of that day.
// (Our choice.)
const mostAsked = 10 * time.Minute

// delays between tries after a failure (RFC 5626 section 4.5: base 30 s, doubled, at most 1800 s; each is drawn from its upper
// half). The running total is beside.
var delays = [...]time.Duration{
	30 * time.Second,   // 0:30
	60 * time.Second,   // 1:30
	120 * time.Second,  // 3:30
	240 * time.Second,  // 7:30
	480 * time.Second,  // 15:30
	960 * time.Second,  // 31:30
	1800 * time.Second, // and so on, for ever
}

// Our choices.
const (
	askedSpread  = 0.5              // of what a Registrar asked, added to it at random: it asked all of them for the same
	mostPatience = 32 * time.Second // RFC 3261 section 17.1.2.2: timer F
	budget       = 10               // tries that no delay precedes, until one has held or a delay is over

	leastKnock, mostKnock = 2 * time.Second, 9 * time.Second // a Registrar that restarts has its devices back within 10 s
	knocksDoubled         = 5                                // so often at most, once for each time that it was in vain
)

// Share returns the part of a span that belongs to a device: the same each time, and spread evenly over all devices.
func Share(device string, span time.Duration) time.Duration {
	sum := sha256.Sum256([]byte(device))
	return time.Duration(float64(span) * float64(binary.BigEndian.Uint32(sum[:4])) / (1 << 32))
}

// Window is over how long the first contacts after a power cut are spread: as the site says; else as long as a Registrar has
// asked this device to stay away, when too many came; else Usual. site is negative where the site says nothing.
func Window(site, asked time.Duration) time.Duration {
	switch {
	case site >= 0:
		return site
	case asked > 0:
		return min(asked, mostAsked)
	default:
		return Usual
	}
}

// Chance draws a duration from 0 up to, and without, the one that it is given, which is above 0. rand.N is one.
type Chance func(time.Duration) time.Duration

// Tries is what a device knows of its tries to register. The zero value knows of none.
type Tries struct {
	// Window is over how long all devices are spread, since the power has returned to them at once, and this one has not
	// registered since. Whatever it repeats, it does once in each window: its place in that is its share. 0: there was no power cut.
	Window   time.Duration
	Failures int // in a row
	knocks   int // delays in a row that a Registrar has cut short by taking a connection
	spent    int // of the budget
}

// Failed counts a failure, and returns how long to leave Registrars alone: as long as asked, if that is more than 0 and all
// have asked; else as RFC 5626 has it.
func (t *Tries) Failed(asked time.Duration, chance Chance) time.Duration {
	t.Failures++
	if wait := t.delay(chance); asked == 0 || t.Failures > 1 && asked < wait { // at first no longer than asked, then no shorter
		return wait
	}
	return asked + chance(time.Duration(float64(asked)*askedSpread)+1)
}

// delay draws the delay after so many failures.
func (t *Tries) delay(chance Chance) time.Duration {
	top := delays[min(t.Failures, len(delays))-1]
	return t.Between(top/2, top, chance)
}

// Delay draws the delay of RFC 5626 after the nth failure in a row.
func Delay(n int, chance Chance) time.Duration {
	t := Tries{Failures: n}
	return t.delay(chance)
}

// Between draws a pause of at least from and less than to; after a power cut it is as long as the window, if that is longer.
func (t *Tries) Between(from, to time.Duration, chance Chance) time.Duration {
	return max(from+chance(to-from), t.Window-t.Window/20+chance(t.Window/10+1))
}

// Patience is how long a Registrar may take while nobody else would take the device, where it usually may take so long. It grows
// with the failures: a Registrar that has a queue works for nobody if all have gone when their turn comes. After a power cut there
// is a queue.
func (t *Tries) Patience(usual time.Duration) time.Duration {
	if t.Window > 0 {
		return max(usual, mostPatience)
	}
	return max(usual, min(usual<<min(t.Failures, 8), mostPatience))
}

// Turn returns how long it is until the next turn of the device comes, whose share of the window is given, so long after its
// start: it has one in each window. 0: now, or there is no window.
func (t *Tries) Turn(share, since time.Duration) time.Duration {
	if t.Window <= 0 {
		return 0
	}
	return ((share-since)%t.Window + t.Window) % t.Window
}

// Knock draws the pause before it is found out whether a Registrar that took no connection takes one now. Where connections are
// taken and nothing comes of them, the pauses grow.
func (t *Tries) Knock(chance Chance) time.Duration {
	in := min(t.knocks, knocksDoubled)
	return t.Between(leastKnock<<in, mostKnock<<in, chance)
}

// Knocked takes note that a Registrar takes connections again: a try follows.
func (t *Tries) Knocked() { t.knocks++ }

// Spend takes from the budget of all Registrars what a try costs that no delay precedes.
func (t *Tries) Spend() { t.spent++ }

// Spent says that no more tries are made without a delay.
func (t *Tries) Spent() bool { return t.spent >= budget }

// Refill fills the budget again: a delay is over.
func (t *Tries) Refill() { t.spent = 0 }

// Accepted takes note that a Registrar has accepted the device: the storm is over for it.
func (t *Tries) Accepted() { t.Window, t.knocks = 0, 0 }

// Held takes note that a registration has held.
func (t *Tries) Held() { t.Failures, t.spent = 0, 0 }
