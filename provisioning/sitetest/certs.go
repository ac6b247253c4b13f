package sitetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"
)

// authority is the site's own certificate authority.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer

	mu     sync.Mutex
	leaves map[string]*tls.Certificate
}

const year = 365 * 24 * time.Hour

// newAuthority issues by the clock of its caller, which in a bubble starts at 2000-01-01.
func newAuthority(name string) (*authority, error) {
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-10 * year),
		NotAfter:              time.Now().Add(20 * year),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	cert, err := sign(template, &authority{cert: template, key: key}, key)
	return &authority{cert: cert, key: key, leaves: map[string]*tls.Certificate{}}, err
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// leaf is the certificate of a Registrar; kind is the option cert=.
func (a *authority) leaf(names []string, kind string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := strings.Join(names, " ") + " " + kind
	var err error
	if a.leaves[key] == nil {
		a.leaves[key], err = a.issue(names, kind)
	}
	return a.leaves[key], err
}

func (a *authority) issue(names []string, kind string) (*tls.Certificate, error) {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		NotBefore:    now.Add(-year),
		NotAfter:     now.Add(10 * year),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	parent, alternative := a, true
	kind, san, _ := strings.Cut(kind, ":")
	switch kind {
	case "expired":
		template.NotAfter = now.Add(-24 * time.Hour)
	case "notyet":
		template.NotBefore = now.Add(24 * time.Hour)
	case "selfsigned":
		parent = &authority{cert: template, key: key}
	case "untrusted":
		if parent, err = newAuthority("Another authority"); err != nil {
			return nil, err
		}
	case "wrongname":
		names = []string{"wrong.example.net"}
	case "cnonly":
		alternative = false
	case "wildcard":
		_, above, _ := strings.Cut(names[0], ".")
		names = []string{"*." + above}
	case "sha1":
		template.SignatureAlgorithm = x509.ECDSAWithSHA1
	case "wrongeku":
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	case "san":
		names = strings.Split(san, ",")
	}
	template.Subject.CommonName = names[0]
	if alternative {
		template.DNSNames = names
	}
	cert, err := sign(template, parent, key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}, nil
}

func sign(template *x509.Certificate, parent *authority, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, key.Public(), parent.key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of %s: %w", template.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}
