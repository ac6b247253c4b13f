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
	StateChanged EventKind = "state"       // State is the new one
	LookedUp     EventKind = "lookup"      // one source answered or did not: Step, Query, Verdict
	Skipped      EventKind = "skip"        // a Candidate or a step was ruled out: Reason
	Attempted    EventKind = "attempt"     // one address of a Candidate was tried; Reason is empty when it registered
	Redirected   EventKind = "redirect"    // the Registrar named another: Detail
	Committed    EventKind = "commit"      // last good was written
	StoreNote    EventKind = "store"       // the store is not as it should be: Reason, Detail
	Conflict     EventKind = "conflict"    // DHCP servers disagree
	Paced        EventKind = "pace"        // something is slow, loses packets or is dead, although the device gets along: Reason
	Well         EventKind = "well"        // what was told of a name server in Paced is over: Trouble is that, in words of its own; Verdict Absent: it is not asked any more
	ClockSkew    EventKind = "clock"       // the Registrar's clock and ours are far apart
	Told         EventKind = "told"        // the Registrar has told in band: home pool, media relays
	Refreshed    EventKind = "refresh"     // the binding was renewed; or it stands although an unsigned answer refused that: Reason
	Lost         EventKind = "lost"        // the binding or its connection is gone: Reason
	WentNormal   EventKind = "normal"      // registered the normal way again, after degraded
	GivenBack    EventKind = "give-back"   // the binding was given back, and the Registrar is watched without it: Reason, if it did not say so
	Visited      EventKind = "visit"       // the Registrar keeps no connection without a binding, but it is there
	Reported     EventKind = "report"      // the phone says that its own registration has failed: Detail is what follows
	Unregistered EventKind = "unregister"  // at shutdown
	NotCertified EventKind = "certificate" // the certificate did not sign in, whatever came after that: Reason
	Enrolled     EventKind = "enrol"       // a certificate for sign-in has come; or none has, or the one at hand cannot be used: Reason
	Waiting      EventKind = "wait"        // the next attempt at Registrars is at Until

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
	Addr     netip.Addr
	Reason   Reason
	Detail   string  // raw words of who has met it
	Trouble  Trouble // which fault it is, where that was found out: its Reason is the one above
	Until    time.Time
	Took     time.Duration
	Explains bool    // that nobody answered in this search follows from it
	Follow   []Event // what follows, as it was told
	Rank     int     // of the Candidate, in an attempt
	Unused   int     // connections to worse Registrars that were opened ahead, of an attempt that registered
}

// Why is why something is as it is, as the JSON of every command shows it.
type Why struct {
	Reason Reason
	Fault  string // its id in docs/faults.md, where more is known than the Reason
	What   string // what is wrong, in the words of docs/faults.md; "" without a Fault
	Detail string // raw words of who has met it
	Hint   string // what to do about it
	Side   Side   // who has to put it right, where that is another than that of the Fault, or it has none; "": see the Fault
}

// Why is the event in words.
func (e *Event) Why() *Why { return WhyOf(e.Reason, e.Detail, e.Trouble) }

// WhyOf is a failure in words. This is where they are made, for status and history alike.
func WhyOf(reason Reason, detail string, t Trouble) *Why {
	w := &Why{Reason: reason, Detail: detail, Hint: reason.Hint()}
	if t.Specific() {
		w.Fault, w.What, w.Hint = string(t.Fault), t.What(), t.Hint()
		if side := t.OnSide(); side != t.Fault.Side() {
			w.Side = side
		}
	}
	return w
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
	case Well:
		fmt.Fprintf(&b, "well %s %s", e.Addr, e.Trouble.Fault)
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
func (s *Skip) Event() *Event {
	return &Event{Kind: Skipped, Step: s.Step, Endpoint: s.Endpoint, Reason: s.Reason, Detail: s.Detail, Trouble: s.Trouble}
}
