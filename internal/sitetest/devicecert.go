package sitetest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"sync"
	"time"
)

// deviceKey is that of the certificates that a site gives to a device of a file.
var deviceKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// deviceCertificate is what a line says of a certificate that a device has.
type deviceCertificate struct {
	begins, life, replication time.Duration
	of                        string // whom the Registrars take it for
	unknown, revoked          bool
}

var deviceCertificateOptions = options[deviceCertificate]{
	"begins":      duration(func(c *deviceCertificate) *time.Duration { return &c.begins }),
	"life":        duration(func(c *deviceCertificate) *time.Duration { return &c.life }),
	"replication": duration(func(c *deviceCertificate) *time.Duration { return &c.replication }),
	"of":          text(func(c *deviceCertificate) *string { return &c.of }),
	"unknown":     flag(func(c *deviceCertificate) *bool { return &c.unknown }),
	"revoked":     flag(func(c *deviceCertificate) *bool { return &c.revoked }),
}

// Certificate issues a certificate as the certificate service does, to whom a line names (USER@DOMAIN [OPTION …]), and
// publishes it to the Registrars.
func (s *Site) Certificate(words []string) (*tls.Certificate, error) {
	c := deviceCertificate{begins: -time.Minute, life: webLife, of: words[0]}
	if err := deviceCertificateOptions.takeAll(&c, words[1:]); err != nil {
		return nil, err
	}
	begins := time.Now().Add(c.begins)
	der, err := s.sim.issued.issue(words[0], deviceKey().Public(), begins, begins.Add(c.life))
	if err != nil {
		return nil, err
	}
	if !c.unknown {
		s.sim.issued.publish(published{der: der, user: c.of, since: time.Now().Add(c.replication), ends: begins.Add(c.life), revoked: c.revoked})
	}
	leaf, err := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: deviceKey(), Leaf: leaf}, err
}
