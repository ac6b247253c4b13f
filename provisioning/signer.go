package provisioning

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/homeward-agent/homeward/internal/sip"
)

// maxVouched bounds what is kept of the hosts that Registrars name. (Our choice: a user has a pool and its backup.)
const maxVouched = 64

// signer signs the device in: from a Plan to a registration. What it has learnt of Registrars outlives the walks. One
// goroutine walks with it; look-outs and checks take turns with that.
type signer struct {
	policy     Policy
	wire       Wire
	owner      owner
	endpointID string // epid: the same for the life of the device
	restraint  *restraint
	named      map[string]bool // hosts that SRV records named when discovery last found some
	vouched    map[string]bool // hosts that proven Registrars have named
}

// owner is what a signer has of whom it signs in for.
type owner struct {
	tell       func(Event)
	pass       func()           // between any two attempts: the owner is alive
	ground     func() ground    // to judge addresses by, now
	floor      func() bool      // whether plain TCP is closed, as this SIP domain has registered over TLS
	clockFloor func() time.Time // the latest moment that is known to have passed
	resolve    func(ctx context.Context, hosts []string) []Name
}

func newSigner(policy Policy, wire Wire, endpointID string, vouched map[string]bool, o owner) *signer {
	return &signer{
		policy: policy, wire: wire, owner: o, endpointID: endpointID, restraint: newRestraint(),
		named: map[string]bool{}, vouched: vouched,
	}
}

// note takes down the hosts that SRV records name, in this discovery and instead of the last one's.
func (s *signer) note(try []Candidate, named map[string]bool) {
	for _, c := range try {
		if c.Step.bySRV() {
			named[c.Host] = true
			s.named = named
		}
	}
}

// vouch takes down a host that a proven Registrar has named. The oldest are of no use any more when there are many.
func (s *signer) vouch(host string) {
	if len(s.vouched) >= maxVouched {
		clear(s.vouched)
	}
	s.vouched[host] = true
}

// freshEndpointID returns an epid as Microsoft's clients make them: ten hexadecimal digits.
func freshEndpointID() string {
	var fresh [5]byte
	rand.Read(fresh[:]) // never fails
	return hex.EncodeToString(fresh[:])
}

// CheckUserAgent says what is wrong with a value of User-Agent.
func CheckUserAgent(s string) error { return sip.CheckUserAgent(s) }

// userAgent returns what SIP servers are told of this program. Versions of development builds, such as "(devel)", may hold
// what no token may (RFC 3261 section 25.1).
func userAgent(p Policy) string {
	return cmp.Or(p.UserAgent, "homeward/"+sip.Token(p.Version))
}
