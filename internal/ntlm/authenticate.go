package ntlm

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"time"
	"unicode/utf16"

	"golang.org/x/crypto/md4" // NTLM is built on MD4 (MS-NLMP section 3.3.2), there is no choice
)

// Specification constants.
const (
	typeAuthenticate = 3                  // MS-NLMP section 2.2.1.3
	headerSize       = 72                 // MS-NLMP section 2.2.1.3, with version, without MIC: as Communicator sends it
	micAt            = 72                 // MS-NLMP section 2.2.1.3
	headerWithMIC    = 88                 // MS-NLMP section 2.2.1.3
	avFlags          = 6                  // MS-NLMP section 2.2.2.1
	avHasMIC         = "\x02\x00\x00\x00" // MS-NLMP section 2.2.2.1
	maxNetBIOS       = 15                 // RFC 1001 section 14.1: 16 with the kind of service
	filetimeEpoch    = 116444736000000000 // 1970 in FILETIME, MS-DTYP section 2.3.3: 100 ns since 1601
)

// Our choices.
const (
	// Windows XP with revision 15 of NTLM, as in the examples of MS-NLMP: for people who debug (section 2.2.2.10).
	ourVersion = "\x05\x01\x28\x0a\x00\x00\x00\x0f"
)

// Credentials say who signs in.
type Credentials struct {
	User     string        // `CONTOSO\phone1`, "CONTOSO/phone1" or "phone1@contoso.com"
	Password func() string // a function, because fmt cannot look into it
	Host     string        // host name of this device; its NetBIOS form is told as the workstation. May be empty

	// WeakSignatures accepts a challenge without extended session security, as version 2 Registrars may send one. Our
	// response is NTLMv2 all the same, but the signatures are not worth much: who has read one can forge others. Set
	// it only where TLS has proved the Registrar.
	WeakSignatures bool
}

// fresh is what no two messages have in common, and our version.
type fresh struct {
	nonce   [8]byte  // the client challenge
	session [16]byte // the exported session key
	now     uint64   // FILETIME
	version string   // 8 octets
}

// Authenticate answers a CHALLENGE message with an AUTHENTICATE message (MS-NLMP sections 2.2.1.2 and 2.2.1.3, without a
// connection), and returns what signs from then on. Where the server tells the time, a MIC binds the two messages together, as
// hardened domain controllers demand (section 3.1.5.2.1). The error is a *ChallengeError when the challenge is to blame.
func Authenticate(challenge []byte, c Credentials) (message []byte, security *Security, err error) {
	f := fresh{now: filetime(time.Now()), version: ourVersion}
	rand.Read(f.nonce[:]) // never fails
	rand.Read(f.session[:])
	return c.authenticate(challenge, f)
}

func (c Credentials) authenticate(message []byte, f fresh) ([]byte, *Security, error) {
	asked, err := parseChallenge(message)
	if err != nil {
		return nil, nil, err
	}
	if err := asked.require(!c.WeakSignatures); err != nil {
		return nil, nil, err
	}
	return c.respond(asked, message, f)
}

// respond answers a challenge that has been read.
func (c Credentials) respond(asked challenge, message []byte, f fresh) ([]byte, *Security, error) {
	domain, user := splitUser(c.User)
	answer := response{
		flags: asked.reply(), domain: utf16le(domain), user: utf16le(user), host: utf16le(workstation(c.Host)),
	}
	if asked.reply()&flagVersion != 0 {
		answer.version = f.version
	}
	switch {
	case user == "":
		return nil, nil, errors.New("answer the NTLM challenge: no user name")
	case max(len(answer.domain), len(answer.user), len(answer.host)) > math.MaxUint16:
		return nil, nil, errors.New("answer the NTLM challenge: user or host name too long")
	}
	bound := asked.timestamp != nil
	if bound {
		asked.info = withMIC(asked.info)
	}
	sessionBase := answer.prove(hashV2(user, domain, c.Password()), asked, f)
	answer.sessionKey = rc4Of(sessionBase, f.session[:])
	security := newSecurity(f.session[:], answer.flags&flagExtendedSession != 0)
	if !bound {
		return answer.encode(), security, nil
	}
	return answer.bind(f.session[:], string(message)), security, nil // there is no NEGOTIATE message
}

