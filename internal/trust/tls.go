package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"
)

// config returns the client side of a handshake in which the certificate must prove host. What the server shows of
// itself goes to met.
func config(host string, s Settings, met *Met) *tls.Config {
	return &tls.Config{
		ServerName:   host,
		MinVersion:   s.MinVersion,
		CipherSuites: legacySuites(s.MinVersion),
		// The chain is verified below and not by crypto/tls, so that every failure can say which of chain, time
		// and name it is, and what the certificate offers instead.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			met.Shown = show(state)
			return verify(host, state.PeerCertificates, s)
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			met.AsksCertificate = true
			return &tls.Certificate{}, nil // none
		},
	}
}

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
func Prove(host string, chain []*x509.Certificate, s Settings) error { return verify(host, chain, s) }

// verify judges by our clock, and by the floor where our clock is known to be behind: a device that boots without
// a clock still signs in, and a floor from a clock that was ahead does not close what our clock allows.
func verify(host string, chain []*x509.Certificate, s Settings) error {
	if len(chain) == 0 {
		return &CertificateError{Host: host, Problem: NoCertificate, Err: errors.New("no certificate was sent")}
	}
	leaf := chain[0]
	options := x509.VerifyOptions{Roots: s.Roots, Intermediates: x509.NewCertPool(), CurrentTime: time.Now()}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := leaf.Verify(options)
	if err != nil && options.CurrentTime.Before(s.Floor) {
		options.CurrentTime = s.Floor
		if _, atFloor := leaf.Verify(options); atFloor == nil {
			err = nil
		}
	}
	if err == nil {
		err = checkNames(leaf, host, s.Allowed)
	}
	if err != nil {
		return describe(host, chain, s, err)
	}
	return nil
}
