package sip

import (
	"fmt"
	"slices"
	"strings"
)

// scheme proves who we are, and makes the Registrar prove who it is. There is one per asker for as long as the connection
// lives; what follows a challenge depends on what went before.
type scheme interface {
	// answer takes in a challenge, so that the next sign replies to it. again says that one was answered in this
	// exchange before; false is returned when the challenge then means that complete credentials were refused.
	answer(c challenge, again bool) bool
	// sign adds the proof to a message we send. It comes last: all other headers stand as they go out.
	sign(m *message) error
	// verify checks the proof in a final answer, and fails with ErrBadSignature.
	verify(m *message) error
}

// asker is who may ask for credentials: the Registrar, or a proxy before it. RFC 3261 section 22.
type asker struct {
	code                                 int
	challenge, credentials, confirmation string // header names
	scheme                               scheme // nil until asked
}

func newAskers() [2]asker {
	return [2]asker{
		{code: 401, challenge: "WWW-Authenticate", credentials: "Authorization", confirmation: "Authentication-Info"},
		{code: 407, challenge: "Proxy-Authenticate", credentials: "Proxy-Authorization", confirmation: "Proxy-Authentication-Info"},
	}
}

// sign adds what every asker wants to see.
func (s *Session) sign(m *message) error {
	for _, a := range s.askers {
		if a.scheme != nil {
			if err := a.scheme.sign(m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Session) verify(m *message) error {
	for _, a := range s.askers {
		if a.scheme != nil {
			if err := a.scheme.verify(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// challenged prepares the answer to a 401 or 407, or says why there will be none.
func (s *Session) challenged(m *message, again bool) error {
	a := &s.askers[0]
	if m.code == s.askers[1].code {
		a = &s.askers[1]
	}
	c, err := s.choose(parseChallenges(m.all(a.challenge)), m.code)
	if err != nil {
		return err
	}
	if a.scheme == nil {
		a.scheme = &digestScheme{user: s.account.digestUser(), password: s.password, field: a.credentials, confirmation: a.confirmation}
	}
	if !a.scheme.answer(c, again) {
		return &CredentialsError{Scheme: strings.ToLower(c.scheme), Realm: printable(c.params["realm"]), Status: s.refusal(m)}
	}
	return nil
}

// choose picks the challenge to answer: by our order of schemes, then by strength; never by the Registrar's order.
func (s *Session) choose(offered []challenge, code int) (challenge, error) {
	refused := &AuthError{Problem: fmt.Sprintf("%d without a challenge", code)}
	best, bestRank := -1, 0
	var problems []string
	for i, c := range offered[:min(len(offered), maxListed)] {
		refused.Offered = append(refused.Offered, c.String())
		rank, problem := s.rank(c)
		switch {
		case problem != "":
			problems = append(problems, problem)
		case best < 0 || rank < bestRank:
			best, bestRank = i, rank
		}
	}
	if best < 0 {
		if len(problems) > 0 {
			slices.Sort(problems)
			refused.Problem = strings.Join(slices.Compact(problems), "; ")
		}
		return challenge{}, refused
	}
	return offered[best], nil
}

// rank says how willingly a challenge is answered, 0 most of all, or why it is not.
func (s *Session) rank(c challenge) (rank int, problem string) {
	preference := slices.IndexFunc(s.account.Schemes, func(name string) bool { return strings.EqualFold(name, c.scheme) })
	switch {
	case strings.EqualFold(c.scheme, "basic"):
		return 0, "Basic would show the password and is never answered" // RFC 3261 section 22: deprecated
	case preference < 0:
		return 0, printable(c.scheme) + " is not allowed here"
	case !strings.EqualFold(c.scheme, "digest"):
		return 0, printable(c.scheme) + " is not supported"
	case s.password() == "":
		return 0, "no password is configured"
	case !s.secure && !s.account.DigestOverTCP:
		return 0, "Digest is not answered over clear TCP unless digest_over_tcp is set"
	}
	strength, problem := digestStrength(c)
	return preference*maxListed + strength, problem
}

// challenge is one way to sign in that a Registrar offers. RFC 3261 section 20.44.
type challenge struct {
	scheme string // as written: "Digest", "NTLM"
	params params
}

func (c challenge) String() string {
	if algorithm := c.params["algorithm"]; algorithm != "" {
		return printable(c.scheme + " " + algorithm)
	}
	return printable(c.scheme)
}

// parseChallenges reads challenges from header lines. One line may hold several: the commas between them look like those
// between parameters, but a new challenge starts with a word that no "=" follows.
func parseChallenges(lines []string) []challenge {
	var found []challenge
	for _, line := range lines {
		for i, part := range split(line, ',') {
			word, rest := part, ""
			if end := strings.IndexAny(part, " \t="); end >= 0 {
				word, rest = part[:end], strings.TrimLeft(part[end:], " \t")
			}
			if i == 0 || !strings.HasPrefix(rest, "=") {
				found = append(found, challenge{scheme: word, params: params{}})
				part = rest
			}
			last := found[len(found)-1].params
			for name, value := range parseParams(split(part, ',')) {
				if _, known := last[name]; !known {
					last[name] = value
				}
			}
		}
	}
	return found
}
