package drill

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"homeward/cache"
	"homeward/provisioning"
	"homeward/provisioning/agent"
	"homeward/provisioning/signin"
	"homeward/provisioning/wire"
)

// limit is how long a tech waits; another 2 s may pass to take the binding back. (Our choice.)
const limit = 17 * time.Second

// Run rehearses. It ends within 20 s, and with ctx.
func Run(ctx context.Context, o Options) *Report {
	memory := o.Policy.Memory(cache.InMemory(o.Record))
	record, remembers := memory.Record()
	switch {
	case !o.Rests.None():
		return refused(o.Case, o.Rests)
	case !o.Untried.None() && o.Policy.Password == "":
		return refused(o.Case, o.Untried)
	case o.Case == Primary && !remembers:
		return refused(o.Case, provisioning.FaultNoLastGood.Met(nil))
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if o.Case == Clock {
		o.Policy.Clock = fromTheBeginning(time.Now())
	}
	o.Policy.Accept, o.Policy.Enrol = nil, false // a drill leaves nothing behind
	o.Beside = o.Beside && !o.Policy.Release
	o.Policy.Release = o.Policy.Release || o.Beside
	primary, err := provisioning.RegistrarOf(&record.Registrar)
	if err != nil && o.Case == Primary {
		return refused(o.Case, provisioning.CacheDamaged.Met(err.Error()))
	}
	record.EndpointID = cmp.Or(o.EndpointID, signin.FreshEndpointID()) // a Lync Registrar would take us for the daemon under its own
	return rehearse(ctx, &o, without(&o, &primary), &record, remembers)
}

// fromTheBeginning is a clock without a battery, which was switched on at that moment.
func fromTheBeginning(began time.Time) func() time.Time {
	return func() time.Time { return time.Unix(0, 0).Add(time.Since(began)) }
}

// rehearsal is what an agent tells while it looks for a Registrar.
type rehearsal struct {
	mu         sync.Mutex
	began      time.Time
	steps      []Step
	registered time.Duration
	rested     time.Duration // a real device would try again later: other attempts than those of the daemon are enough once
	stands     func() provisioning.Status
	stood      provisioning.Status // when the last step was noted: after a registration the agent takes the binding back
	done       context.CancelFunc
}

// rehearse lets an agent look for a Registrar, once, and takes the binding back.
func rehearse(ctx context.Context, o *Options, w *wire.Wire, record *cache.Record, remembers bool) *Report {
	looking, done := context.WithCancel(ctx)
	defer done()
	h := &rehearsal{began: time.Now(), steps: []Step{}, done: done}
	if o.Case == Clock {
		floor := o.Policy.Memory(cache.InMemory(*record)).ClockFloor()
		if floor.IsZero() {
			floor = o.Policy.Clock()
		}
		h.steps = append(h.steps, Step{0, "a device without a clock believes that it is " + floor.UTC().Format("2006-01-02 15:04 UTC")})
	}
	if !o.Untried.None() {
		h.steps = append(h.steps, Step{0, "the drill signs in with the password: " + o.Untried.What()})
	}
	w.Changes = nil
	a := agent.New(o.Policy, *w, cache.InMemory(*record), h.take)
	h.stands = a.Status
	_ = a.Run(looking) // it ends with looking
	return h.report(o, remembers)
}

// take notes what happened, up to the registration or the rest.
func (h *rehearsal) take(e *provisioning.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.registered > 0 || h.rested > 0 {
		return
	}
	text := e.String()
	if what := e.Why().What; what != "" {
		text += ": " + what
	}
	h.stood = h.stands()
	h.steps = append(h.steps, Step{e.At.Sub(h.began).Milliseconds(), text})
	switch {
	case e.Kind == provisioning.StateChanged && e.State == provisioning.Registered:
		h.registered = max(e.At.Sub(h.began), 1)
		h.done()
	case e.Kind == provisioning.Waiting:
		h.rested = max(e.At.Sub(h.began), 1)
		h.done()
	}
}

// onlyTried says whether a host was tried, and nothing led to another.
func onlyTried(c *provisioning.Cycle, host string) bool {
	if c == nil || host == "" {
		return false
	}
	other := func(a provisioning.Attempt) bool { return a.Host != "" && a.Host != host }
	return len(c.Attempts) > 0 && !slices.ContainsFunc(c.Attempts, other)
}

// unseen is about a Registrar that refuses how a drill signs in beside a daemon: it may well accept a daemon.
func unseen(o *Options, c *provisioning.Cycle) provisioning.Trouble {
	if c == nil || !o.Beside {
		return provisioning.Trouble{}
	}
	for i := range c.Attempts {
		if t := c.Attempts[i].Trouble; t.Fault == provisioning.FaultNoQuery {
			return provisioning.FaultNoQueryBeside.Met(t.Facts)
		}
	}
	return provisioning.Trouble{}
}

func (h *rehearsal) report(o *Options, remembers bool) *Report {
	h.mu.Lock()
	defer h.mu.Unlock()
	status := &h.stood
	r := &Report{Version: 1, Case: o.Case, Held: true, Steps: h.steps, Mend: []string{}, Registered: h.registered > 0, WithoutMS: h.registered.Milliseconds()}
	if !r.Registered {
		if r.WithoutMS = h.rested.Milliseconds(); h.rested == 0 {
			r.WithoutMS = since(h.began)
		}
		r.because(status.Why())
		if t := unseen(o, status.Cycle); !t.None() {
			return refused(o.Case, t)
		}
		if o.Case == Clock && (status.Reason == provisioning.TLSNotYetValid || status.Reason == provisioning.ClockWrong) {
			r.Mend = append(r.Mend, "register once with this Registrar while the clock is right, so that the device stores a more recent date")
			return r
		}
		if status.Hint != "" && !remembers {
			r.Mend = append(r.Mend, provisioning.FaultNoLastGood.Met(nil).Do())
		}
		if o.Case == Primary && onlyTried(status.Cycle, o.Record.Registrar.Host) {
			r.Mend = append(r.Mend, "name a second Registrar of the pool in DNS or DHCP: this device was led to no other than "+o.Record.Registrar.Host)
			return r
		}
		if status.Cycle != nil && o.Case == Primary {
			for i := range status.Cycle.Attempts {
				a := &status.Cycle.Attempts[i] // not the outage that the drill plays
				if a.Result == "failed" && a.Host != o.Record.Registrar.Host {
					r.because(a.Why())
					break
				}
			}
		}
		r.Mend = append(r.Mend, "run homeward check, and repair what the device would fall back on")
		return r
	}
	r.Degraded, r.Registrar = status.Degraded, status.Registrar
	if !remembers {
		r.Mend = append(r.Mend, provisioning.FaultNoLastGood.Met(nil).Do())
	}
	return r
}
