package trust

import (
	"crypto/x509"
	"time"
)

// Settings is what a site decides about certificates.
type Settings struct {
	Roots      *x509.CertPool        // nil: the system's
	LateRoots  func() *x509.CertPool // Roots and more, for what Roots do not prove; nil: Roots are all
	Own        []*x509.Certificate   // those of Roots that this site has chosen: a pool does not show what is in it
	MinVersion uint16                // tls.VersionTLS12, or a named exception below it
	// Pins are fingerprints ("sha256:…") of certificates that are trusted as authorities where a server sends them. Nil: none.
	Pins  map[string]bool
	Floor time.Time // no certificate is judged by a clock that shows less; zero: the clock alone
	// Clock tells the time; nil: that of this device.
	Clock func() time.Time
	// Allowed says which names will do where an address stands in place of a name: the certificate must prove one of them,
	// and that it is for the address proves nothing. Nil: it must prove the host, be that a name or an address.
	Allowed func(name string) bool
	// Sessions are those that servers may resume, and where new ones are kept. Nil: each handshake is a whole one.
	Sessions *Sessions
}

// now is the time by which certificates are judged, unless it is before the Floor.
func (s Settings) now() time.Time {
	if s.Clock == nil {
		return time.Now()
	}
	return s.Clock()
}
