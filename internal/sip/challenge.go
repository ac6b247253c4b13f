package sip

import (
	"errors"
	"strings"
	"time"
)

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
	// renews says whether a challenge begins a sign-in in place of one that was agreed on, and has ended.
	renews() bool
	// until returns when we have to sign in anew, with a REGISTER; zero: when the Registrar asks.
	until() time.Time
}

var errRefused = errors.New("credentials refused")
