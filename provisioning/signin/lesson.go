package signin

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"homeward/cache"
	"homeward/internal/place"
	"homeward/internal/plain"
	"homeward/internal/sip"
	"homeward/provisioning"
)

// relearnAfter is our choice: of a Registrar that was never asked, or whose word is not trusted.
const relearnAfter = 6 * time.Hour

// Lesson is what a Registrar has told in band, looked up and tried.
type Lesson struct {
	provisioning sip.Provisioning
	known        bool         // provisioning was answered
	remote       bool         // we come through an Access Edge: names of the inside are of no use
	pool         []netip.Addr // of the pool it names
	relays       []provisioning.MediaRelay
	relaysKnown  bool // relays is the truth, also when it is empty
	Reason       provisioning.Reason
	Detail       string
	again        time.Duration
	update       *provisioning.Update // nil: nothing that may be used was told
}

// Unproven is what is learnt of a Registrar over plain TCP: nothing. Whoever is on the way could tell as much.
func Unproven() Lesson {
	return Lesson{Reason: provisioning.RegistrarNotProven, Detail: "what it says about its pool and media relays is trusted only over TLS"}
}

// Again is how long what was told is good for, or after how long to ask anew where nothing was.
func (l Lesson) Again() time.Duration { return cmp.Or(l.again, relearnAfter) }

// InBandDetail is an error of in-band provisioning in words.
func InBandDetail(err error) string { return "in-band provisioning: " + plain.Words(err) }

// answers says whether a probe was answered over UDP or TCP.
func answers(m provisioning.MediaRelay) bool {
	return m.UDPAnswers != nil && *m.UDPAnswers || m.TCPAnswers != nil && *m.TCPAnswers
}

// Troubles are why in-band provisioning, or a media relay that it names, is not as it should be. A site may have no relays.
func (l *Lesson) Troubles(host string) (all []provisioning.Trouble) {
	switch reason := l.Reason; {
	case reason == "", reason == provisioning.RelayNone, reason == provisioning.RelayUnreachable: // each of them says so
	case reason == provisioning.SIPMalformed:
		all = append(all, unreadable(host, l.Detail))
	case !l.known && reason != provisioning.RegistrarNotProven:
		all = append(all, provisioning.FaultInBand.Because(reason.Met(l.Detail), provisioning.Facts{"host": host}))
	default:
		all = append(all, reason.Met(l.Detail))
	}
	for i := range l.relays {
		r := &l.relays[i]
		switch {
		case len(r.Addresses) == 0:
			all = append(all, provisioning.FaultNoData.Met(provisioning.Facts{"source": "in-band provisioning", "host": r.Host}))
		case !answers(*r):
			all = append(all, provisioning.FaultRelaySilent.Met(provisioning.Facts{"host": r.Host}))
		}
	}
	return all
}

// unreadable is for a document that says nothing against the Registrar.
func unreadable(host, problem string) provisioning.Trouble {
	return provisioning.FaultInBandUnreadable.Met(provisioning.Facts{"host": host, "problem": problem})
}

// isAt looks for the Registrar of a place.
func isAt(at provisioning.Endpoint) func(provisioning.Registrar) bool {
	return func(r provisioning.Registrar) bool { return r.Endpoint == at }
}

// Roles of the Contacts of a redirect by falling q (Lync: 0.7 and 0.3).
var Roles = [...]string{"primary", "backup"}

// take adds a media relay, or says why not: one at a place to which no packet may go is none.
func (l *Lesson) take(r provisioning.MediaRelay, name provisioning.Name) {
	reason, detail := name.Reason, name.Detail
	for _, port := range []*uint16{&r.UDPPort, &r.TCPPort} {
		if err := place.CheckPort(*port); err != nil && *port != 0 {
			*port, detail = 0, err.Error()
		}
	}
	if r.UDPPort == 0 && r.TCPPort == 0 {
		reason = provisioning.AddressNotAllowed
	}
	if reason == provisioning.AddressNotAllowed || reason == provisioning.DNSMalformed {
		l.Reason, l.Detail = reason, "media relay "+r.Host+": "+detail
		return
	}
	l.relays = append(l.relays, r)
}

// closesTCP says whether the Registrar has told that it is to be reached over TLS alone (MS-SIPREGE).
func (l *Lesson) closesTCP() bool {
	return l != nil && l.known && l.provisioning.SecurityMode == "High"
}

// home returns a home pair with what was told about the home pool, or nil where nothing was; through is where the device is
// registered. The pair that a redirect named stays, and first, as long as the device comes through it: its backup is told
// nowhere else. A pool outside the pair is added behind it, without a role, in the place of the one that was told before. A
// pair that the device does not come through is of the past.
func (l *Lesson) home(before []provisioning.Registrar, through provisioning.Endpoint, redirected bool) []provisioning.Registrar {
	if l == nil || !l.known || l.provisioning.PoolHost == "" || l.remote {
		return nil
	}
	host, step := l.provisioning.PoolHost, provisioning.Recall
	named := func(r provisioning.Registrar) bool { return r.Host == host }
	var pair []provisioning.Registrar
	for i := range before {
		if r := &before[i]; r.Step == nil || *r.Step != step { // not learned in band
			pair = append(pair, *r)
		}
	}
	if slices.IndexFunc(pair, named) < 0 {
		at := provisioning.Endpoint{Host: host, Port: provisioning.TLSPort, Transport: provisioning.TLS}
		pool := provisioning.Registrar{Endpoint: at, Step: &step, Via: "in-band provisioning"}
		if i := slices.IndexFunc(before, named); i >= 0 {
			pool.Addresses = before[i].Addresses
		}
		if !redirected && slices.IndexFunc(pair, isAt(through)) < 0 {
			pair, pool.Role = nil, Roles[0]
		}
		pair = append(pair, pool)
	}
	if i := slices.IndexFunc(pair, named); len(l.pool) > 0 {
		pair[i].Addresses = l.pool
	}
	return pair
}

// keepRelays adds the media relays to a record, when they were told.
func (l *Lesson) keepRelays(record *cache.Record) {
	if l == nil || !l.relaysKnown {
		return
	}
	record.MediaRelays = nil
	for i := range l.relays {
		r := &l.relays[i]
		record.MediaRelays = append(record.MediaRelays, r.Kept())
	}
}

// settings is what status shows of in-band provisioning.
func (l *Lesson) settings() *provisioning.Provisioning {
	if !l.known {
		return nil
	}
	p := l.provisioning
	update := p.UpdateInternalURL
	if l.remote {
		update = p.UpdateExternalURL
	}
	return &provisioning.Provisioning{Pool: p.PoolHost, SIPSecurityMode: p.SecurityMode, UpdateURL: update, Update: l.update}
}

// relaysOr returns the media relays to show: those told, or those of the record.
func (l *Lesson) relaysOr(record cache.Record) []provisioning.MediaRelay {
	if l != nil && l.relaysKnown {
		return l.relays
	}
	var relays []provisioning.MediaRelay
	for _, r := range record.MediaRelays {
		relays = append(relays, provisioning.MediaRelayOf(r))
	}
	return relays
}
