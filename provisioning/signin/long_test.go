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
		err := trust.Prove("pool.contoso.com", []*x509.Certificate{made(&template, issuer), other}, trust.Settings{Roots: x509.NewCertPool()})
		c := provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "pool.contoso.com", Port: 5061}}
		told := Judge(&attemptError{stage: handshaking, err: err, met: trust.Met{Shown: trust.Shown{Version: "TLS 1.3", Sent: 2}}}, c, netip.MustParseAddr("10.0.0.5"))
		text, err := json.Marshal(provisioning.Event{Reason: told.Reason(), Trouble: told, Detail: err.Error()}.Why())
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
