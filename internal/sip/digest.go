package sip

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/icholy/digest"
)

// digestScheme answers Digest challenges. RFC 7616, RFC 8760, RFC 3261 section 22.4.
type digestScheme struct {
	user                string
	password            func() string
	field, confirmation string // header names
	nonce               *Nonce
	signed              bool               // a request, since the challenge
	ahead               bool               // with a nonce of another connection: no challenge was answered on this one, and nothing accepted
	latest              digest.Credentials // of the latest request
}

// digestAlgorithm returns the algorithm of a Digest challenge, in upper case.
func digestAlgorithm(c challenge) string {
	return cmp.Or(strings.ToUpper(c.params["algorithm"]), "MD5") // RFC 7616 section 3.3
}

// isStale says whether a challenge says that the nonce was too old, and not that the credentials are wrong.
func isStale(c challenge) bool { return strings.EqualFold(c.params["stale"], "true") }

// saysStale says whether an answer has such a challenge.
func saysStale(m *message) bool {
	return slices.ContainsFunc(parseChallenges(slices.Concat(m.all("WWW-Authenticate"), m.all("Proxy-Authenticate"))), isStale)
}

// digestWeakness ranks the algorithm of a Digest challenge, 0 the strongest; -1: not one of ours. RFC 8760 section 2.1.
func digestWeakness(c challenge) int {
	return slices.Index([]string{"SHA-256", "SHA-512-256", "MD5"}, digestAlgorithm(c))
}

// digestProblem says why a Digest challenge cannot be answered, "" when it can.
func digestProblem(c challenge) string {
	switch {
	case digestWeakness(c) < 0:
		return "Digest with algorithm " + printable(c.params["algorithm"]) + " is not supported"
	case c.params["nonce"] == "":
		return "a Digest challenge without nonce"
	case c.params["qop"] != "" && digestQOP(c) == "":
		return "Digest with qop " + printable(c.params["qop"]) + " is not supported"
	}
	return ""
}

// digestQOP returns the quality of protection to use: auth before auth-int, "" for servers older than RFC 2617.
func digestQOP(c challenge) string {
	offered := split(strings.ToLower(c.params["qop"]), ',')
	for _, qop := range []string{"auth", "auth-int"} {
		if slices.Contains(offered, qop) {
			return qop
		}
	}
	return ""
}

// digestChallenge is what an answer to a challenge is made of.
func digestChallenge(c challenge) digest.Challenge {
	of := digest.Challenge{
		Realm: c.params["realm"], Nonce: c.params["nonce"], Opaque: c.params["opaque"], Algorithm: c.params["algorithm"],
	}
	if qop := digestQOP(c); qop != "" {
		of.QOP = []string{qop}
	}
	return of
}

// digestField is the credentials as they go into a header. The library quotes as Go does, which no Registrar undoes: RFC 3261 section 25.1.
func digestField(c *digest.Credentials) string {
	field := "Digest username=" + quote(c.Username) + ", realm=" + quote(c.Realm) + ", nonce=" + quote(c.Nonce) + ", uri=" + quote(c.URI)
	if c.Algorithm != "" {
		field += ", algorithm=" + c.Algorithm
	}
	if c.QOP != "" {
		field += ", cnonce=" + quote(c.Cnonce)
	}
	if c.Opaque != "" {
		field += ", opaque=" + quote(c.Opaque)
	}
	if c.QOP != "" {
		field += fmt.Sprintf(", qop=%s, nc=%08x", c.QOP, c.Nc)
	}
	return field + ", response=" + quote(c.Response)
}

// maxKept bounds what is taken up: a challenge in bytes. maxCount is more than any run signs.
const (
	maxKept  = 4 << 10
	maxCount = math.MaxInt32
)

// KeptNonce is the Nonce of which Kept has told. What a Registrar could not have written is an error.
func KeptNonce(text string, count int) (*Nonce, error) {
	offered := parseChallenges([]string{text})
	if len(offered) != 1 || !strings.EqualFold(offered[0].scheme, "Digest") || strings.ContainsFunc(text, unicode.IsControl) || len(text) > maxKept || count < 0 || count > maxCount {
		return nil, errors.New("no challenge of Digest")
	}
	if problem := digestProblem(offered[0]); problem != "" {
		return nil, errors.New(problem)
	}
	return &Nonce{challenge: digestChallenge(offered[0]), count: count}, nil
}

func (d *digestScheme) answer(c challenge, again bool) error {
	if again && !isStale(c) {
		return errRefused
	}
	d.nonce.become(digestChallenge(c))
	d.signed, d.ahead = false, false
	return nil
}

func (d *digestScheme) sign(m *message) error {
	if m.method == "" {
		return nil // only requests carry credentials
	}
	challenge, count := d.nonce.take()
	d.signed = true
	credentials, err := d.compute(challenge, m.method, m.uri, count, "", m.body)
	if err != nil {
		return &AuthError{Kind: UnusableChallenge, Problem: "answer Digest challenge: " + err.Error()}
	}
	d.latest = *credentials
	m.add(d.field, digestField(credentials))
	return nil
}

// verify compares rspauth, which only someone with our password can compute, and takes up the next nonce. Most Registrars
// send neither. RFC 7616 section 3.5.
func (d *digestScheme) verify(m *message) error {
	if m.method != "" {
		return nil // only answers are confirmed
	}
	confirmed := parseParams(m.list(d.confirmation))
	if rspauth := confirmed["rspauth"]; rspauth != "" && d.latest.QOP != "" {
		want, err := d.compute(d.answered(), "", d.latest.URI, d.latest.Nc, d.latest.Cnonce, m.body)
		if err != nil || !strings.EqualFold(want.Response, rspauth) {
			return unproven(m, WrongSignature)
		}
	}
	if next := confirmed["nextnonce"]; next != "" {
		challenge := d.nonce.now()
		challenge.Nonce = next
		d.nonce.become(challenge)
		d.signed = false
	}
	d.ahead = d.ahead && m.code >= 300
	return nil
}

// answered is the challenge to which the latest request was the answer.
func (d *digestScheme) answered() digest.Challenge {
	challenge := d.nonce.now()
	challenge.Nonce = d.latest.Nonce
	return challenge
}

func (d *digestScheme) sent() string { return d.latest.Username }

func (d *digestScheme) renews() bool { return false } // nothing is agreed on

func (d *digestScheme) pending() (string, bool) { return d.nonce.now().Realm, d.signed }

func (d *digestScheme) algorithm() string {
	return cmp.Or(strings.ToUpper(d.nonce.now().Algorithm), "MD5")
}

// confirms says whether an answer that verify lets pass shows that the Registrar knows our password.
func (d *digestScheme) confirms(m *message) bool {
	return d.latest.QOP != "" && parseParams(m.list(d.confirmation))["rspauth"] != ""
}

func (d *digestScheme) until() time.Time { return time.Time{} }

func (d *digestScheme) compute(challenge digest.Challenge, method, uri string, count int, cnonce string, body []byte) (*digest.Credentials, error) {
	return digest.Digest(&challenge, digest.Options{
		Method: method, URI: uri, Count: count, Cnonce: cnonce,
		Username: d.user, Password: d.password(),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	})
}
