package signin

import (
	"context"

	"homeward/internal/sip"
	"homeward/provisioning"
)

// Visit finds out over a new connection whether the Registrar of a registration is there: its name is proven, and it answers SIP. It
// is not asked to let the device in, and binds nothing.
func (r *Registration) Visit(ctx context.Context, s *Signer) error {
	conn, err := s.Connect(ctx, &r.Candidate, r.Addr)
	if err != nil {
		return err
	}
	session := sip.NewSession(conn, r.Candidate.Transport == provisioning.TLS, nobody(&s.policy, s.EndpointID, conn.LocalAddr()))
	defer session.Close()
	greeting, err := session.Greet(ctx)
	if err != nil && (greeting.Code == 0 || greeting.Code >= 500 || retryAfter(&r.Candidate, err) > 0) { // whatever else it says to a stranger, it is there
		return &attemptError{stage: registering, err: err}
	}
	return nil
}
