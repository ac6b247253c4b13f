package provisioning

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/homeward-agent/homeward/cache"
	"github.com/homeward-agent/homeward/provisioning/internal/sip"
	"github.com/homeward-agent/homeward/provisioning/internal/srv"
	"github.com/homeward-agent/homeward/provisioning/internal/trust"
)

// Our choices: a person waits.
const (
	trialLimit   = 2500 * time.Millisecond // for DNS and DHCP: two DHCPINFORMs without an answer
	lateLimit    = 4 * time.Second         // for DNS, once it has not answered in that time
	probeConnect = 2 * time.Second         // leaves room for one lost SYN
	probeGreet   = 4 * time.Second         // as long as a Registrar has for REGISTER (package sip)
)

// Trial does once what the daemon does all the time, and leaves nothing behind: it signs in under an endpoint id of
// its own, so that a daemon beside it keeps its registration, takes the binding back, and writes no record. It is
// what package check is made of. Its methods may be called from several goroutines, but for SignIn.
type Trial struct{ agent *Agent }

// NewTrial returns a trial for a device that remembers record.
func NewTrial(policy Policy, wire Wire, record cache.Record) *Trial {
	record.EndpointID = "" // a Lync Registrar would take us for the daemon
	return &Trial{New(policy, wire, cache.InMemory(record), func(Event) {})}
}

// Survey asks DNS and DHCP for the steps given, whatever the order of the policy; TCP steps that are closed are
// not asked for. settled is called with each Finding as soon as it is decided, from several goroutines.
func (t *Trial) Survey(ctx context.Context, steps []Step, settled func(Finding)) Findings {
	a := t.agent
	g := &gathering{policy: a.policy, wire: a.wire, steps: steps, limit: trialLimit, settled: settled, conflict: func(string) {}}
	g.start(ctx, a.floor())
	defer g.end()
	return g.all(ctx)
}

// Candidates are those of one finding, also of a step that the policy does not ask.
func (t *Trial) Candidates(f Finding) []Candidate {
	return planStep(f.Step, Findings{f}, t.agent.policy, t.agent.floor()).Try
}

// Plan is what the daemon would make of the findings.
func (t *Trial) Plan(found Findings) Plan {
	used := slices.DeleteFunc(slices.Clone(found), func(f Finding) bool { return !t.agent.policy.Asks(f.Step) })
	return MakePlan(used, t.agent.policy, t.agent.floor())
}

// Outage is the plan that the daemon would follow if DNS and DHCP said nothing.
func (t *Trial) Outage() Plan {
	record, ok := t.agent.record()
	if !ok {
		return Plan{}
	}
	return t.agent.outagePlan(record)
}

// LookUp asks for the addresses of a host name. Without any, Name says why.
func (t *Trial) LookUp(ctx context.Context, host string) Name {
	ctx, cancel := context.WithTimeout(ctx, trialLimit)
	defer cancel()
	name := Name{Host: host}
	addrs, err := resolveHost(ctx, newResolver(t.agent.policy, t.agent.wire), host)
	if name.Addrs = addrs; err != nil {
		name.Reason, name.Detail = addressReason(err)
	}
	return name
}

// Records asks for the SRV records of a name that is no step: the clock's, say.
func (t *Trial) Records(ctx context.Context, name string) Finding {
	ctx, cancel := context.WithTimeout(ctx, trialLimit)
	defer cancel()
	started := time.Now()
	f := Finding{Source: Source{Source: "dns", Query: name, Verdict: Found}}
	resolver := newResolver(t.agent.policy, t.agent.wire)
	targets, err := resolver.SRV(ctx, name)
	if err != nil {
		f.Verdict, f.Reason, f.Detail = verdictOf(err)
	}
	for _, target := range targets {
		f.Names = append(f.Names, Name{Host: target.Host, Port: target.Port})
	}
	f.TookMS = time.Since(started).Milliseconds()
	return f
}

// AnswersLate says whether DNS, which has not answered in time, does answer, whatever it says. (A name server may have
// found out meanwhile what took it so long.)
func (t *Trial) AnswersLate(ctx context.Context, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, lateLimit)
	defer cancel()
	resolver := newResolver(t.agent.policy, t.agent.wire)
	_, err := resolver.SRV(ctx, name)
	var e *srv.Error
	return !errors.As(err, &e) || dnsReason(e) != DNSTimeout
}

// Probe is how far a device comes with one address, without signing in.
type Probe struct {
	Addr      netip.Addr
	Connected bool // TCP
	Secured   bool // TLS, with the name proven; always false over plain TCP
	Answered  bool // SIP, whatever the answer
	TLS       trust.Shown
	// AsksCertificate says that the server asks for a certificate of ours, as those for other servers do.
	AsksCertificate bool
	Greeting        sip.Greeting
	Reason          Reason // why it went no further; empty: the server is ready for a sign-in
	// Distrusted says that TLS was spoken and no server proven: the daemon then closes plain TCP to the same host.
	Distrusted bool
	Detail     string
	Hint       string
	Took       time.Duration
}

