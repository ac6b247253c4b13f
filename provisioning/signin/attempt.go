package signin

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/homeward-agent/homeward/internal/sip"
	"github.com/homeward-agent/homeward/provisioning"
)

// UnregisterLimit leaves the service manager's 5 s enough room.
const UnregisterLimit = 2 * time.Second

// attempt tries one address of a Candidate: connect, prove the name, register. Each stage has its own deadline.
func (s *Signer) attempt(ctx context.Context, c provisioning.Candidate, addr netip.Addr) (*Registration, error) {
	var connecting time.Duration
	gate := s.gate
	gate.connected = func(took time.Duration) { connecting = took }
	conn, met, err := gate.open(ctx, c, addr)
	if err != nil && (stranger{s}).trusted(ctx, c, addr, err) {
		conn, met, err = gate.open(ctx, c, addr)
	}
	if err != nil {
		return nil, err
	}
	account, refused := s.account(c, conn.LocalAddr()), (*sip.CertificateError)(nil)
	account.Rests = s.restraint.passwordRests()
	account.Identity = s.own.identity(c, conn, func(e *sip.CertificateError) { refused = e })
	withheld := account.Password != "" && s.policy.Withholds(met.Anchor)
	if withheld {
		account.Password = ""
	}
	session := sip.NewSession(conn, c.Transport == provisioning.TLS, account)
	ctx, cancel := context.WithTimeout(ctx, registerLimit)
	defer cancel()
	binding, err := session.Register(ctx)
	s.owner.offered(session.CertificateService())
	if refused != nil && !errors.As(err, new(*sip.CertificateError)) { // which says so itself
		s.owner.Tell(Explained(provisioning.Event{Kind: provisioning.NotCertified, Step: c.Step, Endpoint: c.Endpoint, Addr: addr}, &attemptError{stage: registering, err: refused}))
	}
	if err != nil {
		session.Close()
		if auth := (*sip.AuthError)(nil); withheld && errors.As(err, &auth) {
			err = &withheldError{met.Anchor, err}
		}
		return nil, &attemptError{stage: registering, err: turnedAway(met, err), met: met}
	}
	return &Registration{Candidate: c, Addr: addr, Local: conn.LocalAddr(), Session: session, Binding: binding, Way: SlowWay(c, addr, connecting)}, nil
}
