package ntlm

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"time"
)

// Specification constants.
const (
	typeNegotiate = 1          // MS-NLMP section 2.2.1.1
	flagOEM       = 0x00000002 // MS-NLMP section 2.2.2.5
)

// Negotiate returns the NEGOTIATE message (MS-NLMP section 2.2.1.1) with which NTLM begins on a connection, as over HTTP
// (RFC 4559). No key is asked for: nothing is signed there after the sign-in.
func Negotiate() []byte {
	b := binary.LittleEndian.AppendUint32([]byte(signature), typeNegotiate)
	b = binary.LittleEndian.AppendUint32(b, flagUnicode|flagOEM|flagRequestTarget|flagNTLM|flagAlwaysSign|flagExtendedSession)
	return append(b, make([]byte, 16)...) // neither domain nor workstation
}

// Answer answers a CHALLENGE message on a connection with an AUTHENTICATE message; opening is the NEGOTIATE message that was
// sent. Where the server tells the time, the three messages are bound together by a MIC, as hardened servers demand
// (MS-NLMP section 3.1.5.1.2). The error is a *ChallengeError when the challenge is to blame.
func Answer(opening, challenge []byte, c Credentials) ([]byte, error) {
	f := fresh{now: filetime(time.Now())}
	rand.Read(f.nonce[:]) // never fails
	return c.answer(opening, challenge, f)
}

func (c Credentials) answer(opening, message []byte, f fresh) ([]byte, error) {
	asked, err := parseChallenge(message)
	if err != nil {
		return nil, err
	}
	if missing := asked.without(map[uint32]string{flagUnicode: "UNICODE", flagNTLM: "NTLM", flagTargetInfo: "TARGET_INFO"}); missing != nil {
		return nil, &ChallengeError{Missing: missing}
	}
	domain, user := splitUser(c.User)
	const wanted = flagUnicode | flagNTLM | flagAlwaysSign | flagExtendedSession | flagTargetInfo
	r := response{
		flags: asked.flags&wanted | flagRequestTarget, version: strings.Repeat("\x00", 8),
		domain: utf16le(domain), user: utf16le(user), host: utf16le(workstation(c.Host)),
	}
	switch {
	case user == "":
		return nil, errors.New("answer the NTLM challenge: no user name")
	case max(len(r.domain), len(r.user), len(r.host)) > math.MaxUint16:
		return nil, errors.New("answer the NTLM challenge: user or host name too long")
	}
	bound := asked.timestamp != nil
	if bound {
		asked.info = withMIC(asked.info)
	}
	base := r.prove(hashV2(user, domain, c.Password()), asked, f)
	if !bound {
		return r.encode(), nil
	}
	return r.bind(base, string(opening)+string(message)), nil
}

// without are the names of flags that a challenge does not offer.
func (c challenge) without(needed map[uint32]string) (missing []string) {
	for flag, name := range needed {
		if c.flags&flag == 0 {
			missing = append(missing, "NTLMSSP_NEGOTIATE_"+name)
		}
	}
	slices.Sort(missing)
	return missing
}