// Probe tries one address of a Candidate: TCP, TLS and the name, and a SIP request without credentials.
func (t *Trial) Probe(ctx context.Context, c Candidate, addr netip.Addr) (p Probe) {
	p.Addr = addr
	started := time.Now()
	err := t.agent.refuses(c, addr)
	if err == nil {
		err = t.probe(ctx, c, &p)
	}
	if p.Took = time.Since(started); err != nil {
		p.Reason, p.Detail, p.Hint = ReasonOf(err), detailOf(err), hintOf(err)
	}
	return p
}

// Closed is what Probe returns, without a packet, for an address that the daemon would not go to over plain TCP, since a
// handshake with the same host has failed.
func Closed(addr netip.Addr) Probe {
	return Probe{Addr: addr, Reason: TransportPolicy, Detail: distrusted, Hint: TransportPolicy.Hint()}
}

func (t *Trial) probe(ctx context.Context, c Candidate, p *Probe) error {
	if p.Reason = t.agent.policy.closed(c.Transport, t.agent.floor()); p.Reason != "" {
		p.Hint = p.Reason.Hint()
		return nil // not a packet where the daemon sends none
	}
	dialling, cancel := context.WithTimeout(ctx, probeConnect)
	defer cancel()
	conn, err := t.agent.wire.Dial(dialling, "tcp", netip.AddrPortFrom(p.Addr, c.Port).String())
	if err != nil {
		return &attemptError{connecting, err}
	}
	defer conn.Close()
	p.Connected = true
	if c.Transport == TLS {
		shaking, cancel := context.WithTimeout(ctx, tlsLimit)
		defer cancel()
		secure, met, err := trust.Handshake(shaking, conn, c.Host, t.agent.proof(c))
		if p.TLS, p.AsksCertificate = met.Shown, met.AsksCertificate; err != nil {
			p.Distrusted = isDistrust(err)
			return &attemptError{handshaking, err}
		}
		p.Secured, conn = true, secure
	}
	session := sip.NewSession(conn, p.Secured, t.agent.account(c, conn.LocalAddr()))
	defer session.Close()
	greeting, cancel := context.WithTimeout(ctx, probeGreet)
	defer cancel()
	if p.Greeting, err = session.Greet(greeting); err != nil {
		p.Answered = p.Greeting.Code != 0
		return &attemptError{registering, err}
	}
	p.Answered = true
	return nil
}

// SignedIn is how a sign-in went.
type SignedIn struct {
	Registrar    *Endpoint // nil: nobody accepted
	Scheme       string    // "ntlm", "digest"; empty: it asked for nothing
	User         string    // the login name that was sent; empty: none
	Remote       bool      // through an Access Edge
	OnBackup     bool
	Lync         bool // it tells in band
	Attempts     []Attempt
	Home         []Endpoint
	MediaRelays  []MediaRelay
	Provisioning *Provisioning
	InBand       Reason // why in-band provisioning or the relays are not as they should be
	InBandDetail string
	Reason       Reason // why nobody accepted
	Detail       string
	Hint         string
}

// SignIn walks through the Candidates as the daemon does, until one accepts; asks it for what it tells in band; and
// takes the binding back.
func (t *Trial) SignIn(ctx context.Context, try []Candidate) SignedIn {
	a := t.agent
	a.beginCycle()
	a.note(try, map[string]bool{})
	reg := a.walk.try(ctx, try)
	var s SignedIn
	if reg == nil {
		a.change(func(status *Status) { s.Reason, s.Detail, s.Hint = status.Cycle.blame(a.walk.stop) })
		s.Attempts = a.Status().Cycle.Attempts
		return s
	}
	defer reg.Session.Close()
	s.Attempts = a.Status().Cycle.Attempts
	s.Scheme, s.User = reg.Binding.Scheme, reg.Binding.User
	s.Remote, s.OnBackup, s.Lync = reg.Binding.Remote, reg.Binding.OnBackup, reg.Binding.Lync
	if s.Lync {
		l := unproven()
		if reg.Candidate.Transport == TLS {
			l = a.askProvisioning(ctx, reg.Session, reg.Binding)
		}
		a.believe(reg, l)
		s.Provisioning, s.MediaRelays = l.settings(), l.relays
		s.InBand, s.InBandDetail = l.reason, l.detail
	}
	s.Home = homeOf(a.newRecord(reg))
	s.Registrar = endpointOf(reg, s.Home)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), unregisterLimit)
	defer cancel()
	_ = reg.Session.Unregister(last) // the binding expires by itself otherwise
	return s
}

// ClockFloor is the latest moment that is known to have passed: the build of this program, or the last registration.
func (t *Trial) ClockFloor() time.Time { return t.agent.clockFloor() }

// CheckName applies the name rule, under the naming given, to a name that DNS or DHCP gave.
func CheckName(host string, policy Policy, naming Naming) error {
	return trust.CheckName(host, policy.SIPDomain(), naming)
}
