package signin

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"homeward/internal/plain"
	"homeward/internal/sip"
	"homeward/internal/trust"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// ProbeConnect is our choice of how long a probe waits for a connection: it leaves room for one lost SYN, and a person waits.
const ProbeConnect = 2 * time.Second

// Our choices, likewise.
const (
	probeLate    = 4 * time.Second        // the same where DNS was slow: to see whether it is the network, and nothing more is tried then
	probeSmall   = 2 * time.Second        // for a handshake in small packets, where one has failed: what works at all has been seen to connect
	probeOptions = 500 * time.Millisecond // for one that is silent, and is not to be waited for
	probeGreet   = 4 * time.Second        // as long as a Registrar has for REGISTER (package sip)
	slowAnswer   = 2 * time.Second        // from when on a Registrar is slow to answer SIP: half of that
)

// Probe is how far a device comes with one address, without signing in.
type Probe struct {
	Addr       netip.Addr
	Connected  bool          // TCP
	Connecting time.Duration // how long that took, or was tried
	Late       time.Duration // how long that took, where it was too long for anything more to be tried; 0: it was not
	Securing   time.Duration // how long TLS took
	Secured    bool          // TLS, with the name proven; always false over plain TCP
	Answered   bool          // SIP, whatever the answer
	TLS        trust.Shown
	// AsksCertificate says that the server asks for a certificate of ours, as those for other servers do.
	AsksCertificate bool
	Greeting        sip.Greeting
	OnlyRegister    bool                 // it answers OPTIONS, and no REGISTER
	InClear         bool                 // it answers OPTIONS without TLS, and speaks no TLS
	Trouble         provisioning.Trouble // why it went no further; none: the server is ready for a sign-in
	// Distrusted says that TLS was spoken and no server proven: the daemon then closes plain TCP to the same host.
	Distrusted bool
	Detail     string // raw words
	Took       time.Duration
	// Uneven says that some connections to it are served, and others are not.
	Uneven bool
	met    trust.Met
}

// Reason is that of the Trouble.
func (p *Probe) Reason() provisioning.Reason { return p.Trouble.Reason() }

// SlowAnswer is about a Registrar that takes long to answer.
func (p *Probe) SlowAnswer(c *provisioning.Candidate) provisioning.Trouble {
	took := p.Took - p.Connecting - p.Securing
	if p.Greeting.Code == 0 || took < slowAnswer {
		return provisioning.Trouble{}
	}
	return provisioning.FaultSlowAnswer.Met(provisioning.Facts{"at": c.HostPort(), "address": p.Addr, "ms": took.Milliseconds()})
}

// Probe tries one address of a Candidate: TCP, TLS and the name, and a SIP request without credentials.
func (s *Signer) Probe(ctx context.Context, c *provisioning.Candidate, addr netip.Addr) *Probe {
	p := &Probe{Addr: addr}
	started := time.Now()
	err := s.gate.refuses(c, addr)
	if err == nil {
		err = s.probe(ctx, c, p)
	}
	if p.Took = time.Since(started); err != nil {
		p.Trouble = since(s, p.Instead(Judge(err, c, addr)), c, addr).With(provisioning.Facts{"lone": nil}) // others tell of other ports
		p.Detail = plain.Words(err)
	}
	return p
}

// Closed is what Probe returns, without a packet, for an address that the daemon would not go to over plain TCP, since a
// handshake with the same host has failed.
func Closed(addr netip.Addr) *Probe {
	return &Probe{Addr: addr, Trouble: provisioning.TransportPolicy.Met(distrusted), Detail: distrusted}
}

// Completes says whether a server that is proven sends the certificate of an authority that another one would have to send. That it is the
// authority's is proven by its signature: nobody on the way to the other one has made that certificate.
func (p *Probe) Completes(other *Probe) bool { return p.Secured && p.met.Completes(other.met) }

// Open opens the way to one address of a host as to a Registrar: TCP, TLS and the name. What is sent there is the caller's; a
// Trouble says why there is no way.
func (s *Signer) Open(ctx context.Context, c *provisioning.Candidate, addr netip.Addr) (net.Conn, trust.Met, provisioning.Trouble) {
	conn, met, err := s.gate.open(ctx, c, addr)
	return conn, met, Judge(err, c, addr)
}

// UserAgent is what servers are told of this program.
func (s *Signer) UserAgent() string { return userAgent(&s.policy) }

func (s *Signer) probe(ctx context.Context, c *provisioning.Candidate, p *Probe) error {
	if p.Trouble = s.policy.Closed(c.Transport, s.owner.Floor()).Met(""); !p.Trouble.None() {
		return nil // not a packet where the daemon sends none
	}
	began, limit := time.Now(), ProbeConnect
	if s.Unhurried.Load() {
		limit = probeLate
	}
	conn, err := s.gate.dial(ctx, c, p.Addr, limit)
	if p.Connecting = time.Since(began); err != nil {
		return err
	}
	defer conn.Close()
	if p.Connecting > ProbeConnect {
		p.Late = p.Connecting
		return s.gate.notConnected(p.Addr, os.ErrDeadlineExceeded, p.Connecting)
	}
	p.Connected = true
	var met trust.Met
	if c.Transport == provisioning.TLS {
		var secure net.Conn
		began := time.Now()
		secure, met, err = s.gate.secureInBoth(ctx, c, p.Addr, conn)
		p.Securing = time.Since(began)
		if p.met, p.TLS, p.AsksCertificate = met, met.Shown, met.AsksCertificate; err != nil {
			p.Distrusted = isDistrust(err)
			var attempt *attemptError
			p.Uneven = errors.As(err, &attempt) && attempt.uneven
			p.InClear = speaksOther(err) && s.policy.AllowTCP && s.gate.answersInClear(ctx, c, p.Addr)
			return err
		}
		p.Secured, conn = true, secure
	}
	session := sip.NewSession(conn, p.Secured, nobody(&s.policy, s.EndpointID, conn.LocalAddr()))
	defer session.Close()
	greeting, cancel := context.WithTimeout(ctx, probeGreet)
	defer cancel()
	if p.Greeting, err = session.Greet(greeting); err != nil {
		p.OnlyRegister = errors.Is(err, sip.ErrNoAnswer) && answersOptions(ctx, session)
		err = turnedAway(&met, err)
		p.Answered, p.Distrusted = p.Greeting.Code != 0, isDistrust(err)
		watched := watchedOf(conn)
		return &attemptError{stage: registering, err: err, met: met, loss: watched.Loss(), began: watched.Began, near: s.gate.near(p.Addr)}
	}
	p.Answered = true
	return nil
}

