package sip

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/internal/place"
)

// isNormal says whether s is a host name or an address in the form in which it is kept.
func isNormal(s string) bool {
	host, err := place.Host(s)
	return err == nil && host == s
}

// seed adds the torture messages and a few more.
func seed(f *testing.F, add func(raw []byte)) {
	files, err := filepath.Glob("testdata/torture/*/*.sip")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		add(raw)
	}
	add([]byte("\r\n\r\nSIP/2.0 401 Unauthorized\r\n" + lyncOffer + "\r\n" + md5Challenge + "\r\nContent-Length: 3\r\n\r\nabc\r\n"))
	add([]byte("SIP/2.0 301 x\nContact: <sip:a>;q=0.7,\n <sip:b>\n\nSIP/2.0 200\n\n"))
}

// here is our end of the connection.
var here = &net.TCPAddr{IP: net.IPv4(10, 0, 0, 21), Port: 50123}

// A message that can be read is written as it was read, and read again as the same. Nothing in it breaks what looks at it.
func FuzzMessage(f *testing.F) {
	seed(f, func(raw []byte) { f.Add(raw) })
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parseOne(raw)
		if err != nil {
			return
		}
		written := m.encode()
		again, err := parseOne(written)
		if err != nil {
			t.Fatalf("%v\nread %q\nwrote %q", err, raw, written)
		}
		if diff := cmp.Diff(m, again, cmp.AllowUnexported(message{}, header{})); diff != "" {
			t.Fatal(diff)
		}
		if !bytes.Contains(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n\n")) {
			t.Fatalf("a message without an empty line: %q", raw)
		}
		if crlf := strings.Count(string(raw), "\n") == strings.Count(string(raw), "\r\n"); crlf && !bytes.HasPrefix(raw, written) {
			t.Fatalf("read %q\nwrote %q", raw, written)
		}
		look(t, m)
	})
}

// look runs a message through everything that reads answers and requests, and checks what people will see.
func look(t *testing.T, m *message) {
	s := NewSession(placed{local: here}, true, phone)
	m.differs(s.binding.register("0"))
	if b, err := s.binding.granted(m); err == nil && (b.Expires < minExpires*1e9 || b.Expires > maxExpires*1e9 || len(b.Server) > maxText) {
		t.Fatalf("granted %+v", b)
	}
	contacts := s.binding.redirects(m)
	for _, c := range contacts {
		if !isNormal(c.Host) || c.Port == 0 || c.Transport != "tls" && c.Transport != "tcp" || !(c.Q >= 0 && c.Q <= 1) {
			t.Fatalf("redirected to %+v", c)
		}
	}
	if len(contacts) > maxListed || !slices.IsSortedFunc(contacts, func(a, b Redirect) int { return int((b.Q - a.Q) * 1e9) }) {
		t.Fatalf("redirected to %+v", contacts)
	}
	if gruu, host := s.binding.findGRUU(m), preferred(m); gruu != "" && !isPlainURI(gruu) || host != "" && !isNormal(host) {
		t.Fatalf("GRUU %q, preferred %q", gruu, host)
	}
	if (&association{version: 4, verify: func(string, string) bool { return false }}).check(m) == nil {
		t.Fatal("believed without a proof")
	}
	refusal := s.talk.auth.refusal(m)
	shown := []string{refusal.Phrase}
	var gone *DeregisteredError
	if err := s.binding.deregistered(m); errors.As(err, &gone) {
		shown = append(shown, gone.Event)
	}
	for _, d := range refusal.Diagnostics {
		shown = append(append(shown, d.Reason, d.Source), d.Besides...)
	}
	for _, text := range shown {
		if len(text) > maxText || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Fatalf("shown: %q", text)
		}
	}
	if m.method != "" && m.complete() {
		answer := s.our.response(m, 200, "OK").encode()
		if _, err := parseOne(answer); err != nil && len(answer) < maxHead {
			t.Fatalf("we would answer %q: %v", answer, err)
		}
	}
}

