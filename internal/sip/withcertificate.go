package sip

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// What becomes of the certificate of this device: when it is used, and when no more.

const dskName = "tls-dsk"

func isDSK(c challenge) bool { return strings.EqualFold(c.scheme, dskName) }

// isOffer says whether a challenge begins something, and does not go on with a handshake.
func isOffer(c challenge) bool { return !isDSK(c) || c.params["gssapi-data"] == "" }

// moment is what time it is, to judge our own certificate by: as the Registrar says, who judges it too. Else our clock says,
// or the floor where our clock is known to be wrong.
func (a *authentication) moment(m *message) time.Time {
	if told := date(m); !told.IsZero() {
		return told
	}
	now := time.Now()
	if a.account.Identity != nil && now.Before(a.account.Identity.Floor) {
		now = a.account.Identity.Floor
	}
	return now
}

// judgeOwn puts aside a certificate that has expired.
func (a *authentication) judgeOwn(m *message) {
	if a.certificate == nil || a.failed != nil {
		return
	}
	d := &dskScheme{certificate: a.certificate, at: a.moment(m)}
	if d.left() <= 0 {
		a.putAside(d.failed(CertificateExpired, nil), m)
	}
}

// rank is the place of a challenge's scheme in our order; a certificate that is about to end comes last.
func (a *authentication) rank(c challenge, m *message) int {
	if isDSK(c) && a.certificate().Leaf.NotAfter.Sub(a.moment(m)) < leastLeft {
		return len(a.account.Schemes)
	}
	return a.preference(c)
}

// goOn carries a handshake on with the challenge that is its answer. Where it fails, the asker is left without a scheme, and
// another may be tried; but whoever has signed with the certificate on this connection is not let go of it unsigned.
func (a *authentication) goOn(by *asker, d *dskScheme, offered []challenge, m *message) error {
	c := challenge{params: params{}}
	if i := slices.IndexFunc(offered, isDSK); i >= 0 {
		c = offered[i]
	}
	var failed *CertificateError
	if err := d.answer(c, true); !errors.As(err, &failed) { // it makes no other while it is busy
		return err
	}
	failed.Status = a.refusal(m)
	a.putAside(failed, m)
	if d.hangUp(); d.current != nil {
		return failed
	}
	by.name, by.scheme = "", nil
	return nil
}

// putAside is the end of the certificate on this connection.
func (a *authentication) putAside(failed *CertificateError, m *message) {
	failed.Date = date(m)
	a.failed = failed
	if told := a.account.Identity.Failed; told != nil {
		told(failed)
	}
}

// foreign says whether a final answer refuses the certificate as that of another SIP address, and puts it aside then. A binding
// that the certificate has brought is not given up so.
func (a *authentication) foreign(m *message) bool {
	if m.code != 403 || m.unsigned || !slices.ContainsFunc(diagnostics(m), func(d Diagnostic) bool { return d.ID == anothersCredentials }) {
		return false
	}
	for i := range a.askers {
		by := &a.askers[i]
		if d, ok := by.scheme.(*dskScheme); ok && a.failed == nil && d.current != nil && d.current.count == 1 { // the first it has signed
			failed := d.failed(CertificateForeign, nil)
			failed.Status = a.refusal(m)
			a.putAside(failed, m)
			by.name, by.scheme = "", nil
			return true
		}
	}
	return false
}

// hangUp ends handshakes that have come to nothing.
func (a *authentication) hangUp() {
	for _, by := range a.askers {
		if d, ok := by.scheme.(*dskScheme); ok {
			if d.hangUp(); d.busy() {
				d.stage = fresh
			}
		}
	}
}
