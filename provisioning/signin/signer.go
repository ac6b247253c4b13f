package signin

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"homeward/internal/sip"
	"homeward/internal/trust"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// Signer signs the device in: from a Plan to a registration. What it has learnt of Registrars outlives the walks. One
// goroutine walks with it; look-outs and checks take turns with that.
type Signer struct {
	policy     provisioning.Policy
	wire       wire.Wire
	owner      Owner
	EndpointID string // epid: the same for the life of the device
	// Unhurried has the probes that begin from now on wait longer for a connection, to see whether it comes late.
	Unhurried atomic.Bool
	gate      gate
	restraint *Restraint
	named     map[string]bool // hosts that SRV records named when discovery last found some
	vouched   vouched
	own       own
	pace      pace           // of the network, as the walks have seen it
	sessions  trust.Sessions // of TLS, with the Registrars of this run
	nonces    nonces         // of Digest, with the same
}

// Owner is what a signer has of whom it signs in for.
type Owner struct {
	Tell       func(*provisioning.Event)
	Pass       func()                      // between any two attempts: the owner is alive
	Ground     func() *provisioning.Ground // to judge addresses by, now
	Floor      func() bool                 // whether plain TCP is closed, as this SIP domain has registered over TLS
	ClockFloor func() time.Time            // the latest moment that is known to have passed
	Resolve    func(ctx context.Context, hosts []string) []provisioning.Name

	// CertificateService is told where a proven Registrar says that certificates for sign-in can be got, and the anchor that its
	// proof rests on, or "". Nil: nobody listens.
	CertificateService func(url, anchor string)

	// Worked is how this device was registered before it met an address of a place. Nil: nothing is known of any.
	Worked func(at provisioning.Endpoint, addr netip.Addr) provisioning.Past

	// Led is where the name of a Candidate led when this device last registered; nil: there still, or that is not known. Nil: nothing is
	// known of any.
	Led func(*provisioning.Candidate) provisioning.Facts

	// Asked is told how long a Registrar that has proven its name wants to be left alone. Nil: nobody listens.
	Asked func(of provisioning.Endpoint, wait time.Duration)
}

// offered tells where certificates can be got; "" is nowhere.
func (o Owner) offered(url, anchor string) {
	if o.CertificateService != nil && url != "" {
		o.CertificateService(url, anchor)
	}
}

// since adds to what is wrong at a place that it has served this device before, or that its name led elsewhere then.
func since(s *Signer, t provisioning.Trouble, c *provisioning.Candidate, addr netip.Addr) provisioning.Trouble {
	o := &s.owner
	if t.Fault == provisioning.FaultSchemeNotAllowed {
		t = t.With(provisioning.Facts{"auth": s.policy.Setting("auth"), "allowed": provisioning.Either(s.policy.Auth)})
		if t.Facts["barred"] == nil {
			t = t.With(provisioning.Facts{"unable": true}).OnNoSide()
		}
	}
	if o.Worked != nil && !t.None() {
		past := o.Worked(c.Endpoint, addr)
		if t.Facts["login"] != nil {
			t = t.With(provisioning.Facts{"setting": s.policy.LoginSetting()})
		}
		if s.restraint.proven != (attempted{}) { // the password has signed in, wherever that was
			past.Written = time.Time{}
		}
		if past.Port != 0 && c.Step.BySRV() && c.Step.String() == past.Step && (t.Fault == provisioning.FaultRefused || t.Fault == provisioning.FaultFiltered) {
			record, side := s.policy.Named(&provisioning.Source{Step: c.Step, Query: c.Step.SRVName() + s.policy.SIPAddress.Domain}, c.Host)
			t = t.With(provisioning.Facts{"record": record, "formerly": past.Port, "before": past.Moment, "port": c.Port}).On(side)
		}
		t = provisioning.Offers(past, provisioning.Since(past, t))
		t = provisioning.SignedIn(past, s.restraint.proven == attempted{c.Endpoint, addr}, t)
	}
	if o.Led != nil && !t.None() {
		t = provisioning.Led(o.Led(c), t)
	}
	return t
}

