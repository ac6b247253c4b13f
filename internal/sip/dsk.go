package sip

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"homeward/internal/dsk"
)

const dskName = "tls-dsk"

func isDSK(c challenge) bool { return strings.EqualFold(c.scheme, dskName) }

// isOffer says whether a challenge begins something, and does not go on with a handshake.
func isOffer(c challenge) bool { return !isDSK(c) || c.params["gssapi-data"] == "" }

// dskScheme signs in with a certificate (TLS-DSK of MS-SIPAE), and signs every message from then on. While asking, its requests
// carry the flights of a handshake; the one that proves carries none.
type dskScheme struct {
	agreement
	identity    *Identity
	certificate func() *tls.Certificate
	at          time.Time // what time it is, by the Registrar's clock if it tells that

	handshake *dsk.Handshake // nil: none is on its way
	flight    []byte         // the next to be sent; empty: more of the Registrar's is to be fetched
	allSuites bool           // the Registrar takes none of the suites that we like
	mac       dsk.MAC        // how messages are signed where that is not known
	guessed   bool           // that is so, and the proof that is out may be made in the wrong way
}

// answer takes in the Registrar's next flight, or begins. What ends the handshake is a *CertificateError.
func (d *dskScheme) answer(c challenge, again bool) error {
	data, err := base64.StdEncoding.DecodeString(c.params["gssapi-data"])
	switch {
	case d.inForce():
		if again {
			return errRefused
		}
		return nil
	case d.stage == proving && d.guessed:
		d.mac, d.guessed = dsk.PRF, false // there is one other way to sign
		d.start(c)
		return nil
	case d.stage == proving:
		return d.failed(CertificateRefused, nil)
	case d.stage != asking:
		d.start(c)
		return nil
	case err != nil:
		return d.failed(HandshakeBroken, errors.New("gssapi-data is not base64"))
	case len(data) == 0:
		return d.failed(HandshakeNotTaken, nil)
	}
	if target := c.params["targetname"]; target != d.next.target {
		return d.failed(HandshakeBroken, errors.New("it goes on with another server: "+printable(target)))
	}
	d.offered(c)
	flight, err := d.handshake.Step(data)
	var ended *dsk.Error
	switch {
	case errors.As(err, &ended) && ended.Kind == dsk.NoSuite && !d.allSuites:
		d.allSuites = true
		d.start(c)
		return nil
	case err != nil:
		return d.ended(err)
	}
	if d.flight = flight; !d.handshake.Done() {
		return nil
	}
	return d.agree()
}

// start begins a handshake.
func (d *dskScheme) start(c challenge) {
	d.hangUp()
	d.offered(c)
	d.next.opaque = "" // the Registrar names the association in its answer
	target := c.params["targetname"]
	d.handshake, d.flight = dsk.Start(dsk.Settings{
		Certificate: d.certificate(), MinVersion: d.identity.MinVersion, AllSuites: d.allSuites,
		Verify: func(chain []*x509.Certificate) error { return d.identity.Admits(target, chain) },
	})
	d.stage = asking
}

// agree takes the keys out of a handshake that is done.
func (d *dskScheme) agree() error {
	security, err := d.handshake.Security(d.mac)
	if err != nil {
		return d.ended(err)
	}
	d.guessed = d.mac == dsk.SHA1 && !d.handshake.SignsSHA1()
	d.hangUp()
	d.next.sign, d.next.verify = security.Sign, security.Verify
	d.stage, d.life = proving, max(min(associationLife, d.left())-associationMargin, shortestLife)
	return nil
}

// left is how long the certificate is still good.
func (d *dskScheme) left() time.Duration { return d.certificate().Leaf.NotAfter.Sub(d.at) }

// hangUp ends the handshake, if there is one.
func (d *dskScheme) hangUp() {
	if d.handshake != nil {
		d.handshake.Close()
		d.handshake, d.flight = nil, nil
	}
}

func (d *dskScheme) sign(m *message) error {
	if d.begin(m) {
		return nil
	}
	if d.stage == asking {
		m.add(d.field, d.next.credentials()+", gssapi-data="+quote(base64.StdEncoding.EncodeToString(d.flight))+d.version())
		return nil
	}
	m.add(d.field, d.next.credentials()+d.version()+d.next.proof(m))
	d.shown = printable(d.certificate().Leaf.Subject.CommonName)
	return nil
}

// busy says whether a sign-in has begun that a challenge goes on with, or ends.
func (d *dskScheme) busy() bool { return d.stage == asking || d.stage == proving }

// ended gives the end of a handshake its kind.
func (d *dskScheme) ended(err error) error {
	var e *dsk.Error
	if !errors.As(err, &e) {
		return d.failed(HandshakeBroken, err)
	}
	kind, known := map[dsk.Kind]CertificateKind{
		dsk.NoSuite: HandshakeNoSuite, dsk.NoVersion: HandshakeNoVersion, dsk.Unknown: CertificateUnknown, dsk.Revoked: CertificateRevoked,
		dsk.Expired: CertificateExpired, dsk.Unproven: ServerNotAdmitted,
	}[e.Kind]
	if !known {
		kind = HandshakeBroken
	}
	failed := d.failed(kind, e.Err)
	failed.Alert = e.Alert
	return failed
}

func (d *dskScheme) failed(kind CertificateKind, err error) *CertificateError {
	leaf := d.certificate().Leaf
	return &CertificateError{Kind: kind, Subject: printable(leaf.Subject.CommonName), Ends: leaf.NotAfter, Target: printable(d.next.target), Err: err}
}
