package main

import (
	"cmp"
	"container/heap"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"homeward/internal/storm"
)

// weather is a power cut at a site.
type weather struct {
	devices int
	pool    pool          // as it is before it begins
	seed    uint64        // of all chance
	until   time.Duration // nobody is played longer
}

// manners are how devices come back.
type manners interface {
	// first is when a device comes for the first time, after its start.
	first(device int, chance storm.Chance) time.Duration
	// patience is how long it waits for an answer.
	patience(device int) time.Duration
	// failed is how long it stays away, and how soon it may look whether a connection is taken; 0: it does not.
	failed(device int, what answer, asked time.Duration, chance storm.Chance) (wait, knock time.Duration)
	// knocked is the same after a look: again is 0 when it tries now.
	knocked(device int, taken bool, chance storm.Chance) (again time.Duration)
	accepted(device int)
}

// recovery is how a storm went.
type recovery struct {
	half, most, all time.Duration // 50 %, 99 % and 100 % of the devices are registered; 0: never
	tries           float64       // of a device, since the pool is there, whether they were answered or not
	peak            int           // tries in one second, the most
}

// visit is something that a device does.
type visit struct {
	at     time.Duration
	device int
	knock  bool
	until  time.Duration // of a knock: when the device tries in any case
	order  int           // among equals
}

// visits are a heap.
type visits []visit

func (v visits) Len() int { return len(v) }
func (v visits) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(v[i].at, v[j].at), cmp.Compare(v[i].order, v[j].order)) < 0
}
func (v visits) Swap(i, j int) { v[i], v[j] = v[j], v[i] }
func (v *visits) Push(x any)   { *v = append(*v, x.(visit)) }
func (v *visits) Pop() any {
	last := (*v)[len(*v)-1]
	*v = (*v)[:len(*v)-1]
	return last
}

// tempest is one storm while it is played.
type tempest struct {
	weather
	manners
	chance storm.Chance
	visits visits
	order  int
	tries  int
	done   []time.Duration
	tried  []int // in each second
}

// bootSpread is our choice: devices of one kind start within so long of each other.
const bootSpread = 2 * time.Second

// play plays a storm, in virtual time.
func (w weather) play(m manners) recovery {
	draw := rand.New(rand.NewPCG(w.seed, 1))
	t := &tempest{weather: w, manners: m, chance: func(n time.Duration) time.Duration { return time.Duration(draw.Int64N(int64(n))) }}
	t.tried = make([]int, w.until/time.Second+1)
	for device := range w.devices {
		t.comes(visit{at: t.chance(bootSpread) + m.first(device, t.chance), device: device})
	}
	for len(t.visits) > 0 && t.visits[0].at < w.until {
		v := heap.Pop(&t.visits).(visit)
		if v.knock {
			t.knock(v)
		} else {
			t.try(v)
		}
	}
	return t.recovered()
}

// comes notes what a device does next.
func (t *tempest) comes(v visit) {
	t.order++
	v.order = t.order
	heap.Push(&t.visits, v)
}

// try is a try of a device.
func (t *tempest) try(v visit) {
	if v.at >= t.pool.begins { // before, they meet nobody
		t.tries++
		t.tried[v.at/time.Second]++
	}
	what, at, asked := t.pool.try(v.at, t.patience(v.device))
	if what == accepted {
		t.accepted(v.device)
		t.done = append(t.done, at)
		return
	}
	wait, knock := t.failed(v.device, what, asked, t.chance)
	t.rests(v.device, at, at+wait, knock)
}

// rests lets a device try again, or look before that whether a connection is taken.
func (t *tempest) rests(device int, now, until, knock time.Duration) {
	if knock == 0 || now+knock >= until {
		t.comes(visit{at: until, device: device})
		return
	}
	t.comes(visit{at: now + knock, device: device, knock: true, until: until})
}

// knock is a look of a device whether a connection is taken.
func (t *tempest) knock(v visit) {
	taken := t.pool.takes(v.at)
	again := t.knocked(v.device, taken, t.chance)
	if again == 0 {
		t.comes(visit{at: v.at, device: v.device})
		return
	}
	t.rests(v.device, v.at, v.until, again)
}

