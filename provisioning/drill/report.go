package drill

import (
	"time"

	"github.com/homeward-agent/homeward/cache"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/wire"
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
	// CredentialsRest says that the daemon keeps the password from being used for a while: then nobody signs in.
	CredentialsRest bool
}

// Step is one thing that happened.
type Step struct {
	AtMS int64  `json:"at_ms"`
	Text string `json:"text"`
}

// Report is the outcome, in the form of `homeward drill --json`.
type Report struct {
	Version    int                     `json:"version"`
	Case       Case                    `json:"drill"`
	Registered bool                    `json:"registered"` // the device would find a Registrar
	Degraded   bool                    `json:"degraded"`   // through last good
	WithoutMS  int64                   `json:"without_ms"` // how long it would be without one; of one that finds none: how long it has tried
	Registrar  *provisioning.Registrar `json:"registrar,omitempty"`
	Steps      []Step                  `json:"steps"`
	Mend       []string                `json:"mend"` // what to put right before the real outage
	provisioning.Why
}

// refused is a drill that was not held.
func refused(c Case, t provisioning.Trouble) Report {
	return Report{Version: 1, Case: c, Steps: []Step{}, Mend: []string{t.Do()}, Why: provisioning.Event{Reason: t.Reason(), Trouble: t}.Why()}
}

// since is a duration in the unit of the JSON.
func since(began time.Time) int64 { return time.Since(began).Milliseconds() }