// workstation returns the NetBIOS name of a host, as directories list the workstations an account is limited to: the
// first label, in upper case, at most 15 characters (MS-NLMP section 2.2.1.3, RFC 1001 section 14.1).
func workstation(host string) string {
	label, _, _ := strings.Cut(host, ".")
	name := []rune(strings.ToUpper(label))
	return string(name[:min(len(name), maxNetBIOS)])
}

// splitUser tells the domain from the user. A UPN stays whole, with an empty domain.
func splitUser(s string) (domain, user string) {
	if i := strings.IndexAny(s, `\/`); i >= 0 {
		return s[:i], s[i+1:]
	}
	return "", s
}

// LoginName returns how the fields of an AUTHENTICATE message name a user, in the usual form: `CONTOSO\phone1`, or a UPN.
func LoginName(user string) string {
	domain, name := splitUser(user)
	if domain == "" {
		return name
	}
	return domain + `\` + name
}

// hashV2 is NTOWFv2 of MS-NLMP section 3.3.2. The domain keeps its case.
func hashV2(user, domain, password string) []byte {
	h := md4.New()
	h.Write(utf16le(password))
	return hmacMD5(h.Sum(nil), string(utf16le(strings.ToUpper(user)+domain)))
}

// response is an AUTHENTICATE message.
type response struct {
	flags                                  uint32
	version                                string // 8 octets, or "" if not negotiated
	domain, user, host, lm, nt, sessionKey []byte
}

// prove fills in the LMv2 and NTLMv2 responses (MS-NLMP section 3.3.2), and returns the session base key.
func (r *response) prove(hash []byte, asked challenge, f fresh) []byte {
	timestamp := asked.timestamp
	if timestamp == nil {
		timestamp = binary.LittleEndian.AppendUint64(nil, f.now)
	}
	server, client := string(asked.nonce), string(f.nonce[:])
	blob := "\x01\x01" + strings.Repeat("\x00", 6) + string(timestamp) + client + le32(0) + string(asked.info) + le32(0)
	proof := hmacMD5(hash, server+blob)
	r.nt = append(proof, blob...)
	r.lm = append(hmacMD5(hash, server+client), client...)
	return hmacMD5(hash, string(proof))
}

// encode lays the message out as Office Communicator does: the order of the payload is free, but this one is known to work.
func (r *response) encode() []byte { return r.encodeBehind(headerSize) }

// encodeBehind has the payload begin behind a header of some size.
func (r *response) encodeBehind(size int) []byte {
	le := binary.LittleEndian
	b := make([]byte, size)
	copy(b, signature)
	le.PutUint32(b[8:], typeAuthenticate)
	for _, field := range []struct {
		at    int
		value []byte
	}{
		{28, r.domain}, {36, r.user}, {44, r.host}, {12, r.lm}, {20, r.nt}, {52, r.sessionKey},
	} {
		le.PutUint16(b[field.at:], uint16(len(field.value)))
		le.PutUint16(b[field.at+2:], uint16(len(field.value)))
		le.PutUint32(b[field.at+4:], uint32(len(b)))
		b = append(b, field.value...)
	}
	le.PutUint32(b[60:], r.flags)
	copy(b[64:headerSize], r.version)
	return b
}

// bind encodes the message of a response whose target information says that a MIC follows; before are the messages that came
// before it. With the time of the server there is no LMv2 response (MS-NLMP sections 3.1.5.1.2 and 3.1.5.2.1).
func (r *response) bind(key []byte, before string) []byte {
	r.lm = make([]byte, 24)
	b := r.encodeBehind(headerWithMIC)
	copy(b[micAt:headerWithMIC], hmacMD5(key, before+string(b)))
	return b
}

// withMIC returns target information that says that a MIC follows. It has been walked before.
func withMIC(info []byte) []byte {
	var out []byte
	for rest := info; len(rest) >= 4; {
		id, size := binary.LittleEndian.Uint16(rest), int(binary.LittleEndian.Uint16(rest[2:]))
		if id == avEnd {
			break
		}
		if id != avFlags {
			out = append(out, rest[:4+size]...)
		}
		rest = rest[4+size:]
	}
	out = append(out, avFlags, 0, 4, 0)
	return append(append(out, avHasMIC...), 0, 0, 0, 0)
}

func utf16le(s string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}

func filetime(t time.Time) uint64 { return uint64(t.UnixNano()/100 + filetimeEpoch) }
