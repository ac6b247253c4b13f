package sitetest

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// requireDigest asks for credentials before the behaviour, if the manner has a
// user (RFC 3261 section 22, with the algorithms of RFC 8760).
func requireDigest(next answerer) answerer {
	return func(c *caller, m manner, req *message) reply {
		if m.user == "" {
			return next(c, m, req)
		}
		name := "Authorization"
		if m.proxy {
			name = "Proxy-Authorization"
		}
		stale, wrong := false, ""
		for _, value := range req.header.Values(name) {
			fields, isDigest := strings.CutPrefix(value, "Digest ")
			if !isDigest {
				continue
			}
			p := params(fields)
			if !c.proves(m, req, p) {
				if wrong = "wrong password"; m.forbids {
					return reply{code: 403, proof: wrong}
				}
				continue
			}
			if c.counts(m, p) && (!m.stale || c.digest.staled) {
				return next(c, m, req)
			}
			stale, c.digest.staled = true, true // right, but for a nonce that is not, or no longer, good
		}
		r := c.challenge(m, stale)
		r.proof = wrong
		return r
	}
}

// counts says whether a nonce is good, and has not been used so often yet, and counts that.
func (c *caller) counts(m manner, p map[string]string) bool {
	count, err := strconv.ParseUint(p["nc"], 16, 32)
	if m.nonceLife > 0 {
		return err == nil && c.sim.nonces.count(c.addr, p["nonce"], count)
	}
	if p["nonce"] != c.digest.nonce || p["qop"] != "" && (err != nil || count <= c.digest.count) {
		return false
	}
	c.digest.count = count
	return true
}

func (c *caller) challenge(m manner, stale bool) reply {
	r, name := reply{code: 401}, "WWW-Authenticate"
	if m.proxy {
		r.code, name = 407, "Proxy-Authenticate"
	}
	c.digest.nonce, c.digest.count = rand.Text(), 0
	if m.nonceLife > 0 {
		c.sim.nonces.give(c.addr, c.digest.nonce, time.Now().Add(m.nonceLife))
	}
	for _, algorithm := range m.algorithms {
		line := fmt.Sprintf(`%s: Digest realm=%q, nonce=%q, qop="auth", algorithm=%s`, name, c.realm, c.digest.nonce, algorithm)
		if stale {
			line += ", stale=true"
		}
		r.headers = append(r.headers, line)
	}
	if m.basic {
		r.headers = append(r.headers, fmt.Sprintf(`%s: Basic realm=%q`, name, c.realm))
	}
	return r
}

// proves checks the arithmetic of a digest (RFC 7616 section 3.4), whatever its nonce.
func (c *caller) proves(m manner, req *message, p map[string]string) bool {
	algorithm := p["algorithm"]
	if algorithm == "" {
		algorithm = "MD5"
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
	want := hash(hash(m.user+":"+c.realm+":"+m.password) + ":" + middle + ":" + hash(req.method+":"+p["uri"]))
	return slices.Contains(m.algorithms, algorithm) && p["username"] == m.user && p["realm"] == c.realm && p["uri"] == req.uri && p["response"] == want
}
