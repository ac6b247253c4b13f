package trust

import (
	"crypto/x509"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/homeward-agent/homeward/internal/place"
)

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
	wanted, err := place.HostName(host)
	proves := func(name string) bool {
		proven, errName := place.HostName(name)
		return errName == nil && proven == wanted
	}
	if err != nil || !slices.ContainsFunc(leaf.DNSNames, proves) {
		return x509.HostnameError{Certificate: leaf, Host: host}
	}
	return nil
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