// However a stream is cut into pieces, the same messages and keep-alives come out of it.
func FuzzStreamFraming(f *testing.F) {
	seed(f, func(raw []byte) { f.Add(raw, uint16(1)); f.Add(append(raw, raw...), uint16(17)) })
	f.Fuzz(func(t *testing.T, raw []byte, size uint16) {
		whole := frames(bytes.NewReader(raw))
		for _, cut := range []io.Reader{
			&pieces{rest: raw, size: int(size)%4096 + 1},
			iotest.OneByteReader(bytes.NewReader(raw)),
			iotest.DataErrReader(bytes.NewReader(raw)),
		} {
			if diff := cmp.Diff(whole, frames(cut), cmp.AllowUnexported(message{}, header{})); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

// pieces hands out a stream in pieces of one size.
type pieces struct {
	rest []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(p.size, len(p.rest))])
	p.rest = p.rest[n:]
	return n, nil
}

// frame is a message with the blank lines before it, or the end of the stream.
type frame struct {
	Blanks  int
	Message *message
	Err     string
}

func frames(stream io.Reader) []frame {
	in := bufio.NewReader(stream)
	found := []frame{{}}
	for {
		last := &found[len(found)-1]
		blanks, err := skipBlanks(in)
		last.Blanks += blanks
		if err == nil && blanks == 0 {
			if last.Message, err = readMessage(in); err == nil {
				found = append(found, frame{})
			}
		}
		if err != nil {
			last.Err = err.Error()
			return found
		}
	}
}

// Whatever a Registrar offers, and whatever it answers to what we make of that: the password goes out in no form but a proof
// by Digest or NTLM, and only when allowed; and nobody is believed who does not know it.
func FuzzChallenge(f *testing.F) {
	const proof = "4e544c4d535350000200000000000000380000"
	for _, line := range []string{md5Challenge, lyncOffer, `: Basic realm="a"`, `: Digest nonce=n, algorithm="SHA-512-256", qop="auth-int"`,
		`: NTLM gssapi-data="TlRMTVNTUAAC", version=3`, `: NTLM, Negotiate abc==, Basic realm="a, b", Digest REALM = "contoso.com" ,nonce=n3, QOP="auth, auth-int"`,
		`: NTLM version=4, realm="` + poolRealm + `", targetname="fe01.contoso.example", opaque="2BDBAC9D", gssapi-data="` + contosoChallenge + `"`} {
		for _, value := range strings.Split(line, "\r\n") {
			_, value, _ = strings.Cut(value, ": ")
			for _, secure := range []bool{true, false} {
				f.Add(value, "", secure)
				f.Add(value, value, secure)
				f.Add(value, `NTLM gssapi-data="`+contosoChallenge+`"`, secure)
				f.Add(value, `NTLM realm="", targetname="", srand="1", snum="1", rspauth="`+proof+`"`, secure)
			}
		}
	}
	f.Fuzz(func(t *testing.T, first, second string, secure bool) {
		s := NewSession(placed{local: here}, secure, phone)
		for i, value := range []string{first, second} {
			challenge := &message{code: 401}
			challenge.add("WWW-Authenticate", value)
			_, err := s.talk.auth.challenged(challenge, i > 0)
			request := s.binding.register("0")
			if err := s.talk.auth.sign(request); err != nil {
				t.Fatal(err)
			}
			text := string(request.encode())
			signed := request.get("Authorization")
			switch {
			case strings.Contains(text, "canary"):
				t.Fatalf("the password itself: %s", text)
			case i == 0 && err != nil && signed != "":
				t.Fatalf("refused (%v) and yet answered: %s", err, signed)
			case signed != "" && !strings.HasPrefix(strings.ToUpper(signed), "NTLM ") && (!secure || !strings.HasPrefix(signed, "Digest ")):
				t.Fatalf("answered with %s", signed)
			case err == nil && signed == "":
				t.Fatal("neither refused nor answered")
			}
			again, parseErr := parseOne([]byte(text))
			if parseErr != nil || again.get("Authorization") != signed || len(again.headers) != len(request.headers) {
				t.Fatalf("%v: %q", parseErr, text)
			}
			if err != nil {
				return
			}
		}
		granted := &message{code: 200}
		granted.add("Authentication-Info", second)
		if s.talk.auth.verify(granted) == nil && s.talk.auth.askers[0].name == "ntlm" {
			t.Fatalf("believed %q", second)
		}
	})
}

// Whatever a server tells, what comes out can be used, and no document makes more of it than one of its size could.
func FuzzProvisioning(f *testing.F) {
	f.Add("application/vnd-microsoft-roaming-provisioning-v2+xml", contosoProvisioning)
	f.Add("text/xml; charset=utf-16", mras(twoRelays))
	f.Add("", mras(`<mediaRelay><hostName>127.0.0.1</hostName><udpPort>0</udpPort></mediaRelay>`))
	f.Add("", strings.Repeat("<a>", 100))
	f.Add("", `<!DOCTYPE x [<!ENTITY a "b">]><provisionGroupList>&a;</provisionGroupList>`)
	f.Fuzz(func(t *testing.T, kind, body string) {
		m := withBody(kind, body)
		p, err := parseProvisioning(m, Provisioning{})
		if err != nil && p != (Provisioning{}) {
			t.Fatalf("%+v and %v", p, err)
		}
		if p.PoolHost != "" && !isNormal(p.PoolHost) || p.MRASURI != "" && !isPlainURI(p.MRASURI) ||
			!isPlain(p.UpdateInternalURL+p.UpdateExternalURL[:min(1, len(p.UpdateExternalURL))]) || p.MinPort > p.MaxPort || (p.MinPort == 0) != (p.MaxPort == 0) ||
			!slices.Contains([]string{"", "None", "Low", "Medium", "High"}, p.SecurityMode) {
			t.Fatalf("%+v", p)
		}
		if again, err := parseProvisioning(m, p); err == nil && again != p {
			t.Fatalf("%+v, then %+v", p, again)
		}
		relays, err := parseRelays(m)
		if err != nil && (relays.List != nil || relays.Expires != 0) || len(relays.List) > maxListed || err == nil && (relays.Expires < 5*time.Minute || relays.Expires > 24*time.Hour) {
			t.Fatalf("%+v and %v", relays, err)
		}
		for _, r := range relays.List {
			if addr, err := netip.ParseAddr(r.Host); !isNormal(r.Host) || r.UDPPort == 0 && r.TCPPort == 0 || err == nil && addr.IsLoopback() {
				t.Fatalf("%+v", r)
			}
		}
	})
}
