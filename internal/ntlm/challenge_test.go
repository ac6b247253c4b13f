package ntlm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// avPair writes one AV pair of target information.
func avPair(id uint16, value []byte) []byte {
	b := binary.LittleEndian.AppendUint16(nil, id)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

// withInfo puts other target information into a challenge.
func withInfo(challenge []byte, info ...[]byte) []byte {
	b := slices.Concat(append([][]byte{challenge[:56]}, info...)...)
	binary.LittleEndian.PutUint16(b[40:], uint16(len(b)-56))
	binary.LittleEndian.PutUint16(b[42:], uint16(len(b)-56))
	binary.LittleEndian.PutUint32(b[44:], 56)
	return b
}

func patched(challenge []byte, at int, value ...byte) []byte {
	b := slices.Clone(challenge)
	copy(b[at:], value)
	return b
}

func TestBadChallenges(t *testing.T) {
	good := vectorD().challenge
	name, end := avPair(2, utf16le("CONTOSO")), avPair(0, nil)
	flags := func(flags uint32) []byte {
		return patched(good, 20, binary.LittleEndian.AppendUint32(nil, flags)...)
	}
	without := func(flag uint32) []byte { return flags(0xe29882f3 &^ flag) }
	problem := func(text string) *ChallengeError { return &ChallengeError{Problem: text} }
	missing := func(names ...string) *ChallengeError { return &ChallengeError{Missing: names} }

	for why, test := range map[string]struct {
		challenge []byte
		want      *ChallengeError
	}{
		"nothing":                        {nil, problem("no NTLM message")},
		"another protocol":               {[]byte("HTTP/1.1 401 Unauthorized\r\n\r\n"), problem("no NTLM message")},
		"only the signature":             {good[:8], problem("8 octets are too few")},
		"one octet short of the header":  {good[:47], problem("47 octets are too few")},
		"64 KiB":                         {append(slices.Clone(good), make([]byte, 64<<10)...), problem("65750 octets are too many")},
		"a NEGOTIATE message":            {patched(good, 8, 1), problem("message type 1")},
		"our own AUTHENTICATE message":   {unhex(vectorD().want.Message), problem("message type 3")},
		"cut in the target information":  {good[:100], problem("target information outside the message: 158 octets at 56 of 100")},
		"an offset beyond the message":   {patched(good, 44, 0xff, 0xff, 0xff, 0xff), problem("target information outside the message: 158 octets at 4294967295 of 214")},
		"an offset that would overflow":  {patched(good, 44, 0xff, 0xff, 0xff, 0x7f), problem("target information outside the message: 158 octets at 2147483647 of 214")},
		"an offset into the header":      {patched(good, 44, 8), problem("target information outside the message: 158 octets at 8 of 214")},
		"a size beyond the message":      {patched(good, 40, 0xff, 0xff), problem("target information outside the message: 65535 octets at 56 of 214")},
		"target information of size 0":   {patched(good, 40, 0, 0), problem("target information without an end")},
		"target information without end": {withInfo(good, name), problem("target information without an end")},
		"half an AV pair":                {withInfo(good, name, []byte{1, 0}), problem("target information without an end")},
		"an AV pair longer than the information": {withInfo(good, name, patched(avPair(1, nil), 2, 5), end),
			problem("AV pair 1: 5 octets, but 4 left")},
		"an AV pair of 65535 octets": {withInfo(good, patched(name, 2, 0xff, 0xff), end),
			problem("AV pair 2: 65535 octets, but 18 left")},
		"a timestamp of 7 octets": {withInfo(good, name, avPair(7, make([]byte, 7)), end),
			problem("AV pair 7: 7 octets for a timestamp")},
		"a timestamp of 16 octets": {withInfo(good, name, avPair(7, make([]byte, 16)), end),
			problem("AV pair 7: 16 octets for a timestamp")},

		"OEM text only":        {without(flagUnicode), missing("NTLMSSP_NEGOTIATE_UNICODE")},
		"no signing":           {without(flagSign), missing("NTLMSSP_NEGOTIATE_SIGN")},
		"for a connection":     {without(flagDatagram), missing("NTLMSSP_NEGOTIATE_DATAGRAM")},
		"LM only":              {without(flagNTLM), missing("NTLMSSP_NEGOTIATE_NTLM")},
		"signing now and then": {without(flagAlwaysSign), missing("NTLMSSP_NEGOTIATE_ALWAYS_SIGN")},
		"weak signatures":      {without(flagExtendedSession), missing("NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY")},
		"no identification":    {without(flagIdentify), missing("NTLMSSP_NEGOTIATE_IDENTIFY")},
		"NTLMv1 only":          {without(flagTargetInfo), missing("NTLMSSP_NEGOTIATE_TARGET_INFO")},
		"keys of 56 bits":      {without(flag128), missing("NTLMSSP_NEGOTIATE_128")},
		"no key of our own":    {without(flagKeyExchange), missing("NTLMSSP_NEGOTIATE_KEY_EXCH")},
		"LM, NTLMv1 and no signing": {without(flagSign | flagAlwaysSign | flagTargetInfo),
			missing("NTLMSSP_NEGOTIATE_SIGN", "NTLMSSP_NEGOTIATE_ALWAYS_SIGN", "NTLMSSP_NEGOTIATE_TARGET_INFO")},
		"vector A, meant for a connection": {vectorA().challenge,
			missing("NTLMSSP_NEGOTIATE_DATAGRAM", "NTLMSSP_NEGOTIATE_IDENTIFY")},
	} {
		t.Run(why, func(t *testing.T) {
			message, security, err := Authenticate(test.challenge, credentialsD())
			var got *ChallengeError
			if !errors.As(err, &got) {
				t.Fatalf("got error %v, want a *ChallengeError", err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if message != nil || security != nil {
				t.Error("refused, but answered")
			}
		})
	}
}

func TestOddButGoodChallenges(t *testing.T) {
	good := vectorD().challenge
	name, end := avPair(2, utf16le("CONTOSO")), avPair(0, nil)
	for why, challenge := range map[string][]byte{
		"no names at all":                           withInfo(good, end),
		"an unknown AV pair":                        withInfo(good, name, avPair(99, []byte("x")), end),
		"octets after the end":                      append(withInfo(good, name, end), "rest"...),
		"AV pairs after the end":                    withInfo(good, name, end, avPair(7, []byte("x"))),
		"no version, and none in the header":        slices.Concat(patched(good, 20, 0xf3, 0x82, 0x98, 0xe0)[:44], []byte{48, 0, 0, 0}, good[56:]),
		"flags nobody knows":                        patched(good, 20, 0xff, 0xff, 0xff, 0xff),
		"only what is needed":                       patched(good, 20, binary.LittleEndian.AppendUint32(nil, 0x60988251)...),
		"a target name outside the message":         patched(good, 12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"as large as we read, with octets to spare": append(slices.Clone(good), make([]byte, maxChallenge-len(good))...),
	} {
		t.Run(why, func(t *testing.T) {
			if err := checkAsServer(challenge, vectorD().fresh, credentialsD()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestChallengeErrorInWords(t *testing.T) {
	for want, err := range map[string]*ChallengeError{
		"NTLM challenge not usable: message type 3":                                           {Problem: "message type 3"},
		"NTLM challenge does not offer NTLMSSP_NEGOTIATE_SIGN, NTLMSSP_NEGOTIATE_ALWAYS_SIGN": {Missing: []string{"NTLMSSP_NEGOTIATE_SIGN", "NTLMSSP_NEGOTIATE_ALWAYS_SIGN"}},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// FuzzChallenge: a challenge is refused with a reason, or answered in a way a server can check. Nothing panics.
func FuzzChallenge(f *testing.F) {
	good := vectorD().challenge
	for _, seed := range [][]byte{
		vectorA().challenge, vectorB().challenge, good, good[:48], good[:100], unhex(vectorD().want.Message),
		patched(good, 44, 0xff, 0xff, 0xff, 0xff), patched(good, 40, 0xff, 0xff), patched(good, 58, 0xff, 0xff),
		withInfo(good, avPair(7, []byte("timeless")), avPair(0, nil)), bytes.Repeat([]byte(signature), 10),
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, message []byte, weak bool) {
		before := slices.Clone(message)
		credentials := credentialsD()
		credentials.WeakSignatures = weak
		err := checkAsServer(message, vectorD().fresh, credentials)
		var refused *ChallengeError
		if err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
		if refused != nil && (refused.Problem == "") == (refused.Missing == nil) {
			t.Errorf("refused with %#v", refused)
		}
		if refused != nil && strings.ContainsFunc(refused.Error(), func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("not fit to print: %q", refused.Error())
		}
		if !bytes.Equal(before, message) {
			t.Error("the challenge has changed")
		}
	})
}
