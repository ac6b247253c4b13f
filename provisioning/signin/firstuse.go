package signin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/homeward-agent/homeward/internal/certprov"
	"github.com/homeward-agent/homeward/internal/sip"
	"github.com/homeward-agent/homeward/internal/trust"
	"github.com/homeward-agent/homeward/provisioning"
)

// Our choices: a trial takes no longer than the agent is not heard of, and no more addresses than enrolment tries.
const (
	trialLimit    = 10 * time.Second
	maxTrialAddrs = 4
)

// stranger is a Registrar whose authority nobody here knows, as its signer sees it.
type stranger struct{ *Signer }

// ConnectForPassword is Connect, to a server that may be shown the password; so may the one that has named it, by the anchor of c.
func (s *Signer) ConnectForPassword(ctx context.Context, c provisioning.Candidate, addr netip.Addr) (net.Conn, error) {
	conn, met, err := s.gate.open(ctx, c, addr)
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

// trusted is for a Registrar whose authority nobody here knows, where the site trusts the first one that is met: only if
// nothing is known of the SIP domain yet, and only if the web services that the Registrar names have the same authority. Nothing
// is told to either of them. It says whether the authority is trusted now.
func (s stranger) trusted(ctx context.Context, c provisioning.Candidate, addr netip.Addr, failed error) bool {
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
	trial := s.gate
	trial.first = anchor.Fingerprint
	web, err := s.webServices(ctx, &trial, c, addr)
	if err == nil {
		err = s.sameAuthority(ctx, &trial, web)
	}
	if err == nil {
		err = s.policy.Accept(provisioning.Anchor{Fingerprint: anchor.Fingerprint, Subject: anchor.Subject, FirstUse: true})
	}
	return err == nil
}

// webServices asks a Registrar on trial where its web services are: by a REGISTER without credentials.
func (s stranger) webServices(ctx context.Context, trial *gate, c provisioning.Candidate, addr netip.Addr) (certprov.Address, error) {
	conn, _, err := trial.open(ctx, c, addr)
	if err != nil {
		return certprov.Address{}, err
	}
	session := sip.NewSession(conn, true, nobody(&s.policy, s.EndpointID, conn.LocalAddr()))
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
func (s stranger) sameAuthority(ctx context.Context, trial *gate, web certprov.Address) error {
	if !s.policy.MayBeWeb(web.Host) {
		return fmt.Errorf("%s is not under the SIP domain", web.Host)
	}
	c := provisioning.Candidate{Step: provisioning.Redirect, Endpoint: provisioning.Endpoint{Host: web.Host, Port: web.Port, Transport: provisioning.TLS}}
	err := errors.New("it has no address")
	addrs := s.owner.Resolve(ctx, []string{web.Host})[0].Addrs
	for _, addr := range addrs[:min(len(addrs), maxTrialAddrs)] {
		s.owner.Pass()
		conn, met, failed := trial.open(ctx, c, addr)
		if err = failed; failed != nil {
			continue
		}
		conn.Close()
		if met.Anchor != trial.first {
			err = errors.New("it has another authority")
		}
		break
	}
	return err
}
