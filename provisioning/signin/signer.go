package signin

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/homeward-agent/homeward/internal/sip"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/wire"
)

// maxVouched bounds what is kept of the hosts that Registrars name. (Our choice: a user has a pool and its backup.)
const maxVouched = 64

// Signer signs the device in: from a Plan to a registration. What it has learnt of Registrars outlives the walks. One
// goroutine walks with it; look-outs and checks take turns with that.
type Signer struct {
	policy     provisioning.Policy
	wire       wire.Wire
	owner      Owner
	EndpointID string // epid: the same for the life of the device
	Restraint  *Restraint
	named      map[string]bool // hosts that SRV records named when discovery last found some
	Vouched    map[string]bool // hosts that proven Registrars have named
}

// Owner is what a signer has of whom it signs in for.
type Owner struct {
	Tell       func(provisioning.Event)
	Pass       func()                     // between any two attempts: the owner is alive
	Ground     func() provisioning.Ground // to judge addresses by, now
	Floor      func() bool                // whether plain TCP is closed, as this SIP domain has registered over TLS
	ClockFloor func() time.Time           // the latest moment that is known to have passed
	Resolve    func(ctx context.Context, hosts []string) []provisioning.Name
}

// New returns a signer that has signed in nowhere yet. vouched are the hosts that proven Registrars had named before.
func New(policy provisioning.Policy, wire wire.Wire, endpointID string, vouched map[string]bool, o Owner) *Signer {
	return &Signer{
		policy: policy, wire: wire, owner: o, EndpointID: endpointID, Restraint: newRestraint(),
		named: map[string]bool{}, Vouched: vouched,
	}
}

// Note takes down the hosts that SRV records name, in this discovery and instead of the last one's.
func (s *Signer) Note(try []provisioning.Candidate, named map[string]bool) {
	for _, c := range try {
		if c.Step.BySRV() {
			named[c.Host] = true
			s.named = named
		}
	}
}

// vouch takes down a host that a proven Registrar has named. When there are too many it begins anew: those in use are named
// again.
func (s *Signer) vouch(host string) {
	if !s.Vouched[host] && len(s.Vouched) >= maxVouched {
		clear(s.Vouched)
	}
	s.Vouched[host] = true
}

// FreshEndpointID returns an epid as Microsoft's clients make them: ten hexadecimal digits.
func FreshEndpointID() string {
	var fresh [5]byte
	rand.Read(fresh[:]) // never fails
	return hex.EncodeToString(fresh[:])
}

// CheckUserAgent says what is wrong with a value of User-Agent.
func CheckUserAgent(s string) error { return sip.CheckUserAgent(s) }

// userAgent returns what SIP servers are told of this program. Versions of development builds, such as "(devel)", may hold
// what no token may (RFC 3261 section 25.1).
func userAgent(p provisioning.Policy) string {
	return cmp.Or(p.UserAgent, "homeward/"+sip.Token(p.Version))
}
