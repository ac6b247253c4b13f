package ntlm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// Specification constants: flags of MS-NLMP section 2.2.2.5.
const (
	flagUnicode         = 0x00000001
	flagRequestTarget   = 0x00000004
	flagSign            = 0x00000010
	flagDatagram        = 0x00000040
	flagNTLM            = 0x00000200
	flagAlwaysSign      = 0x00008000
	flagExtendedSession = 0x00080000
	flagIdentify        = 0x00100000
	flagTargetInfo      = 0x00800000
	flagVersion         = 0x02000000
	flag128             = 0x20000000
	flagKeyExchange     = 0x40000000
)

// Specification constants: layout of MS-NLMP sections 2.2.1.2, 2.2.2.1.
const (
	signature     = "NTLMSSP\x00"
	typeChallenge = 2
	challengeSize = 48 // up to and with the place of the target information; the version after it tells us nothing

	avEnd       = 0
	avTimestamp = 7
)

// Our choices.
const (
	// Registrars send 200 to 400 octets. The target information goes back in a field of at most 64 KiB.
	maxChallenge = 16 << 10
)

// ChallengeError says why a challenge is not answered.
type ChallengeError struct {
	Missing []string // what it does not offer, in the words of MS-NLMP section 2.2.2.5: "NTLMSSP_NEGOTIATE_KEY_EXCH"
	Problem string   // why it cannot be read; "" when something is missing
}

// Error describes the reason in one line, safe to print.
func (e *ChallengeError) Error() string {
	if e.Problem != "" {
		return "NTLM challenge not usable: " + e.Problem
	}
	return "NTLM challenge does not offer " + strings.Join(e.Missing, ", ")
}

// challenge is what we need of a CHALLENGE message.
type challenge struct {
	flags     uint32
	nonce     []byte // 8 octets
	info      []byte // the target information, as sent
	timestamp []byte // 8 octets, the server's clock; nil if not told
}

// parseChallenge reads a message, but does not judge its flags.
func parseChallenge(message []byte) (challenge, error) {
	malformed := func(format string, args ...any) (challenge, error) {
		return challenge{}, &ChallengeError{Problem: fmt.Sprintf(format, args...)}
	}
	le := binary.LittleEndian
	switch {
	case len(message) > maxChallenge:
		return malformed("%d octets are too many", len(message))
	case !bytes.HasPrefix(message, []byte(signature)):
		return malformed("no NTLM message")
	case len(message) < challengeSize:
		return malformed("%d octets are too few", len(message))
	case le.Uint32(message[8:]) != typeChallenge:
		return malformed("message type %d", le.Uint32(message[8:]))
	}
	c := challenge{flags: le.Uint32(message[20:]), nonce: message[24:32]}
	if c.flags&flagTargetInfo == 0 {
		return c, nil
	}
	size, offset := int64(le.Uint16(message[40:])), int64(le.Uint32(message[44:]))
	if offset < challengeSize || offset+size > int64(len(message)) {
		return malformed("target information outside the message: %d octets at %d of %d", size, offset, len(message))
	}
	c.info = message[offset : offset+size]
	if problem := c.readInfo(); problem != "" {
		return malformed("%s", problem)
	}
	return c, nil
}

// readInfo walks the AV pairs of the target information (MS-NLMP section 2.2.2.1) for the timestamp.
func (c *challenge) readInfo() (problem string) {
	le := binary.LittleEndian
	for rest := c.info; len(rest) >= 4; {
		id, size := le.Uint16(rest), int(le.Uint16(rest[2:]))
		rest = rest[4:]
		switch {
		case id == avEnd:
			return ""
		case size > len(rest):
			return fmt.Sprintf("AV pair %d: %d octets, but %d left", id, size, len(rest))
		case id == avTimestamp && size != 8:
			return fmt.Sprintf("AV pair %d: %d octets for a timestamp", id, size)
		case id == avTimestamp:
			c.timestamp = rest[:size]
		}
		rest = rest[size:]
	}
	return "target information without an end"
}

// require fails when a challenge does not offer what keeps us safe and understood. Without target information there is no
// NTLMv2; without extended session security the signatures are weak.
func (c challenge) require(extendedSession bool) error {
	var missing []string
	for _, needed := range []struct {
		flag uint32
		name string
	}{
		{flagUnicode, "UNICODE"}, {flagSign, "SIGN"}, {flagDatagram, "DATAGRAM"}, {flagNTLM, "NTLM"},
		{flagAlwaysSign, "ALWAYS_SIGN"}, {flagExtendedSession, "EXTENDED_SESSIONSECURITY"}, {flagIdentify, "IDENTIFY"},
		{flagTargetInfo, "TARGET_INFO"}, {flag128, "128"}, {flagKeyExchange, "KEY_EXCH"},
	} {
		if c.flags&needed.flag == 0 && (needed.flag != flagExtendedSession || extendedSession) {
			missing = append(missing, "NTLMSSP_NEGOTIATE_"+needed.name)
		}
	}
	if missing != nil {
		return &ChallengeError{Missing: missing}
	}
	return nil
}

// reply returns the flags of our answer: of the offer what we want, never LM_KEY, SEAL or 56.
func (c challenge) reply() uint32 {
	const wanted = flagUnicode | flagSign | flagDatagram | flagNTLM | flagAlwaysSign | flagExtendedSession |
		flagIdentify | flagTargetInfo | flagVersion | flag128 | flagKeyExchange
	return c.flags&wanted | flagRequestTarget
}
