package sip

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// maxUserAgent bounds what goes with every request. (Our choice; Communicator's has 60.)
const maxUserAgent = 256

// CheckUserAgent says what is wrong with a value of User-Agent: products, which are tokens with or without a version behind a
// slash, and comments in parentheses (RFC 3261 sections 20.41 and 25.1), in ASCII, with single blanks in between.
func CheckUserAgent(s string) error {
	switch {
	case s == "":
		return errors.New("it is empty")
	case len(s) > maxUserAgent:
		return fmt.Errorf("it has %d characters, %d are possible", len(s), maxUserAgent)
	}
	for rest := s; ; {
		var part string
		if strings.HasPrefix(rest, "(") {
			comment, after, closed := strings.Cut(rest[1:], ")")
			if !closed || strings.ContainsFunc(comment, func(r rune) bool { return r < ' ' || r > '~' || r == '(' || r == '\\' }) {
				return fmt.Errorf("%q: a comment is ASCII text between ( and ), without a backslash or another (", s)
			}
			rest = after
		} else {
			part, rest = rest, ""
			if end := strings.IndexByte(part, ' '); end >= 0 {
				part, rest = part[:end], part[end:]
			}
			name, version, versioned := strings.Cut(part, "/")
			if !isToken(name) || versioned && !isToken(version) {
				return fmt.Errorf("%q: %q is not a name, or a name/version, of letters, digits and -.!%%*_+`'~", s, part)
			}
		}
		if rest == "" {
			return nil
		}
		if rest[0] != ' ' || len(rest) == 1 {
			return fmt.Errorf("%q: names and comments stand with one blank in between, and none at the ends", s)
		}
		rest = rest[1:]
	}
}

// Token returns text as a token of RFC 3261 section 25.1: what may not stand in one is a hyphen, but for those at the ends.
func Token(text string) string {
	token := strings.Map(func(r rune) rune {
		if r > 0x7f || !isTokenChar(byte(r)) {
			return '-'
		}
		return r
	}, text)
	return cmp.Or(strings.Trim(token, "-"), "unknown")
}
