package trust

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
)

// Our choices: what an authority must have that is trusted because it was met first.
const (
	leastRSA   = 2048 // bits
	leastECDSA = 256
)

// FirstUse returns the authority that a server has sent at the end of its chain, if the server proves host once that is
// trusted: by name, time and usage as always. Whether it may be trusted is not said.
func (m *Met) FirstUse(host string, s Settings) (Seen, error) {
	if len(m.chain) == 0 {
		return Seen{}, errors.New("the server has shown no certificate")
	}
	anchor := last(m.chain, firstNamed)
	if !anchor.IsCA || !anchor.BasicConstraintsValid || anchor.Equal(m.chain[0]) {
		return Seen{}, errors.New("the server does not send the certificate of its authority")
	}
	if !isStrong(anchor) {
		return Seen{}, errors.New("the key of the authority is too weak")
	}
	fingerprint := Fingerprint(anchor)
	s.Pins = map[string]bool{fingerprint: true}
	proven, _, err := verify(host, m.chain, s)
	switch {
	case err != nil:
		return Seen{}, err
	case proven != fingerprint:
		return Seen{}, errors.New("the server is trusted already")
	}
	return Seen{distinguished(anchor.RawSubject, &anchor.Subject), fingerprint}, nil
}

func isStrong(c *x509.Certificate) bool {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= leastRSA
	case *ecdsa.PublicKey:
		return key.Params().BitSize >= leastECDSA
	default:
		return false
	}
}
