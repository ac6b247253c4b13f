package main

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"

	"homeward/internal/fleet"
)

// options are what every verb takes.
type options struct {
	broker, cert, key, roots, client, site string
}

// add adds the flags; the environment has their defaults.
func (o *options) add(f *flag.FlagSet) {
	f.StringVar(&o.broker, "broker", os.Getenv("FLEET_BROKER"), "the broker, mqtts://`HOST[:PORT]` ($FLEET_BROKER)")
	f.StringVar(&o.cert, "cert", os.Getenv("FLEET_CERT"), "`file` with the certificate of this reader, in PEM ($FLEET_CERT)")
	f.StringVar(&o.key, "key", os.Getenv("FLEET_KEY"), "`file` with its key ($FLEET_KEY)")
	f.StringVar(&o.roots, "roots", os.Getenv("FLEET_ROOTS"), "`file` with who may sign the broker's certificate; default: the system's roots ($FLEET_ROOTS)")
	f.StringVar(&o.client, "client-id", "", "MQTT client `identifier`; default: one at random")
	f.StringVar(&o.site, "site", "", "only devices of this `site`")
}

// settings are what the options come to.
func (o *options) settings() (fleet.Settings, error) {
	var s fleet.Settings
	if o.broker == "" {
		return s, usagef("--broker is required, or FLEET_BROKER in the environment")
	}
	u, err := url.Parse(o.broker)
	if err != nil || u.Scheme != "mqtts" || u.Hostname() == "" || u.User != nil {
		return s, usagef("--broker: %q is not mqtts://HOST[:PORT]", o.broker)
	}
	port := u.Port()
	if port == "" {
		port = "8883"
	}
	s.Broker, s.Device = net.JoinHostPort(u.Hostname(), port), o.client
	if s.Device == "" {
		s.Device = "fleet-" + rand.Text()
	}
	if o.site != "" {
		if err := fleet.CheckName(o.site); err != nil {
			return s, usagef("--site: %v", err)
		}
	}
	if (o.cert == "") != (o.key == "") {
		return s, usagef("--cert and --key go together")
	}
	if o.cert != "" {
		s.Certificate = func() (tls.Certificate, error) { return tls.LoadX509KeyPair(o.cert, o.key) }
		if _, err := s.Certificate(); err != nil {
			return s, fmt.Errorf("--cert and --key: %w", err)
		}
	}
	if o.roots != "" {
		text, err := os.ReadFile(o.roots)
		if err != nil {
			return s, fmt.Errorf("--roots: %w", err)
		}
		if s.Roots = x509.NewCertPool(); !s.Roots.AppendCertsFromPEM(text) {
			return s, errors.New("--roots: " + o.roots + " holds no certificate in PEM")
		}
	}
	return s, nil
}
