//go:build linux

package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// authority is the certificate authority of a site.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // its certificate, PEM
}

// newAuthority makes a root certificate in dir.
func newAuthority(t testing.TB, dir string) *authority {
	t.Helper()
	a := &authority{key: newKey(t), cert: authorityCertificate("e2e root")}
	a.file = write(t, dir, "root.pem", a.sign(t, a.cert, &a.key.PublicKey))
	return a
}

// issue makes a server certificate for one name and returns the files of certificate and key.
func (a *authority) issue(t testing.TB, dir, host string) (cert, key string) {
	t.Helper()
	return a.issueLeaf(t, dir, leafFor(host))
}

// issueLeaf does so for any certificate. Where there is no authority it signs itself.
func (a *authority) issueLeaf(t testing.TB, dir string, leaf *x509.Certificate) (cert, key string) {
	t.Helper()
	k := newKey(t)
	if a == nil {
		a = &authority{cert: leaf, key: k}
	}
	return a.issueWith(t, dir, leaf, k)
}

// issueWith does so for a key that is there already.
func (a *authority) issueWith(t testing.TB, dir string, leaf *x509.Certificate, k crypto.Signer) (cert, key string) {
	t.Helper()
	name := leaf.Subject.CommonName
	cert = write(t, dir, name+".pem", a.sign(t, leaf, k.Public()))
	return cert, keyFile(t, dir, name, k)
}

// keyFile writes a private key.
func keyFile(t testing.TB, dir, name string, k crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, dir, name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// leafFor is a certificate as a Registrar's has to be, for one name.
func leafFor(host string) *x509.Certificate {
	leaf := template(host)
	leaf.DNSNames = []string{host}
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return leaf
}

// intermediate makes an authority that this one has signed.
func (a *authority) intermediate(t testing.TB, dir string) *authority {
	t.Helper()
	b := &authority{key: newKey(t), cert: authorityCertificate("e2e intermediate")}
	b.file = write(t, dir, "intermediate.pem", a.sign(t, b.cert, &b.key.PublicKey))
	return b
}

func authorityCertificate(name string) *x509.Certificate {
	c := template(name)
	c.IsCA, c.BasicConstraintsValid = true, true
	c.KeyUsage = x509.KeyUsageCertSign
	return c
}

func (a *authority) sign(t testing.TB, c *x509.Certificate, public crypto.PublicKey) string {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, public, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
}
