package control

import (
	"time"

	"homeward/provisioning"
)

// The events of the process itself; all others are the agent's (provisioning.EventKind). A start without a stop
// before it follows an unclean end.
const (
	Started = "start" // Version; Detail when no stop came before
	Stopped = "stop"  // Version; Detail says why
)

// Entry is one line of the history, as `homeward history --json` prints it: an event, and how often it has
// happened without anything new in between. Text that came from the network is cut, not escaped: escape it
// before it is shown.
type Entry struct {
	At        time.Time           `json:"at"`
	Event     string              `json:"event"`
	Version   string              `json:"version,omitempty"` // of the program: of its start and stop
	State     string              `json:"state,omitempty"`   // the one the agent was in, or entered
	Degraded  bool                `json:"degraded,omitempty"`
	Step      string              `json:"step,omitempty"`
	Query     string              `json:"query,omitempty"`
	Verdict   string              `json:"verdict,omitempty"` // of a look-up; "absent" of the event well: the name server is not asked any more
	Host      string              `json:"host,omitempty"`
	Port      uint16              `json:"port,omitempty"`
	Transport string              `json:"transport,omitempty"`
	Address   string              `json:"address,omitempty"`
	Reason    provisioning.Reason `json:"reason,omitempty"`
	Fault     string              `json:"fault,omitempty"` // its id in docs/faults.md, where more is known than the reason; of the event well: of what is over
	What      string              `json:"what,omitempty"`  // what is wrong, as docs/faults.md has it; of the event well: that it is over
	Detail    string              `json:"detail,omitempty"`
	Hint      string              `json:"hint,omitempty"`
	Explains  bool                `json:"explains,omitempty"` // of a rest: that nobody answered in the search before it follows from this
	Follows   bool                `json:"follows,omitempty"`  // from that for which the device rested then
	TookMS    int64               `json:"took_ms,omitempty"`
	Until     time.Time           `json:"until,omitzero"`   // of a rest: when it ends
	Count     int                 `json:"count,omitempty"`  // more than one: it happened again and again
	LastAt    time.Time           `json:"last_at,omitzero"` // the last of them
	Number    uint64              `json:"number,omitempty"` // rises from entry to entry, across restarts: a clock may be set back
}

// Latest is when it happened last.
func (e *Entry) Latest() time.Time {
	if e.LastAt.After(e.At) {
		return e.LastAt
	}
	return e.At
}

// Failure says whether a tech who looks for trouble wants to see this entry. What policy ruled out and what is
// proven not to exist is not trouble, unless a fault is told of it; a name that leads nowhere is, and so is a redirect that cannot be followed.
func (e *Entry) Failure() bool {
	switch provisioning.EventKind(e.Event) {
	case provisioning.LookedUp:
		return e.Verdict == provisioning.Failed.String() || e.Fault != "" || e.Reason == provisioning.DHCPMalformed // which may be of use all the same
	case provisioning.Skipped:
		return e.Fault != ""
	case provisioning.Waiting:
		return e.Explains
	default:
		return e.Reason != ""
	}
}
