package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"homeward/internal/kinds"
	"homeward/internal/plain"
)

// Problem is why a certificate is not believed.
type Problem uint8

// The problems.
const (
	Unproven             Problem = iota // for any other cause: Err says more
	Untrusted                           // no chain to a trusted root: nobody here knows the authority
	OtherKey                            // an authority of that name is trusted, but this one has another key
	WrongIssuer                         // the server sends a certificate of the authority's name that has not signed it
	StrangeIssuer                       // the server sends certificates, and none of the authority's name
	FormerRoot                          // signed by a root of the name of a trusted one, before that began
	SelfSigned                          // signed by itself, and not trusted as such
	WeakSignature                       // signed by an algorithm that is not safe any more: MD5, SHA-1
	UnknownSignature                    // signed by an algorithm that is not known here
	NotAuthority                        // signed by a certificate that is not one of an authority
	NotSigner                           // signed by an authority whose certificate does not allow it to sign any
	TooManyIntermediates                // more certificates in between than an authority allows
	NameConstraint                      // an authority may not issue for such names
	PolicyConstraint                    // an authority demands a certificate policy that it has not
	CriticalExtension                   // has an extension that must be understood, and is not
	Unusable                            // not for servers (extended key usage)
	NoCertificate                       // none was sent
	NoRoots                             // this machine has no trusted roots that can be read
	Expired                             // ended before now
	NotYetValid                         // begins after now
	ClockWrong                          // begins after now, and our clock is known to be wrong
	WrongName                           // carries names, but not this one
	NoName                              // carries no name a certificate must have (Subject Alternative Name)
	Unreadable                          // in a form that crypto/x509 or crypto/tls does not take: nothing of it could be examined
	lastProblem          = Unreadable
)

// Problems returns all problems, for who has a word for each.
func Problems() []Problem { return kinds.All(Unproven, lastProblem) }

// Certificate is one of a chain. All text is that of who made it: escape it before it is shown.
type Certificate struct {
	Leaf                bool   // that of the server itself; false: that of an authority
	Subject, Issuer     string // distinguished names (RFC 4514)
	NotBefore, NotAfter time.Time
	Signature           string // the algorithm: "SHA256-RSA"
	// Key and IssuerKey are the identifiers of its own key and of the one that has signed it, in hexadecimal digits; "": it names none.
	Key, IssuerKey string
	Root           bool // trusted here, and not what the server has sent
	Authority      bool // it says that it is one
}

// CertificateError says why a certificate is not believed.
type CertificateError struct {
	Host    string
	Problem Problem
	Of      Certificate // the one that the problem is about; zero: none could be read
	Names   []string    // what the server's certificate is for
	// Nameless says of one that no authority here vouches for, or that is not valid now, that it would not prove the Host if it were so either.
	Nameless bool
	// Others are those that stand where the certificate of the issuer of Of should be, and are not what has signed it.
	Others []*Certificate
	Above  *Certificate // the trusted one of the name of the issuer of Of; nil: there is none, or it is one of the system
	// Unknown says of the certificate of an authority that has the wrong dates that none is trusted here to which the chain leads.
	Unknown bool
	// Extensions are the object identifiers of the extensions of Of that must be understood and are not: "1.3.6.1.4.1.311.21.10".
	// None: they are those of a root.
	Extensions []string
	Own        int       // which of Settings.Own it is that the problem is about, from 1; 0: none of them
	Now        time.Time // by which it was judged; zero: it was not read
	Sent       []Seen    // what the server has sent of the chain, its own first: each would do as an authority, were it trusted
	Err        error
}

// Seen is a certificate that a server has sent, believed or not. The text is that of who made it: escape it before it is shown.
type Seen struct {
	Subject     string `json:"subject"`
	Fingerprint string `json:"fingerprint"` // "sha256:" and 64 hexadecimal digits
}

// Fingerprint is the SHA-256 of a certificate: "sha256:" and 64 hexadecimal digits.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (e *CertificateError) Error() string { return short(e.words(), maxWords) }

func (e *CertificateError) words() string {
	whose := "certificate of " + e.Host
	if e.Of.Subject != "" && !e.Of.Leaf {
		whose = fmt.Sprintf("certificate of the authority %q, on which that of %s rests,", e.Of.Subject, e.Host)
	}
	switch e.Problem {
	case CriticalExtension:
		return strings.TrimSuffix(fmt.Sprintf("%s: %v %s", whose, e.Err, strings.Join(e.Extensions, ", ")), " ")
	case Expired:
		return fmt.Sprintf("%s ended %s", whose, e.Of.NotAfter.UTC().Format(time.RFC3339))
	case NotYetValid, ClockWrong:
		return fmt.Sprintf("%s begins %s", whose, e.Of.NotBefore.UTC().Format(time.RFC3339))
	case WrongName:
		return fmt.Sprintf("certificate is not for %s but for %s", e.Host, Listed(e.Names))
	case Unreadable:
		return fmt.Sprintf("a certificate that %s sent cannot be checked: %s", e.Host, plain.Words(e.Err))
	default:
		return fmt.Sprintf("certificate of %s: %s", e.Host, plain.Words(e.Err))
	}
}

func (e *CertificateError) Unwrap() error { return e.Err }

// HandshakeError is the end of a handshake that has proven nothing.
//
// The default is closed. A server that has sent one record of TLS has a certificate, and whatever ended the handshake
// after that has kept us from judging it: a certificate that cannot be parsed, an alert (nobody has signed it), a cut,
// a stall in the middle. Only what shows no TLS at all (see Spoken) leaves plain TCP to the policy. (One who can drop or
// answer our packets can have that, too, and might as well refuse the connection: against them stand the TLS floor and
// allow_tcp, not this rule.)
type HandshakeError struct {
	Kind     HandshakeKind
	Alert    uint8  // the one that ended it (RFC 8446 section 6): 70; 0: none, or none that can be read
	Received bool   // the Alert is the server's; false: it is ours
	First    []byte // what the server has sent first, at most 32 bytes; nil: nothing
	Err      error  // a *CertificateError, where the certificate is what failed
}

// HandshakeKind says how a handshake has ended.
type HandshakeKind uint8

// The kinds. The first are those of a server that speaks TLS.
const (
	HandshakeFailed   HandshakeKind = iota // in any other way: Err says more
	BadCertificate                         // Err is a *CertificateError
	NoVersion                              // no version in common, says one side
	NoCipher                               // no cipher, group or signature in common, says the server
	WantsCertificate                       // the server takes nobody without a certificate
	AlertReceived                          // the server has ended it, with another alert
	Stalled                                // the server has begun to speak, and not gone on
	Cut                                    // the server has begun to speak, and the connection has ended
	Silent                                 // the server has sent nothing until the time was over: it may wait for another protocol
	HungUp                                 // the server has sent nothing, and the connection has ended
	NotTLS                                 // what the server has sent is no record of TLS
	lastHandshakeKind = NotTLS
)

// HandshakeKinds returns all kinds, for who has a word for each.
func HandshakeKinds() []HandshakeKind {
	return kinds.All(HandshakeFailed, lastHandshakeKind)
}

// Spoken says whether the server speaks TLS: plain TCP to the same host is then closed. That it does not is to be proven.
func (e *HandshakeError) Spoken() bool {
	switch e.Kind {
	case Silent, HungUp, NotTLS:
		return false
	default:
		return true
	}
}

func (e *HandshakeError) Error() string { return short(plain.Words(e.Err), maxWords) }

func (e *HandshakeError) Unwrap() error { return e.Err }
