package sitetest

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// An answerer is one behaviour: what a Registrar of manner m answers to one
// request. What it has to remember of the connection is in the leg.
type answerer func(l *leg, m manner, req *message) reply

// answererOf finds the behaviour by its word; nil for those that answer nothing.
func answererOf(word string) answerer {
	switch word {
	case "accept", "digest": // digest has a user, which requireDigest asks for
		return grant
	case "lync":
		return lync
	case "status":
		return refuse
	case "redirect":
		return redirect
	case "offer":
		return offer
	}
	return nil
}

// grant is a Registrar that has the user (RFC 3261 section 10.3).
func grant(_ *leg, m manner, req *message) reply {
	if req.method != "REGISTER" {
		return reply{code: 200}
	}
	if req.leaving() {
		return reply{code: 200, headers: []string{"Expires: 0"}}
	}
	return reply{code: 200, headers: []string{
		fmt.Sprintf("Contact: <%s>;expires=%d", address(req.header.Get("Contact")), m.expires),
		fmt.Sprintf("Expires: %d", m.expires),
	}}
}

func refuse(l *leg, m manner, _ *message) reply {
	r := reply{code: m.code}
	if m.diagnostics != 0 {
		r.headers = append(r.headers, l.diagnosis(m, m.diagnostics))
	}
	if m.retryAfter != "" {
		r.headers = append(r.headers, "Retry-After: "+m.retryAfter)
	}
	return r
}

// redirect names the home Registrars, as a Director does.
func redirect(l *leg, m manner, _ *message) reply {
	r := reply{code: 301}
	for _, contact := range m.contacts {
		uri, q, _ := strings.Cut(contact, ";q=")
		if q != "" {
			q = ";q=" + q
		}
		r.headers = append(r.headers, "Contact: <"+l.site.outsideURI(uri)+">"+q)
	}
	return r
}

// offer challenges with schemes that no answer will satisfy.
func offer(l *leg, m manner, _ *message) reply {
	r := reply{code: 401}
	for _, scheme := range m.schemes {
		r.headers = append(r.headers, fmt.Sprintf(`WWW-Authenticate: %s realm=%q, targetname=%q, version=4`, scheme, l.realm(), l.host))
	}
	return r
}

// requireSense answers 400 to what no client may send (RFC 3261 sections 8.1.1 and 12.2.1.1).
func requireSense(next answerer) answerer {
	return func(l *leg, m manner, req *message) reply {
		for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards"} {
			if req.header.Get(name) == "" {
				return reply{code: 400, headers: []string{`Warning: 399 sitetest "no ` + name + `"`}}
			}
		}
		number, method, _ := strings.Cut(req.header.Get("CSeq"), " ")
		cseq, err := strconv.ParseUint(number, 10, 31)
		if last, again := l.cseq[req.header.Get("Call-ID")]; err != nil || method != req.method || again && cseq <= last {
			return reply{code: 400, headers: []string{`Warning: 399 sitetest "bad CSeq"`}}
		}
		l.cseq[req.header.Get("Call-ID")] = cseq
		return next(l, m, req)
	}
}

// requireDigest asks for credentials before the behaviour, if the manner has a
// user (RFC 3261 section 22, with the algorithms of RFC 8760).
func requireDigest(next answerer) answerer {
	return func(l *leg, m manner, req *message) reply {
		if m.user == "" {
			return next(l, m, req)
		}
		name := "Authorization"
		if m.proxy {
			name = "Proxy-Authorization"
		}
		stale := false
		for _, value := range req.header.Values(name) {
			fields, isDigest := strings.CutPrefix(value, "Digest ")
			if !isDigest {
				continue
			}
			p := params(fields)
			if !l.proves(m, req, p) {
				if m.forbids {
					return reply{code: 403}
				}
				continue
			}
			count, err := strconv.ParseUint(p["nc"], 16, 32)
			if p["nonce"] == l.nonce && (p["qop"] == "" || err == nil && count > l.count) && (!m.stale || l.staled) {
				l.count = count
				return next(l, m, req)
			}
			stale, l.staled = true, true // right, but for a nonce that is not, or no longer, good
		}
		return l.challenge(m, stale)
	}
}

func (l *leg) challenge(m manner, stale bool) reply {
	r, name := reply{code: 401}, "WWW-Authenticate"
	if m.proxy {
		r.code, name = 407, "Proxy-Authenticate"
	}
	l.nonce, l.count = rand.Text(), 0
	for _, algorithm := range m.algorithms {
		line := fmt.Sprintf(`%s: Digest realm=%q, nonce=%q, qop="auth", algorithm=%s`, name, l.realm(), l.nonce, algorithm)
		if stale {
			line += ", stale=true"
		}
		r.headers = append(r.headers, line)
	}
	if m.basic {
		r.headers = append(r.headers, fmt.Sprintf(`%s: Basic realm=%q`, name, l.realm()))
	}
	return r
}

func (l *leg) realm() string { return strings.TrimSuffix(l.site.begin.zone.domain, ".") }

// proves checks the arithmetic of a digest (RFC 7616 section 3.4), whatever its nonce.
func (l *leg) proves(m manner, req *message, p map[string]string) bool {
	algorithm := p["algorithm"]
	if algorithm == "" {
		algorithm = "MD5"
	}
	offered := false
	for _, a := range m.algorithms {
		offered = offered || a == algorithm
	}
	hash := func(text string) string {
		if algorithm == "MD5" {
			return fmt.Sprintf("%x", md5.Sum([]byte(text)))
		}
		return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	}
	middle := p["nonce"]
	if p["qop"] != "" {
		middle = strings.Join([]string{p["nonce"], p["nc"], p["cnonce"], p["qop"]}, ":")
	}
	want := hash(hash(m.user+":"+l.realm()+":"+m.password) + ":" + middle + ":" + hash(req.method+":"+p["uri"]))
	return offered && p["username"] == m.user && p["realm"] == l.realm() && p["uri"] == req.uri && p["response"] == want
}

// params reads "a=b, c="d, e"" into a map; the names become lower case.
func params(text string) map[string]string {
	p := map[string]string{}
	for text != "" {
		name, rest, _ := strings.Cut(text, "=")
		var value string
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			value, rest, _ = strings.Cut(quoted, `"`)
			_, text, _ = strings.Cut(rest, ",")
		} else {
			value, text, _ = strings.Cut(rest, ",")
		}
		p[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	return p
}

// outsideURI puts what the world outside has to dial into a SIP URI.
func (s *Site) outsideURI(uri string) string {
	scheme, rest, _ := strings.Cut(uri, ":")
	hostport, tail := rest, ""
	if i := strings.IndexByte(rest, ';'); i >= 0 {
		hostport, tail = rest[:i], rest[i:]
	}
	if addr, err := netip.ParseAddrPort(hostport); err == nil {
		return scheme + ":" + netip.AddrPortFrom(s.outside(addr.Addr()), s.outsidePort(addr.Port())).String() + tail
	}
	if host, port, ok := strings.Cut(hostport, ":"); ok {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			return fmt.Sprintf("%s:%s:%d%s", scheme, host, s.outsidePort(uint16(n)), tail)
		}
	}
	return uri
}
