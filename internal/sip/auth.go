package sip

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// scheme proves who we are, and makes the Registrar prove who it is. There is one per asker for as long as the connection
// lives; what follows a challenge depends on what went before.
type scheme interface {
	// answer takes in a challenge, so that the next sign replies to it. again says that one was answered in this
	// exchange before. It fails with errRefused when the challenge means that complete credentials were refused, or with
	// the reason why there is no answer to it.
	answer(c challenge, again bool) error
	// sign adds the proof to a message we send. It comes last: all other headers stand as they go out.
	sign(m *message) error
	// verify checks the proof in a final answer or a request of the Registrar, and fails with ErrBadSignature.
	verify(m *message) error
	// sent returns the login name of the latest proof that has gone out, "" before the first.
	sent() string
	// pending returns the realm of complete credentials that the latest request carried, and that nothing has accepted;
	// false: it carried none, or they are in force.
	pending() (realm string, ok bool)
	// until returns when we have to sign in anew, with a REGISTER; zero: when the Registrar asks.
	until() time.Time
}

var errRefused = errors.New("credentials refused")

// asker is who may ask for credentials: the Registrar, or a proxy before it. RFC 3261 section 22.
type asker struct {
	code                                 int
	challenge, credentials, confirmation string // header names
	name                                 string // of the scheme, in lower case: "digest"; "" until asked
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

// sentUser returns the login name the Registrar, or failing it a proxy, was shown; "" when no credentials were sent.
func (s *Session) sentUser() string {
	for _, a := range s.askers {
		if a.scheme != nil && a.scheme.sent() != "" {
			return a.scheme.sent()
		}
	}
	return ""
}

// challenged prepares the answer to a 401 or 407, or says why there will be none.
func (s *Session) challenged(m *message, again bool) error {
	a := &s.askers[0]
	if m.code == s.askers[1].code {
		a = &s.askers[1]
	}
	offered := parseChallenges(m.all(a.challenge))
	c, err := s.choose(offered, m.code)
	name := strings.ToLower(c.scheme)
	if again && a.name != name { // what it asks for now is another matter, or nothing that can be answered
		if realm, ok := a.scheme.pending(); ok {
			return &CredentialsError{Scheme: a.name, Realm: printable(realm), Status: s.refusal(m)}
		}
	}
	if err != nil {
		return err
	}
	if a.name != name {
		a.name, a.scheme = name, s.newScheme(name, a)
	}
	switch err := a.scheme.answer(c, again); {
	case errors.Is(err, errRefused):
		return &CredentialsError{Scheme: a.name, Realm: printable(c.params["realm"]), Status: s.refusal(m)}
	case err != nil:
		return &AuthError{Kind: UnusableChallenge, Offered: names(offered), Problem: err.Error()}
	}
	return nil
}

// newScheme makes one of the schemes that problem lets pass.
func (s *Session) newScheme(name string, a *asker) scheme {
	if name == "ntlm" {
		return &ntlmScheme{user: s.account.ntlmUser(), host: s.account.Host, password: s.password, tls: s.secure, field: a.credentials}
	}
	return &digestScheme{user: s.account.digestUser(), password: s.password, field: a.credentials, confirmation: a.confirmation}
}

// choose picks the challenge to answer: by our order of schemes, then by strength; never by the Registrar's order.
func (s *Session) choose(offered []challenge, code int) (challenge, error) {
	var answerable []challenge
	var problems []string
	var closest AuthKind
	for _, c := range offered[:min(len(offered), maxListed)] {
		if kind, problem := s.problem(c); problem != "" {
			problems, closest = append(problems, problem), max(closest, kind)
		} else {
			answerable = append(answerable, c)
		}
	}
	switch {
	case len(offered) == 0:
		return challenge{}, &AuthError{Kind: NothingOffered, Problem: fmt.Sprintf("answered %d without a challenge", code)}
	case len(answerable) == 0:
		slices.Sort(problems)
		return challenge{}, &AuthError{Kind: closest, Offered: names(offered), Problem: strings.Join(slices.Compact(problems), "; ")}
	}
	return slices.MinFunc(answerable, func(a, b challenge) int {
		return cmp.Or(cmp.Compare(s.preference(a), s.preference(b)), cmp.Compare(digestWeakness(a), digestWeakness(b)))
	}), nil
}

// preference returns the place of a challenge's scheme in our order, -1 when it is not allowed.
func (s *Session) preference(c challenge) int {
	return slices.IndexFunc(s.account.Schemes, func(name string) bool { return strings.EqualFold(name, c.scheme) })
}

// problem says why a challenge is not answered, "" when it may be.
func (s *Session) problem(c challenge) (AuthKind, string) {
	scheme := strings.ToLower(c.scheme)
	switch {
	case scheme == "basic":
		return BasicOffered, "Basic would show the password and is never answered" // RFC 3261 section 22: deprecated
	case scheme == "kerberos" || scheme == "tls-dsk":
		return KerberosOffered, printable(c.scheme) + " is not supported"
	case scheme != "digest" && scheme != "ntlm":
		return SchemeUnknown, printable(c.scheme) + " is not supported"
	case s.preference(c) < 0:
		return SchemeNotAllowed, printable(c.scheme) + " is not allowed here"
	case !s.secure && !s.account.InClear:
		return ClearTCP, "credentials go over clear TCP only under credentials_over_tcp, to a host that SRV or the configuration names"
	case s.password() == "":
		return PasswordMissing, "no password is configured"
	case scheme == "ntlm":
		_, _, problem := ntlmVersion(c)
		return UnusableChallenge, problem
	}
	return UnusableChallenge, digestProblem(c)
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

// names lists what is offered, for people.
func names(offered []challenge) []string {
	var names []string
	for _, c := range offered[:min(len(offered), maxListed)] {
		names = append(names, c.String())
	}
	return names
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
