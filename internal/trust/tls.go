package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Settings is what a site decides about certificates.
type Settings struct {
	Roots      *x509.CertPool // nil: the system's
	MinVersion uint16         // tls.VersionTLS12, or a named exception below it
	Floor      time.Time      // no certificate is judged by a clock that shows less; zero: the clock alone
	// Allowed says which names will do where an address stands in place of a name: the certificate must prove one of them,
	// and that it is for the address proves nothing. Nil: it must prove the host, be that a name or an address.
	Allowed func(name string) bool
}

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

func checkNames(leaf *x509.Certificate, host string, allowed func(name string) bool) error {
	switch {
	case allowed == nil:
		return checkHost(leaf, host)
	case len(leaf.DNSNames) == 0:
		return errNoName
	case !slices.ContainsFunc(leaf.DNSNames, func(name string) bool { return !strings.Contains(name, "*") && allowed(name) }):
		return x509.HostnameError{Certificate: leaf, Host: host}
	}
	return nil
}

var errNoName = errors.New("it proves no name")

// checkHost is the name check of crypto/x509 without wildcards: a Registrar's certificate names the pool and
// its servers (RFC 5922 §7.2; Lync certificate requirements: no wildcard for SIP).
func checkHost(leaf *x509.Certificate, host string) error {
	if err := leaf.VerifyHostname(bracket(host)); err != nil {
		return err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	for _, name := range leaf.DNSNames {
		if strings.EqualFold(strings.TrimSuffix(name, "."), strings.TrimSuffix(host, ".")) {
			return nil
		}
	}
	return x509.HostnameError{Certificate: leaf, Host: host}
}

// bracket makes VerifyHostname treat an address as one.
func bracket(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return "[" + host + "]"
	}
	return host
}

// names lists what a certificate offers.
func names(leaf *x509.Certificate) []string {
	all := append([]string(nil), leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		all = append(all, ip.String())
	}
	return all
}

// Listed is a list of names in words, of which the first eight are shown.
func Listed(names []string) string {
	if len(names) > 8 {
		names = append(slices.Clone(names[:8]), "…")
	}
	return strings.Join(names, ", ")
}
