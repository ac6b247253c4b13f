package signin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"homeward/internal/certprov"
	"homeward/internal/sip"
	"homeward/internal/trust"
	"homeward/provisioning"
)

// Our choices: a trial takes no longer than the agent is not heard of, and no more addresses than enrolment tries.
const (
	trialLimit    = 10 * time.Second
	maxTrialAddrs = 4
)

// trial is of a Registrar whose authority nobody here knows.
type trial struct {
	signer *Signer
	gate   gate // that trusts the authority
}

// ConnectForPassword is Connect, to a server that may be shown the password; so may the one that has named it, by the anchor of c.
func (s *Signer) ConnectForPassword(ctx context.Context, c provisioning.Candidate, addr netip.Addr) (net.Conn, error) {
	conn, met, err := s.gate.open(ctx, &c, addr)
	anchor := c.Anchor
	if !s.policy.Withholds(anchor) {
		anchor = met.Anchor
	}
	if err == nil && s.policy.Withholds(anchor) {
		conn.Close()
		return nil, &withheldError{anchor, errors.New("the authority of the server was trusted on first use")}
	}
	return conn, err
}

// trustsFirst is for a Registrar whose authority nobody here knows, where the site trusts the first one that is met: only if
// nothing is known of the SIP domain yet, and only if the web services that the Registrar names have the same authority. Nothing
// is told to either of them. It says whether the authority is trusted now.
func (s *Signer) trustsFirst(ctx context.Context, c *provisioning.Candidate, addr netip.Addr, failed error) bool {
	var attempt *attemptError
	var unknown *trust.CertificateError
	if !s.policy.MayTrustFirst() || s.owner.Floor() || !errors.As(failed, &attempt) || !errors.As(failed, &unknown) || unknown.Problem != trust.Untrusted {
		return false
	}
	anchor, err := attempt.met.FirstUse(c.Host, s.gate.proof(c))
	if err != nil {
		return false
	}
	s.owner.Pass()
	defer s.owner.Pass()
	ctx, cancel := context.WithTimeout(ctx, trialLimit)
	defer cancel()
	t := trial{s, s.gate}
	t.gate.first = anchor.Fingerprint
	web, err := t.webServices(ctx, c, addr)
	if err == nil {
		err = t.sameAuthority(ctx, web)
	}
	if err == nil {
		err = s.policy.Accept(provisioning.Anchor{Fingerprint: anchor.Fingerprint, Subject: anchor.Subject, FirstUse: true})
	}
	return err == nil
}

// webServices asks a Registrar on trial where its web services are: by a REGISTER without credentials.
func (t *trial) webServices(ctx context.Context, c *provisioning.Candidate, addr netip.Addr) (certprov.Address, error) {
	conn, _, err := t.gate.open(ctx, c, addr)
	if err != nil {
		return certprov.Address{}, err
	}
	session := sip.NewSession(conn, true, nobody(&t.signer.policy, t.signer.EndpointID, conn.LocalAddr()))
	defer session.Close()
	switch _, err := session.Register(ctx); {
	case err == nil:
		_ = (&Registration{Session: session}).TakeBack(ctx) // nobody is to reach the device there; what is left expires
		fallthrough
	case !errors.As(err, new(*sip.AuthError)):
		return certprov.Address{}, errors.New("the Registrar does not ask who the device is")
	}
	return certprov.ParseAddress(session.CertificateService())
}

// sameAuthority connects to the web services, and says nothing to them.
func (t *trial) sameAuthority(ctx context.Context, web certprov.Address) error {
	if !t.signer.policy.MayBeWeb(web.Host) {
		return fmt.Errorf("%s is not under the SIP domain", web.Host)
	}
	c := provisioning.Candidate{Step: provisioning.Redirect, Endpoint: provisioning.Endpoint{Host: web.Host, Port: web.Port, Transport: provisioning.TLS}}
	err := errors.New("it has no address")
	addrs := t.signer.owner.Resolve(ctx, []string{web.Host})[0].Addrs
	for _, addr := range addrs[:min(len(addrs), maxTrialAddrs)] {
		t.signer.owner.Pass()
		conn, met, failed := t.gate.open(ctx, &c, addr)
		if err = failed; failed != nil {
			continue
		}
		conn.Close()
		if met.Anchor != t.gate.first {
			err = errors.New("it has another authority")
		}
		break
	}
	return err
}
