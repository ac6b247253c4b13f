package sip

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"

	"golang.org/x/crypto/md4"
)

const poolRealm, poolTarget = "SIP Communications Service", "FE01.contoso.com"

// contosoChallenge is the CHALLENGE message of vector D, as it stands in a header.
const contosoChallenge = "TlRMTVNTUAACAAAAAAAAADgAAADzgpjiAQIDBAUGBwgAAAAAAAAAAJ4AngA4AAAABgGxHQAAAA8CAA4AQwBPAE4AVABPAFMATwABAAgARgBFADAAMQAEAB4AYwBvAG4AdABvAHMAbwAuAGUA" +
	"eABhAG0AcABsAGUAAwAoAGYAZQAwADEALgBjAG8AbgB0AG8AcwBvAC4AZQB4AGEAbQBwAGwAZQAFAB4AYwBvAG4AdABvAHMAbwAuAGUAeABhAG0AcABsAGUABwAIAAAAWvZM9dQBAAAAAA=="

// pool is the Lync-like Registrar of the tests: NTLM and MS-SIPAE of the other side, written from the specifications and
// without the code under test.
type pool struct {
	version  int
	weak     bool   // without extended session security
	proxy    bool   // asks with 407
	flags    uint32 // of the CHALLENGE; 0: those of Lync 2013
	password string // of phone1@contoso.com; "": the one the phone has
	user     string // NTOWFv2 has it of phone1@contoso.com; else upper case, and the domain behind it: "PHONE1CONTOSO"

	mu        sync.Mutex
	challenge []byte
	opaques   int
	key       []byte // session key; nil: nobody has signed in
	cnum      int    // the latest of the phone's
	snum      int
	tamper    func(info string) string // of Authentication-Info
}

// serve asks for NTLM until it is proven, and then lets the steps answer, one after the other, the last one again and
// again. What they send is signed.
func (l *pool) serve(steps ...step) step {
	i := 0
	return func(p *peer, r *sipgoRequest) {
		given := l.given(p.raw)
		switch {
		case given == "":
			l.ask(p, r, "")
			return
		case strings.Contains(given, `gssapi-data=""`):
			l.begin(p, r)
			return
		case strings.Contains(given, "gssapi-data="):
			if !l.prove(p, given) {
				l.ask(p, r, "")
				return
			}
			p.sealWith(l.seal)
			p.proof = func(raw string) { l.verify(p, l.given(raw)) }
		}
		if !strings.Contains(given, "gssapi-data=") || l.version > 3 {
			l.verify(p, given)
		}
		steps[min(i, len(steps)-1)](p, r)
		i++
	}
}

func (l *pool) given(raw string) string {
	name := "Authorization"
	if l.proxy {
		name = "Proxy-Authorization"
	}
	return value(raw, name)
}

// ask sends the first challenge, or one with more in it.
func (l *pool) ask(p *peer, r *sipgoRequest, more string) {
	status, name, version := "401 Unauthorized", "WWW-Authenticate", ""
	if l.proxy {
		status, name = "407 Proxy Authentication Required", "Proxy-Authenticate"
	}
	if l.version > 2 {
		version = ", version=" + strconv.Itoa(l.version)
	}
	head := fmt.Sprintf(`%s: NTLM realm="%s", targetname="%s"%s%s`, name, poolRealm, poolTarget, version, more)
	p.conn.Write([]byte(response(r, status, head, strings.Replace(head, "NTLM", "Kerberos", 1))))
}

