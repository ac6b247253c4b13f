package sip

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/icholy/digest"
)

// digestScheme answers Digest challenges. RFC 7616, RFC 8760, RFC 3261 section 22.4.
type digestScheme struct {
	user                string
	password            func() string
	field, confirmation string // header names
	challenge           digest.Challenge
	algorithm           string             // of the challenge
	latest              digest.Credentials // of the latest request
	count               int                // requests signed with this nonce
}

// digestAlgorithm returns the algorithm of a Digest challenge, in upper case.
func digestAlgorithm(c challenge) string {
	return cmp.Or(strings.ToUpper(c.params["algorithm"]), "MD5") // RFC 7616 section 3.3
}

// isStale says whether a challenge says that the nonce was too old, and not that the credentials are wrong.
func isStale(c challenge) bool { return strings.EqualFold(c.params["stale"], "true") }

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

func (d *digestScheme) answer(c challenge, again bool) error {
	if again && !isStale(c) {
		return errRefused
	}
	d.count, d.algorithm = 0, digestAlgorithm(c)
	d.challenge = digest.Challenge{
		Realm: c.params["realm"], Nonce: c.params["nonce"], Opaque: c.params["opaque"], Algorithm: c.params["algorithm"],
	}
	if qop := digestQOP(c); qop != "" {
		d.challenge.QOP = []string{qop}
	}
	return nil
}

func (d *digestScheme) sign(m *message) error {
	if m.method == "" {
		return nil // only requests carry credentials
	}
	d.count++
	credentials, err := d.compute(m.method, m.uri, d.count, "", m.body)
	if err != nil {
		return &AuthError{Kind: UnusableChallenge, Problem: "answer Digest challenge: " + err.Error()}
	}
	d.latest = *credentials
	m.add(d.field, credentials.String())
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
		want, err := d.compute("", d.latest.URI, d.latest.Nc, d.latest.Cnonce, m.body)
		if err != nil || !strings.EqualFold(want.Response, rspauth) {
			return unproven(m, WrongSignature)
		}
	}
	if next := confirmed["nextnonce"]; next != "" {
		d.challenge.Nonce, d.count = next, 0
	}
	return nil
}

func (d *digestScheme) sent() string { return d.latest.Username }

func (d *digestScheme) renews() bool { return false } // nothing is agreed on

func (d *digestScheme) pending() (string, bool) { return d.challenge.Realm, d.count > 0 }

// confirms says whether an answer that verify lets pass shows that the Registrar knows our password.
func (d *digestScheme) confirms(m *message) bool {
	return d.latest.QOP != "" && parseParams(m.list(d.confirmation))["rspauth"] != ""
}

func (d *digestScheme) until() time.Time { return time.Time{} }

func (d *digestScheme) compute(method, uri string, count int, cnonce string, body []byte) (*digest.Credentials, error) {
	return digest.Digest(&d.challenge, digest.Options{
		Method: method, URI: uri, Count: count, Cnonce: cnonce,
		Username: d.user, Password: d.password(),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	})
}