// recovered is how it went.
func (t *tempest) recovered() recovery {
	slices.Sort(t.done)
	share := func(part float64) time.Duration {
		if n := int(part * float64(t.devices)); n <= len(t.done) && n > 0 {
			return t.done[n-1]
		}
		return 0
	}
	return recovery{share(0.5), share(0.99), share(1), float64(t.tries) / float64(t.devices), slices.Max(t.tried)}
}

// limit is how long the pool needs for all of them, if none comes in vain and it is never idle.
func (w weather) limit() time.Duration {
	return w.pool.begins + w.pool.work(float64(w.devices))
}

// right is the window that docs/storm.md advises: a fifth longer than the pool needs.
func (w weather) right() time.Duration { return w.pool.work(1.2 * float64(w.devices)) }

const stormHead = "                                     50 %    99 %   100 %  /limit   tries    peak  /rate"

// row prints a recovery: seconds, tries of a device, and the most in one second.
func (w weather) row(out io.Writer, name string, o recovery) {
	seconds := func(d time.Duration) string {
		if d == 0 {
			return "never"
		}
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	ratio := "-"
	if o.all > 0 {
		ratio = fmt.Sprintf("%.2f", float64(o.all)/float64(w.limit()))
	}
	fmt.Fprintf(out, "%-32s %8s %7s %7s %7s %7.2f %7d %6.2f\n", name, seconds(o.half), seconds(o.most), seconds(o.all), ratio, o.tries, o.peak, float64(o.peak)/w.pool.rate)
}

// table plays a power cut for devices with the agent and for others, and prints what comes of it.
func (w weather) table(out io.Writer) {
	fmt.Fprintf(out, "%d devices, %.0f sign-ins a second, limit %.0f s\n%s\n", w.devices, w.pool.rate, w.limit().Seconds(), stormHead)
	right := w.right()
	for _, row := range []struct {
		name   string
		window time.Duration
	}{{"storm_window right", right}, {"half of that", right / 2}, {"twice that", 2 * right}} {
		w.row(out, fmt.Sprintf("%s (%.0f s)", row.name, row.window.Seconds()), w.play(newAgents(w.devices, row.window)))
	}
	unset := newAgents(w.devices, -1)
	w.row(out, "not set", w.play(unset))
	w.row(out, "not set, the next power cut", w.play(unset))
	w.row(out, "every 30 s", w.play(newOthers(w.devices, fixed(30*time.Second))))
	w.row(out, "every 60 s", w.play(newOthers(w.devices, fixed(60*time.Second))))
	w.row(out, "RFC 5626", w.play(newOthers(w.devices, storm.Delay)))
}

// stormCommand reads the flags of lab storm, and prints its table.
func stormCommand(args []string, out io.Writer) error {
	w := weather{seed: 1, until: time.Hour}
	flags := flag.NewFlagSet("lab storm", flag.ContinueOnError)
	flags.IntVar(&w.devices, "n", 10_000, "devices")
	flags.Float64Var(&w.pool.rate, "rate", 200, "sign-ins that the pool can serve in a second")
	flags.DurationVar(&w.pool.begins, "cut", 0, "the pool starts so long after the devices")
	flags.Float64Var(&w.pool.handshake, "handshake", 0.3, "part of the work of a sign-in that is TLS, and that a 503 costs too")
	flags.DurationVar(&w.pool.queue, "queue", 2*time.Second, "a longer queue is answered with 503")
	flags.DurationVar(&w.pool.backlog, "backlog", 10*time.Second, "a longer queue takes no more connections")
	flags.BoolVar(&w.pool.asks.places, "places", false, "Retry-After gives each device a place of its own behind those that were sent away before")
	flags.DurationVar(&w.pool.asks.fixed, "retry-after", 0, "Retry-After is always this; 0: a 503 has none")
	flags.Uint64Var(&w.seed, "seed", 1, "of all chance")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case w.devices < 1 || w.pool.rate <= 0 || flags.NArg() > 0:
		return errors.New("storm: -n and -rate are at least 1, and there is nothing but flags")
	}
	w.table(out)
	return nil
}
