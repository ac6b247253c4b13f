package trust

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// Shown is what a server shows of itself in a handshake, believed or not. All text is the server's own: escape it
// before it is shown.
type Shown struct {
	Version    string   // "TLS 1.2"
	Issuer     string   // distinguished name (RFC 4514)
	Names      []string // host names and addresses of the Subject Alternative Name, all of them
	Key        string   // "RSA 2048"
	NotBefore  time.Time
	NotAfter   time.Time
	SelfSigned bool
	Sent       int // certificates in the chain, its own included
	// IssuerEnds is the earliest end of the certificates above its own that were sent and continue the chain, IssuerBegins the
	// beginning of that one and IssuerName its common name; zero: none was sent.
	IssuerBegins time.Time
	IssuerEnds   time.Time
	IssuerName   string
	Chains       []Validity // of each chain to a trusted root, when it has been believed
	LeadsTo      string     // the issuer of the last certificate that continues the chain: that of its own, if none does
	Complete     bool       // and that one is a root: nobody can be above it
}

// Validity is when all certificates of a chain are valid, the root included.
type Validity struct{ From, Until time.Time }

// ValidAt says whether one chain is valid at a time.
func (s Shown) ValidAt(at time.Time) bool {
	return slices.ContainsFunc(s.Chains, func(v Validity) bool { return !at.Before(v.From) && !at.After(v.Until) })
}

func validities(chains [][]*x509.Certificate) []Validity {
	var all []Validity
	for _, chain := range chains {
		v := Validity{chain[0].NotBefore, chain[0].NotAfter}
		for _, c := range chain[1:] {
			if c.NotBefore.After(v.From) {
				v.From = c.NotBefore
			}
			if c.NotAfter.Before(v.Until) {
				v.Until = c.NotAfter
			}
		}
		all = append(all, v)
	}
	return all
}

// show reads a finished or failing handshake. It is meant for tls.Config.VerifyConnection.
func show(state tls.ConnectionState) Shown {
	s := Shown{Version: tls.VersionName(state.Version), Sent: len(state.PeerCertificates)}
	if s.Sent == 0 {
		return s
	}
	leaf := state.PeerCertificates[0]
	s.Issuer, s.Names, s.Key = distinguished(leaf.RawIssuer, &leaf.Issuer), names(leaf), keyOf(leaf)
	s.NotBefore, s.NotAfter = leaf.NotBefore, leaf.NotAfter
	s.SelfSigned = isSelfSigned(leaf)
	by := newSignatures()
	end := last(state.PeerCertificates, by.next)
	s.LeadsTo, s.Complete = distinguished(end.RawIssuer, &end.Issuer), isSelfSigned(end)
	for _, c := range above(state.PeerCertificates, by.next) {
		if s.IssuerEnds.IsZero() || c.NotAfter.Before(s.IssuerEnds) {
			s.IssuerBegins, s.IssuerEnds, s.IssuerName = c.NotBefore, c.NotAfter, short(c.Subject.CommonName, maxName)
		}
	}
	return s
}

// keyOf names the public key of a certificate.
func keyOf(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	default:
		return c.PublicKeyAlgorithm.String()
	}
}

// Met is what a handshake has shown of the server, whether it came to an end or not.
type Met struct {
	Shown
	// AsksCertificate says that the server asks for a certificate of ours, as those for other servers do.
	AsksCertificate bool
	Anchor          string // the pin on which the proof rests; "": it rests on a root, or there is no proof
	Offered         bool   // a session was offered to the server
	Resumed         bool   // and the server has resumed it: Shown and Anchor are about what it has shown then, judged by now

	chain []*x509.Certificate
}

// Stumbled says of a handshake that has failed that the session may be why: it was offered, and the server has not begun a whole one.
func (m *Met) Stumbled() bool { return m.Offered && (m.Resumed || m.Version == "") }

// Completes says whether a server that has proven its name has sent what the chain of another one lacks to be trusted: the certificate of who has
// signed the last of that, up to the pin on which the proof rests. A root is of use only if its fingerprint is all that is known of it.
func (m *Met) Completes(other Met) bool {
	if len(m.chain) == 0 || len(other.chain) == 0 {
		return false
	}
	by := newSignatures()
	path := by.path(other.chain)
	end := path[len(path)-1]
	for _, c := range by.path(m.chain)[1:] {
		pinned := Fingerprint(c) == m.Anchor
		if bytes.Equal(c.RawSubject, end.RawIssuer) && !c.Equal(end) && by.check(signature{c, end, true}) == nil {
			return pinned || !isSelfSigned(c)
		}
		if pinned {
			break
		}
	}
	return false
}
