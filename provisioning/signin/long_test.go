package signin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/internal/trust"
	"homeward/provisioning"
)

// A server that fills a certificate with text does not make what is told of it so long that nobody can read the state of the daemon.
func TestMend103LongTextInACertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("\x01", 200_000)
	made := func(template, issuer *x509.Certificate) *x509.Certificate {
		template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(2), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		issuer.PublicKey = key.Public()
		der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	other := &x509.Certificate{Subject: pkix.Name{CommonName: "other"}, IsCA: true, BasicConstraintsValid: true}
	other = made(other, other)
	leaf := x509.Certificate{Subject: pkix.Name{CommonName: "pool"}, DNSNames: []string{"pool.contoso.com"}}
	for name, issuer := range map[string]*x509.Certificate{
		"key identifier": {Subject: pkix.Name{CommonName: "evil"}, SubjectKeyId: []byte(long)},
		"name":           {Subject: pkix.Name{CommonName: long}},
	} {
		template := leaf
		err := trust.Prove("pool.contoso.com", []*x509.Certificate{made(&template, issuer), other}, &trust.Settings{Roots: x509.NewCertPool()})
		c := provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "pool.contoso.com", Port: 5061}}
		told := Judge(&attemptError{stage: handshaking, err: err, met: trust.Met{Shown: trust.Shown{Version: "TLS 1.3", Sent: 2}}}, &c, netip.MustParseAddr("10.0.0.5"))
		text, err := json.Marshal(provisioning.WhyOf(told.Reason(), err.Error(), told))
		if err != nil || told.Fault != provisioning.FaultStrangeIssuer || len(text) > 20_000 {
			t.Errorf("%s: %s takes %d bytes, err %v", name, told.Fault, len(text), err)
		}
	}
	j := judgement{facts: provisioning.Facts{}}
	j.know("problem", strings.Repeat("ü", 200_000))
	if got, _ := j.facts["problem"].(string); len(got) > maxFact+len("…") || !strings.HasSuffix(got, "ü…") {
		t.Errorf("a fact has %d bytes", len(got))
	}
}

// Who opens TLS can write the name of the site's root and any date into a certificate: that it was issued before the root began is no
// fault of the Registrar, and no reason to trust another authority unasked.
func TestMend105ForgedDate(t *testing.T) {
	begun := time.Now().AddDate(-1, 0, 0)
	issue := func(dns string, from time.Time) *x509.Certificate {
		key, errKey := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Contoso Root CA"}, NotBefore: from, NotAfter: time.Now().AddDate(1, 0, 0)}
		issuer := &x509.Certificate{Subject: template.Subject, PublicKey: key.Public()}
		if template.IsCA, template.BasicConstraintsValid = dns == "", true; dns != "" {
			template.Subject, template.DNSNames = pkix.Name{CommonName: dns}, []string{dns}
		}
		der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, key)
		if err != nil || errKey != nil {
			t.Fatal(err, errKey)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	root := issue("", begun)
	settings := trust.Settings{Roots: x509.NewCertPool(), Own: []*x509.Certificate{root}}
	settings.Roots.AddCert(root)
	err := trust.Prove("pool.contoso.com", []*x509.Certificate{issue("pool.contoso.com", begun.AddDate(0, 0, -1))}, &settings)
	c := provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "pool.contoso.com", Port: 5061}}
	told := Judge(&attemptError{stage: handshaking, err: err, met: trust.Met{Shown: trust.Shown{Version: "TLS 1.3", Sent: 1}}}, &c, netip.MustParseAddr("10.0.0.5"))
	if told.Fault != provisioning.FaultFormerRoot || told.OnSide() != "" {
		t.Errorf("%s is on the side %q", told.Fault, told.OnSide())
	}
	if first := told.Do(); !strings.HasPrefix(first, "ask the site, not over this network,") {
		t.Errorf("the first advice: %s", first)
	}
	for _, fault := range []provisioning.Fault{told.Fault, provisioning.FaultSameNameAuthority, provisioning.FaultIssuerExpired} {
		told := fault.Met(told.Facts)
		if !slices.ContainsFunc(told.Otherwise(), func(cure string) bool { return strings.HasSuffix(cure, "exempt port 5061 from TLS inspection") }) {
			t.Errorf("%s: nothing is said of who may open TLS: %q", fault, told.Otherwise())
		}
	}
}