// New returns a signer that has signed in nowhere yet. vouched are the hosts that proven Registrars had named before.
func New(policy provisioning.Policy, wire wire.Wire, endpointID string, vouched map[string]bool, o Owner) *Signer {
	s := &Signer{
		policy: policy, wire: wire, owner: o, EndpointID: endpointID, restraint: newRestraint(),
		gate:  gate{policy: policy, wire: wire, ground: o.Ground, clockFloor: o.ClockFloor},
		named: map[string]bool{}, nonces: nonces{},
	}
	for host := range vouched {
		s.vouched.add(host)
	}
	s.own = own{s.gate, &s.vouched}
	s.restraint.certificate = s.own.usable
	return s
}

// Note takes down the hosts that SRV records name, in this discovery and instead of the last one's.
func (s *Signer) Note(try []provisioning.Candidate, named map[string]bool) {
	for i := range try {
		c := &try[i]
		if c.Step.BySRV() {
			named[c.Host] = true
			s.named = named
		}
	}
}

// Vouched returns the hosts that proven Registrars have named.
func (s *Signer) Vouched() map[string]bool { return s.vouched.all() }

// Restraint says what this signer's Registrars, and this device's own failures, demand of whoever signs in.
func (s *Signer) Restraint() *Restraint { return s.restraint }

// inClear says whether a challenge of a Candidate may be answered over plain TCP: only where the site allows it, and at a
// host that an SRV record or the configuration names. DHCP, a redirect and a record are no such evidence.
func (s *Signer) inClear(c *provisioning.Candidate) bool {
	named := s.policy.Configured(c.Host) || c.Step.BySRV() || s.named[c.Host] && c.Step != provisioning.DHCPTCP
	return s.policy.CredentialsOverTCP && named
}

func (s *Signer) account(c *provisioning.Candidate, local net.Addr) sip.Account {
	account := nobody(&s.policy, s.EndpointID, local)
	account.User, account.Password, account.InClear = s.policy.User, s.policy.Password, s.inClear(c)
	return account
}

// nobody is an account without what proves whose it is: whoever asks with it answers no challenge. It may be asked for
// beside a sign-in.
func nobody(p *provisioning.Policy, endpointID string, local net.Addr) sip.Account {
	return sip.Account{
		AOR: p.SIPAddress, Schemes: p.Auth, UserAgent: userAgent(p), Host: p.Workstation,
		EndpointID: endpointID, Subnet: subnetOf(local), Unbound: p.Release,
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

// maxNonces bounds what is kept of them. (Our choice: a home pair behind an Access Edge has fewer addresses.)
const maxNonces = 8

// nonces are those with which Registrars have accepted this device, each at its place: there the next REGISTER is signed before it
// is asked for.
type nonces map[attempted]*sip.Nonce

// keep remembers the nonce of a place; nil forgets it.
func (n nonces) keep(place attempted, nonce *sip.Nonce) {
	switch {
	case nonce == nil:
		delete(n, place)
		return
	case len(n) >= maxNonces && n[place] == nil:
		clear(n)
	}
	n[place] = nonce
}

// Recall takes up the Digest challenge with which a Registrar has accepted this device at the end of the run before: see sip.KeptNonce.
// One that is damaged is none.
func (s *Signer) Recall(at provisioning.Endpoint, addr netip.Addr, challenge string, count int) {
	if nonce, err := sip.KeptNonce(challenge, count); err == nil {
		s.nonces.keep(attempted{at, addr}, nonce)
	}
}

// NetworkChanged forgets how fast the network was.
func (s *Signer) NetworkChanged() { s.pace = pace{} }

// Connect opens the way to one address of a Candidate, over TLS with the name proven. Not a word of SIP is said.
func (s *Signer) Connect(ctx context.Context, c *provisioning.Candidate, addr netip.Addr) (net.Conn, error) {
	conn, _, err := s.gate.open(ctx, c, addr)
	return conn, err
}

// FreshEndpointID returns an epid as Microsoft's clients make them: ten hexadecimal digits.
func FreshEndpointID() string {
	var fresh [5]byte
	rand.Read(fresh[:]) // never fails
	return hex.EncodeToString(fresh[:])
}

// userAgent returns what SIP servers are told of this program. Versions of development builds, such as "(devel)", may hold
// what no token may (RFC 3261 section 25.1).
func userAgent(p *provisioning.Policy) string {
	return cmp.Or(p.UserAgent, "homeward/"+sip.Token(p.Version))
}