// answersOptions says whether a Registrar that does not answer REGISTER answers something else.
func answersOptions(ctx context.Context, session *sip.Session) bool {
	ctx, cancel := context.WithTimeout(ctx, probeOptions)
	defer cancel()
	return session.AnswersOptions(ctx)
}

// speaksOther says whether a handshake has arrived, and what came of it may be that whoever took it speaks no TLS.
func speaksOther(err error) bool {
	var attempt *attemptError
	var handshake *trust.HandshakeError
	return errors.As(err, &attempt) && errors.As(err, &handshake) && !handshake.Spoken() && attempt.loss != wire.SentUnacknowledged
}

// answersInClear says whether something answers SIP without TLS. It is told nothing of this device but the SIP domain, so that it may be asked although
// nothing else goes over plain TCP any more (TLS floor).
func (g *gate) answersInClear(ctx context.Context, c *provisioning.Candidate, addr netip.Addr) bool {
	conn, err := g.dial(ctx, c, addr, ProbeConnect)
	if err != nil {
		return false
	}
	stranger := provisioning.SIPAddress{User: "anonymous", Domain: g.policy.SIPAddress.Domain} // RFC 3261 section 8.1.1.3
	session := sip.NewSession(conn, false, sip.Account{AOR: stranger, UserAgent: userAgent(&g.policy)})
	defer session.Close()
	return answersOptions(ctx, session)
}

// Instead makes of the silence of a Registrar what is known of it, where it answers something else.
func (p *Probe) Instead(t provisioning.Trouble) provisioning.Trouble {
	switch {
	case p.OnlyRegister && t.Fault == provisioning.FaultNoSIP:
		return provisioning.FaultRegisterSilent.Met(t.Facts)
	case p.InClear && slices.Contains([]provisioning.Fault{provisioning.FaultTLSSilent, provisioning.FaultTLSHungUp, provisioning.FaultTLSNot}, t.Fault):
		return provisioning.FaultTLSInClear.Met(t.Facts)
	}
	return t
}

// secureInBoth secures a connection. Where no answer comes, or not all of it, it is tried in small packets, too, and what came of that
// is added to the error: afterwards, since some servers speak with one client at a time. Where no version is in common, it is asked which one the
// server has.
func (g *gate) secureInBoth(ctx context.Context, c *provisioning.Candidate, addr netip.Addr, conn net.Conn) (net.Conn, trust.Met, error) {
	secure, met, err := g.secure(ctx, c, addr, conn)
	var attempt *attemptError
	var handshake *trust.HandshakeError
	if errors.As(err, &attempt) && errors.As(err, &handshake) && handshake.Kind == trust.NoVersion {
		lenient := *g
		lenient.policy.TLSMin = tls.VersionTLS10
		attempt.offers = lenient.shake(ctx, c, addr).version
		return secure, met, err
	}
	if !errors.As(err, &attempt) || !errors.As(err, &handshake) || handshake.Kind != trust.Silent && handshake.Kind != trust.Stalled || attempt.loss == wire.ReceivedGap {
		return secure, met, err
	}
	small := g.shake(wire.SmallSegments(ctx), c, addr)
	if attempt.small = small.tried && !small.answered; small.answered {
		large := g.shakeOneOf(ctx, c, addr, largeAgain)
		if attempt.uneven = large.proven; !large.answered {
			attempt.loss = wire.LargeLost
		}
	}
	return secure, met, err
}

// largeAgain is our choice: where a load balancer has servers of which one is dead, they are asked in turn, and one of two connections meets another.
const largeAgain = 2

// shaken is how far a further handshake came: it is not tried where there is no other connection, it gets all of its answer, and that proves the name.
type shaken struct {
	tried, answered, proven bool
	version                 string // of TLS; "": not known
}

// shakeOneOf is how far one of several handshakes at the same time came. When one has proven the name, it ends the others, and waits for that.
func (g *gate) shakeOneOf(ctx context.Context, c *provisioning.Candidate, addr netip.Addr, n int) (best shaken) {
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	each := make(chan shaken, n)
	for range n {
		go func() { each <- g.shake(ctx, c, addr) }()
	}
	for range n {
		h := <-each
		best = shaken{best.tried || h.tried, best.answered || h.answered, best.proven || h.proven, ""}
		if best.proven {
			enough()
		}
	}
	return best
}

// shake is how far one came that is closed at once.
func (g *gate) shake(ctx context.Context, c *provisioning.Candidate, addr netip.Addr) shaken {
	ctx, cancel := context.WithTimeout(ctx, probeSmall)
	defer cancel()
	conn, err := g.dial(ctx, c, addr, ProbeConnect)
	if err != nil {
		return shaken{}
	}
	secure, met, err := g.secure(ctx, c, addr, conn)
	if err == nil {
		secure.Close()
	}
	return shaken{tried: true, answered: met.Version != "", proven: err == nil, version: met.Version}
}
