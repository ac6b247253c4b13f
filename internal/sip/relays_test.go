package sip

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const edge = "sip:edge01-int.contoso.com@contoso.com;gruu;opaque=srvr:MRAS:GhIjKl"

// mras is an answer of an MRAS with these relays.
func mras(relays string) string {
	return `<?xml version="1.0"?><response xmlns="http://schemas.microsoft.com/2006/09/sip/mrasp" requestID="17" version="1.0" serverVersion="3.0" to="` + edge +
		`" from="sip:phone1@contoso.com" reasonPhrase="OK"><credentialsResponse credentialsRequestID="17"><credentials><username>canary-user</username>` +
		`<password>canary-relay</password><duration>240</duration><realm>rtcmedia</realm></credentials><mediaRelayList>` + relays +
		`</mediaRelayList></credentialsResponse></response>`
}

const twoRelays = `<mediaRelay><location>intranet</location><hostName>Edge01-int.contoso.com</hostName><udpPort>3478</udpPort><tcpPort>443</tcpPort></mediaRelay>
<mediaRelay><location>internet</location><directIPAddress>203.0.113.10</directIPAddress><udpPort>3478</udpPort><tcpPort>443</tcpPort></mediaRelay>`

func TestParseRelays(t *testing.T) {
	relay := func(inside string) string { return mras("<mediaRelay>" + inside + "</mediaRelay>") }
	const ports = "<udpPort>3478</udpPort><tcpPort>443</tcpPort>"
	many := ""
	for i := range 1000 {
		many += fmt.Sprintf("<mediaRelay><hostName>edge%d.contoso.com</hostName>%s</mediaRelay>", i, ports)
	}
	for _, test := range []struct {
		name string
		body string
		want string
	}{
		{"a name inside and an address outside", mras(twoRelays), "4h0m0s: edge01-int.contoso.com 3478 443 intranet, 203.0.113.10 3478 443 internet"},
		{"none at all is an answer", mras(""), "4h0m0s:"},
		{"an address of IPv6, in brackets or not", mras(strings.ReplaceAll(strings.ReplaceAll(twoRelays, "203.0.113.10", "[2001:DB8::10]"), "Edge01-int.contoso.com", "2001:db8::1")),
			"4h0m0s: 2001:db8::1 3478 443 intranet, 2001:db8::10 3478 443 internet"},
		{"one port is enough; other elements, places and cases do not matter",
			strings.ReplaceAll(relay("<HOSTNAME>edge01.contoso.com.</HOSTNAME><tcpPort>443</tcpPort><udpPort>0</udpPort><location>moon</location><x><hostName>y</hostName></x>"), "mediaRelay", "MediaRelay"),
			"4h0m0s: edge01.contoso.com 0 443 "},
		{"S77 the loopback address is dropped", relay("<hostName>127.0.0.1</hostName>" + ports), "4h0m0s:"},
		{"S77 also in the dress of IPv6", relay("<directIPAddress>::ffff:127.0.0.1</directIPAddress>" + ports), "4h0m0s:"},
		{"S77 so are addresses that are no destination", mras(strings.ReplaceAll(strings.ReplaceAll(twoRelays, "203.0.113.10", "0.0.0.0"), "Edge01-int.contoso.com", "fe80::1")), "4h0m0s:"},
		{"S77 localhost is dropped", relay("<hostName>LOCALHOST.</hostName>" + ports), "4h0m0s:"},
		{"S77 what is no host name is dropped", relay("<hostName>edge 01</hostName>" + ports), "4h0m0s:"},
		{"S77 port 0 is none", relay("<hostName>edge01.contoso.com</hostName><udpPort>0</udpPort><tcpPort>65536</tcpPort>"), "4h0m0s:"},
		{"S77 a thousand relays are sixteen", mras(many), "4h0m0s: edge0.contoso.com 3478 443 , edge1.contoso.com 3478 443 , edge2.contoso.com 3478 443 , edge3.contoso.com 3478 443 , " +
			"edge4.contoso.com 3478 443 , edge5.contoso.com 3478 443 , edge6.contoso.com 3478 443 , edge7.contoso.com 3478 443 , edge8.contoso.com 3478 443 , edge9.contoso.com 3478 443 , " +
			"edge10.contoso.com 3478 443 , edge11.contoso.com 3478 443 , edge12.contoso.com 3478 443 , edge13.contoso.com 3478 443 , edge14.contoso.com 3478 443 , edge15.contoso.com 3478 443 "},
		{"one that is listed twice is one", mras(twoRelays + twoRelays), "4h0m0s: edge01-int.contoso.com 3478 443 intranet, 203.0.113.10 3478 443 internet"},
		{"no duration means what we asked for", strings.Replace(mras(""), "240", "", 1), "8h0m0s:"},
		{"a duration of nothing is five minutes", strings.Replace(mras(""), "240", "0", 1), "5m0s:"},
		{"one of a year is a day", strings.Replace(mras(""), "240", "525600", 1), "24h0m0s:"},
		{"a refusal of the MRAS is told", strings.Replace(mras(""), "OK", "Server Busy", 1), "no media relays: 200 Server Busy"},
		{"also a hostile one", strings.Replace(mras(""), "OK", "&#27;"+strings.Repeat("x", 300), 1), "a document that cannot be read: XML syntax error on line 1: illegal character code U+001B"},
		{"also none", strings.Replace(mras(""), "reasonPhrase", "x", 1), "no media relays: 200 "},
		{"another document is refused", "<html/>", "a document that cannot be read: no response of an MRAS"},
		{"half a document is refused", mras("")[:300], "a document that cannot be read: XML syntax error on line 1: unexpected EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseRelays(withBody("application/msrtc-media-relay-auth+xml", test.body))
			if diff := cmp.Diff(test.want, listed(got, err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func listed(r Relays, err error) string {
	if err != nil {
		return err.Error()
	}
	var relays []string
	for _, r := range r.List {
		relays = append(relays, fmt.Sprintf(" %s %d %d %s", r.Host, r.UDPPort, r.TCPPort, r.Location))
	}
	return r.Expires.String() + ":" + strings.Join(relays, ",")
}

func TestMediaRelays(t *testing.T) {
	for _, test := range []struct {
		name   string
		remote bool
		script []step
		want   string
	}{
		{
			name:   "seen from inside",
			script: []step{piggyback(mras(twoRelays))},
			want: `
				+0s 1 SERVICE
				+0s intranet
				+0s 4h0m0s: edge01-int.contoso.com 3478 443 intranet, 203.0.113.10 3478 443 internet`,
		},
		{
			name:   "seen from outside",
			remote: true,
			script: []step{piggyback(mras(""))},
			want: `
				+0s 1 SERVICE
				+0s internet
				+0s 4h0m0s:`,
		},
		{
			name:   "a refusal on the way is told with the server's own account of it",
			script: []step{answer("403 Forbidden", `ms-diagnostics: 7005;reason="no";source="pool01.contoso.com"`)},
			want: `
				+0s 1 SERVICE
				+0s intranet
				+0s no media relays: 403 Forbidden; ms-diagnostics 7005: no (pool01.contoso.com)`,
		},
		{
			name:   "a challenge is answered, a second one is a refusal",
			script: []step{answer("401 Unauthorized", md5Challenge)},
			want: `
				+0s 1 SERVICE
				+0s intranet
				+0s 2 SERVICE Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001
				+0s intranet
				+0s no media relays: 401 Unauthorized`,
		},
		{
			name:   "silence is told",
			script: []step{silence},
			want: `
				+0s 1 SERVICE
				+0s intranet
				+10s no answer from the Registrar to SERVICE after 10s`,
		},
		{
			name:   "an answer without a document is none",
			script: []step{answer("200 OK")},
			want: `
				+0s 1 SERVICE
				+0s intranet
				+0s a document that cannot be read: there is nothing in it`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			locate := func(p *peer, r *sipgoRequest) {
				_, location, _ := strings.Cut(p.raw, "<location>")
				location, _, _ = strings.Cut(location, "</location>")
				p.note("%s", location)
			}
			script := []step{answer("200 OK", "Expires: 7200")}
			for _, s := range test.script {
				script = append(script, all(locate, s))
			}
			got := bubble(t, true, phone, script, func(s *Session, p *peer) {
				if _, err := s.Register(p.t.Context()); err != nil {
					p.t.Fatal(err)
				}
				relays, err := s.MediaRelays(p.t.Context(), edge, test.remote)
				synctest.Wait()
				p.note("%s", listed(relays, err))
			})
			_, got, _ = strings.Cut(got, "\n")
			if diff := cmp.Diff(tidy(test.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Nothing is asked under a URI that could say more than where to ask.
func TestMediaRelaysOfNoURI(t *testing.T) {
	bubble(t, true, phone, nil, func(s *Session, p *peer) {
		for _, uri := range []string{"", "https://a", "sip:a@b\r\nEvil: yes", "sip:a@b>", "sip:a b@c"} {
			if _, err := s.MediaRelays(p.t.Context(), uri, false); err == nil {
				t.Errorf("asked %q", uri)
			}
		}
	})
}

// The whole SERVICE.
func TestServiceText(t *testing.T) {
	c := &composer{account: phone, local: "10.0.0.21:50123", transport: "tls"}
	m := c.request("SERVICE", edge, edge, "c", 1)
	m.fill("application/msrtc-media-relay-auth+xml", relayRequest(phone.AOR.String(), edge+`;x=&'`, false))
	got := drawn.ReplaceAllString(string(m.encode()), "$1*")
	id, _, _ := strings.Cut(strings.SplitAfter(got, `requestID="`)[1], `"`)
	want := `SERVICE sip:edge01-int.contoso.com@contoso.com;gruu;opaque=srvr:MRAS:GhIjKl SIP/2.0
Via: SIP/2.0/TLS 10.0.0.21:50123;branch=z9hG4bK*
Max-Forwards: 70
From: <sip:phone1@contoso.com>;tag=;epid=a1b2c3d4e5
To: <sip:edge01-int.contoso.com@contoso.com;gruu;opaque=srvr:MRAS:GhIjKl>
Call-ID: c
CSeq: 1 SERVICE
User-Agent: homeward/test
Content-Type: application/msrtc-media-relay-auth+xml
Content-Length: 430

<request xmlns="http://schemas.microsoft.com/2006/09/sip/mrasp" requestID="*" version="1.0" to="sip:edge01-int.contoso.com@contoso.com;gruu;opaque=srvr:MRAS:GhIjKl;x=&amp;&#39;" from="sip:phone1@contoso.com">` +
		`<credentialsRequest credentialsRequestID="*"><identity>sip:phone1@contoso.com</identity><location>intranet</location><duration>480</duration></credentialsRequest></request>`
	if diff := cmp.Diff(want, bare(strings.ReplaceAll(got, id, "*"))); diff != "" {
		t.Error(diff)
	}
}

// A relay request while the binding is kept, signed like everything else, and refused like nothing else: the binding stands.
func TestMediaRelaysWhileKept(t *testing.T) {
	l := &pool{version: 4}
	script := []step{l.serve(answer("200 OK", "Expires: 7200"), piggyback(contosoProvisioning), piggyback(mras(twoRelays)),
		func(p *peer, r *sipgoRequest) { l.ask(p, r, "") }, piggyback(mras("")), func(p *peer, r *sipgoRequest) { l.ask(p, r, "") }, func(p *peer, r *sipgoRequest) { l.ask(p, r, "") })}
	got := bubble(t, true, phone, script, func(s *Session, p *peer) {
		ctx := p.t.Context()
		if _, err := s.Register(ctx); err != nil {
			p.t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, err := s.Provision(ctx)
			p.note("provisioned: %v", err)
			for range 3 {
				relays, err := s.MediaRelays(ctx, edge, false)
				p.note("%s", listed(relays, err))
				time.Sleep(time.Second)
			}
			p.conn.Close()
		}()
		p.note("%v", s.Keep(ctx, Watch{}))
		<-done
	})
	_, got, _ = strings.Cut(got, "cnum=\"1\"\n")
	want := tidy(`
		+0s 1 SUBSCRIBE Authorization NTLM opaque="5A01", cnum="2"
		+0s provisioned: <nil>
		+0s 1 SERVICE Authorization NTLM opaque="5A01", cnum="3"
		+0s 4h0m0s: edge01-int.contoso.com 3478 443 intranet, 203.0.113.10 3478 443 internet
		+1s 1 SERVICE Authorization NTLM opaque="5A01", cnum="4"
		+1s 2 SERVICE Authorization NTLM opaque="5A01", cnum="5"
		+1s 4h0m0s:
		+2s 1 SERVICE Authorization NTLM opaque="5A01", cnum="6"
		+2s 2 SERVICE Authorization NTLM opaque="5A01", cnum="7"
		+2s no media relays: 401 Unauthorized
		+3s binding lost: the other side has hung up`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
