package signin

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/homeward-agent/homeward/cache"
	"github.com/homeward-agent/homeward/internal/place"
	"github.com/homeward-agent/homeward/internal/sip"
	"github.com/homeward-agent/homeward/provisioning"
)

// Our choices.
const (
	inBandLimit     = 10 * time.Second // for each question over SIP
	inBandAgain     = 10 * time.Minute // after a question that failed
	relayLifeShare  = 0.8              // of the credentials' life, after which the relays are asked for again
	relayLifeUnsaid = 8 * time.Hour    // what Lync grants when it does not say (480 minutes)
)

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
}

// Learn asks a Lync Registrar for in-band provisioning and media relays, and asks again when something has
// changed or the relays' credentials run out. It only reads; what it learns is handed to the owner of the state.
func (s *Signer) Learn(ctx context.Context, session *sip.Session, binding sip.Binding, told <-chan sip.Provisioning, lessons func(Lesson)) {
	if !binding.Lync {
		return
	}
	l := s.askProvisioning(ctx, session, binding)
	for ctx.Err() == nil {
		lessons(l)
		select {
		case p := <-told:
			l = s.study(ctx, session, p, binding.Remote)
		case <-time.After(l.again):
			if l.known {
				l = s.study(ctx, session, l.provisioning, binding.Remote)
			} else {
				l = s.askProvisioning(ctx, session, binding)
			}
		case <-ctx.Done():
		}
	}
}

// Unproven is what is learnt of a Registrar over plain TCP: nothing. Whoever is on the way could tell as much.
func Unproven() Lesson {
	return Lesson{Reason: provisioning.RegistrarNotProven, Detail: "what it tells of its pool and of media relays is believed over TLS only"}
}

// Believe makes a lesson that of a registration.
func (s *Signer) Believe(reg *Registration, l Lesson) {
	switch pool := l.provisioning.PoolHost; {
	case pool == "":
	case s.policy.MayName(reg.Candidate, pool):
		s.vouch(pool)
	default:
		l.provisioning.PoolHost = ""
	}
	reg.Lesson = &l
}

func (s *Signer) askProvisioning(ctx context.Context, session *sip.Session, binding sip.Binding) Lesson {
	asking, cancel := context.WithTimeout(ctx, inBandLimit)
	defer cancel()
	p, err := session.Provision(asking)
	if err != nil {
		return Lesson{remote: binding.Remote, Reason: ReasonOf(err), Detail: InBandDetail(err), again: inBandAgain}
	}
	return s.study(ctx, session, p, binding.Remote)
}

// InBandDetail is an error of in-band provisioning in words.
func InBandDetail(err error) string { return "in-band provisioning: " + provisioning.DetailOf(err) }

// study looks up the pool and the media relays that a provisioning document names, and tries the relays.
func (s *Signer) study(ctx context.Context, session *sip.Session, p sip.Provisioning, remote bool) Lesson {
	l := Lesson{provisioning: p, known: true, remote: remote, again: time.Duration(relayLifeShare * float64(relayLifeUnsaid))}
	if p.MRASURI == "" {
		l.relaysKnown, l.Reason, l.Detail = true, provisioning.RelayNone, "the Registrar names no media relay service"
		l.pool = s.owner.Resolve(ctx, []string{p.PoolHost})[0].Addrs
		return l
	}
	asking, cancel := context.WithTimeout(ctx, inBandLimit)
	defer cancel()
	answer, err := session.MediaRelays(asking, p.MRASURI, remote)
	if err != nil {
		l.Reason, l.Detail, l.again = provisioning.RelayRefused, provisioning.DetailOf(err), inBandAgain
	} else {
		l.relaysKnown = true
		if answer.Expires > 0 {
			l.again = time.Duration(relayLifeShare * float64(answer.Expires))
		}
	}
	hosts := []string{p.PoolHost}
	for _, r := range answer.List {
		hosts = append(hosts, r.Host)
	}
	names := s.owner.Resolve(ctx, hosts)
	l.pool = names[0].Addrs
	for i, r := range answer.List {
		l.take(provisioning.MediaRelay{Host: r.Host, Addresses: names[i+1].Addrs, UDPPort: r.UDPPort, TCPPort: r.TCPPort, Location: r.Location}, names[i+1])
	}
	probeRelays(ctx, s.wire, l.relays)
	if l.relaysKnown && len(l.relays) > 0 && !slices.ContainsFunc(l.relays, answers) {
		l.Reason, l.Detail = provisioning.RelayUnreachable, "no media relay answers on any of its addresses"
	}
	return l
}

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

// home adds what was told about the home pool to a record. The pair that a redirect named stays, and first, as long as
// the device comes through it: its backup is told nowhere else. A pool outside the pair is added behind it, without a
// role, in the place of the one that was told before. A pair that the device does not come through is of the past.
func (l *Lesson) home(record *cache.Record, redirected bool) {
	if l == nil || !l.known {
		return
	}
	if l.provisioning.SecurityMode == "High" { // MS-SIPREGE: TLS only
		record.TLSFloor = true
	}
	host := l.provisioning.PoolHost
	if host == "" || l.remote {
		return
	}
	named := func(e cache.Endpoint) bool { return e.Host == host }
	pair := slices.DeleteFunc(slices.Clone(record.Home), func(e cache.Endpoint) bool { return e.Step == provisioning.Recall.String() })
	if !slices.ContainsFunc(pair, named) {
		pool := cache.Endpoint{Host: host, Port: provisioning.TLSPort, Transport: provisioning.TLS.String(), Step: provisioning.Recall.String(), Via: "in-band provisioning"}
		if i := slices.IndexFunc(record.Home, named); i >= 0 {
			pool.Addresses = record.Home[i].Addresses
		}
		if !redirected && !slices.ContainsFunc(pair, isAt(record.Registrar.Host, record.Registrar.Port)) {
			pair, pool.Role = nil, Roles[0]
		}
		pair = append(pair, pool)
	}
	if i := slices.IndexFunc(pair, named); len(l.pool) > 0 {
		pair[i].Addresses = l.pool
	}
	record.Home, record.Told = pair, true
}

// keepRelays adds the media relays to a record, when they were told.
func (l *Lesson) keepRelays(record *cache.Record) {
	if l == nil || !l.relaysKnown {
		return
	}
	record.MediaRelays = nil
	for _, r := range l.relays {
		record.MediaRelays = append(record.MediaRelays, cache.Relay{Host: r.Host, Addresses: r.Addresses, UDPPort: r.UDPPort, TCPPort: r.TCPPort, Location: r.Location})
	}
}

// RelaysOr returns the media relays to show: those told, or those of the record.
func (l *Lesson) RelaysOr(record cache.Record) []provisioning.MediaRelay {
	if l != nil && l.relaysKnown {
		return l.relays
	}
	var relays []provisioning.MediaRelay
	for _, r := range record.MediaRelays {
		relays = append(relays, provisioning.MediaRelay{Host: r.Host, Addresses: r.Addresses, UDPPort: r.UDPPort, TCPPort: r.TCPPort, Location: r.Location})
	}
	return relays
}

// Settings is what status shows of in-band provisioning.
func (l *Lesson) Settings() *provisioning.Provisioning {
	if !l.known {
		return nil
	}
	p := l.provisioning
	update := p.UpdateInternalURL
	if l.remote {
		update = p.UpdateExternalURL
	}
	return &provisioning.Provisioning{Pool: p.PoolHost, SIPSecurityMode: p.SecurityMode, UpdateURL: update}
}
