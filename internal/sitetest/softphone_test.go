package sitetest

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// softphone is a Lync device made of bytes. Its signatures are put together here,
// not by what is tested.
type softphone struct {
	*phone
	domain, user, password, epid string
	version                      int
	spoil                        string // what it does wrong
	cseq, cnum                   int
	callID                       string
	session                      session
	opaque                       string // "" without an association
	fe                           string
}

// heard is a message that came.
type heard struct {
	start, body string
	code        int
	header      textproto.MIMEHeader
	proof       string // of a signature: signed, unsigned, wrong
}

func (h heard) String() string {
	text := h.start
	if code, _, _ := strings.Cut(strings.TrimPrefix(h.start, "SIP/2.0 "), " "); h.code != 0 {
		text = code
	}
	if h.proof != "unsigned" {
		text += " " + h.proof
	}
	return text
}

const phoneUUID = "7446beda-e8b3-53b7-a965-b85a66a31cfc" // of the epid a1b2c3d4e5

func newSoftphone(t *testing.T, s *Site, dial func(context.Context, string, string) (net.Conn, error), at, name string) *softphone {
	t.Helper()
	p, err := dialPhone(t.Context(), s, dial, at, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.conn.Close() })
	return &softphone{phone: p, domain: "CONTOSO", user: "phone1", password: "Passw0rd!", epid: "a1b2c3d4e5", version: 4, callID: "77", session: session{key: make([]byte, 16)}}
}

// say sends a request: headers of its own first, then those of all.
func (p *softphone) say(method, uri string, headers []string, body string) {
	p.cseq++
	lines := append([]string{
		method + " " + uri + " SIP/2.0", "Via: SIP/2.0/TLS 10.0.0.21:50001", "Max-Forwards: 70",
		"From: <sip:phone1@contoso.com>;tag=abc;epid=" + p.epid, "To: <" + uri + ">", "Call-ID: " + p.callID,
		fmt.Sprintf("CSeq: %d %s", p.cseq, method),
		`Contact: <sip:10.0.0.21:50001;transport=tls;ms-opaque=d3470f2e1d>;methods="INVITE, NOTIFY";+sip.instance="<urn:uuid:` + phoneUUID + `>"`,
		fmt.Sprintf("Content-Length: %d", len(body)),
	}, headers...)
	io.WriteString(p.conn, strings.Join(lines, "\r\n")+"\r\n\r\n"+body)
}

// signed is a header that signs the next request.
func (p *softphone) signed(method, uri, expires, more string) string {
	p.cnum++
	if p.spoil == "cnum" && p.cnum > 2 {
		p.cnum--
	}
	tail := "<><" + expires + ">"
	if p.version > 2 {
		tail = "<" + uri + "><><><><" + expires + ">"
	}
	text := fmt.Sprintf("<NTLM><0a1b2c3d><%d><SIP Communications Service><%s><%s><%d><%s><sip:phone1@contoso.com><abc>%s",
		p.cnum, p.fe, p.callID, p.cseq+1, method, tail)
	if p.spoil == "signature" {
		text += " "
	}
	return fmt.Sprintf(`NTLM qop="auth", realm="SIP Communications Service", opaque="%s", targetname="%s", crand="0a1b2c3d", cnum="%d", response="%x"%s`,
		p.opaque, p.fe, p.cnum, p.session.mac(true, text), more)
}

func (p *softphone) hear(t *testing.T) heard {
	t.Helper()
	r := textproto.NewReader(p.in)
	start, err := r.ReadLine()
	if err != nil {
		return heard{start: cause(err)}
	}
	h := heard{start: start}
	if h.header, err = r.ReadMIMEHeader(); err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(h.header.Get("Content-Length"))
	body := make([]byte, n)
	if _, err := io.ReadFull(p.in, body); err != nil {
		t.Fatal(err)
	}
	h.body = string(body)
	if status, ok := strings.CutPrefix(start, "SIP/2.0 "); ok {
		h.code, _ = strconv.Atoi(status[:3])
	}
	h.proof = p.judge(t, h)
	return h
}

