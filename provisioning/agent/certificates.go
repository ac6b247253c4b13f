package agent

import (
	"crypto/tls"

	"homeward/internal/sip"
	"homeward/provisioning"
	"homeward/provisioning/enrol"
	"homeward/provisioning/signin"
)

// certificates are what the agent has to do with certificates for sign-in. Without a place for them it has nothing.
type certificates struct {
	*enrolling
	told enrol.Service // what a Registrar has named last; the goroutine of Run owns it
}

// offered is told where certificates can be got.
func (c *certificates) offered(url, anchor string) {
	if c.told = (enrol.Service{URL: url, Anchor: anchor}); c.enrolling != nil && c.enroller.ByPIN() { // there is no other way in
		latest(c.offers)(c.told)
	}
}

// identity is the certificate to sign in with now; nil: none.
func (c *certificates) identity() *tls.Certificate {
	if c.enrolling == nil {
		return nil
	}
	pair := c.credential.pair()
	if pair.None() {
		return nil
	}
	return &pair.Certificate
}

// noticed sees what has become of the certificate in an attempt. Over plain TCP anyone on the way may have said that it is refused, or
// what time it is.
func (c *certificates) noticed(e *provisioning.Event) {
	tells := e.Kind == provisioning.NotCertified || e.Kind == provisioning.Attempted
	if c.enrolling != nil && tells && e.Transport == provisioning.TLS && (e.Reason == provisioning.CertificateRefused || e.Reason == provisioning.CertificateExpired) {
		c.credential.refused()
	}
}

// certified takes note of a registration, and how it came about.
func (c *certificates) certified(reg *signin.Registration) {
	switch {
	case c.enrolling == nil:
		return
	case reg.Binding.Scheme == provisioning.ByCertificate:
		c.credential.accepted(reg.Binding.Leaf)
	}
	if c.told.URL != "" && reg.Binding.Scheme != "" {
		latest(c.offers)(c.told)
	}
}

// renewed takes note of a binding that was granted again: the certificate behind it may be a newer one.
func (c *certificates) renewed(granted sip.Binding) {
	if c.enrolling != nil && granted.Scheme == provisioning.ByCertificate {
		c.credential.accepted(granted.Leaf)
	}
}
