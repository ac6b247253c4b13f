package certprov

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"net/http"
	"time"
)

// Specification constants: a token of X.509 in a message (WSS X.509 Token Profile 1.1 section 3.1), and the identifiers of what is
// signed.
const (
	base64Token = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
	tokenID     = "own"
)

// provenFor is how long a signed message is good. (Our choice, and what Windows' web services use.)
const provenFor = 5 * time.Minute

// Renews says whether a certificate that was given out before is enough for a web ticket, in a form that is known here.
func (s *Service) Renews() bool {
	_, offered := s.ports[PortCert]
	return offered && s.renews
}

// Renewal asks for a web ticket for a SIP address with the certificate at hand, which proves itself by a signature. It shows no
// secret. The time in it is that of the server.
func (e *Enrolment) Renewal(ctx context.Context, s Service, user string, own *tls.Certificate) (Ticket, error) {
	at := s.ports[PortCert]
	signer, ok := own.PrivateKey.(crypto.Signer)
	if !s.Renews() || !ok {
		return Ticket{}, located(&Error{Kind: NoMethod, Offered: s.Offered}, s.tickets)
	}
	entropy := make([]byte, entropySize)
	rand.Read(entropy) // never fails
	request := message{action: actionIssue, body: requestTicket(s.certificate, user, entropy), addressed: true, namesTo: s.proving.address}
	var err error
	if request.security, err = s.proving.security(signer, own.Certificate[0], at, e.now()); err != nil {
		return Ticket{}, &Error{Kind: Unknown, Err: err}
	}
	got, err := e.ask(ctx, http.MethodPost, at, request.headers(), request.envelope(at))
	if err != nil {
		return Ticket{}, err
	}
	return readTicket("certificate", got, at, entropy)
}

// now is what time it is at the server, as it has said last; where it has not, by our clock.
func (e *Enrolment) now() time.Time {
	if e.date.IsZero() {
		return time.Now()
	}
	return e.date.Add(time.Since(e.dated))
}

// security proves a certificate: the time, the certificate, and a signature.
func (p proving) security(signer crypto.Signer, der []byte, at Address, now time.Time) (string, error) {
	stamp := timestamp(now, now.Add(provenFor))
	signed := []part{{timestampID, stamp}}
	if p.address {
		signed = append(signed, part{toID, signedTo(at)})
	}
	what := p.with.signedInfo(signed...)
	value, err := signer.Sign(rand.Reader, p.with.sum(what), p.with.hash)
	if err != nil {
		return "", err
	}
	return stamp + `<wsse:BinarySecurityToken xmlns:wsu="` + nsWSU + `" wsu:Id="` + tokenID + `" ValueType="` + typeX509 + `" EncodingType="` + base64Token + `">` +
		base64.StdEncoding.EncodeToString(der) + `</wsse:BinarySecurityToken>` +
		`<Signature xmlns="` + nsDSig + `">` + what + `<SignatureValue>` + base64.StdEncoding.EncodeToString(value) + `</SignatureValue><KeyInfo>` +
		`<wsse:SecurityTokenReference><wsse:Reference URI="#` + tokenID + `" ValueType="` + typeX509 + `"></wsse:Reference></wsse:SecurityTokenReference></KeyInfo></Signature>`, nil
}
