package sitetest

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// requireNTLM asks for NTLM before the behaviour.
func requireNTLM(next answerer) answerer {
	return func(c *caller, m manner, req *message) reply {
		p, given := req.credentials(m.family().given)
		token, handshake := p["gssapi-data"]
		var done string
		var err error
		switch {
		case !given:
			return c.offerSchemes(m)
		case !slices.Contains(m.schemes, "NTLM"):
			err = errors.New("a scheme that was not offered")
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
	c.ntlm.begun = nil
	r := reply{code: m.family().code}
	for _, scheme := range m.schemes {
		target, more := c.fe(m), ""
		switch scheme {
		case "Kerberos":
			target = "sip/" + target
		case "TLS-DSK":
			more = fmt.Sprintf(`, sts-uri="https://%s:%d%s"`, cmp.Or(m.web, target), c.out.port(443), pathCertProv)
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
		opaque: randomHex(4), version: m.version, fe: c.fe(m), family: m.family(),
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
	if a.session, err = authenticate(a.challenge, token, m.user, m.password); err != nil {
		return err
	}
	if m.hosts != nil && !slices.Contains(m.hosts, a.session.workstation) {
		return fmt.Errorf("workstation %q", a.session.workstation)
	}
	a.who, a.since = req.endpoint(), time.Now()
	if a.version >= 4 || p["response"] != "" {
		if err := a.verify(req, p); err != nil {
			return err
		}
	}
	c.ntlm.sa = a
	return nil
}
