package sitetest

import (
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// requireSignIn asks for NTLM or a certificate before the behaviour.
func requireSignIn(next answerer) answerer {
	return func(c *caller, m manner, req *message) reply {
		scheme, p := req.credentials(m.family().given)
		token, handshake := p["gssapi-data"]
		var done string
		var err error
		switch {
		case scheme == "":
			return c.offerSchemes(m)
		case !slices.Contains(m.schemes, scheme):
			err = errors.New("a scheme that was not offered")
		case scheme == "TLS-DSK" && handshake:
			return c.shake(m, p)
		case scheme == "TLS-DSK" && p["version"] != "":
			proof, refusal := c.certified(m, req, p)
			if refusal != nil {
				return *refusal
			}
			done = proof
		case handshake && cmp.Or(p["version"], "2") != strconv.Itoa(m.version):
			err = fmt.Errorf("version %q", p["version"])
		case handshake && token == "":
			return c.begin(m)
		case handshake:
			done, err = "authenticated", c.authenticate(m, req, p)
		case c.ntlm.sa == nil || m.saLife > 0 && time.Since(c.ntlm.sa.since) >= m.saLife:
			c.ntlm.sa, err = nil, errors.New("no association")
		default:
			done, err = "signed", c.ntlm.sa.verify(req, p)
		}
		if err != nil {
			r := c.offerSchemes(m)
			if r.proof = err.Error(); done == "authenticated" {
				r.headers = append(r.headers, c.diagnosis(m, 1000))
			}
			return r
		}
		r := next(c, m, req)
		r.proof = done
		return r
	}
}

// offerSchemes is the first challenge: one line for each scheme.
func (c *caller) offerSchemes(m manner) reply {
	c.hangUp()
	c.ntlm.begun = nil
	r := reply{code: m.family().code}
	for _, scheme := range m.schemes {
		target, more := c.fe(m), ""
		switch scheme {
		case "Kerberos":
			target = "sip/" + target
		case "TLS-DSK":
			more = fmt.Sprintf(`, sts-uri="https://%s%s"`, c.webHost(m), pathCertProv)
		}
		r.headers = append(r.headers, fmt.Sprintf(`%s: %s realm=%q, targetname=%q%s%s`, m.family().challenge, scheme, sipaeRealm, target, versionParam(m.version), more))
	}
	return r
}

// begin answers empty gssapi-data with a CHALLENGE.
func (c *caller) begin(m manner) reply {
	var nonce [8]byte
	rand.Read(nonce[:])
	netbios, _, isDomain := strings.Cut(m.user, `\`)
	if !isDomain {
		netbios, _, _ = strings.Cut(strings.ToUpper(c.realm), ".")
	}
	flags, now := uint32(flagsOffered), time.Now()
	if m.noESS {
		flags, now = flags&^flagESS, time.Time{} // as old as that, a server does not tell the time either
	}
	c.ntlm.begun = &association{
		scheme: "NTLM", opaque: randomHex(4), version: m.version, fe: c.fe(m), family: m.family(),
		challenge: challengeMessage(nonce, flags, targetInfo(netbios, c.fe(m), now)),
	}
	return reply{code: m.family().code, proof: "begins", headers: []string{fmt.Sprintf(`%s: NTLM opaque=%q, gssapi-data=%q, targetname=%q, realm=%q%s`,
		m.family().challenge, c.ntlm.begun.opaque, base64.StdEncoding.EncodeToString(c.ntlm.begun.challenge), c.fe(m), sipaeRealm, versionParam(m.version))}}
}

// authenticate takes an AUTHENTICATE; from version 4 on its message has to be signed too.
func (c *caller) authenticate(m manner, req *message, p map[string]string) error {
	a := c.ntlm.begun
	c.ntlm.begun = nil
	if a == nil || p["opaque"] != a.opaque {
		return errors.New("unknown opaque")
	}
	token, err := base64.StdEncoding.DecodeString(p["gssapi-data"])
	if err != nil {
		return errToken
	}
	s, err := authenticate(a.challenge, token, m.user, m.password)
	switch {
	case m.dsk.noControllers:
		return errors.New("no domain controller")
	case err != nil:
		return err
	case m.hosts != nil && !slices.Contains(m.hosts, s.workstation):
		return fmt.Errorf("workstation %q", s.workstation)
	}
	a.signer = s
	a.who, a.since = req.endpoint(), time.Now()
	if a.version >= 4 || p["response"] != "" {
		if err := a.verify(req, p); err != nil {
			return err
		}
	}
	c.ntlm.sa = a
	return nil
}

// innerServer is the server of a handshake with a Registrar.
func (c *caller) innerServer(m manner) (dskEnd, error) {
	kind := m.dsk.cert
	if m.dsk.suites != "ecdhe" || !m.dsk.ecdsa {
		kind = rsaKind + kind
	}
	cert, err := c.sim.ca.leaf([]string{c.fe(m)}, kind)
	if err != nil {
		return nil, err
	}
	if m.dsk.openssl != "" {
		return startOpenSSL(cert, m.dsk)
	}
	config, err := c.dskConfig(m, cert)
	if err != nil {
		return nil, err
	}
	return startDSK(config), nil
}

// dskConfig is that of crypto/tls.
func (c *caller) dskConfig(m manner, cert *tls.Certificate) (config *tls.Config, err error) {
	config = &tls.Config{
		Certificates: []tls.Certificate{*cert}, ClientAuth: tls.RequireAnyClientCert, SessionTicketsDisabled: true,
		MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS12, CipherSuites: slices.Concat(dskSuites["ecdhe"], dskSuites["rsa"]),
	}
	if m.dsk.version != 0 {
		config.MinVersion, config.MaxVersion = m.dsk.version, m.dsk.version
	}
	if m.dsk.suites != "" {
		config.CipherSuites = dskSuites[m.dsk.suites]
	}
	if m.dsk.cas > 0 {
		config.ClientCAs = x509.NewCertPool()
		for i := range m.dsk.cas {
			ca := *c.sim.ca.cert
			name := pkix.Name{CommonName: fmt.Sprintf("Enterprise authority number %d", i+1)}
			if ca.RawSubject, err = asn1.Marshal(name.ToRDNSequence()); err != nil {
				return nil, err
			}
			ca.Raw = append(slices.Clone(ca.Raw), byte(i), byte(i>>8)) // to be another one
			config.ClientCAs.AddCert(&ca)
		}
	}
	return config, nil
}

// shake takes a flight of a handshake, and sends the next.
func (c *caller) shake(m manner, p map[string]string) reply {
	flight, err := base64.StdEncoding.DecodeString(p["gssapi-data"])
	refused := func(why string) reply {
		r := c.offerSchemes(m)
		r.proof = why
		return r
	}
	if err != nil {
		return refused("malformed token")
	}
	a := c.ntlm.begun
	if p["opaque"] == "" {
		if m.dsk.bare {
			return refused("no handshake")
		}
		c.hangUp()
		server, err := c.innerServer(m)
		if err != nil {
			return refused(err.Error())
		}
		a = &association{scheme: "TLS-DSK", opaque: randomHex(4), version: m.version, fe: c.fe(m), family: m.family(), handshake: server}
		c.ntlm.begun = a
	}
	if a == nil || a.handshake == nil || p["opaque"] != "" && p["opaque"] != a.opaque {
		return refused("unknown opaque")
	}
	h, proof := a.handshake, "handshake"
	if len(flight) > 0 {
		a.rest = append(a.rest, h.take(flight)...)
	}
	if h.isDone() && a.signer == nil {
		if a.signer, err = h.keys(m.dsk.byPRF); err != nil {
			return refused(err.Error())
		}
		a.certificate = h.peer()
		if o, ok := h.(*opensslEnd); ok {
			c.sim.noteHandshake(o.agreed())
		}
		if alert := c.alertFor(m, a); alert != 0 {
			a.rest = []byte{21, 3, byte(h.version()), 0, 2, 2, alert}
			proof = fmt.Sprintf("alert %d", alert)
		}
	}
	send := a.rest
	if m.dsk.pieces > 0 {
		send = send[:min(m.dsk.pieces, len(send))]
	}
	a.rest = a.rest[len(send):]
	return reply{code: m.family().code, proof: proof, headers: []string{fmt.Sprintf(`%s: TLS-DSK opaque=%q, gssapi-data=%q, targetname=%q, realm=%q%s`,
		m.family().challenge, a.opaque, base64.StdEncoding.EncodeToString(send), c.fe(m), sipaeRealm, versionParam(m.version))}}
}

// alertFor is the alert in which a Registrar says at once what it thinks of a certificate; 0: it says so later, if at all.
func (c *caller) alertFor(m manner, a *association) byte {
	if m.dsk.alert != 0 {
		return byte(m.dsk.alert)
	}
	if !m.dsk.alerts {
		return 0
	}
	return map[string]byte{"revoked certificate": 44, "expired certificate": 45, "unknown certificate": 46, "certificate not replicated yet": 46}[c.sim.issued.verdict(a.certificate, "", "", time.Now().Add(m.clock))]
}

// certified takes the REGISTER that ends the sign-in: it is signed with the keys of the handshake.
func (c *caller) certified(m manner, req *message, p map[string]string) (proof string, refusal *reply) {
	a := c.ntlm.begun
	c.ntlm.begun = nil
	fail := func(why string) (string, *reply) {
		r := c.offerSchemes(m)
		r.proof = why
		return "", &r
	}
	if a == nil || a.signer == nil || p["opaque"] != a.opaque {
		return fail("unknown opaque")
	}
	a.handshake.close()
	a.who, a.since = req.endpoint(), time.Now()
	if err := a.verify(req, p); err != nil {
		return fail(err.Error())
	}
	user := strings.TrimPrefix(address(req.header.Get("From")), "sip:")
	switch verdict := c.sim.issued.verdict(a.certificate, user, guid(instance(headerParam(req.header.Get("From"), "epid"))), time.Now().Add(m.clock)); verdict {
	case "":
	case "certificate of another user":
		c.ntlm.sa = a
		return "", &reply{code: 403, proof: verdict, headers: []string{c.diagnosis(m, 4004)}}
	default:
		return fail(verdict)
	}
	c.ntlm.sa = a
	return "signed in with a certificate", nil
}

// hangUp ends a handshake that has not come to its end.
func (c *caller) hangUp() {
	if c.ntlm.begun != nil && c.ntlm.begun.handshake != nil {
		c.ntlm.begun.handshake.close()
	}
}

// webHost is where the web services are that a Registrar names: host and port.
func (c *caller) webHost(m manner) string {
	host, port, found := strings.Cut(cmp.Or(m.web, c.fe(m)), ":")
	if !found {
		port = fmt.Sprint(c.out.port(443))
	}
	return host + ":" + port
}
