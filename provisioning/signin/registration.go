package signin

import (
	"context"
	"net"
	"net/netip"
	"time"

	"homeward/cache"
	"homeward/internal/sip"
	"homeward/provisioning"
)

// Registration is a Registrar that has accepted this device.
type Registration struct {
	Candidate provisioning.Candidate
	Addr      netip.Addr
	Local     net.Addr              // our end of the connection
	Way       provisioning.Trouble  // what is wrong with the way, though it leads there
	Ends      []provisioning.Ending // the certificates of its server; none: plain TCP
	Issuer    string                // who has issued that of its own; "": plain TCP
	Session   *sip.Session
	Binding   sip.Binding
	Home      []provisioning.Candidate // primary and backup, when a redirect named them
	Better    []provisioning.Candidate // the best rank that was passed over since it was slow; none: there was none
	Inside    []provisioning.Candidate // where this one is outside: the best rank inside, of which no server would do; none: there was none
	Degraded  bool                     // through last good
	Anew      bool                     // signed in anew where the device was: no other was tried
	By        string                   // the step by which discovery has led here; "": it has not
	Since     time.Time                // when it became the current one
	Lesson    *Lesson                  // what it has told in band; nil: nothing yet
	Unproven  string                   // the server that took the certificate without proving this name; "": none
	standing  standing                 // what all this gives the device
}

// UnregisterLimit leaves the service manager's 5 s enough room.
const UnregisterLimit = 2 * time.Second

// TakeBack takes the binding back, within UnregisterLimit, also when ctx has ended. What is left expires.
func (r *Registration) TakeBack(ctx context.Context) error {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), UnregisterLimit)
	defer cancel()
	return r.Session.Unregister(last)
}

// slowConnect is how long a connection may take that a tech would let pass. (Our choice: twice around half of the world.)
const slowConnect = 250 * time.Millisecond

// SlowWay is about the way to an address of a Candidate, to which connecting, or TLS then, has taken so long.
func SlowWay(c *provisioning.Candidate, addr netip.Addr, connecting, securing time.Duration) provisioning.Trouble {
	ms := connecting.Milliseconds()
	slow := provisioning.FaultSlowWay.Met(provisioning.Facts{"at": c.HostPort(), "address": addr, "ms": ms})
	switch {
	case connecting >= slowConnect:
		return slow
	case securing >= late:
		return provisioning.FaultAnswersLate.Because(slow, slow.With(provisioning.Facts{"host": c.Host, "connecting": ms, "securing": securing.Milliseconds(), "open": true}).Facts).OnNoSide()
	}
	return provisioning.Trouble{}
}

// standing is what a registration gives the device: one value, made when a Registrar accepts or tells something. What status
// shows and what last good keeps are two views of it.
type standing struct {
	record    cache.Record
	registrar provisioning.Registrar
	home      []provisioning.Registrar
	relays    []provisioning.MediaRelay // as probed, when they were told; else those of the record
}

// Unlisted is what is wrong where the Registrar has accepted, and its answer lists no binding of this device. It is registered all the
// same: there are Registrars that list none.
func (r *Registration) Unlisted() provisioning.Trouble {
	if !r.Binding.Unlisted {
		return provisioning.Trouble{}
	}
	return provisioning.FaultUnlisted.Met(provisioning.Facts{"at": r.Candidate.HostPort(), "host": r.Candidate.Host})
}

// Record is what last good keeps of a registration.
func (r *Registration) Record() cache.Record { return r.standing.record }

// Show puts into a status what the registration gives the device. What an earlier one was told in band besides stays until
// this one is told.
func (r *Registration) Show(s *provisioning.Status) {
	registrar := r.standing.registrar
	s.Registrar, s.Home, s.MediaRelays = &registrar, r.standing.home, r.standing.relays
	s.Scheme, s.Unproven, s.ServerCertificates = r.Binding.Scheme, r.Unproven, r.Ends
	if r.Lesson != nil {
		s.Provisioning = r.Lesson.settings()
	}
}

// Event is an event about a registration.
func (r *Registration) Event(kind provisioning.EventKind, reason provisioning.Reason, detail string) *provisioning.Event {
	c := r.Candidate
	return &provisioning.Event{Kind: kind, Step: c.Step, Endpoint: c.Endpoint, Addr: r.Addr, Reason: reason, Detail: detail}
}

// Failed is an event about a registration that an error has ended, or stands in the way of.
func (r *Registration) Failed(kind provisioning.EventKind, err error) *provisioning.Event {
	return Explained(r.Event(kind, "", ""), err)
}

// Told is an event about what was told in band, and what is wrong with that.
func (r *Registration) Told() (*provisioning.Event, []provisioning.Trouble) {
	l := r.Lesson
	e, flaws := r.Event(provisioning.Told, l.Reason, l.Detail), l.Troubles(r.Candidate.Host)
	for _, t := range flaws {
		if e.Trouble.None() && t.Reason() == l.Reason {
			e.Trouble = t
		}
	}
	return e, flaws
}

// Unread is an event about a document that cannot be read.
func (r *Registration) Unread(err error) (*provisioning.Event, provisioning.Trouble) {
	e := r.Event(provisioning.Told, ReasonOf(err), InBandDetail(err))
	e.Trouble = e.Reason.Met(e.Detail)
	if e.Reason == provisioning.SIPMalformed {
		e.Trouble = unreadable(r.Candidate.Host, e.Detail)
	}
	return e, e.Trouble
}
