package sitetest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
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
	middle *authority // the one below that issues for Registrars; nil: none has been asked for
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
	kind, isRSA := strings.CutPrefix(kind, rsaKind)
	if isRSA {
		template.KeyUsage |= x509.KeyUsageKeyEncipherment
	}
	key, err := newKey(isRSA)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	parent, alternative := a, true
	var between *authority // whose certificate is sent along
	kind, san, _ := strings.Cut(kind, ":")
	switch kind {
	case "expired", "expiredcn":
		template.NotAfter, alternative = now.Add(-24*time.Hour), kind == "expired"
	case "ending":
		template.NotAfter = now.Add(2 * 24 * time.Hour)
	case "notyet":
		template.NotBefore = now.Add(24 * time.Hour)
	case "selfsigned":
		parent = &authority{cert: template, key: key}
	case "untrusted", "inspected":
		if parent, err = newAuthority("Another authority"); err != nil {
			return nil, err
		}
		if kind == "inspected" {
			between = parent
		}
	case "namesake":
		if parent, err = newAuthority(a.cert.Subject.CommonName); err != nil {
			return nil, err
		}
		between = parent
	case "otherissuer", "oldissuer", "nosigner":
		if parent, between, err = a.between(kind); err != nil {
			return nil, err
		}
	case "bare", "complete":
		if a.middle == nil {
			if a.middle, err = a.below("Issuing CA 3", kind); err != nil {
				return nil, err
			}
		}
		if parent = a.middle; kind == "complete" {
			between = parent
		}
	case "appliance":
		if parent, err = newAuthority("Appliance vendor"); err != nil {
			return nil, err
		}
		names, between = []string{"appliance-0042.example.net"}, parent
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
	case "oddname": // a URI that crypto/x509 does not take, beside the names; Windows' authorities issue such
		alternative = false
		template.ExtraExtensions = []pkix.Extension{oddNames(names)}
	case "san":
		names = strings.Split(san, ",")
	}
	template.Subject.CommonName = names[0]
	for _, name := range names {
		if addr, err := netip.ParseAddr(name); err == nil && alternative {
			template.IPAddresses = append(template.IPAddresses, addr.AsSlice())
		} else if alternative {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, key.Public(), parent.key)
	if err == nil && kind == "negserial" {
		der, err = negative(der, template.SerialNumber, parent.key)
	}
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of %s: %w", names[0], err)
	}
	chain := [][]byte{der}
	if between != nil {
		chain = append(chain, between.cert.Raw)
	}
	return &tls.Certificate{Certificate: chain, PrivateKey: key}, nil
}

// between returns an authority below this one that issues, and the one whose certificate a server sends that is set up wrong.
func (a *authority) between(kind string) (issues, sent *authority, err error) {
	if issues, err = a.below("Issuing CA 2", kind); err != nil {
		return nil, nil, err
	}
	switch kind {
	case "otherissuer":
		sent, err = a.below("Issuing CA 1", kind)
	case "oldissuer":
		sent, err = a.below("Issuing CA 2", kind)
	default:
		sent = issues
	}
	return issues, sent, err
}

// below makes an authority that this one has certified.
func (a *authority) below(name, kind string) (*authority, error) {
	b, err := newAuthority(name)
	if err != nil {
		return nil, err
	}
	b.cert.SerialNumber, b.cert.AuthorityKeyId = big.NewInt(time.Now().UnixNano()), nil
	if kind == "nosigner" {
		b.cert.KeyUsage = x509.KeyUsageDigitalSignature
	}
	der, err := x509.CreateCertificate(rand.Reader, b.cert, a.cert, b.key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of %s: %w", name, err)
	}
	b.cert, err = x509.ParseCertificate(der)
	return b, err
}

// rsaKind before the kind of a certificate says that its key is an RSA key.
const rsaKind = "rsa "

func newKey(isRSA bool) (crypto.Signer, error) {
	if isRSA {
		return issuerKey(), nil // of any key: a new one takes its time
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func sign(template *x509.Certificate, parent *authority, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, key.Public(), parent.key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of %s: %w", template.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}

// oddNames is a Subject Alternative Name with a URI that crypto/x509 cannot parse, and the names (RFC 5280 section 4.2.1.6).
func oddNames(names []string) pkix.Extension {
	general := []asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 6, Bytes: []byte("https://web[01].contoso.com/")}}
	for _, name := range names {
		general = append(general, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte(name)})
	}
	value, _ := asn1.Marshal(general) // raw values always marshal
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: value}
}

// negative gives a certificate a negative serial number, as old authorities of Samba and of appliances do, and signs it
// again. RFC 5280 section 4.1.2.2 forbids it, crypto/x509 neither makes nor reads it.
func negative(der []byte, serial *big.Int, key crypto.Signer) ([]byte, error) {
	var c struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &c); err != nil {
		return nil, err
	}
	tbs := c.TBS.FullBytes
	digits := serial.Bytes()
	tbs[bytes.Index(tbs, digits)] |= 0x80
	digest := sha256.Sum256(tbs)
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	c.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	return asn1.Marshal(c)
}
