package sip

import (
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/internal/place"
)

const (
	md5Challenge = `WWW-Authenticate: Digest realm="contoso.com", nonce="n1", qop="auth", algorithm=MD5`
	ownContact   = `Contact: <sip:phone1@anonymous.invalid;transport=tls>;expires=`
	lyncOffer    = `WWW-Authenticate: NTLM realm="SIP Communications Service", targetname="FE01.contoso.com", version=4` + "\r\n" +
		`WWW-Authenticate: Kerberos realm="SIP Communications Service", targetname="sip/FE01.contoso.com", version=4` + "\r\n" +
		`WWW-Authenticate: TLS-DSK realm="SIP Communications Service", targetname="FE01.contoso.com", version=4, sts-uri="https://pool01.contoso.com:443/CertProv/CertProvisioningService.svc"`
)

func TestRegister(t *testing.T) {
	for _, test := range []struct {
		name    string
		tcp     bool
		account Account // zero: phone
		script  []step
		want    string
	}{
		{
			name:   "a Registrar that asks for nothing is believed",
			script: []step{answer("200 OK", ownContact+"1800", "Server: RTC/5.0")},
			want: `
				+0s 1 REGISTER
				+0s binding for 30m0s`,
		},
		{
			name:   "a Digest challenge is answered",
			script: []step{answer("401 Unauthorized", md5Challenge), answer("200 OK", ownContact+"1800")},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001
				+0s binding for 30m0s digest`,
		},
		{
			name:   "credentials refused a second time are wrong credentials",
			script: []step{answer("401 Unauthorized", md5Challenge)},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001
				+0s credentials: credentials refused by "contoso.com", which answered 401 Unauthorized`,
		},
		{
			name:   "S50 a negative Content-Length ends the conversation",
			script: []step{say("SIP/2.0 200 OK\r\n%sContent-Length: -1\r\n\r\n")},
			want: `
				+0s 1 REGISTER
				+0s malformed: framing: Content-Length "-1"`,
		},
		{
			name:   "S50 a Content-Length of 2^31 ends the conversation",
			script: []step{say("SIP/2.0 200 OK\r\n%sContent-Length: 2147483648\r\n\r\n")},
			want: `
				+0s 1 REGISTER
				+0s malformed: framing: Content-Length "2147483648"`,
		},
		{
			name:   "S50 a body over 16 MiB ends the conversation",
			script: []step{say("SIP/2.0 200 OK\r\n%sContent-Length: 16777217\r\n\r\n")},
			want: `
				+0s 1 REGISTER
				+0s malformed: framing: Content-Length "16777217"`,
		},
		{
			name: "a body over 256 KiB is passed over, up to 16 MiB",
			script: []step{say("SIP/2.0 100 Trying\r\n%sContent-Length: 262145\r\n\r\n" + strings.Repeat("x", 262145) +
				"SIP/2.0 200 OK\r\n%sContent-Length: 16777216\r\n\r\n" + strings.Repeat("x", 16<<20))},
			want: `
				+0s 1 REGISTER
				+0s binding for 10m0s`,
		},
		{
			name:   "S50 two Content-Lengths that differ end the conversation",
			script: []step{say("SIP/2.0 200 OK\r\n%sContent-Length: 0\r\nl: 1\r\n\r\n")},
			want: `
				+0s 1 REGISTER
				+0s malformed: framing: two Content-Length headers that differ`,
		},
		{
			name:   "S50 a missing Content-Length means no body, and equal ones mean what they say",
			script: []step{all(say("SIP/2.0 100 Trying\r\n%s\r\n"), say("SIP/2.0 200 OK\r\n%sContent-Length: 0\r\nl: 0\r\n\r\n"))},
			want: `
				+0s 1 REGISTER
				+0s binding for 10m0s`,
		},
		{
			name:   "S51 a header block over 64 KiB ends the conversation",
			script: []step{say("SIP/2.0 200 OK\r\n%sX: " + strings.Repeat("y", 64<<10) + "\r\n\r\n")},
			want: `
				+0s 1 REGISTER
				+0s malformed: headers of more than 65536 bytes`,
		},
		{
			name:   "S51 201 headers end the conversation",
			script: []step{say("SIP/2.0 200 OK\r\n" + strings.Repeat("X: y\r\n", 201) + "\r\n")},
			want: `
				+0s 1 REGISTER
				+0s malformed: more than 200 headers`,
		},
		{
			name:   "S52 one byte a second is no answer",
			script: []step{func(p *peer, _ *sipgoRequest) { trickle(p, "SIP/2.0 200 OK\r\nThe rest: would take minutes") }},
			want: `
				+0s 1 REGISTER
				+4s error: no answer from the Registrar to REGISTER after 4s`,
		},
		{
			name:   "S53 a 401 without a challenge cannot be answered",
			script: []step{answer("401 Unauthorized")},
			want: `
				+0s 1 REGISTER
				+0s auth: answered 401 without a challenge`,
		},
		{
			name:   "S54 Basic is never answered",
			script: []step{answer("401 Unauthorized", `WWW-Authenticate: Basic realm="contoso.com"`)},
			want: `
				+0s 1 REGISTER
				+0s auth: offered Basic, but Basic would show the password and is never answered`,
		},
		{
			name:   "S55 Digest over TCP is not answered",
			tcp:    true,
			script: []step{answer("401 Unauthorized", md5Challenge)},
			want: `
				+0s 1 REGISTER
				+0s auth: offered Digest MD5, but credentials go over clear TCP only under credentials_over_tcp, to a host that SRV or the configuration names`,
		},
		{
			name:    "S55 Digest over TCP is answered where the site allows it",
			tcp:     true,
			account: with(func(a *Account) { a.InClear = true }),
			script:  []step{answer("401 Unauthorized", md5Challenge), answer("200 OK")},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001
				+0s binding for 10m0s digest`,
		},
		{
			name:   "S56 a nonce may be stale three times, not four",
			script: []step{answer("401 Unauthorized", md5Challenge+", stale=TRUE")},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001
				+0s 3 REGISTER Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001
				+0s 4 REGISTER Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001
				+0s 5 REGISTER Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001
				+0s auth: each of 4 answers was refused as stale`,
		},
		{
			name: "S59 the strongest challenge is answered, not the first",
			script: []step{answer("401 Unauthorized", `WWW-Authenticate: Basic realm="a"`, md5Challenge,
				`WWW-Authenticate: Digest realm="contoso.com", nonce="n2", qop="auth-int,auth", algorithm=SHA-256`), answer("200 OK")},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization nonce="n2", algorithm=SHA-256, qop=auth, nc=00000001
				+0s binding for 10m0s digest`,
		},
		{
			name: "S59 several challenges in one line are told apart",
			script: []step{answer("401 Unauthorized",
				`WWW-Authenticate: Kerberos, Negotiate abc==, Basic realm="a, b", Digest REALM = "contoso.com" ,nonce=n3, QOP="auth, auth-int"`), answer("200 OK")},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization nonce="n3", qop=auth, nc=00000001
				+0s binding for 10m0s digest`,
		},
		{
			name:    "Lync's schemes are named when none of ours is among them",
			account: with(func(a *Account) { a.Schemes = []string{"tls-dsk", "kerberos", "digest"} }),
			script:  []step{answer("401 Unauthorized", lyncOffer)},
			want: `
				+0s 1 REGISTER
				+0s auth: offered NTLM, Kerberos, TLS-DSK, but Kerberos is not supported; NTLM is not allowed here; this device has no certificate`,
		},
		{
			name:   "an algorithm or qop nobody here knows is not answered",
			script: []step{answer("401 Unauthorized", `WWW-Authenticate: Digest realm="a", nonce="n", algorithm=MD5-sess`, `WWW-Authenticate: Digest realm="a", nonce="n", qop="token"`)},
			want: `
				+0s 1 REGISTER
				+0s auth: offered Digest MD5-sess, Digest, but Digest with algorithm MD5-sess is not supported; Digest with qop token is not supported`,
		},
		{
			name:    "without a password nothing is answered",
			account: with(func(a *Account) { a.Password = "" }),
			script:  []step{answer("401 Unauthorized", md5Challenge)},
			want: `
				+0s 1 REGISTER
				+0s auth: offered Digest MD5, but no password is configured`,
		},
		{
			name:    "a scheme the site does not allow is not answered",
			account: with(func(a *Account) { a.Schemes = []string{"ntlm"} }),
			script:  []step{answer("401 Unauthorized", md5Challenge)},
			want: `
				+0s 1 REGISTER
				+0s auth: offered Digest MD5, but Digest is not allowed here`,
		},
		{
			name:   "S60 a 407 is answered like a 401, under its own names",
			script: []step{answer("407 Proxy Authentication Required", "Proxy-Authenticate: Digest realm=\"p\", nonce=\"p1\""), answer("200 OK")},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Proxy-Authorization nonce="p1"
				+0s binding for 10m0s digest`,
		},
		{
			name: "S60 a proxy and the Registrar may both ask",
			script: []step{answer("407 Proxy Authentication Required", "Proxy-Authenticate: Digest realm=\"p\", nonce=\"p1\""),
				answer("401 Unauthorized", md5Challenge), answer("200 OK")},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Proxy-Authorization nonce="p1"
				+0s 3 REGISTER Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001 Proxy-Authorization nonce="p1"
				+0s binding for 10m0s digest`,
		},
		{
			name: "S62 answers to another Call-ID, CSeq, branch or tag are not ours",
			script: []step{all(
				change("Call-ID: ", "Call-ID: x"), change("CSeq: 1", "CSeq: 7"), change("1 REGISTER", "1 SUBSCRIBE"),
				change("branch=", "branch=x"), change("From: <sip:phone1@contoso.com>;tag=", "From: <sip:phone1@contoso.com>;tag=x"),
				after(time.Second, answer("200 OK")))},
			want: `
				+0s 1 REGISTER
				+1s binding for 10m0s`,
		},
		{
			name:   "S63 a 200 at once over TCP is a binding that nobody signed in for",
			tcp:    true,
			script: []step{answer("200 OK")},
			want: `
				+0s 1 REGISTER
				+0s binding for 10m0s`,
		},
		{
			name:   "S65 Retry-After is believed up to an hour",
			script: []step{answer("503 Service Unavailable", "Retry-After: 4294967296 (maintenance)")},
			want: `
				+0s 1 REGISTER
				+0s status: answered 503 Service Unavailable (Retry-After 3600 s), retry after 1h0m0s`,
		},
		{
			name:   "S65 Retry-After 0 is a second",
			script: []step{answer("503 Service Unavailable", "Retry-After: 0")},
			want: `
				+0s 1 REGISTER
				+0s status: answered 503 Service Unavailable (Retry-After 1 s), retry after 1s`,
		},
		{
			name:   "S65 a Retry-After that is no number is passed over",
			script: []step{answer("503 Service Unavailable", "Retry-After: soon")},
			want: `
				+0s 1 REGISTER
				+0s status: answered 503 Service Unavailable, retry after 0s`,
		},
		{
			name:   "a 423 is answered once with what it wants",
			script: []step{answer("423 Interval Too Brief", "Min-Expires: 7200"), answer("200 OK", "Expires: 7200")},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER expires=7200
				+0s binding for 2h0m0s`,
		},
		{
			name:   "a 423 that wants no more than it was offered is a refusal",
			script: []step{answer("423 Interval Too Brief")},
			want: `
				+0s 1 REGISTER
				+0s status: answered 423 Interval Too Brief, retry after 0s`,
		},
		{
			name:   "S66 a 423 that wants ten years gets a day, and that is all",
			script: []step{answer("423 Interval Too Brief", "Min-Expires: 1000000000")},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER expires=86400
				+0s status: answered 423 Interval Too Brief; Min-Expires: 1000000000, retry after 0s`,
		},
		{
			name:   "S67 a 403 is told, with the server's own account of it",
			script: []step{answer("403 Forbidden", `ms-diagnostics-public: 4003;reason="User not enabled for remote access"`)},
			want: `
				+0s 1 REGISTER
				+0s status: answered 403 Forbidden; ms-diagnostics 4003: User not enabled for remote access, retry after 0s`,
		},
		{
			name:   "S68 a thousand provisional answers start one timer",
			script: []step{func(p *peer, r *sipgoRequest) { drone(p, r, 1000, 100*time.Millisecond) }},
			want: `
				+0s 1 REGISTER
				+32s error: no answer from the Registrar to REGISTER after 32s`,
		},
		{
			name:   "S72 a hostile reason phrase is escaped and cut",
			script: []step{say("SIP/2.0 500 \x1b[31m\x00\xff" + strings.Repeat("x", 10_000) + "\r\n%s\r\n")},
			want: `
				+0s 1 REGISTER
				+0s status: answered 500 \x1b[31m\x00` + "\ufffd" + strings.Repeat("x", 241) + `, retry after 0s`,
		},
		{
			name:   "S73 hostile diagnostics are escaped and cut",
			script: []step{answer("500 Oops", `ms-diagnostics: 1000;reason="a \"quoted; word\"";source="`+strings.Repeat("h", 50_000)+`"`, "ms-diagnostics: none", "ms-diagnostics:")},
			want: `
				+0s 1 REGISTER
				+0s status: answered 500 Oops; ms-diagnostics 1000: a "quoted; word" (` + strings.Repeat("h", 256) + `), retry after 0s`,
		},
		{
			name:   "S74 a connection that ends in the middle of a 200 is a failure",
			script: []step{all(say("SIP/2.0 200 OK\r\n%sContent-Le"), hangUp)},
			want: `
				+0s 1 REGISTER
				+0s error: the other side has hung up`,
		},
		{
			name:   "a connection that ends instead of an answer is a failure",
			script: []step{hangUp},
			want: `
				+0s 1 REGISTER
				+0s error: the other side has hung up`,
		},
		{
			name:   "silence is no answer after 4 s",
			script: []step{silence},
			want: `
				+0s 1 REGISTER
				+4s error: no answer from the Registrar to REGISTER after 4s`,
		},
		{
			name:   "S79 an HTTP server is not SIP",
			script: []step{say("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")},
			want: `
				+0s 1 REGISTER
				+0s malformed: not SIP but "HTTP/1.1 400 Bad Request"`,
		},
		{
			name:   "S79 an SSH banner is not SIP",
			script: []step{say("SSH-2.0-OpenSSH_9.6\r\n")},
			want: `
				+0s 1 REGISTER
				+0s malformed: not SIP but "SSH-2.0-OpenSSH_9.6"`,
		},
		{
			name:   "S79 a TLS alert is not SIP",
			tcp:    true,
			script: []step{say("\x15\x03\x01\x00\x02\x02\x0a")},
			want: `
				+0s 1 REGISTER
				+0s malformed: not SIP but "\x15"`,
		},
		{
			name:   "an answer with bare line feeds, upper-case names and no reason is understood",
			script: []step{func(p *peer, r *sipgoRequest) { p.send("SIP/2.0 200\n" + bare(transaction(r)) + "EXPIRES: 900\n\n") }},
			want: `
				+0s 1 REGISTER
				+0s binding for 15m0s`,
		},
		{
			name:   "an answer without branch and tag, as some scripts send it, is understood",
			script: []step{all(change("(;branch|;tag)=[a-z0-9A-Z]+", ""))},
			want: `
				+0s 1 REGISTER
				+0s binding for 10m0s`,
		},
		{
			name:   "blank lines before an answer are passed over",
			script: []step{all(say("\r\n\r\n\r\n"), answer("200 OK"))},
			want: `
				+0s 1 REGISTER
				+0s pong
				+0s binding for 10m0s`,
		},
		{
			name:   "a confirmation made with another password is refused",
			script: []step{answer("401 Unauthorized", md5Challenge), answer("200 OK", `Authentication-Info: qop=auth, rspauth="6629fae49393a05397450978507c4ef1"`)},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001
				+0s error: not signed by the Registrar: its rspauth is wrong ("SIP/2.0 200 OK")`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			account := test.account
			if account.AOR == (place.SIPAddress{}) {
				account = phone
			}
			got := register(t, !test.tcp, account, test.script...)
			if diff := cmp.Diff(tidy(test.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A peer that does not even read what we send is silent like any other.
func TestNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		s := NewSession(ours, true, phone)
		defer s.Close()
		began := time.Now()
		if _, err := s.Register(t.Context()); !errors.Is(err, ErrNoAnswer) || time.Since(began) != firstAnswer {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
	})
}

// Any answer from 300 on is no binding, and one that names many Registrars names sixteen.
func TestNoBindingFrom300On(t *testing.T) {
	contacts := strings.Repeat("<sip:a.contoso.com>, ", 100) + "<sip:b.contoso.com>;q=1"
	want := "+0s 1 REGISTER\n+0s redirect: redirected to " + strings.TrimSuffix(strings.Repeat("a.contoso.com:5061 (tls), ", 16), ", ")
	if got := register(t, true, phone, answer("300 Multiple Choices", "Contact: "+contacts)); got != want {
		t.Error(got)
	}
	want = "+0s 1 REGISTER\n+0s status: answered 300 Multiple Choices, retry after 0s"
	if got := register(t, true, phone, answer("300 Multiple Choices", "Expires: 600")); got != want {
		t.Error(got)
	}
}

func TestRedirect(t *testing.T) {
	for _, test := range []struct {
		name string
		tcp  bool
		head []string
		want string
	}{
		{
			name: "the home pair of a Director, primary first",
			head: []string{"Contact: <sip:pool02.contoso.com:5061;transport=TLS>;q=0.3", "Contact: <sip:sbs1.contoso.com:5061;transport=TLS>;q=0.7", "Expires: 2592000"},
			want: "redirect: redirected to sbs1.contoso.com:5061 (tls), pool02.contoso.com:5061 (tls)",
		},
		{
			name: "several Contacts in one line; no q means 1; equal q keeps the order",
			head: []string{`Contact: "B, the second" <sip:b.contoso.com>;q=0.5, <sip:a.contoso.com>, <sip:c.contoso.com>;q=0.50, sip:d.contoso.com`},
			want: "redirect: redirected to a.contoso.com:5061 (tls), d.contoso.com:5061 (tls), b.contoso.com:5061 (tls), c.contoso.com:5061 (tls)",
		},
		{
			name: "S64 a way out of TLS is passed on as what it is: the caller refuses it",
			head: []string{"Contact: <sip:evil.example:5060;transport=tcp>"},
			want: "redirect: redirected to evil.example:5060 (tcp)",
		},
		{
			name: "sips means TLS whatever the transport says; ports have defaults",
			tcp:  true,
			head: []string{"Contact: <sips:a.contoso.com;transport=tcp>, <sip:b.contoso.com>, <sip:c.contoso.com;transport=Tls>, sip:d.contoso.com;transport=tls, <sips:e.contoso.com>"},
			want: "redirect: redirected to a.contoso.com:5061 (tls), b.contoso.com:5060 (tcp), c.contoso.com:5061 (tls), d.contoso.com:5061 (tls), e.contoso.com:5061 (tls)",
		},
		{
			name: "addresses, odd spacing, a final dot and maddr are understood",
			head: []string{"Contact : < sip:[2001:DB8::1]:443;transport=tls ;maddr=10.9.9.9> ; q = 0.9", "m: <SIP:10.0.0.5:;;Transport=TLS>,<sip:u@Pool.Contoso.com.:5061?x=y>;q=0.1"},
			want: "redirect: redirected to 10.0.0.5:5061 (tls), [2001:db8::1]:443 (tls), pool.contoso.com:5061 (tls)",
		},
		{
			name: "Contacts that cannot be dialled are dropped",
			head: []string{"Contact: *, ;;<<>>, <tel:+123>, <sip:>, <sip:a_b.contoso.com>, <sip:h:99999>, <sip:h:0>, <sip:h;transport=udp>, <sip:[fe80::1%25eth0]>, <sip:1.2.3>, <sip:a b>, <sip:\u212a.contoso.com>, <sip:ok.contoso.com>;q=high"},
			want: "redirect: redirected to ok.contoso.com:5061 (tls)",
		},
		{
			name: "an address has one form",
			head: []string{"Contact: <sip:[2001:db8:0::1]>, <sip:[::ffff:10.0.0.5]:443>"},
			want: "redirect: redirected to [2001:db8::1]:5061 (tls), 10.0.0.5:443 (tls)",
		},
		{
			name: "who is wanted least comes last, and sips needs no transport",
			head: []string{"Contact: <sip:a.contoso.com>;q=0, <sips:b.contoso.com>;q=1.0, <sip:c.contoso.com>;q=2, <sip:d.contoso.com>;q=0.001"},
			want: "redirect: redirected to b.contoso.com:5061 (tls), c.contoso.com:5061 (tls), d.contoso.com:5061 (tls), a.contoso.com:5061 (tls)",
		},
		{
			name: "a redirect to nowhere is a refusal",
			head: []string{"Contact:"},
			want: "status: answered 301 Moved, retry after 0s",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := register(t, !test.tcp, phone, answer("301 Moved", test.head...))
			if diff := cmp.Diff("+0s 1 REGISTER\n+0s "+test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExpires(t *testing.T) {
	const other = `Contact: <sip:phone1@10.0.0.99:5061;transport=tls>;expires=60;+sip.instance="<urn:uuid:00000000-0000-0000-0000-000000000001>"`
	for _, test := range []struct {
		name string
		head []string
		want string
	}{
		{"S61 nothing said: ten minutes", nil, "binding for 10m0s"},
		{"S61 the Expires header counts when the Contact says nothing", []string{"Contact: <sip:phone1@anonymous.invalid>", "Expires: 900"}, "binding for 15m0s"},
		{"S61 our Contact beats the Expires header", []string{ownContact + "300", "Expires: 900"}, "binding for 5m0s"},
		{"S61 Expires 0 is no binding", []string{"Expires: 0"}, "error: binding lost: answered 200 with a lifetime of 0"},
		{"S61 expires=0 at our Contact is no binding", []string{ownContact + "0", "Expires: 900"}, "error: binding lost: answered 200 with a lifetime of 0"},
		{"S61 a second is taken as five", []string{"Expires: 1"}, "binding for 5s"},
		{"S61 thirty seconds are thirty seconds", []string{"Expires: 30"}, "binding for 30s"},
		{"S61 2^32 is a day", []string{"Expires: 4294967296"}, "binding for 24h0m0s"},
		{"S61 more digits than a number holds is a day", []string{"Expires: 99999999999999999999"}, "binding for 24h0m0s"},
		{"S61 a negative value is no value", []string{"Expires: -5"}, "binding for 10m0s"},
		{"S61 a word is no value", []string{"Expires: abc"}, "binding for 10m0s"},
		{"our Contact is found among many by its URI", []string{other, `Contact: <sip:x@y>;expires=10, <SIP:PHONE1@ANONYMOUS.INVALID;ms-opaque=d3>;expires="450"`}, "binding for 7m30s"},
		{"our Contact is found by its instance, whatever address the Registrar saw and however it writes it", []string{other,
			`Contact: <sip:phone1@203.0.113.9:1234;transport=tls;ms-received-cid=2600>;expires=7200;+sip.instance="<URN:UUID:7446BEDA-e8b3-53b7-a965-b85a66a31cfc>";gruu="sip:phone1@contoso.com;opaque=user:epid:2r5G;gruu"`}, "binding for 2h0m0s"},
		{"expires=0 at our instance is no binding", []string{other,
			`Contact: <sip:phone1@203.0.113.9:1234>;expires=0;+sip.instance="<urn:uuid:7446beda-e8b3-53b7-a965-b85a66a31cfc>"`}, "error: binding lost: answered 200 with a lifetime of 0"},
		{"the end of another binding is not that of ours", []string{strings.Replace(other, "expires=60", "expires=0", 1), "Expires: 900"}, "binding for 15m0s"},
		{"another binding of a whole day counts", []string{strings.Replace(other, "expires=60", "expires=86400", 1), "Expires: 900"}, "binding for 24h0m0s"},
		{"a rewritten Contact is as good as ours: the shortest lifetime is safe", []string{other, "Contact: <sip:phone1@203.0.113.9:1234>;expires=300"}, "binding for 1m0s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := register(t, true, phone, answer("200 OK", test.head...))
			if diff := cmp.Diff("+0s 1 REGISTER\n+0s "+test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Without an endpoint id, our Contact is the one with our URI, whatever instance the Registrar has given it.
func TestExpiresWithoutAnInstance(t *testing.T) {
	account := with(func(a *Account) { a.EndpointID = "" })
	head := `Contact: <sip:phone1@anonymous.invalid>;expires=300;+sip.instance="<urn:uuid:00000000-0000-0000-0000-000000000001>", <sip:phone1@10.0.0.99>;expires=60`
	if got := register(t, true, account, answer("200 OK", head)); got != "+0s 1 REGISTER\n+0s binding for 5m0s" {
		t.Error(got)
	}
}

// tidy removes the indentation of an expected transcript.
func tidy(want string) string {
	lines := strings.Split(strings.TrimSpace(want), "\n")
	for i := range lines {
		lines[i] = strings.TrimLeft(lines[i], "\t")
	}
	return strings.Join(lines, "\n")
}

// Everything a caller learns, compared whole.
func TestRegisterTells(t *testing.T) {
	const clock = "Date: Tue, 24 Oct 2023 13:28:50 GMT"
	date := time.Date(2023, 10, 24, 13, 28, 50, 0, time.UTC)
	unasked := &Shown{UserAgent: "homeward/test", AOR: "sip:phone1@contoso.com"}
	refusal := &StatusError{
		Code: 504, Phrase: "Server time-out", RetryAfter: 2 * time.Minute, Date: date, Unasked: unasked,
		Diagnostics: []Diagnostic{
			{ID: 1007, Reason: "Temporarily cannot route", Source: "fe01.contoso.com", Besides: []string{"domain contoso.com"}},
			{ID: 4004, Reason: "Credentials provided are not authorized to act as specified From URI"},
		},
	}
	refused := []string{clock, "Server: RTC/5.0", "Retry-After: 120",
		`ms-diagnostics-public: 4004;reason="Credentials provided are not authorized to act as specified From URI"`,
		`ms-diagnostics: 1007;reason="Temporarily cannot route";source="fe01.contoso.com";Domain="contoso.com"`}
	for _, test := range []struct {
		name    string
		script  []step
		binding Binding
		err     error
	}{
		{
			name:    "a binding",
			script:  []step{answer("401 Unauthorized", md5Challenge), answer("200 OK", clock, "Server: RTC/5.0\x1b", "Expires: 900")},
			binding: Binding{Expires: 15 * time.Minute, Unlisted: true, Scheme: "digest", User: "phone1", Server: `RTC/5.0\x1b`, Date: date},
		},
		{
			name:    "a binding that is listed",
			script:  []step{answer("200 OK", ownContact+"900")},
			binding: Binding{Expires: 15 * time.Minute},
		},
		{
			name:    "one that is listed with an address that the Registrar has put there",
			script:  []step{answer("200 OK", "Contact: <sip:phone1@203.0.113.9:1234>;expires=900")},
			binding: Binding{Expires: 15 * time.Minute},
		},
		{
			name:    "only that of another device is listed",
			script:  []step{answer("200 OK", `Contact: <sip:phone1@10.0.0.99:50123>;expires=60;+sip.instance="<urn:uuid:00000000-0000-0000-0000-000000000001>"`)},
			binding: Binding{Expires: time.Minute, Unlisted: true},
		},
		{
			name: "all that Lync tells of a binding",
			script: []step{answer("200 OK", "Server: RTC/5.0", "ms-user-logon-data: RemoteUser",
				`presence-state: register-action="added";primary-cluster-type="central";is-connected-to-primary="no"`,
				"Allow-Events: vnd-microsoft-provisioning,vnd-microsoft-roaming-contacts", "Allow-Events: presence,VND-Microsoft-provisioning-v2",
				`Contact: <sip:10.0.0.99:50123>;expires=60;+sip.instance="<urn:uuid:00000000-0000-0000-0000-000000000001>";gruu="sip:other"`,
				`Contact: <sip:10.0.0.21:50123;transport=tls;ms-opaque=d3;ms-received-cid=2600>;expires=7200;+sip.instance="<URN:uuid:7446BEDA-E8B3-53B7-A965-B85A66A31CFC>";gruu="sip:phone1@contoso.com;opaque=user:epid:2r5GdLPot1OpZbhaZqMc_AAA;gruu"`)},
			binding: Binding{Expires: 2 * time.Hour, Server: "RTC/5.0", GRUU: "sip:phone1@contoso.com;opaque=user:epid:2r5GdLPot1OpZbhaZqMc_AAA;gruu",
				Remote: true, OnBackup: true, Lync: true},
		},
		{
			name: "a binding on the primary Registrar, from inside, of a server without provisioning",
			script: []step{answer("200 OK", `presence-state: register-action=added; is-connected-to-primary=yes`, "Allow-Events: presence", "Expires: 60",
				`Contact: <sip:10.0.0.21>;+sip.instance="<urn:uuid:7446beda-e8b3-53b7-a965-b85a66a31cfc>";gruu="sip:a b>"`)},
			binding: Binding{Expires: time.Minute},
		},
		{
			name:   "a refusal",
			script: []step{answer("504 Server time-out", refused...)},
			err:    refusal,
		},
		{
			name: "what it wants of the request",
			script: []step{answer("420 Bad Extension", "Require: outbound", "Unsupported: gruu-10, ms-benotify", `Reason: SIP;cause=420;text="by`+"\x1b"+`policy"`,
				`Warning: 399 fe01.contoso.com "Contact user part must be digits"`, "Security-Server: tls;q=0.1", "Contact: <sip:elsewhere@contoso.com>")},
			err: &StatusError{
				Code: 420, Phrase: "Bad Extension", Unasked: unasked,
				Warnings: []Warning{{Code: 399, Agent: "fe01.contoso.com", Text: "Contact user part must be digits"}},
				Fields: []Field{
					{"Require", "outbound"}, {"Unsupported", "gruu-10, ms-benotify"}, {"Security-Server", "tls;q=0.1"}, {"Reason", `SIP;cause=420;text="by\x1bpolicy"`},
				},
			},
		},
		{
			name:   "another service",
			script: []step{answer("380 Alternative Service", "Contact: <sip:fe02.contoso.com;transport=tls>")},
			err: &StatusError{
				Code: 380, Phrase: "Alternative Service", Unasked: unasked, Fields: []Field{{"Contact", "<sip:fe02.contoso.com;transport=tls>"}},
			},
		},
		{
			name:   "a refusal of what was signed",
			script: []step{answer("401 Unauthorized", md5Challenge), answer("403 Forbidden")},
			err:    &StatusError{Code: 403, Phrase: "Forbidden", User: "phone1", Scheme: "digest"},
		},
		{
			name:   "refused credentials",
			script: []step{answer("401 Unauthorized", md5Challenge, clock)},
			err:    &CredentialsError{Scheme: "digest", Realm: "contoso.com", Status: &StatusError{Code: 401, Phrase: "Unauthorized", Date: date, User: "phone1"}},
		},
		{
			name:   "a redirect, by q",
			script: []step{answer("302 Moved", "Contact: <sip:b.contoso.com;transport=tcp>;q=0.3, <sip:a.contoso.com:443>;q=0.7")},
			err: &RedirectError{Contacts: []Redirect{
				{Host: "a.contoso.com", Port: 443, Transport: "tls", Q: 0.7},
				{Host: "b.contoso.com", Port: 5060, Transport: "tcp", Q: 0.3},
			}},
		},
		{
			name:   "an offer we may not take up",
			script: []step{answer("401 Unauthorized", strings.Replace(lyncOffer, "NTLM", "Negotiate", 1))},
			err: &AuthError{
				Kind:    CertificateMissing,
				Offered: []string{"Negotiate", "Kerberos", "TLS-DSK"},
				Problem: "Kerberos is not supported; Negotiate is not supported; this device has no certificate",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, true, phone, test.script, func(s *Session, p *peer) {
				binding, err := s.Register(p.t.Context())
				if diff := cmp.Diff(test.binding, binding); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(test.err, err); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// What was shown goes with a refusal that came before any question, from where there is an address.
func TestMend79Shown(t *testing.T) {
	c := composer{account: Account{AOR: place.SIPAddress{User: "phone1", Domain: "contoso.com"}, UserAgent: "homeward/test"}, local: "10.0.0.21:50123"}
	if got, want := *c.shown(), (Shown{"10.0.0.21", "homeward/test", "sip:phone1@contoso.com"}); got != want {
		t.Errorf("%v, not %v", got, want)
	}
}