// judge checks rspauth.
func (p *softphone) judge(t *testing.T, h heard) string {
	fields, ok := strings.CutPrefix(h.header.Get("Authentication-Info")+h.header.Get("Proxy-Authentication-Info"), "NTLM ")
	if !ok {
		return "unsigned"
	}
	get := func(name string) string {
		_, after, _ := strings.Cut(", "+fields, ", "+name+"=")
		value, _, _ := strings.Cut(strings.TrimPrefix(after, `"`), `"`)
		return value
	}
	uri := func(name string) string {
		_, after, _ := strings.Cut(h.header.Get(name), "<")
		value, _, _ := strings.Cut(after, ">")
		return value
	}
	tag := func(name string) string {
		_, after, _ := strings.Cut(h.header.Get(name), ";tag=")
		value, _, _ := strings.Cut(after, ";")
		return value
	}
	number, method, _ := strings.Cut(h.header.Get("CSeq"), " ")
	text := fmt.Sprintf("<NTLM><%s><%s><SIP Communications Service><%s><%s><%s><%s><%s><%s>", get("srand"), get("snum"), p.fe,
		h.header.Get("Call-ID"), number, method, uri("From"), tag("From"))
	if p.version > 2 {
		text += "<" + uri("To") + ">"
	}
	text += "<" + tag("To") + ">"
	if sip, tel, _ := strings.Cut(h.header.Get("P-Asserted-Identity"), ","); p.version > 2 {
		text += "<" + strings.Trim(sip, "<>") + "><" + strings.Trim(tel, "<>") + ">"
	}
	text += "<" + h.header.Get("Expires") + ">"
	if h.code != 0 {
		text += fmt.Sprintf("<%d>", h.code)
	}
	got, err := hex.DecodeString(get("rspauth"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(p.session.mac(false, text)) {
		return "wrong"
	}
	return "signed"
}

var registerHeaders = []string{
	"Event: registration", "Supported: gruu-10, adhoclist, msrtc-event-categories", "Supported: ms-cluster-failover",
	"ms-keep-alive: UAC;hop-hop=yes",
}

const registerURI = "sip:phone1@contoso.com"

// register sends one REGISTER, with credentials or without.
func (p *softphone) register(t *testing.T, credentials string, more ...string) heard {
	t.Helper()
	headers := append(append([]string{}, registerHeaders...), more...)
	if credentials != "" {
		name := "Authorization: "
		if p.spoil == "proxy" {
			name = "Proxy-Authorization: "
		}
		headers = append(headers, name+credentials)
	}
	p.say("REGISTER", registerURI, headers, "")
	return p.hear(t)
}

// signIn does the three rounds and returns the last answers.
func (p *softphone) signIn(t *testing.T) (answers []heard) {
	t.Helper()
	version := ""
	if p.version > 2 {
		version = fmt.Sprintf(", version=%d", p.version)
	}
	first := p.register(t, "")
	line := first.header.Get("WWW-Authenticate") + first.header.Get("Proxy-Authenticate")
	if first.code/100 != 4 || line == "" {
		return []heard{first}
	}
	p.fe = params(line)["targetname"]
	common := fmt.Sprintf(`NTLM qop="auth", realm="SIP Communications Service", targetname="%s"%s, gssapi-data=`, p.fe, version)
	second := p.register(t, common+`""`)
	fields := params(strings.TrimPrefix(second.header.Get("WWW-Authenticate")+second.header.Get("Proxy-Authenticate"), "NTLM "))
	challenge, _ := base64.StdEncoding.DecodeString(fields["gssapi-data"])
	if len(challenge) == 0 {
		return []heard{first, second}
	}
	token := p.authenticateMessage(challenge)
	data := fmt.Sprintf(`, gssapi-data="%s"%s`, base64.StdEncoding.EncodeToString(token), version)
	p.opaque, p.cnum = fields["opaque"], 0
	credentials := fmt.Sprintf(`NTLM qop="auth", opaque="%s", realm="SIP Communications Service", targetname="%s"%s`, p.opaque, p.fe, data)
	if p.version >= 4 && p.spoil != "unsigned" {
		credentials = p.signed("REGISTER", registerURI, "", data)
	}
	return []heard{first, second, p.register(t, credentials)}
}

// refresh is a signed REGISTER.
func (p *softphone) refresh(t *testing.T, more ...string) heard {
	t.Helper()
	expires := ""
	for _, line := range more {
		if value, ok := strings.CutPrefix(line, "Expires: "); ok {
			expires = value
		}
	}
	return p.register(t, p.signed("REGISTER", registerURI, expires, ""), more...)
}

// ask sends a signed request that is not REGISTER.
func (p *softphone) ask(t *testing.T, method, uri string, headers []string, expires, body string) heard {
	t.Helper()
	headers = slices.Clone(headers)
	if expires != "" {
		headers = append(headers, "Expires: "+expires)
	}
	p.say(method, uri, append(headers, "Authorization: "+p.signed(method, uri, expires, "")), body)
	return p.hear(t)
}

// authenticateMessage answers a CHALLENGE as Communicator does (registration vectors B and D).
func (p *softphone) authenticateMessage(challenge []byte) []byte {
	flags := binary.LittleEndian.Uint32(challenge[20:])&0xE2988255&^0x80000000 | 4
	info := challenge[binary.LittleEndian.Uint32(challenge[44:]):]
	header := 72
	if strings.HasSuffix(p.spoil, "mic") {
		header = 88
		info = append(slices.Clone(info[:len(info)-4]), 6, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0)
	}
	owf := ntowfv2(p.user, p.domain, p.password)
	blob := append([]byte{1, 1, 0, 0, 0, 0, 0, 0}, make([]byte, 8)...)
	blob = append(append(append(append(blob, "01234567"...), 0, 0, 0, 0), info...), 0, 0, 0, 0)
	proof := hmacMD5(owf, challenge[24:32], blob)
	key := []byte("0123456789abcdef")
	p.session = session{key: key, flags: flags}
	parts := [][]byte{make([]byte, 24), append(proof, blob...), utf16le(p.domain), utf16le(p.user), utf16le("PHONE"), rc4Of(hmacMD5(owf, proof), key)}
	token, payload := append([]byte("NTLMSSP\x00"), 3, 0, 0, 0), []byte{}
	for _, part := range parts {
		token = binary.LittleEndian.AppendUint16(token, uint16(len(part)))
		token = binary.LittleEndian.AppendUint16(token, uint16(len(part)))
		token = binary.LittleEndian.AppendUint32(token, uint32(header+len(payload)))
		payload = append(payload, part...)
	}
	token = append(binary.LittleEndian.AppendUint32(token, flags), windows2008...)
	if token = append(append(token, make([]byte, header-72)...), payload...); header == 88 {
		copy(token[72:], hmacMD5(key, challenge, token))
	}
	if p.spoil == "wrong mic" {
		token[72] ^= 1
	}
	return token
}
