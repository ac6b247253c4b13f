package signin

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/homeward-agent/homeward/internal/sip"
	"github.com/homeward-agent/homeward/internal/trust"
	"github.com/homeward-agent/homeward/provisioning"
)

// Our choices: a dead Registrar costs seconds, not the 32 s of SIP timer F.
const (
	connectLimit  = 3 * time.Second
	tlsLimit      = 3 * time.Second
	registerLimit = 20 * time.Second // the whole exchange; each answer has 4 s (package sip)
)

// UnregisterLimit leaves the service manager's 5 s enough room.
const UnregisterLimit = 2 * time.Second

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

// stage is how far an attempt came; the same fault means different things at each.
type stage uint8

const (
	connecting stage = iota
	handshaking
	registering
)

// attemptError is a failure with the stage in which it happened.
type attemptError struct {
	stage stage
	err   error
}

func (e *attemptError) Error() string { return e.stage.prefix() + e.err.Error() }

func (s stage) prefix() string { return [...]string{"connect: ", "TLS: ", "REGISTER: "}[s] }

func (e *attemptError) Unwrap() error { return e.err }

// attempt tries one address of a Candidate: connect, prove the name, register. Each stage has its own deadline.
func (s *Signer) attempt(ctx context.Context, c provisioning.Candidate, addr netip.Addr) (*Registration, error) {
	conn, met, err := s.connect(ctx, c, addr)
	if err != nil {
		return nil, err
	}
	session := sip.NewSession(conn, c.Transport == provisioning.TLS, s.account(c, conn.LocalAddr()))
	ctx, cancel := context.WithTimeout(ctx, registerLimit)
	defer cancel()
	binding, err := session.Register(ctx)
	if err != nil {
		session.Close()
		return nil, &attemptError{registering, turnedAway(met, err)}
	}
	return &Registration{Candidate: c, Addr: addr, Local: conn.LocalAddr(), Session: session, Binding: binding}, nil
}

// refusedError is a place to which no packet goes.
type refusedError struct {
	reason provisioning.Reason
	detail string
}

func (e *refusedError) Error() string { return e.detail }

// refuses is the last gate before a packet goes to an address of a Candidate, whoever has let it so far.
func (s *Signer) refuses(c provisioning.Candidate, addr netip.Addr) error {
	reason, detail := s.policy.PortReason(c.Step, c.Port)
	if reason == "" && provisioning.IsAddress(c.Host) {
		reason, detail = s.policy.NameReason(c.Step, c.Host, c.Transport)
	}
	if problem := s.owner.Ground().Refuses(c.Step, c.Host, addr); reason == "" && problem != "" {
		reason, detail = provisioning.AddressNotAllowed, problem
	}
	if reason == "" {
		return nil
	}
	return &refusedError{reason, detail}
}

// proof is what a certificate must prove: the name dialled, whichever address was used, also a cached one; at an address
// that was named in place of a name, some name that the name rule allows. A configured address proves itself.
func (s *Signer) proof(c provisioning.Candidate) trust.Settings {
	settings := s.trust()
	if provisioning.IsAddress(c.Host) && !s.policy.Configured(c.Host) {
		settings.Allowed = func(name string) bool { return provisioning.CheckName(name, s.policy) == nil }
	}
	return settings
}

// inClear says whether a challenge of a Candidate may be answered over plain TCP: only where the site allows it, and at a
// host that an SRV record or the configuration names. DHCP, a redirect and a record are no such evidence.
func (s *Signer) inClear(c provisioning.Candidate) bool {
	named := s.policy.Configured(c.Host) || c.Step.BySRV() || s.named[c.Host] && c.Step != provisioning.DHCPTCP
	return s.policy.CredentialsOverTCP && named
}

// Connect opens the way to one address of a Candidate, over TLS with the name proven. Not a word of SIP is said.
func (s *Signer) Connect(ctx context.Context, c provisioning.Candidate, addr netip.Addr) (net.Conn, error) {
	conn, _, err := s.connect(ctx, c, addr)
	return conn, err
}

// connect is Connect, and tells what the handshake has shown.
func (s *Signer) connect(ctx context.Context, c provisioning.Candidate, addr netip.Addr) (net.Conn, trust.Met, error) {
	if err := s.refuses(c, addr); err != nil {
		return nil, trust.Met{}, err
	}
	dialling, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	conn, err := s.wire.Dial(dialling, "tcp", netip.AddrPortFrom(addr, c.Port).String())
	if err != nil {
		return nil, trust.Met{}, &attemptError{connecting, err}
	}
	if c.Transport == provisioning.TCP {
		return conn, trust.Met{}, nil
	}
	shaking, cancel := context.WithTimeout(ctx, tlsLimit)
	defer cancel()
	secure, met, err := trust.Handshake(shaking, conn, c.Host, s.proof(c))
	if err != nil {
		conn.Close()
		return nil, met, &attemptError{handshaking, err}
	}
	return secure, met, nil
}

// trust returns what certificates are judged by now. A clock that shows less than the last registration or
// than the build of this program is wrong, and is not believed.
func (s *Signer) trust() trust.Settings {
	return trust.Settings{Roots: s.policy.Roots, MinVersion: s.policy.TLSMin, Floor: s.owner.ClockFloor()}
}

func (s *Signer) account(c provisioning.Candidate, local net.Addr) sip.Account {
	return sip.Account{
		AOR: s.policy.SIPAddress, User: s.policy.User, Password: s.policy.Password, Schemes: s.policy.Auth,
		InClear: s.inClear(c), UserAgent: userAgent(s.policy), Host: s.policy.Workstation,
		EndpointID: s.EndpointID, Subnet: subnetOf(local),
	}
}

// subnetOf returns the IPv4 network an address of this machine is on, such as "10.0.0.0"; empty: not known.
func subnetOf(local net.Addr) string {
	tcp, ok := local.(*net.TCPAddr)
	networks, err := net.InterfaceAddrs()
	if !ok || err != nil {
		return ""
	}
	for _, network := range networks {
		if n, ok := network.(*net.IPNet); ok && n.IP.Equal(tcp.IP) && n.IP.To4() != nil {
			return n.IP.Mask(n.Mask).String()
		}
	}
	return ""
}
