package trust

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// authority issues certificates for one test.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{key, cert}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) issue(t *testing.T, edit func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "fe01.contoso.com"}, DNSNames: []string{"fe01.contoso.com", "pool01.contoso.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	edit(template)
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

const believed = Problem(255) // no Problem at all

// problemOf returns why a handshake has not believed a certificate.
func problemOf(t *testing.T, err error) Problem {
	t.Helper()
	var certificate *CertificateError
	switch {
	case errors.As(err, &certificate):
		return certificate.Problem
	case err != nil:
		t.Fatalf("handshake: %v", err)
	}
	return believed
}

// Row T26: chain, time and name each have their own verdict.
func TestCertificateVerdicts(t *testing.T) {
	for name, test := range map[string]struct {
		host    string
		edit    func(*x509.Certificate)
		floor   time.Duration // from now
		foreign bool
		want    Problem
	}{
		"the name is the second of two":                    {host: "pool01.contoso.com", want: believed},
		"the name differs in case":                         {host: "FE01.contoso.com", want: believed},
		"an address in the certificate proves the address": {host: "10.0.0.5", edit: func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 5)} }, want: believed},
		"an address that the certificate does not carry":   {host: "10.0.0.6", want: WrongName},
		"another name":                                  {host: "fe02.contoso.com", want: WrongName},
		"a wildcard is no name of a Registrar":          {host: "fe02.contoso.com", edit: func(c *x509.Certificate) { c.DNSNames = []string{"*.contoso.com"} }, want: WrongName},
		"a wildcard proves nothing beside another name": {host: "fe02.contoso.com", edit: func(c *x509.Certificate) { c.DNSNames = []string{"*.contoso.com", "fe01.contoso.com"} }, want: WrongName},
		"the one name":                                  {host: "fe01.contoso.com", edit: func(c *x509.Certificate) { c.DNSNames = []string{"fe01.contoso.com"} }, want: believed},
		"the common name alone":                         {host: "fe01.contoso.com", edit: func(c *x509.Certificate) { c.DNSNames = nil }, want: NoName},
		"not for servers":                               {host: "fe01.contoso.com", edit: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, want: Unusable},
		"expired":                                       {host: "fe01.contoso.com", edit: func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, want: Expired},
		"not yet valid":                                 {host: "fe01.contoso.com", edit: func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, want: NotYetValid},
		"not yet valid, and our clock is known to be wrong":  {host: "fe01.contoso.com", edit: func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, floor: 30 * time.Second, want: ClockWrong},
		"not yet valid by a clock that is known to be wrong": {host: "fe01.contoso.com", edit: func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, floor: 2 * time.Minute, want: believed},
		"signed by an authority of the same name":            {host: "fe01.contoso.com", foreign: true, want: OtherKey},
	} {
		t.Run(name, func(t *testing.T) {
			ours := newAuthority(t)
			signer := ours
			if test.foreign {
				signer = newAuthority(t)
			}
			if test.edit == nil {
				test.edit = func(*x509.Certificate) {}
			}
			roots := x509.NewCertPool()
			roots.AddCert(ours.cert)
			settings := Settings{Roots: roots, MinVersion: tls.VersionTLS12}
			if test.floor > 0 {
				settings.Floor = time.Now().Add(test.floor)
			}
			cert := signer.issue(t, test.edit)
			err := meet(t.Context(), t, test.host, settings, func() {}, func(conn net.Conn) {
				_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}}).Handshake() // the client's word is what the test is about
			})
			if got := problemOf(t, err); got != test.want {
				t.Errorf("got problem %d (%v), want %d", got, err, test.want)
			}
		})
	}
}

// Where an address stands in place of a name, one of the names that will do must be proven; the address itself proves nothing.
func TestNamesThatWillDo(t *testing.T) {
	ours := newAuthority(t)
	roots := x509.NewCertPool()
	roots.AddCert(ours.cert)
	allowed := func(name string) bool { return strings.HasSuffix(name, ".contoso.com") }
	for _, test := range []struct {
		names []string
		want  Problem
	}{
		{[]string{"fe01.contoso.com"}, believed},
		{[]string{"www.fabrikam.com", "fe01.contoso.com"}, believed},
		{[]string{"www.fabrikam.com"}, WrongName},
		{[]string{"*.contoso.com"}, WrongName},
		{[]string{"*.contoso.com", "www.fabrikam.com"}, WrongName},
		{nil, NoName},
	} {
		cert := ours.issue(t, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = test.names, []net.IP{net.IPv4(10, 0, 0, 5)} })
		err := meet(t.Context(), t, "10.0.0.5", Settings{Roots: roots, MinVersion: tls.VersionTLS12, Allowed: allowed}, func() {}, func(conn net.Conn) {
			_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}}).Handshake()
		})
		if got := problemOf(t, err); got != test.want {
			t.Errorf("%q: got problem %d (%v), want %d", test.names, got, err, test.want)
		}
	}
}

// The ciphers without forward secrecy are offered only where the site has lowered the version for old servers.
func TestOldCiphersOnlyBelowTLS12(t *testing.T) {
	for version, offered := range map[uint16]bool{tls.VersionTLS10: true, tls.VersionTLS11: true, tls.VersionTLS12: false, tls.VersionTLS13: false} {
		var hello []uint16
		err := meet(t.Context(), t, "fe01.contoso.com", Settings{MinVersion: version}, func() {}, func(conn net.Conn) {
			_ = tls.Server(conn, &tls.Config{GetConfigForClient: func(asked *tls.ClientHelloInfo) (*tls.Config, error) {
				hello = asked.CipherSuites
				return nil, errors.New("heard enough")
			}}).Handshake()
		})
		if err == nil || slices.Contains(hello, tls.TLS_RSA_WITH_AES_128_CBC_SHA) != offered || len(hello) == 0 {
			t.Errorf("version %s: offered %x, %v", tls.VersionName(version), hello, err)
		}
	}
}

// A list of names is shown whole up to the eighth.
func TestListed(t *testing.T) {
	for want, names := range map[string][]string{
		"":                          nil,
		"a":                         {"a"},
		"a, b, c, d, e, f, g, h":    {"a", "b", "c", "d", "e", "f", "g", "h"},
		"a, b, c, d, e, f, g, h, …": {"a", "b", "c", "d", "e", "f", "g", "h", "i"},
	} {
		before := slices.Clone(names)
		if got := Listed(names); got != want || !slices.Equal(names, before) {
			t.Errorf("got %q from %q, want %q", got, names, want)
		}
	}
}
