package signin

import (
	"net"
	"net/netip"
	"time"

	"github.com/homeward-agent/homeward/internal/sip"
	"github.com/homeward-agent/homeward/provisioning"
)

// Registration is a Registrar that has accepted this device.
type Registration struct {
	Candidate provisioning.Candidate
	Addr      netip.Addr
	Local     net.Addr // our end of the connection
	Session   *sip.Session
	Binding   sip.Binding
	Home      []provisioning.Candidate // primary and backup, when a redirect named them
	Degraded  bool                     // through last good
	Since     time.Time                // when it became the current one
	Lesson    *Lesson                  // what it has told in band; nil: nothing yet
}

// Event is an event about a registration.
func (r *Registration) Event(kind provisioning.EventKind, reason provisioning.Reason, detail string) provisioning.Event {
	c := r.Candidate
	return provisioning.Event{Kind: kind, Step: c.Step, Host: c.Host, Port: c.Port, Transport: c.Transport, Addr: r.Addr, Reason: reason, Detail: detail}
}

// Told is an event about what was told in band. A document that cannot be read says nothing against the Registrar.
func (r *Registration) Told(reason provisioning.Reason, detail string) provisioning.Event {
	e := r.Event(provisioning.Told, reason, detail)
	if reason == provisioning.SIPMalformed {
		e.Hint = "nothing to do for the registration, which stands; look at what the pool provisions in band"
	}
	return e
}
