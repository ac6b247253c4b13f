package provisioning

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/homeward-agent/homeward/provisioning/internal/sip"
	"github.com/homeward-agent/homeward/provisioning/internal/trust"
)

// Our choices: a dead Registrar costs seconds, not the 32 s of SIP timer F.
const (
	connectLimit  = 3 * time.Second
	tlsLimit      = 3 * time.Second
	registerLimit = 20 * time.Second // the whole exchange; each answer has 4 s (package sip)
	maxVouched    = 64               // hosts: a user has a pool and its backup
)

// registration is a Registrar that has accepted this device.
type registration struct {
	Candidate Candidate
	Addr      netip.Addr
	Local     net.Addr // our end of the connection
	Session   *sip.Session
	Binding   sip.Binding
	Home      []Candidate // primary and backup, when a redirect named them
	Degraded  bool        // through last good
	Since     time.Time   // when it became the current one
	Lesson    *lesson     // what it has told in band; nil: nothing yet
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
func (a *Agent) attempt(ctx context.Context, c Candidate, addr netip.Addr) (*registration, error) {
	conn, err := a.connect(ctx, c, addr)
	if err != nil {
		return nil, err
	}
	session := sip.NewSession(conn, c.Transport == TLS, a.account(c, conn.LocalAddr()))
	ctx, cancel := context.WithTimeout(ctx, registerLimit)
	defer cancel()
	binding, err := session.Register(ctx)
	if err != nil {
		session.Close()
		return nil, &attemptError{registering, err}
	}
	return &registration{Candidate: c, Addr: addr, Local: conn.LocalAddr(), Session: session, Binding: binding}, nil
}

// refusedError is a place to which no packet goes.
type refusedError struct {
	reason Reason
	detail string
}

func (e *refusedError) Error() string { return e.detail }

// refuses is the last gate before a packet goes to an address of a Candidate, whoever has let it so far.
func (a *Agent) refuses(c Candidate, addr netip.Addr) error {
	reason, detail := a.policy.portReason(c.Step, c.Port)
	if reason == "" && isAddress(c.Host) {
		reason, detail = a.policy.nameReason(c.Step, c.Host, c.Transport)
	}
	if problem := a.ground().refuses(c.Step, c.Host, addr); reason == "" && problem != "" {
		reason, detail = AddressNotAllowed, problem
	}
	if reason == "" {
		return nil
	}
	return &refusedError{reason, detail}
}

// proof is what a certificate must prove: the name dialled, whichever address was used, also a cached one; at an address
// that was named in place of a name, some name that the name rule allows. A configured address proves itself.
func (a *Agent) proof(c Candidate) trust.Settings {
	settings := a.trust()
	if isAddress(c.Host) && !a.policy.configured(c.Host) {
		settings.Allowed = func(name string) bool { return checkName(name, a.policy) == nil }
	}
	return settings
}

// inClear says whether a challenge of a Candidate may be answered over plain TCP: only where the site allows it, and at a
// host that an SRV record or the configuration names. DHCP, a redirect and a record are no such evidence.
func (a *Agent) inClear(c Candidate) bool {
	named := a.policy.configured(c.Host) || c.Step.bySRV() || a.named[c.Host] && c.Step != DHCPTCP
	return a.policy.CredentialsOverTCP && named
}

// note takes down the hosts that SRV records name, in this discovery and instead of the last one's.
func (a *Agent) note(try []Candidate, named map[string]bool) {
	for _, c := range try {
		if c.Step.bySRV() {
			named[c.Host] = true
			a.named = named
		}
	}
}

// vouch takes down a host that a proven Registrar has named. The oldest are of no use any more when there are many.
func (a *Agent) vouch(host string) {
	if len(a.vouched) >= maxVouched {
		clear(a.vouched)
	}
	a.vouched[host] = true
}

func (a *Agent) connect(ctx context.Context, c Candidate, addr netip.Addr) (net.Conn, error) {
	if err := a.refuses(c, addr); err != nil {
		return nil, err
	}
	dialling, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	conn, err := a.wire.Dial(dialling, "tcp", netip.AddrPortFrom(addr, c.Port).String())
	if err != nil {
		return nil, &attemptError{connecting, err}
	}
	if c.Transport == TCP {
		return conn, nil
	}
	shaking, cancel := context.WithTimeout(ctx, tlsLimit)
	defer cancel()
	secure, _, err := trust.Handshake(shaking, conn, c.Host, a.proof(c))
	if err != nil {
		conn.Close()
		return nil, &attemptError{handshaking, err}
	}
	return secure, nil
}

// trust returns what certificates are judged by now. A clock that shows less than the last registration or
// than the build of this program is wrong, and is not believed.
func (a *Agent) trust() trust.Settings {
	return trust.Settings{Roots: a.policy.Roots, MinVersion: a.policy.TLSMin, Floor: a.clockFloor()}
}

// clockFloor is the latest moment that is known to have passed.
func (a *Agent) clockFloor() time.Time {
	if record, ok := a.store.Load(); ok && record.RegisteredAt.After(a.policy.Built) {
		return record.RegisteredAt
	}
	return a.policy.Built
}

func (a *Agent) account(c Candidate, local net.Addr) sip.Account {
	return sip.Account{
		AOR: a.policy.SIPAddress, User: a.policy.User, Password: a.policy.Password, Schemes: a.policy.Auth,
		InClear: a.inClear(c), UserAgent: a.policy.userAgent(), Host: a.policy.Workstation,
		EndpointID: a.endpointID, Subnet: subnetOf(local),
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

// clockProblem says what is wrong with our clock, as far as it shows, or "". date is the Registrar's, which may
// be far from ours by what sign-in tolerates (5 min for Kerberos, 15 min for NTLM; MS-SIPAE).
func (a *Agent) clockProblem(date time.Time) string {
	const tolerated = 5 * time.Minute
	now := time.Now()
	skew := date.Sub(now).Round(time.Second)
	switch {
	case now.Before(a.clockFloor()):
		return fmt.Sprintf("it shows %s, but %s has passed", now.UTC().Format(time.RFC3339), a.clockFloor().UTC().Format(time.RFC3339))
	case date.IsZero() || skew.Abs() <= tolerated:
		return ""
	case skew > 0:
		return fmt.Sprintf("the Registrar's clock is %s ahead", skew)
	default:
		return fmt.Sprintf("the Registrar's clock is %s behind", -skew)
	}
}
