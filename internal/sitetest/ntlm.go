package sitetest

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// The server side of NTLM as SIP uses it: without NEGOTIATE, NTLMv2 only. It is
// written from the numbers and shares nothing with the client, so that a mistake
// of one of them shows.

// Specification constants (MS-NLMP 2.2.2.5).
const (
	flagUnicode  = 0x00000001
	flagSign     = 0x00000010
	flagDatagram = 0x00000040
	flagNTLM     = 0x00000200
	flagAlways   = 0x00008000
	flagESS      = 0x00080000 // extended session security: signatures by HMAC
	flagIdentify = 0x00100000
	flag128      = 0x20000000
	flagKeyExch  = 0x40000000

	// What Lync 2013 offers, and what an answer cannot do without.
	flagsOffered  = 0xE29882F3
	flagsRequired = flagUnicode | flagSign | flagDatagram | flagNTLM | flagAlways | flagIdentify | flag128 | flagKeyExch

	sipSequence = 100 // of every signature in SIP, both ways
)

var (
	signature   = []byte("NTLMSSP\x00")
	windows2008 = []byte{6, 1, 0xB1, 0x1D, 0, 0, 0, 15} // VERSION: 6.1.7601, NTLM revision 15
)

func utf16le(text string) (b []byte) {
	for _, unit := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}

func utf8of(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

func hmacMD5(key []byte, parts ...[]byte) []byte {
	h := hmac.New(md5.New, key)
	h.Write(bytes.Join(parts, nil))
	return h.Sum(nil)
}

func md5Of(parts ...[]byte) []byte {
	sum := md5.Sum(bytes.Join(parts, nil))
	return sum[:]
}

func rc4Of(key, text []byte) []byte {
	out := make([]byte, len(text))
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic(err) // a key is 16 bytes here
	}
	c.XORKeyStream(out, text)
	return out
}

// targetInfo is what a challenge says about the server (MS-NLMP 2.2.2.1): NetBIOS
// and DNS names, and, unless zero, the time.
func targetInfo(netbios, host string, at time.Time) (info []byte) {
	name, domain, _ := strings.Cut(host, ".")
	pair := func(id uint16, value []byte) {
		info = binary.LittleEndian.AppendUint16(info, id)
		info = binary.LittleEndian.AppendUint16(info, uint16(len(value)))
		info = append(info, value...)
	}
	pair(2, utf16le(netbios))
	pair(1, utf16le(strings.ToUpper(name)))
	pair(4, utf16le(domain))
	pair(3, utf16le(host))
	pair(5, utf16le(domain))
	if !at.IsZero() {
		pair(7, binary.LittleEndian.AppendUint64(nil, filetime(at)))
	}
	pair(0, nil)
	return info
}

// filetime counts 100 ns since 1601.
func filetime(at time.Time) uint64 {
	return uint64(at.Unix()+11644473600)*1e7 + uint64(at.Nanosecond()/100)
}

// challengeMessage is a CHALLENGE (MS-NLMP 2.2.1.2) without a target name.
func challengeMessage(nonce [8]byte, flags uint32, info []byte) []byte {
	const header = 56
	b := append(slices.Clone(signature), 2, 0, 0, 0)
	b = append(b, 0, 0, 0, 0, header, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, flags)
	b = append(append(b, nonce[:]...), make([]byte, 8)...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(info)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(info)))
	b = binary.LittleEndian.AppendUint32(b, header)
	return append(append(b, windows2008...), info...)
}

// session is what both ends know after the AUTHENTICATE: the key of all signatures.
type session struct {
	key         []byte
	flags       uint32
	workstation string // of the client, as it says
}

// ntowfv2 is what both ends know of a password (MS-NLMP 3.3.2).
func ntowfv2(user, domain, password string) []byte {
	return hmacMD5(md4Of(utf16le(password)), utf16le(strings.ToUpper(user)+domain))
}

var errToken = errors.New("malformed token")

// rules are what an AUTHENTICATE must be.
type rules struct {
	flags   uint32 // that it must have
	key     bool   // it brings the session key
	opening []byte // the NEGOTIATE it follows; nil: there is none
}

