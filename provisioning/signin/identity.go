package signin

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync"
	"time"

	"homeward/internal/sip"
	"homeward/internal/trust"
	"homeward/provisioning"
)

// maxVouched bounds what is kept of the hosts that Registrars name. (Our choice: a user has a pool and its backup.)
const maxVouched = 64

// vouched are the hosts that proven Registrars have named. They are looked up where a binding is renewed with the certificate, while a
// walk beside it may add to them.
type vouched struct {
	mu    sync.Mutex
	hosts map[string]bool // nil: none
}

// add takes down a host. When there are too many it begins anew: those in use are named again.
func (v *vouched) add(host string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.hosts == nil || !v.hosts[host] && len(v.hosts) >= maxVouched {
		v.hosts = map[string]bool{}
	}
	v.hosts[host] = true
}

func (v *vouched) has(host string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.hosts[host]
}

// all returns them; it is never nil.
func (v *vouched) all() map[string]bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := map[string]bool{}
	maps.Copy(all, v.hosts)
	return all
}

// own is the certificate of this device, and to whom it is shown.
type own struct {
	gate    gate
	vouched *vouched
}

// certificate is that of this device; nil: there is none that can be used.
func (o *own) certificate() *tls.Certificate {
	if o.gate.policy.Identity == nil {
		return nil
	}
	certificate, err := o.gate.policy.Identity()
	if err != nil || certificate == nil || certificate.Leaf == nil {
		return nil
	}
	return certificate
}

// usable says whether this device can sign in without its password.
func (o *own) usable() bool {
	certificate, now := o.certificate(), time.Now()
	if floor := o.gate.clockFloor(); now.Before(floor) {
		now = floor
	}
	return certificate != nil && now.Before(certificate.Leaf.NotAfter)
}

// identity is how a certificate is used on a connection to a Candidate. failed is told why it did not sign in, and met which name the
// server inside has not proven, though it is admitted: "" is none.
func (o *own) identity(c *provisioning.Candidate, conn net.Conn, failed func(*sip.CertificateError), met func(unproven string)) *sip.Identity {
	i := &sip.Identity{Certificate: o.certificate, Floor: o.gate.clockFloor(), Failed: failed}
	var outer *x509.Certificate
	if secure, ok := conn.(*tls.Conn); ok {
		outer = secure.ConnectionState().PeerCertificates[0]
	} else {
		i.MinVersion = o.gate.policy.TLSMin // nobody else has proven anything
	}
	i.Admits = func(target string, chain []*x509.Certificate) error {
		proven, err := o.admits(c, outer, target, chain)
		if met(""); err == nil && !proven {
			met(target)
		}
		return err
	}
	return i
}

// admits judges the server at the other end of the handshake inside SIP, by the name that the challenge gives it and the
// certificates that it shows. outer is the certificate that has proven the Candidate; nil: over plain TCP nobody has proven
// anything.
//
// A server that proves its name is admitted. One that does not, as behind an Edge whose inner servers have another authority,
// must be vouched for by a Registrar that has proven its own, and the name must be one that this site allows.
func (o *own) admits(c *provisioning.Candidate, outer *x509.Certificate, target string, chain []*x509.Certificate) (proven bool, err error) {
	settings := o.gate.trust()
	unproven := trust.Prove(target, chain, &settings)
	if outer != nil && chain[0].Equal(outer) && chain[0].VerifyHostname(target) == nil {
		unproven = nil
	}
	switch {
	case target == "":
		return false, errors.New("the challenge names no server")
	case unproven == nil:
		return true, nil
	case !strings.EqualFold(target, c.Host) && !o.vouched.has(strings.ToLower(target)) && !o.gate.policy.Configured(target) && provisioning.CheckName(target, &o.gate.policy) != nil:
		return false, fmt.Errorf("%q is outside the SIP domain; %w", target, unproven)
	case outer != nil:
		return false, nil
	case trust.Prove(c.Host, chain, &settings) == nil:
		return true, nil
	}
	return false, unproven
}