// begin sends a CHALLENGE message. MS-NLMP section 2.2.1.2.
func (l *pool) begin(p *peer, r *sipgoRequest) {
	flags := l.flags
	if flags == 0 {
		flags = 0xE29882F3
	}
	if l.weak {
		flags &^= 0x00080000
	}
	l.opaques++
	info := "\x02\x00\x0e\x00C\x00O\x00N\x00T\x00O\x00S\x00O\x00\x00\x00\x00\x00"
	b := append([]byte("NTLMSSP\x00\x02\x00\x00\x00\x00\x00\x00\x00\x38\x00\x00\x00"), 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(b[20:], flags)
	b = append(b, "\x01\x02\x03\x04\x05\x06\x07"...)
	b = append(b, byte(l.opaques), 0, 0, 0, 0, 0, 0, 0, 0)
	b = append(b, byte(len(info)), 0, byte(len(info)), 0, 56, 0, 0, 0)
	l.challenge = append(append(b, "\x06\x01\xb1\x1d\x00\x00\x00\x0f"...), info...)
	l.ask(p, r, fmt.Sprintf(`, opaque="5A%02d", gssapi-data="%s"`, l.opaques, base64.StdEncoding.EncodeToString(l.challenge)))
}

// prove checks an AUTHENTICATE message and takes the session key out of it. MS-NLMP sections 2.2.1.3, 3.3.2, 3.4.5.
func (l *pool) prove(p *peer, given string) bool {
	token, err := base64.StdEncoding.DecodeString(param(given, "gssapi-data"))
	if err != nil || len(token) < 72 || param(given, "opaque") != fmt.Sprintf("5A%02d", l.opaques) {
		p.t.Errorf("not the answer to our challenge: %s", given)
		return false
	}
	field := func(at int) []byte {
		size, offset := binary.LittleEndian.Uint16(token[at:]), binary.LittleEndian.Uint32(token[at+4:])
		return token[offset : offset+uint32(size)]
	}
	password := l.password
	if password == "" {
		password = "canary-secret"
	}
	owf := l.owf(password)
	nt := field(20)
	proof := mac(owf, string(l.challenge[24:32])+string(nt[16:]))
	if !hmac.Equal(proof, nt[:16]) || l.user == "" && string(field(36)) != wide("phone1@contoso.com") {
		return false
	}
	l.key = scramble(mac(owf, string(proof)), field(52))
	l.cnum, l.snum = 0, 0
	return true
}

func (l *pool) owf(password string) []byte {
	h := md4.New()
	h.Write([]byte(wide(password)))
	return mac(h.Sum(nil), wide(cmp.Or(l.user, "PHONE1@CONTOSO.COM")))
}

// verify checks the signature of a message of the phone.
func (l *pool) verify(p *peer, given string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.text(p.raw, param(given, "crand"), param(given, "cnum"))
	if want := l.mac("client-to-server", text); param(given, "response") != want || len(param(given, "crand")) != 8 {
		p.t.Errorf("wrongly signed; want response=%s for %s in\n%s", want, text, p.raw)
	}
	cnum, _ := strconv.Atoi(param(given, "cnum"))
	if cnum <= l.cnum {
		p.t.Errorf("cnum %d after %d", cnum, l.cnum)
	}
	l.cnum = cnum
}

// seal signs a message of the Registrar.
func (l *pool) seal(text string) string {
	if strings.HasPrefix(text, "\r\n") {
		return text
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.snum++
	srand, snum := "9616454F", strconv.Itoa(l.snum)
	name := "Authentication-Info"
	if l.proxy {
		name = "Proxy-Authentication-Info"
	}
	info := fmt.Sprintf(`%s: NTLM qop="auth", opaque="5A%02d", srand="%s", snum="%s", rspauth="%s", targetname="%s", realm="%s", version=%d`,
		name, l.opaques, srand, snum, l.mac("server-to-client", l.text(text, srand, snum)), poolTarget, poolRealm, l.version)
	if l.tamper != nil {
		info = l.tamper(info)
	}
	if info == "" {
		return text
	}
	return strings.Replace(text, "\r\n", "\r\n"+info+"\r\n", 1)
}

// text is what is signed of a message. Facts of MS-SIPAE, on the bare text.
func (l *pool) text(raw, rand, num string) string {
	uri := func(name string) string {
		return regexp.MustCompile(`<([^>]*)>`).FindStringSubmatch(value(raw, name) + "<>")[1]
	}
	tag := func(name string) string {
		return regexp.MustCompile(`;tag=([^;]*)|$`).FindStringSubmatch(value(raw, name))[1]
	}
	number, method, _ := strings.Cut(value(raw, "CSeq"), " ")
	fields := []string{"NTLM", rand, num, poolRealm, poolTarget, value(raw, "Call-ID"), number, method, uri("From"), tag("From")}
	if l.version > 2 {
		fields = append(fields, uri("To"), tag("To"), "", "")
	} else {
		fields = append(fields, tag("To"))
	}
	fields = append(fields, value(raw, "Expires"))
	if code, ok := strings.CutPrefix(raw, "SIP/2.0 "); ok {
		fields = append(fields, code[:3])
	}
	return "<" + strings.Join(fields, "><") + ">"
}

// mac signs with sequence number 100. MS-NLMP section 3.4.4.
func (l *pool) mac(direction, text string) string {
	const sequence = "\x64\x00\x00\x00"
	if l.weak {
		sum := binary.LittleEndian.AppendUint32(make([]byte, 4), crc32.ChecksumIEEE([]byte(text)))
		return "01000000cafecafe" + hex.EncodeToString(scramble(l.key, append(sum, sequence...))[4:])
	}
	derive := func(use string) []byte {
		sum := md5.Sum([]byte(string(l.key) + "session key to " + direction + " " + use + " key magic constant\x00"))
		return sum[:]
	}
	seal := md5.Sum([]byte(string(derive("sealing")) + sequence))
	return "01000000" + hex.EncodeToString(scramble(seal[:], mac(derive("signing"), sequence+text)[:8])) + "64000000"
}

func mac(key []byte, text string) []byte {
	h := hmac.New(md5.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func scramble(key, text []byte) []byte {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic(err)
	}
	out := bytes.Clone(text)
	c.XORKeyStream(out, out)
	return out
}

func wide(text string) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return string(b)
}

// value returns a header of a bare message.
func value(raw, name string) string {
	found := regexp.MustCompile(`(?im)^` + name + `: *(.*?)\r?$`).FindStringSubmatch(raw)
	if found == nil {
		return ""
	}
	return found[1]
}

// param returns a parameter of credentials.
func param(header, name string) string {
	found := regexp.MustCompile(`\b` + name + `="?([^",]*)`).FindStringSubmatch(header)
	if found == nil {
		return ""
	}
	return found[1]
}

// tidyNTLM removes what is the same or random in all credentials.
func tidyNTLM(credentials string) string {
	credentials = regexp.MustCompile(`gssapi-data="[^"]+"`).ReplaceAllString(credentials, "gssapi-data=*")
	return regexp.MustCompile(` qop="auth",| (realm|targetname|crand)="[^"]*",|, response="[^"]*"`).ReplaceAllString(credentials, "")
}

// describeNTLM shortens the credentials of an answer of the phone.
func describeNTLM(raw string) string {
	if given := value(raw, "Authorization"); given != "" {
		return " " + tidyNTLM(given)
	}
	return ""
}

func md5Of(text string) []byte {
	sum := md5.Sum([]byte(text))
	return sum[:]
}
