package service

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/internal/fleet"
	"homeward/provisioning"
	"homeward/service/control"
)

// fleetRelays is our choice: media relays that are published.
const fleetRelays = 4

// Fleet publishes how the device stands on the broker of the site. It is one more reader of events; nothing waits for it, and
// nothing else knows of it.
type Fleet struct {
	conf   fleet.Settings
	story  *Story
	status func() provisioning.Status
	kept   func() fleet.Cache // last good; the zero value: there is none
	log    *slog.Logger
	Wait   time.Duration // for the turn of this device; set before the task runs, if at all

	mu       sync.Mutex
	since    time.Time // of the state
	state    provisioning.State
	failure  *fleet.Failure
	counters fleet.Counters

	publisher *fleet.Publisher
	silent    bool // that there is no connection was said
}

// NewFleet returns a fleet reader for a broker; there may be none. kept returns what the store holds.
func NewFleet(conf fleet.Settings, version string, kept func() fleet.Cache, story *Story, log *slog.Logger) *Fleet {
	f := &Fleet{conf: conf, story: story, kept: kept, log: log}
	presence := fleet.Presence{Version: version}
	if conf.Broker != "" {
		presence.BootID = bootID()
	}
	f.publisher = fleet.NewPublisher(conf, presence, f.snapshot, f.note)
	return f
}

// bootID is what the kernel calls this boot; "" if it does not say.
func bootID() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // random(4)
	return strings.TrimSpace(string(text))
}

// Tell counts an event. It may be called from any goroutine.
func (f *Fleet) Tell(e *provisioning.Event) {
	if f.conf.Broker == "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.Kind == provisioning.StateChanged && (e.State != f.state || f.since.IsZero()) {
		f.state, f.since = e.State, e.At.UTC().Truncate(time.Second)
		switch e.State {
		case provisioning.Discovering:
			f.counters.Cycles++
		case provisioning.Registered:
			f.counters.Registrations++
		case provisioning.Outage:
			f.counters.Outages++
		default:
		}
	}
	if entry := entryOf(e); entry.Failure() {
		f.counters.Failures++
		f.failure = &fleet.Failure{At: entry.At, Reason: string(entry.Reason), Fault: entry.Fault, Step: entry.Step, Host: entry.Host}
	}
}

// Task returns the task that publishes; status is how the device stands. Without a broker it does nothing.
func (f *Fleet) Task(status func() provisioning.Status) Task {
	return Task{"fleet", func(ctx context.Context) error {
		if f.conf.Broker == "" {
			<-ctx.Done()
			return context.Cause(ctx)
		}
		f.status = status
		f.story.begin(ctx)
		var published sync.WaitGroup
		reading, stop := context.WithCancelCause(context.WithoutCancel(ctx))
		published.Go(func() { _ = f.publisher.Run(reading, f.Wait) }) // its errors are noted
		err := f.read(ctx)
		stop(context.Cause(ctx)) // after what the end told
		published.Wait()
		return err
	}}
}

// read passes on what the story tells.
func (f *Fleet) read(ctx context.Context) error {
	seen := f.story.begin(ctx)
	for {
		entries, next, err := f.story.Next(ctx, seen)
		if err != nil {
			return err
		}
		seen = next
		for i := range entries {
			e := &entries[i]
			if tellsFleet(e) {
				f.publisher.Add(fleetEvent(e))
			}
		}
		f.publisher.Changed()
	}
}

// tellsFleet says whether an entry is published: what changed how the device stands, and what failed, once for all the times that it
// goes on.
func tellsFleet(e *control.Entry) bool {
	if e.Count > 1 {
		return false
	}
	switch provisioning.EventKind(e.Event) {
	case provisioning.StateChanged, provisioning.Committed, provisioning.WentNormal, provisioning.Enrolled, provisioning.Unregistered, provisioning.NetworkChanged:
		return true
	case control.Started, control.Stopped:
		return true
	default:
		return e.Failure()
	}
}

// fleetEvent is an entry without its texts, in which names of users could stand.
func fleetEvent(e *control.Entry) fleet.Event {
	return fleet.Event{
		At: e.At, Event: e.Event, Number: e.Number, State: e.State, Degraded: e.Degraded, Step: e.Step, Host: e.Host, Port: e.Port,
		Transport: e.Transport, Reason: string(e.Reason), Fault: e.Fault, Until: e.Until, Version: e.Version,
	}
}

// snapshot is how the device stands now.
func (f *Fleet) snapshot() fleet.State {
	s := f.status()
	state := fleet.State{
		State: s.State.String(), Degraded: s.Degraded, Reason: string(s.Reason), Fault: s.Fault, NextAttempt: s.NextAttempt,
		SIPDomain: s.SIPDomain, RegisteredAt: s.RegisteredAt,
	}
	if f.conf.Identities {
		state.SIPAddress = s.SIPAddress
	} else {
		state.Account = fleet.AccountOf(s.SIPAddress)
	}
	if s.Registrar != nil {
		r := fleetRegistrar(s.Registrar)
		state.Registrar = &r
	}
	for i := range s.Home {
		r := &s.Home[i]
		state.Home = append(state.Home, fleetRegistrar(r))
	}
	for _, r := range s.MediaRelays[:min(len(s.MediaRelays), fleetRelays)] {
		state.MediaRelays = append(state.MediaRelays, r.Host)
	}
	if kept := f.kept(); kept != (fleet.Cache{}) {
		state.Cache = &kept
	}
	if s.Certificate != nil {
		state.CertificateUntil = s.Certificate.NotAfter
	}
	for i := range s.Pace {
		slow := &s.Pace[i]
		if reason := string(slow.Reason); !slices.Contains(state.Pace, reason) {
			state.Pace = append(state.Pace, reason)
		}
	}
	state.BrokerCertificateUntil = f.conf.CertificateUntil()
	f.mu.Lock()
	defer f.mu.Unlock()
	state.Counters, state.LastFailure = f.counters, f.failure
	if f.state == s.State {
		state.Since = f.since
	}
	return state
}

func fleetRegistrar(r *provisioning.Registrar) fleet.Registrar {
	published := fleet.Registrar{Host: r.Host, Port: r.Port, Transport: r.Transport.String(), Address: r.Address, Role: r.Role}
	if r.Step != nil {
		published.Step = r.Step.String()
	}
	return published
}

// note says in the log how the connection goes: once that there is none, and once that there is one again.
func (f *Fleet) note(connected bool, err error) {
	switch {
	case connected:
		f.log.Info("connected to the broker", "broker", f.conf.Broker, "device", f.conf.Name.String())
		f.silent = false
	case !f.silent:
		f.log.Warn("no connection to the broker; trying again", "broker", f.conf.Broker, "err", err)
		f.silent = true
	default:
		f.log.Debug("still no connection to the broker", "broker", f.conf.Broker, "err", err)
	}
}
