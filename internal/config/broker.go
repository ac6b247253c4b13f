package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"homeward/internal/fleet"
	"homeward/internal/plain"
)

// Specification constants.
const brokerPort = "8883" // secure-mqtt, IANA

// maxCertificate is our choice: bytes of a file with a chain or a key.
const maxCertificate = 64 << 10

// parseBroker reads mqtts://host[:port].
func parseBroker(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return "", fmt.Errorf("%q is not mqtts://host[:port]", s)
	}
	switch {
	case u.Scheme != "mqtts":
		return "", fmt.Errorf("%q: the broker is spoken to over TLS only, mqtts://", s)
	case u.User != nil:
		return "", fmt.Errorf("a user name or password does not belong into the file; the broker knows the device by fleet_cert")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return "", fmt.Errorf("%q is more than mqtts://host[:port]", s)
	}
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = brokerPort
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + port, nil
}

// errNeeded is about a key without which the broker cannot be used.
var errNeeded = errors.New("it is required with fleet_broker")

// setFleetCertificate looks at what the device shows to the broker, which is read again for each connection: the site may renew
// it while the daemon runs.
func (c *Config) setFleetCertificate(keyFile string) error {
	switch {
	case c.Fleet.Broker == "":
		return nil
	case keyFile == "":
		return errNeeded
	}
	certFile, who := c.fleetCert, c.daemonUser()
	c.Fleet.Certificate = func() (tls.Certificate, error) { return readPair(certFile, keyFile, who) }
	pair, err := c.Fleet.Certificate()
	if err != nil {
		return err
	}
	c.fleetLeaf = pair.Leaf
	if until := pair.Leaf.NotAfter; time.Now().After(until) {
		c.warn("fleet_cert expired on " + until.UTC().Format(time.DateOnly))
	}
	return nil
}

// readPair reads a certificate, with those above it, and its key.
func readPair(certFile, keyFile string, who daemonUser) (pair tls.Certificate, err error) {
	certs, err := readText(certFile, maxCertificate, openAny, anybodys)
	if err != nil {
		return pair, err
	}
	key, err := readText(keyFile, maxCertificate, openOwn, func(info fs.FileInfo) error { return checkPrivate(keyFile, info, who) })
	if err != nil {
		return pair, err
	}
	if pair, err = tls.X509KeyPair(certs, key); err != nil {
		return pair, fmt.Errorf("%s and %s are no certificate in PEM with its key: %s", certFile, keyFile, plain.Words(err))
	}
	return pair, nil
}

// setFleetDevice takes the name of the device, or that in its certificate, by which brokers know it.
func (c *Config) setFleetDevice(name string) error {
	if c.Fleet.Broker == "" || name == "" && c.fleetLeaf == nil { // of which is said what is wrong
		return nil
	}
	if c.Fleet.Device = name; name == "" {
		c.Fleet.Device = c.fleetLeaf.Subject.CommonName
	}
	if c.Fleet.Device == "" {
		return errors.New("it is required, because fleet_cert has no common name")
	}
	return fleet.CheckName(c.Fleet.Device)
}

// setFleetRoots reads who may sign the certificate of the broker: those of the files alone.
func (c *Config) setFleetRoots(paths []string) error {
	if c.Fleet.Broker == "" || len(paths) == 0 {
		return nil
	}
	var left leftOut
	pool, read := x509.NewCertPool(), 0
	for _, path := range paths {
		certificates, err := readCertificates(path, &left)
		if err != nil {
			return err
		}
		for _, certificate := range certificates {
			pool.AddCert(certificate)
			read++
		}
	}
	if read == 0 {
		return errors.New(strings.Join(left.texts(), "; "))
	}
	for _, text := range left.texts() {
		c.warn("fleet_roots: " + text)
	}
	c.Fleet.Roots = pool
	return nil
}
