package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"
)

// config returns the client side of a handshake in which the certificate must prove host. What the server shows of
// itself goes to met. addr is where it is: sessions are kept by that, too.
func config(host, addr string, s Settings, met *Met) *tls.Config {
	c := &tls.Config{
		ServerName:   host,
		MinVersion:   s.MinVersion,
		CipherSuites: legacySuites(s.MinVersion),
		// The chain is verified below and not by crypto/tls, so that every failure can say which of chain, time
		// and name it is, and what the certificate offers instead.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			met.Shown, met.Resumed = show(state), state.DidResume
			met.chain = state.PeerCertificates
			anchor, chains, err := verify(host, state.PeerCertificates, s)
			met.Anchor, met.Chains = anchor, validities(chains)
			return err
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			met.AsksCertificate = true
			return &tls.Certificate{}, nil // none
		},
	}
	if s.Sessions != nil {
		c.ClientSessionCache = &resuming{host, addr, s, met}
	}
	return c
}

// resuming is what crypto/tls sees of the Sessions in one handshake. It names hosts in a way of its own, which does not count.
type resuming struct {
	host, addr string
	settings   Settings
	met        *Met // of the handshake, which is over when a session of TLS 1.3 comes
}

func (r *resuming) Get(string) (*tls.ClientSessionState, bool) {
	k, ok := r.settings.Sessions.find(r.host, r.addr)
	if !ok {
		return nil, false
	}
	proven := Prove(r.host, k.chain, &r.settings) == nil
	if k.once || !proven {
		r.forget()
	}
	if !proven {
		return nil, false
	}
	r.met.Offered = true
	return k.state, true
}

func (r *resuming) Put(_ string, state *tls.ClientSessionState) {
	r.settings.Sessions.replace(session{r.host, r.addr, state, r.met.chain, r.met.Version == tls.VersionName(tls.VersionTLS13)})
}

func (r *resuming) forget() { r.settings.Sessions.replace(session{host: r.host, addr: r.addr}) }

// legacySuites adds the RSA key exchange for the servers of the OCS and Lync 2010 time, but only where the
// site has lowered tls_min for them.
func legacySuites(min uint16) []uint16 {
	if min >= tls.VersionTLS12 {
		return nil
	}
	var ids []uint16
	for _, suite := range tls.CipherSuites() {
		ids = append(ids, suite.ID)
	}
	return append(ids, tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA)
}

// Prove says whether a chain of certificates, the server's own first, proves a host, as in Handshake. Its error is a
// *CertificateError.
func Prove(host string, chain []*x509.Certificate, s *Settings) error {
	_, _, err := verify(host, chain, *s)
	return err
}

// verify judges by our clock, and by the floor where our clock is known to be behind: a device that boots without
// a clock still signs in, and a floor from a clock that was ahead does not close what our clock allows. It returns the
// fingerprint of the pin on which the proof rests; "": it rests on a root. And it returns all chains to there.
func verify(host string, chain []*x509.Certificate, s Settings) (anchor string, chains [][]*x509.Certificate, err error) {
	if len(chain) == 0 {
		return "", nil, &CertificateError{Host: host, Problem: NoCertificate, Err: errors.New("no certificate was sent")}
	}
	leaf := chain[0]
	if chains, err = chained(chain, s.Roots, s.now(), s.Floor); err != nil && s.LateRoots != nil {
		s.Roots = s.LateRoots()
		chains, err = chained(chain, s.Roots, s.now(), s.Floor)
	}
	tried := map[string]bool{} // a server may send one a hundred times
	for _, c := range chain {
		if err == nil {
			break
		}
		pin := Fingerprint(c)
		if !s.Pins[pin] || tried[pin] {
			continue
		}
		tried[pin] = true
		pool := x509.NewCertPool()
		pool.AddCert(c)
		if to, failed := chained(chain, pool, s.now(), s.Floor); failed == nil {
			chains, err, anchor = to, nil, pin
		}
	}
	if err == nil {
		err = checkNames(leaf, host, s.Allowed)
	}
	if err != nil {
		return "", nil, describe(host, chain, s, err)
	}
	return anchor, chains, nil
}

// chained returns all chains to one of the roots, or why there is none.
func chained(chain []*x509.Certificate, roots *x509.CertPool, now, floor time.Time) ([][]*x509.Certificate, error) {
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	found, err := chain[0].Verify(options)
	if err != nil && options.CurrentTime.Before(floor) {
		options.CurrentTime = floor
		if then, atFloor := chain[0].Verify(options); atFloor == nil {
			return then, nil
		}
	}
	return found, err
}
