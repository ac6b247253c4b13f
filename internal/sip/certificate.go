package sip

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"homeward/internal/kinds"
	"homeward/internal/plain"
)

// Identity is how this device signs in with a certificate (TLS-DSK of MS-SIPAE).
type Identity struct {
	// Certificate returns the certificate with its Leaf and key; a function, because fmt cannot look into it. It is asked at the
	// start of a Session, and whenever a sign-in of the Session has come to its end and the next begins.
	Certificate func() *tls.Certificate

	// Admits judges who is at the other end of the handshake inside SIP: target is the targetname of the challenge, chain the
	// certificates that are shown, at least one. An error refuses the server.
	Admits func(target string, chain []*x509.Certificate) error

	MinVersion uint16                  // lowest version of TLS inside; 0: 1.0
	Floor      time.Time               // a clock that shows less is wrong: the certificate is not judged by it
	Failed     func(*CertificateError) // is called when a sign-in with the certificate has failed, whatever comes after that; nil: nobody listens
}

// CertificateError means that the certificate did not sign in. It says nothing of the password.
type CertificateError struct {
	Kind    CertificateKind
	Alert   uint8        // of the Registrar, in the handshake (RFC 5246 section 7.2); 0: none
	Subject string       // of our certificate; escaped
	Ends    time.Time    // of our certificate: NotAfter
	Target  string       // targetname of the challenge; escaped
	Date    time.Time    // the Registrar's clock; zero: not told
	Status  *StatusError // the answer that refuses; nil: none, it was refused here
	Err     error        // of the handshake, or of who judges its server; nil: none
}

// CertificateKind says why a certificate did not sign in.
type CertificateKind uint8

// The kinds.
const (
	CertificateRefused  CertificateKind = iota + 1 // the handshake was complete, and the Registrar challenges again: it does not know the certificate (yet, or any more)
	CertificateUnknown                             // an alert says that it is unknown, bad, or may not sign in
	CertificateRevoked                             // an alert says that it is revoked
	CertificateExpired                             // an alert says that it has expired; without an alert, our clock and the Registrar's do
	CertificateForeign                             // it belongs to another SIP address (403, ErrorId 4004)
	HandshakeNotTaken                              // the handshake got no answer but another challenge
	HandshakeNoSuite                               // no cipher suite in common
	HandshakeNoVersion                             // no version of TLS in common
	HandshakeBroken                                // it ended in any other way
	ServerNotAdmitted                              // refused here: see Identity.Admits
	lastCertificateKind = ServerNotAdmitted
)

// CertificateKinds returns all kinds, for who has a word for each.
func CertificateKinds() []CertificateKind { return kinds.All(1, lastCertificateKind) }

// Refused says whether the Registrar has refused the certificate itself, and not only the way it was shown.
func (k CertificateKind) Refused() bool {
	switch k {
	case CertificateRefused, CertificateUnknown, CertificateRevoked, CertificateExpired, CertificateForeign:
		return true
	default:
		return false
	}
}

func (e *CertificateError) Error() string {
	text := [...]string{
		CertificateRefused: "the certificate is refused", CertificateUnknown: "the certificate is refused", CertificateRevoked: "the certificate is refused as revoked",
		CertificateExpired: "the certificate has expired", CertificateForeign: "the certificate belongs to another SIP address",
		HandshakeNotTaken: "the TLS-DSK handshake is not answered", HandshakeNoSuite: "no cipher suite in common for TLS-DSK",
		HandshakeNoVersion: "no TLS version in common for TLS-DSK", HandshakeBroken: "the TLS-DSK handshake fails",
		ServerNotAdmitted: "the server of the TLS-DSK handshake is not proven",
	}[e.Kind]
	if said := e.Said(); said != "" {
		text += ": " + said
	}
	return text
}

// Said is what is known besides the Kind: "alert 46, unknown certificate; answered 401 Unauthorized", or "".
func (e *CertificateError) Said() string {
	var said []string
	switch {
	case e.Alert != 0:
		said = append(said, fmt.Sprintf("alert %d, %s", e.Alert, plain.Words(tls.AlertError(e.Alert))))
	case e.Err != nil:
		said = append(said, plain.Words(e.Err))
	}
	if e.Status != nil {
		said = append(said, e.Status.Error())
	}
	return strings.Join(said, "; ")
}

func (e *CertificateError) Unwrap() error { return e.Err }
