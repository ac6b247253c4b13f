package drill

import (
	"time"

	"homeward/cache"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// Case is what is dead.
type Case string

// The cases.
const (
	DNS     Case = "dns"     // no name server answers
	DHCP    Case = "dhcp"    // no DHCP server answers; what the system's DHCP client keeps is there still
	Both    Case = "both"    // neither
	Primary Case = "primary" // the Registrar that the device uses does not answer
	Clock   Case = "clock"   // the device starts without a clock
)

// Cases returns all cases.
func Cases() []Case { return []Case{DNS, DHCP, Both, Primary, Clock} }

// Options are what a drill is about.
type Options struct {
	Case   Case
	Policy provisioning.Policy
	Wire   wire.Wire
	Record cache.Record // what the device remembers; zero: nothing
	// Rests is why the daemon leaves Registrars alone now: then a drill, which signs in, is not held. None: it does not.
	Rests provisioning.Trouble
	// Beside says that a daemon may hold a binding: the drill makes none.
	Beside bool
	// EndpointID is the endpoint to which Policy.Identity was issued: the drill signs in as that, since the daemon does not run. "":
	// as an endpoint of its own.
	EndpointID string
	// Untried is why the drill does not sign in with the certificate that the device has; none: it does, or there is none.
	Untried provisioning.Trouble
}

// Step is one thing that happened.
type Step struct {
	AtMS int64  `json:"at_ms"` // milliseconds after the beginning
	Text string `json:"text"`  // what happened
}

// Report is the outcome, in the form of `homeward drill --json`.
type Report struct {
	Version    int                     `json:"version"`
	Case       Case                    `json:"drill"`      // what was dead
	Held       bool                    `json:"held"`       // false: nothing was rehearsed
	Registered bool                    `json:"registered"` // the device would find a Registrar
	Degraded   bool                    `json:"degraded"`   // through last good
	WithoutMS  int64                   `json:"without_ms"` // how long it would be without one; of one that finds none: how long it has tried
	Registrar  *provisioning.Registrar `json:"registrar,omitempty"`
	Steps      []Step                  `json:"steps"`            // what happened, in order
	Mend       []string                `json:"mend"`             // what to put right before the real outage
	Reason     provisioning.Reason     `json:"reason,omitempty"` // why it would find none, or why the drill was not held
	Fault      string                  `json:"fault,omitempty"`
	What       string                  `json:"what,omitempty"`
	Detail     string                  `json:"detail,omitempty"`
	Hint       string                  `json:"hint,omitempty"`
}

// Why is why the device would find no Registrar, or why the drill was not held.
func (r *Report) Why() *provisioning.Why {
	return &provisioning.Why{Reason: r.Reason, Fault: r.Fault, What: r.What, Detail: r.Detail, Hint: r.Hint}
}

func (r *Report) because(w *provisioning.Why) {
	r.Reason, r.Fault, r.What, r.Detail, r.Hint = w.Reason, w.Fault, w.What, w.Detail, w.Hint
}

// refused is a drill that was not held.
func refused(c Case, t provisioning.Trouble) *Report {
	r := &Report{Version: 1, Case: c, Steps: []Step{}, Mend: []string{t.Do()}}
	r.because(provisioning.WhyOf(t.Reason(), "", t))
	return r
}

// since is a duration in the unit of the JSON.
func since(began time.Time) int64 { return time.Since(began).Milliseconds() }
