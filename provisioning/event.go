package provisioning

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// EventKind names what happened.
type EventKind string

// The events, all of them.
const (
	StateChanged EventKind = "state"      // State is the new one
	LookedUp     EventKind = "lookup"     // one source answered or did not: Step, Query, Verdict
	Skipped      EventKind = "skip"       // a Candidate or a step was ruled out: Reason
	Attempted    EventKind = "attempt"    // one address of a Candidate was tried; Reason is empty when it registered
	Redirected   EventKind = "redirect"   // the Registrar named another: Detail
	Committed    EventKind = "commit"     // last good was written
	StoreNote    EventKind = "store"      // the store is not as it should be: Reason, Detail
	Conflict     EventKind = "conflict"   // DHCP servers disagree
	ClockSkew    EventKind = "clock"      // the Registrar's clock and ours are far apart
	Told         EventKind = "told"       // the Registrar has told in band: home pool, media relays
	Refreshed    EventKind = "refresh"    // the binding was renewed; or it stands although an unsigned answer refused that: Reason
	Lost         EventKind = "lost"       // the binding or its connection is gone: Reason
	WentNormal   EventKind = "normal"     // registered the normal way again, after degraded
	Unregistered EventKind = "unregister" // at shutdown
	Waiting      EventKind = "wait"       // the next attempt at Registrars is at Until

	NetworkChanged EventKind = "network" // the device's own: addresses, carriers, routes, name servers, or it has slept: Detail
)

// Event is one thing that happened. Log, history, metrics and tests read nothing else.
type Event struct {
	At       time.Time
	Kind     EventKind
	State    State
	Degraded bool
	Step     Step
	Query    string
	Verdict  Verdict
	Endpoint
	Addr   netip.Addr
	Reason Reason
	Detail string
	Err    error  // of an attempt: what Reason and Detail are made from, for who judges it by its kind; nil: it did not fail
	Said   string // by the Registrar, in answer to REGISTER: a part of Detail
	User   string // the login name that went to the Registrar, exactly; "": none did
	Hint   string // what to do about it; that of the Reason unless the Registrar said more
	Until  time.Time
	Took   time.Duration
}

// String returns the event without its time, in one line.
func (e Event) String() string {
	var b strings.Builder
	switch e.Kind {
	case StateChanged:
		fmt.Fprintf(&b, "state %s", e.State)
		if e.Degraded {
			b.WriteString(" (degraded)")
		}
	case LookedUp:
		fmt.Fprintf(&b, "lookup %s %s: %s", e.Step, e.Query, e.Verdict)
	case Skipped:
		fmt.Fprintf(&b, "skip %s", e.Step)
		if e.Host != "" {
			fmt.Fprintf(&b, " %s", e.Endpoint)
		}
	case Attempted:
		fmt.Fprintf(&b, "attempt %s %s %s %s:", e.Step, e.Host, netip.AddrPortFrom(e.Addr, e.Port), e.Transport)
		if e.Reason == "" {
			b.WriteString(" ok")
		}
	default:
		b.WriteString(string(e.Kind))
		if e.Host != "" {
			fmt.Fprintf(&b, " %s", e.Endpoint)
		}
	}
	if e.Reason != "" {
		fmt.Fprintf(&b, " %s", e.Reason)
	}
	return b.String()
}

// Event tells that something was ruled out.
func (s Skip) Event() Event {
	return Event{Kind: Skipped, Step: s.Step, Endpoint: s.Endpoint, Reason: s.Reason, Detail: s.Detail}
}
