package identity

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"homeward/internal/kinds"
)

// keyBits is a specification constant: what the certificate service of Lync is known to sign (MS-OCAUTHWS; it takes RSA keys
// of 1024 to 16384 bits, and no other kind has been seen).
const keyBits = 2048

// tolerated is how far the clocks of the issuer and of this device may be apart. (Our choice: what sign-in tolerates.)
const tolerated = 5 * time.Minute

// Imported is who has got a pair that a tech has brought.
const Imported = "import"

// Owner is whom a pair belongs to: the certificate service publishes a certificate for a user and an endpoint.
type Owner struct {
	SIPAddress string // "sip:phone1@contoso.com"
	EndpointID string // epid, "a1b2c3d4e5"
}

// Details is what is known of a pair besides itself. It holds no secret.
type Details struct {
	Version    int       `json:"version"`
	SIPAddress string    `json:"sip_address"`
	EndpointID string    `json:"epid"`
	EnrolledBy string    `json:"enrolled_by"` // "ntlm", "password", "pin", "certificate", "import"
	EnrolledAt time.Time `json:"enrolled_at"`
	URL        string    `json:"url,omitempty"` // of the certificate service; "": imported
}

// Pair is a private key with its certificate.
type Pair struct {
	Certificate tls.Certificate // its Leaf is set
	Details     Details
	Proven      bool // a Registrar has accepted it
	Refused     bool // Registrars have refused it
}

// Owner is whom the pair belongs to.
func (p *Pair) Owner() Owner { return Owner{p.Details.SIPAddress, p.Details.EndpointID} }

// None says whether there is no certificate.
func (p *Pair) None() bool { return p.Certificate.Leaf == nil }

// Fingerprint is the SHA-256 of the certificate: "sha256:" and 64 hexadecimal digits; "" for none.
func (p *Pair) Fingerprint() string {
	if p.None() {
		return ""
	}
	sum := sha256.Sum256(p.Certificate.Leaf.Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Kind is why a pair cannot be used.
type Kind uint8

// The kinds.
const (
	Unreadable  Kind = iota // the files cannot be opened: Err says why
	Absent                  // there is none
	Damaged                 // the files are not what they must be, or do not belong together
	Foreign                 // it belongs to another SIP address or endpoint id
	Expired                 // its validity has ended
	NotYetValid             // its validity has not begun
	lastKind    = NotYetValid
)

// Kinds returns all kinds, for who has a word for each.
func Kinds() []Kind {
	return kinds.All(Unreadable, lastKind)
}

// Error says why there is no pair that can be used.
type Error struct {
	Kind Kind
	Path string // of what cannot be used
	Pair Pair   // what could be read of it
	Err  error  // more about Unreadable and Damaged
}

func (e *Error) Error() string {
	switch e.Kind {
	case Absent:
		return "no certificate in " + e.Path
	case Foreign:
		return fmt.Sprintf("the certificate in %s belongs to %s with the endpoint id %s", e.Path, e.Pair.Details.SIPAddress, e.Pair.Details.EndpointID)
	case Expired:
		return fmt.Sprintf("the certificate in %s ended %s", e.Path, e.Pair.Certificate.Leaf.NotAfter.UTC().Format(time.RFC3339))
	case NotYetValid:
		return fmt.Sprintf("the certificate in %s begins %s", e.Path, e.Pair.Certificate.Leaf.NotBefore.UTC().Format(time.RFC3339))
	default:
		return fmt.Sprintf("certificate in %s: %v", e.Path, e.Err)
	}
}

func (e *Error) Unwrap() error { return e.Err }

// fits says why a pair is not for its owner now, as a Kind; false: it is. One that this device has asked for was valid when it came:
// a clock that shows an earlier time is behind, and no reason not to use it.
func (p *Pair) fits(of Owner, now time.Time) (Kind, bool) {
	switch leaf := p.Certificate.Leaf; {
	case !strings.EqualFold(p.Details.SIPAddress, of.SIPAddress), p.Details.EndpointID != of.EndpointID:
		return Foreign, false
	case now.After(leaf.NotAfter):
		return Expired, false
	case p.Details.EnrolledBy == Imported && now.Add(tolerated).Before(leaf.NotBefore):
		return NotYetValid, false
	}
	return 0, true
}

// Key makes a new private key. It takes seconds on a small device.
func Key() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, keyBits) }

// Request returns a PKCS#10 request in DER for a key; name is the user without scheme: "phone1@contoso.com".
func Request(key *rsa.PrivateKey, name string) ([]byte, error) {
	return x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, key)
}

// Join makes a pair of a key and the certificate that was issued for it, in DER, or says why they are none.
func Join(key *rsa.PrivateKey, der []byte, d *Details) (Pair, error) {
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return Pair{}, err
	}
	if public, ok := leaf.PublicKey.(*rsa.PublicKey); !ok || !public.Equal(&key.PublicKey) {
		return Pair{}, errors.New("the certificate is for another key")
	}
	name := strings.TrimPrefix(d.SIPAddress, "sip:")
	if !strings.EqualFold(leaf.Subject.CommonName, name) {
		return Pair{}, fmt.Errorf("the certificate is for %q, not for %s", leaf.Subject.CommonName, name)
	}
	return Pair{Certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, Details: *d}, nil
}
