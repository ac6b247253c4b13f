package sip

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parseOne(raw []byte) (*message, error) {
	return readMessage(bufio.NewReader(bytes.NewReader(raw)))
}

// placed is a connection with an address.
type placed struct {
	net.Conn
	local net.Addr
}

func (p placed) LocalAddr() net.Addr { return p.local }

var drawn = regexp.MustCompile(`(z9hG4bK|tag=|Call-ID: )[a-z2-7]{26}`)

// The whole request as Registrars see it; what is drawn at random is shown as *.
func TestRegisterText(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	for _, test := range []struct {
		name   string
		local  *net.TCPAddr
		secure bool
		change func(*Account)
		want   string
	}{
		{
			name:   "over TLS, with everything the account has",
			local:  &net.TCPAddr{IP: net.IPv4(10, 0, 0, 21), Port: 50123},
			secure: true,
			change: func(a *Account) { a.Subnet = "10.0.0.0" },
			want: `REGISTER sip:contoso.com SIP/2.0
Via: SIP/2.0/TLS 10.0.0.21:50123;branch=z9hG4bK*
Max-Forwards: 70
From: <sip:phone1@contoso.com>;tag=*;epid=a1b2c3d4e5
To: <sip:phone1@contoso.com>
Call-ID: *
CSeq: 1 REGISTER
User-Agent: homeward/test
Contact: <sip:phone1@10.0.0.21:50123;transport=tls>;methods="OPTIONS, NOTIFY, BENOTIFY";proxy=replace;+sip.instance="<urn:uuid:7446beda-e8b3-53b7-a965-b85a66a31cfc>"
Allow: OPTIONS, NOTIFY, BENOTIFY
Supported: path, gruu-10, adhoclist, msrtc-event-categories, ms-cluster-failover, ms-userservices-state-notification
Event: registration
ms-keep-alive: UAC;hop-hop=yes
ms-subnet: 10.0.0.0
Content-Length: 0

`,
		},
		{
			name:   "over TCP and IPv6, with nothing but a name; line ends in settings open no new header",
			local:  &net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 5070, Zone: "eth0"},
			change: func(a *Account) { a.EndpointID, a.UserAgent = "", "x\r\nEvil: yes" },
			want: `REGISTER sip:contoso.com SIP/2.0
Via: SIP/2.0/TCP [fe80::1]:5070;branch=z9hG4bK*
Max-Forwards: 70
From: <sip:phone1@contoso.com>;tag=*
To: <sip:phone1@contoso.com>
Call-ID: *
CSeq: 1 REGISTER
User-Agent: x  Evil: yes
Contact: <sip:phone1@[fe80::1]:5070;transport=tcp>;methods="OPTIONS, NOTIFY, BENOTIFY";proxy=replace
Allow: OPTIONS, NOTIFY, BENOTIFY
Supported: path, gruu-10, adhoclist, msrtc-event-categories, ms-cluster-failover, ms-userservices-state-notification
Event: registration
ms-keep-alive: UAC;hop-hop=yes
Content-Length: 0

`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := NewSession(placed{ours, test.local}, test.secure, with(test.change))
			got := drawn.ReplaceAllString(string(s.binding.register(s.binding.lifetime).encode()), "$1*")
			if diff := cmp.Diff(strings.ReplaceAll(test.want, "\n", "\r\n"), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Signatures cover the text of headers: names, case, order, quotes and folds must survive.
func TestTextIsKept(t *testing.T) {
	const raw = "SIP/2.0 200 OK\r\n" +
		"FROM: \"Phone One\"<sip:phone1@contoso.com>;tag=77AA;epid=a1b2c3d4e5\r\n" +
		"ms-Keep-Alive: UAS; tcp=no;\r\n\t timeout=300  \r\n" +
		"Authentication-Info: NTLM qop=\"auth\", opaque=\"2BDBAC9D\", rspauth=\"0100\", version=4\r\n" +
		"i :  AbC\r\n" +
		"Supported:\r\n" +
		"a line of nothing\r\n" +
		"\r\n"
	m, err := parseOne([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(raw, string(m.encode())); diff != "" {
		t.Error(diff)
	}
	got := []string{m.get("from"), m.get("MS-KEEP-ALIVE"), m.get("call-id"), m.get("Supported"), m.get("Authentication-Info")}
	want := []string{
		`"Phone One"<sip:phone1@contoso.com>;tag=77AA;epid=a1b2c3d4e5`, "UAS; tcp=no; timeout=300", "AbC", "",
		`NTLM qop="auth", opaque="2BDBAC9D", rspauth="0100", version=4`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A body of the size Lync's provisioning answers have, and the next message after it.
func TestBodies(t *testing.T) {
	body := strings.Repeat("<property/>\r\n\r\n", 5000)
	in := bufio.NewReader(strings.NewReader("BENOTIFY sip:x SIP/2.0\r\nl: 75000\r\n\r\n" + body + "ACK sip:x SIP/2.0\r\n\r\n"))
	first, err := readMessage(in)
	if err != nil || string(first.body) != body {
		t.Fatal(err, len(first.body))
	}
	second, err := readMessage(in)
	if err != nil || second.method != "ACK" {
		t.Fatal(err)
	}
	if _, err := readMessage(in); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"Grüße":                   "Grüße",
		"\x1b[2J\r\n\x00":         `\x1b[2J\r\n\x00`,
		"right\u202eleft":         `right\u202eleft`,
		strings.Repeat("é", 1000): strings.Repeat("é", 128),
		strings.Repeat("\n", 300): strings.Repeat(`\n`, 128),
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		in   string
		sep  byte
		want []string
	}{
		{`a, b ,,c`, ',', []string{"a", "b", "c"}},
		{`"a, \"b", <sip:x,y>, c`, ',', []string{`"a, \"b"`, "<sip:x,y>", "c"}},
		{`<sip:x;y>;q=0.5;z="a;b"`, ';', []string{"<sip:x;y>", "q=0.5", `z="a;b"`}},
		{`"open; quote, to the end`, ',', []string{`"open; quote, to the end`}},
		{`"\`, ',', []string{`"\`}},
		{``, ',', nil},
	} {
		if diff := cmp.Diff(test.want, split(test.in, test.sep)); diff != "" {
			t.Errorf("%s: %s", test.in, diff)
		}
	}
}
