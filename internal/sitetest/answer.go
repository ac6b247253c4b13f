package sitetest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An answerer is one behaviour, or what comes before it: what a Registrar of manner m answers to one request.
type answerer func(c *caller, m manner, req *message) reply

// contactOf is the binding that a REGISTER is about.
func contactOf(req *message) contact {
	value := req.header.Get("Contact")
	return contact{address(req.header.Get("To")), address(value), headerParam(value, "+sip.instance")}
}

// grant is a Registrar that has the user (RFC 3261 section 10.3).
func grant(c *caller, m manner, req *message) reply {
	if req.method != "REGISTER" {
		return reply{code: 200}
	}
	if req.leaving() {
		c.sim.bind(c.addr, contactOf(req), 0)
		return reply{code: 200, headers: []string{"Expires: 0"}}
	}
	if asked, _ := strconv.Atoi(req.header.Get("Expires")); asked < m.least {
		return reply{code: 423, headers: []string{fmt.Sprintf("Min-Expires: %d", m.least)}}
	}
	switch bound := "Contact: <sip:phone@10.0.0.22:5061>;expires=3000"; {
	case req.header.Get("Contact") == "" && m.rival != "":
		return reply{code: 200, headers: []string{bound}}
	case req.header.Get("Contact") == "" && !m.unlisted:
		return reply{code: 200, headers: c.sim.bindings(c.addr, contactOf(req).aor)}
	case req.header.Get("Contact") == "":
		return reply{code: 200}
	case m.unlisted:
		return reply{code: 200}
	case m.rival == "stays":
		return reply{code: 503, headers: []string{`Warning: 399 sitetest "too many registered contacts"`}}
	}
	c.sim.bind(c.addr, contactOf(req), time.Duration(m.expires)*time.Second)
	return reply{code: 200, headers: []string{
		fmt.Sprintf("Contact: <%s>;expires=%d", address(req.header.Get("Contact")), m.expires),
		fmt.Sprintf("Expires: %d", m.expires),
	}}
}

func refuse(c *caller, m manner, _ *message) reply {
	r := reply{code: m.code}
	if m.diagnostics != 0 {
		r.headers = append(r.headers, c.diagnosis(m, m.diagnostics))
	}
	if m.warning != "" {
		r.headers = append(r.headers, fmt.Sprintf("Warning: 399 sitetest %q", strings.ReplaceAll(m.warning, "_", " ")))
	}
	if m.retryAfter != "" {
		r.headers = append(r.headers, "Retry-After: "+m.retryAfter)
	}
	return r
}

// redirect names the home Registrars, as a Director does.
func redirect(c *caller, m manner, _ *message) reply {
	r := reply{code: 301}
	for _, contact := range m.contacts {
		uri, q, _ := strings.Cut(contact, ";q=")
		if q != "" {
			q = ";q=" + q
		}
		r.headers = append(r.headers, "Contact: <"+c.out.uri(uri)+">"+q)
	}
	return r
}

// offer challenges with schemes that no answer will satisfy.
func offer(c *caller, m manner, _ *message) reply {
	r := reply{code: 401}
	for _, scheme := range m.schemes {
		r.headers = append(r.headers, fmt.Sprintf(`WWW-Authenticate: %s realm=%q, targetname=%q, version=4`, scheme, c.realm, c.host))
	}
	return r
}

// requireSense answers 400 to what no client may send (RFC 3261 sections 8.1.1 and 12.2.1.1).
func requireSense(next answerer) answerer {
	return func(c *caller, m manner, req *message) reply {
		for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards"} {
			if req.header.Get(name) == "" {
				return reply{code: 400, headers: []string{`Warning: 399 sitetest "no ` + name + `"`}}
			}
		}
		number, method, _ := strings.Cut(req.header.Get("CSeq"), " ")
		cseq, err := strconv.ParseUint(number, 10, 31)
		if last, again := c.cseq[req.header.Get("Call-ID")]; err != nil || method != req.method || again && cseq <= last {
			return reply{code: 400, headers: []string{`Warning: 399 sitetest "bad CSeq"`}}
		}
		c.cseq[req.header.Get("Call-ID")] = cseq
		return next(c, m, req)
	}
}
