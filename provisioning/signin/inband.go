package signin

import (
	"context"
	"time"

	"homeward/internal/plain"
	"homeward/internal/sip"
	"homeward/provisioning"
)

// Our choices.
const (
	inBandLimit     = 10 * time.Second // for each question over SIP
	inBandAgain     = 10 * time.Minute // after a question that failed
	relayLifeShare  = 0.8              // of the credentials' life, after which the relays are asked for again
	relayLifeUnsaid = 8 * time.Hour    // what Lync grants when it does not say (480 minutes)
)

// Learn asks a Lync Registrar for in-band provisioning and media relays, and asks again when something has
// changed or the relays' credentials run out. It only reads; what it learns is handed to the owner of the state. Where the binding
// is given back, it asks once.
func (s *Signer) Learn(ctx context.Context, session *sip.Session, binding sip.Binding, told <-chan sip.Provisioning, lessons func(Lesson)) {
	if !binding.Lync {
		return
	}
	l := s.askProvisioning(ctx, session, &binding)
	for ctx.Err() == nil {
		if lessons(l); s.policy.Release {
			return
		}
		select {
		case p := <-told:
			l = s.study(ctx, session, &p, binding.Remote)
		case <-time.After(l.again):
			if l.known {
				l = s.study(ctx, session, &l.provisioning, binding.Remote)
			} else {
				l = s.askProvisioning(ctx, session, &binding)
			}
		case <-ctx.Done():
		}
	}
}

func (s *Signer) askProvisioning(ctx context.Context, session *sip.Session, binding *sip.Binding) Lesson {
	asking, cancel := context.WithTimeout(ctx, inBandLimit)
	defer cancel()
	p, err := session.Provision(asking)
	if err != nil {
		return Lesson{remote: binding.Remote, Reason: ReasonOf(err), Detail: InBandDetail(err), again: inBandAgain}
	}
	return s.study(ctx, session, &p, binding.Remote)
}

// study looks up the pool and the media relays that a provisioning document names, and tries the relays.
func (s *Signer) study(ctx context.Context, session *sip.Session, p *sip.Provisioning, remote bool) Lesson {
	l := Lesson{provisioning: *p, known: true, remote: remote, again: time.Duration(relayLifeShare * float64(relayLifeUnsaid))}
	if p.MRASURI == "" {
		l.relaysKnown, l.Reason, l.Detail = true, provisioning.RelayNone, "the Registrar names no media relay service"
		l.pool = s.owner.Resolve(ctx, []string{p.PoolHost})[0].Addrs
		return l
	}
	asking, cancel := context.WithTimeout(ctx, inBandLimit)
	defer cancel()
	answer, err := session.MediaRelays(asking, p.MRASURI, remote)
	if err != nil {
		l.Reason, l.Detail, l.again = provisioning.RelayRefused, plain.Words(err), inBandAgain
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
	silent := l.relaysKnown && len(l.relays) > 0
	for i := range l.relays {
		r := &l.relays[i]
		silent = silent && !answers(*r)
	}
	if silent {
		l.Reason, l.Detail = provisioning.RelayUnreachable, "no media relay answers on any of its addresses"
	}
	return l
}