// authenticate checks an AUTHENTICATE (MS-NLMP 2.2.1.3) that answers challenge,
// for an account written DOMAIN\user or, without a domain, user@domain.
func authenticate(challenge, token []byte, account, password string) (session, error) {
	return authenticateUnder(rules{flags: flagsRequired, key: true}, challenge, token, account, password)
}

func authenticateUnder(r rules, challenge, token []byte, account, password string) (session, error) {
	if len(token) < 64 || !bytes.HasPrefix(token, signature) || token[8] != 3 {
		return session{}, errToken
	}
	field := func(at int) []byte {
		size, offset := int(binary.LittleEndian.Uint16(token[at:])), int(binary.LittleEndian.Uint32(token[at+4:]))
		if offset > len(token) || size > len(token)-offset {
			return nil
		}
		return token[offset : offset+size]
	}
	response, domain, user, key := field(20), utf8of(field(28)), utf8of(field(36)), field(52)
	s := session{flags: binary.LittleEndian.Uint32(token[60:]), workstation: utf8of(field(44))}
	offered := binary.LittleEndian.Uint32(challenge[20:])
	switch {
	case len(response) == 24:
		return s, errors.New("NTLMv1")
	case len(response) < 16+28 || r.key && len(key) != 16:
		return s, errToken
	case s.flags&r.flags != r.flags || s.flags&flagESS != offered&flagESS:
		return s, errors.New("flags not as negotiated")
	case !strings.EqualFold(strings.TrimPrefix(domain+`\`+user, `\`), account):
		return s, errors.New("wrong user")
	}
	owf := ntowfv2(user, domain, password)
	proof := hmacMD5(owf, challenge[24:32], response[16:])
	if !hmac.Equal(proof, response[:16]) {
		return s, errors.New("wrong password")
	}
	s.key = hmacMD5(owf, proof)
	if s.flags&flagKeyExch != 0 && len(key) == 16 {
		s.key = rc4Of(s.key, key)
	}
	if claimsMIC(response[16+28:]) && (len(token) < 88 || !hmac.Equal(token[72:88],
		hmacMD5(s.key, r.opening, challenge, token[:72], make([]byte, 16), token[88:]))) {
		return s, errors.New("wrong MIC")
	}
	return s, nil
}

// claimsMIC says whether a client's copy of the target info promises a MIC (MS-NLMP 2.2.2.1, MsvAvFlags).
func claimsMIC(info []byte) bool {
	for len(info) >= 4 {
		id, size := binary.LittleEndian.Uint16(info), int(binary.LittleEndian.Uint16(info[2:]))
		info = info[4:]
		if id == 0 || size > len(info) {
			return false
		}
		if id == 6 && size == 4 {
			return info[0]&2 != 0
		}
		info = info[size:]
	}
	return false
}

// mac signs a text (MS-NLMP 3.4.4). In datagram mode the cipher starts anew for each.
func (s session) mac(fromClient bool, text string) []byte {
	sequence := binary.LittleEndian.AppendUint32(nil, sipSequence)
	if s.flags&flagESS == 0 {
		sum := binary.LittleEndian.AppendUint32(make([]byte, 4), crc32.ChecksumIEEE([]byte(text)))
		secret := rc4Of(s.key, append(sum, sequence...))
		return append([]byte{1, 0, 0, 0, 0, 0, 0, 0}, secret[4:]...) // the first four are any
	}
	way := "server-to-client"
	if fromClient {
		way = "client-to-server"
	}
	signKey := md5Of(s.key, []byte("session key to "+way+" signing key magic constant\x00"))
	sealKey := md5Of(s.key, []byte("session key to "+way+" sealing key magic constant\x00"))
	sum := rc4Of(md5Of(sealKey, sequence), hmacMD5(signKey, sequence, []byte(text))[:8])
	return append(append([]byte{1, 0, 0, 0}, sum...), sequence...)
}

// verifies checks a client's signature.
func (s session) verifies(text string, given []byte) bool {
	want := s.mac(true, text)
	if len(given) != len(want) {
		return false
	}
	if s.flags&flagESS == 0 {
		copy(want[4:8], given[4:8])
	}
	return hmac.Equal(want, given)
}
