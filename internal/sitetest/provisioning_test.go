package sitetest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const documentText = `-- provisioning --
poolUri sip:pool01.contoso.com@contoso.com;gruu;opaque=srvr:HomeServer:AbC
mrasUri sip:edge01-int.contoso.com@contoso.com;gruu;opaque=srvr:MRAS:GhI
ucEnableSIPSecurityMode High
updatesServerInternalUrl https://pool01.contoso.com:443/RequestHandler/ucdevice.upx?a=1&b=2
mediaConfiguration/bypassEnabled true
ucPolicy/DisplayName Front desk
`

const (
	documentHead = `<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification"><provisionGroup name="ServerConfiguration">`
	documentPool = `<poolUri>sip:pool01.contoso.com@contoso.com;gruu;opaque=srvr:HomeServer:AbC</poolUri>`
	documentMRAS = `<mrasUri>sip:edge01-int.contoso.com@contoso.com;gruu;opaque=srvr:MRAS:GhI</mrasUri>`
	documentMode = `<ucEnableSIPSecurityMode>High</ucEnableSIPSecurityMode>`
	documentURL  = `<updatesServerInternalUrl>https://pool01.contoso.com:443/RequestHandler/ucdevice.upx?a=1&amp;b=2</updatesServerInternalUrl>`
	documentTail = `</provisionGroup></provisionGroupList>`
)

var subscribeHeaders = []string{"Event: vnd-microsoft-provisioning-v2", "Supported: ms-benotify", "Supported: ms-piggyback-first-notify"}

func askFor(groups ...string) string {
	text := `<provisioningGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist">`
	for _, group := range groups {
		text += `<provisioningGroup name="` + group + `"/>`
	}
	return text + "</provisioningGroupList>"
}

// tell is what a provisioning message says, on a line each.
func tell(h heard) string {
	text := h.String()
	for _, name := range []string{"CSeq", "Expires", "Subscription-State", "Ms-Piggyback-Cseq", "P-Preferred-Registrar", "Content-Type"} {
		for _, value := range h.header.Values(name) {
			text += "\n" + name + ": " + value
		}
	}
	if h.body != "" {
		text += "\n" + h.body
	}
	return text
}

func TestProvisioning(t *testing.T) {
	const contentType = "\nContent-Type: application/vnd-microsoft-roaming-provisioning-v2+xml\n"
	whole := documentHead + documentPool + documentMRAS + documentMode + documentURL + documentTail
	for _, tt := range []struct {
		name, line string
		headers    []string
		expires    string
		groups     []string
		apply      string // then
		want       []string
	}{
		{"once, in the 200", "lync", subscribeHeaders, "0", []string{"ServerConfiguration"}, "", []string{
			"200 signed\nCSeq: 4 SUBSCRIBE\nExpires: 0\nSubscription-State: terminated;expires=0\nMs-Piggyback-Cseq: 1" + contentType + whole,
		}},
		{"groups in both their forms", "lync", subscribeHeaders, "0", []string{"mediaConfiguration", "ucPolicy", "locationPolicy"}, "", []string{
			"200 signed\nCSeq: 4 SUBSCRIBE\nExpires: 0\nSubscription-State: terminated;expires=0\nMs-Piggyback-Cseq: 1" + contentType +
				`<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification">` +
				`<provisionGroup name="mediaConfiguration"><propertyEntryList><property name="bypassEnabled">true</property></propertyEntryList></provisionGroup>` +
				`<provisionGroup name="ucPolicy"><instance><property name="DisplayName">Front desk</property></instance></provisionGroup>` +
				`<provisionGroup name="locationPolicy"><propertyEntryList></propertyEntryList></provisionGroup></provisionGroupList>`,
		}},
		{"after the 200", "lync nopiggyback", subscribeHeaders, "0", []string{"ServerConfiguration"}, "", []string{
			"200 signed\nCSeq: 4 SUBSCRIBE\nExpires: 0\nSubscription-State: terminated;expires=0",
			"BENOTIFY sip:10.0.0.21:50001;transport=tls;ms-opaque=d3470f2e1d SIP/2.0 signed\nCSeq: 2 BENOTIFY\nSubscription-State: terminated;expires=0" + contentType + whole,
		}},
		{"for a client that knows neither", "lync", subscribeHeaders[:1], "0", []string{"ServerConfiguration"}, "", []string{
			"200 signed\nCSeq: 4 SUBSCRIBE\nExpires: 0\nSubscription-State: terminated;expires=0",
			"NOTIFY sip:10.0.0.21:50001;transport=tls;ms-opaque=d3470f2e1d SIP/2.0 signed\nCSeq: 2 NOTIFY\nSubscription-State: terminated;expires=0" + contentType + whole,
		}},
		{"a change", "lync", subscribeHeaders, "", []string{"ServerConfiguration"}, "provisioning mrasUri", []string{
			"200 signed\nCSeq: 4 SUBSCRIBE\nExpires: 28800\nSubscription-State: active;expires=28800\nMs-Piggyback-Cseq: 1" + contentType + whole,
			"BENOTIFY sip:10.0.0.21:50001;transport=tls;ms-opaque=d3470f2e1d SIP/2.0 signed\nCSeq: 2 BENOTIFY\nSubscription-State: active;expires=28800" + contentType +
				documentHead + documentPool + documentMode + documentURL + documentTail,
		}},
		{"another event", "lync", []string{"Event: presence"}, "0", nil, "", []string{"489 signed\nCSeq: 4 SUBSCRIBE"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withSoftphone(t, tt.line+lyncUser, documentText, func(t *testing.T, s *Site, _ Wire, p *softphone) {
				p.signIn(t)
				got := []string{tell(p.ask(t, "SUBSCRIBE", registerURI, tt.headers, tt.expires, askFor(tt.groups...)))}
				if tt.apply != "" {
					if err := s.Apply(tt.apply); err != nil {
						t.Fatal(err)
					}
				}
				for len(got) < len(tt.want) {
					got = append(got, tell(p.hear(t)))
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			})
		})
	}
}

func TestProvisioningOfAMalformedRequest(t *testing.T) {
	withSoftphone(t, "lync"+lyncUser, documentText, func(t *testing.T, s *Site, _ Wire, p *softphone) {
		p.signIn(t)
		// the root of the answer, not that of the question
		got := p.ask(t, "SUBSCRIBE", registerURI, subscribeHeaders, "0", "<provisionGroupList/>")
		if got.String() != "400 signed" || !strings.HasPrefix(got.header.Get("ms-diagnostics"), "4001;") {
			t.Errorf("got %s", got)
		}
	})
}

func TestDeregistration(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"deregister 10.0.0.5:5061 rejected", "NOTIFY sip:10.0.0.21:50001;transport=tls;ms-opaque=d3470f2e1d SIP/2.0 signed\nCSeq: 2 NOTIFY\n" +
			"Subscription-State: terminated;expires=0\nContent-Type: text/registration-event\nderegistered;event=rejected"},
		{"deregister 10.0.0.5:5061 preferred-registrar-change sip:pool02.contoso.com:5061;transport=tls benotify",
			"BENOTIFY sip:10.0.0.21:50001;transport=tls;ms-opaque=d3470f2e1d SIP/2.0 signed\nCSeq: 2 BENOTIFY\n" +
				"Subscription-State: terminated;expires=0\nP-Preferred-Registrar: <sip:pool02.contoso.com:5061;transport=tls>\n" +
				"Content-Type: text/registration-event\nderegistered;event=preferred-registrar-change"},
	} {
		withSoftphone(t, "lync"+lyncUser, "", func(t *testing.T, s *Site, _ Wire, p *softphone) {
			p.signIn(t)
			if err := s.Apply(tt.line); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, tell(p.hear(t))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			// A device answers, and signs that too.
			p.cseq, p.callID = 1, "77"
			fmt.Fprintf(p.conn, "SIP/2.0 200 OK\r\nFrom: <sip:phone1@contoso.com>;tag=abc\r\nTo: <sip:phone1@contoso.com>;tag=\r\n"+
				"Call-ID: 77\r\nCSeq: 2 NOTIFY\r\nAuthorization: %s\r\nContent-Length: 0\r\n\r\n", p.signedAnswer(200))
			synctest.Wait()
			if log := s.Log(); log[len(log)-1].What != "response" || log[len(log)-1].Proof != "signed" || log[len(log)-1].Code != 200 {
				t.Errorf("logged %s", log[len(log)-1])
			}
			for want, authorization := range map[string]string{"not signed": "", "wrong signature": "Authorization: " + p.signedAnswer(0) + "\r\n"} {
				fmt.Fprintf(p.conn, "SIP/2.0 200 OK\r\nFrom: <sip:phone1@contoso.com>;tag=abc\r\nTo: <sip:phone1@contoso.com>;tag=\r\n"+
					"Call-ID: 77\r\nCSeq: 2 NOTIFY\r\n%sContent-Length: 0\r\n\r\n", authorization)
				synctest.Wait()
				if log := s.Log(); log[len(log)-1].Proof != want {
					t.Errorf("logged %s, want %s", log[len(log)-1], want)
				}
			}
		})
	}
}

// signedAnswer signs a response to the request with CSeq 2 NOTIFY.
func (p *softphone) signedAnswer(code int) string {
	p.cnum++
	text := fmt.Sprintf("<NTLM><0a1b2c3d><%d><SIP Communications Service><%s><77><2><NOTIFY><sip:phone1@contoso.com><abc><sip:phone1@contoso.com><><><><><%d>", p.cnum, p.fe, code)
	return fmt.Sprintf(`NTLM qop="auth", realm="SIP Communications Service", opaque="%s", targetname="%s", crand="0a1b2c3d", cnum="%d", response="%x"`,
		p.opaque, p.fe, p.cnum, p.session.mac(true, text))
}

const mrasURI = "sip:edge01-int.contoso.com@contoso.com;gruu;opaque=srvr:MRAS:GhI"

const relaysText = `-- relays --
10.0.0.30 intranet edge01-int.contoso.com
10.0.0.31 intranet edge01-int.contoso.com
2001:db8::30 intranet edge02-int.contoso.com udp=3479 tcp=0
203.0.113.10 internet
`

func (p *softphone) askMRAS(t *testing.T, location string) heard {
	t.Helper()
	if location != "" {
		location = "<location>" + location + "</location>"
	}
	body := `<request requestID="17" version="1.0" from="sip:phone1@contoso.com" to="` + mrasURI + `" xmlns="http://schemas.microsoft.com/2006/09/sip/mrasp">` +
		`<credentialsRequest credentialsRequestID="18"><identity>sip:phone1@contoso.com</identity>` + location + `<duration>480</duration></credentialsRequest></request>`
	return p.ask(t, "SERVICE", mrasURI, []string{"Content-Type: application/msrtc-media-relay-auth+xml"}, "", body)
}

func TestMediaRelayService(t *testing.T) {
	response := func(phrase, inside string) string {
		return `200 signed <?xml version="1.0" encoding="UTF-8"?>` + "\n" +
			`<response xmlns="http://schemas.microsoft.com/2006/09/sip/mrasp" requestID="17" version="1.0" serverVersion="3.0" to="` + mrasURI +
			`" from="sip:phone1@contoso.com" reasonPhrase="` + phrase + `">` + inside + "</response>"
	}
	granted := func(duration int, relays string) string {
		return response("OK", fmt.Sprintf(`<credentialsResponse credentialsRequestID="18"><credentials><username>cmVsYXktdXNlcg==</username><password>cmVsYXktc2VjcmV0</password>`+
			`<duration>%d</duration><realm>rtcmedia</realm></credentials>%s</credentialsResponse>`, duration, relays))
	}
	const inside = `<mediaRelay><location>intranet</location><hostName>edge01-int.contoso.com</hostName><udpPort>3478</udpPort><tcpPort>443</tcpPort></mediaRelay>` +
		`<mediaRelay><location>intranet</location><hostName>edge02-int.contoso.com</hostName><udpPort>3479</udpPort></mediaRelay>`
	const outside = `<mediaRelay><location>internet</location><directIPAddress>203.0.113.10</directIPAddress><udpPort>3478</udpPort><tcpPort>443</tcpPort></mediaRelay>`
	for _, tt := range []struct{ name, line, location, want string }{
		{"inside", "", "intranet", granted(480, "<mediaRelayList>"+inside+"</mediaRelayList>")},
		{"outside", "", "internet", granted(480, "<mediaRelayList>"+outside+"</mediaRelayList>")},
		{"both, for an hour", "mras duration=60", "", granted(60, "<mediaRelayList>"+inside+outside+"</mediaRelayList>")},
		{"a busy server", "mras Server Busy", "intranet", response("Server Busy", "")},
		{"a refusal", "mras 503", "intranet", "503 signed "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withSoftphone(t, "lync"+lyncUser, documentText+relaysText+tt.line, func(t *testing.T, s *Site, _ Wire, p *softphone) {
				p.signIn(t)
				got := p.askMRAS(t, tt.location)
				if diff := cmp.Diff(tt.want, got.String()+" "+got.body); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			})
		})
	}
}

func TestMediaRelayServiceIsWhereTheDocumentSays(t *testing.T) {
	withSoftphone(t, "lync"+lyncUser, relaysText, func(t *testing.T, s *Site, _ Wire, p *softphone) {
		p.signIn(t)
		if got := p.askMRAS(t, ""); got.String() != "404 signed" {
			t.Errorf("without mrasUri: %s", got)
		}
	})
}

// probe is an Allocate without credentials.
var probe = []byte("\x00\x03\x00\x10" + "0123456789abcdef" + "\x00\x0f\x00\x04\x72\xc6\x4b\xc6" + "\x80\x08\x00\x04\x00\x00\x00\x01")

// probed sends probe over a connection, and says what comes back.
func probed(conn net.Conn) string {
	const want = "\x01\x13\x00\x54" + "0123456789abcdef" + "\x00\x0f\x00\x04\x72\xc6\x4b\xc6" + "\x80\x08\x00\x04\x00\x00\x00\x01" +
		"\x00\x09\x00\x10\x00\x00\x04\x01Unauthorized" + "\x00\x15\x00\x08rtcmedia" + "\x00\x14\x00\x20" // and a nonce
	conn.SetDeadline(time.Now().Add(3 * time.Second))
	if _, err := conn.Write(probe); err != nil {
		return cause(err)
	}
	reply := make([]byte, 1500)
	n, err := conn.Read(reply)
	if err != nil {
		return cause(err)
	}
	if got := string(reply[:n]); !strings.HasPrefix(got, want) || len(got) != len(want)+32 {
		return fmt.Sprintf("%q", got)
	}
	return "401"
}

func TestRelaysAnswerProbes(t *testing.T) {
	inBubble(t, relaysText, func(t *testing.T, s *Site, wire Wire) {
		for _, tt := range []struct{ apply, network, at, want string }{
			{"", "udp", "10.0.0.30:3478", "401"},
			{"", "udp", "[2001:db8::30]:3479", "401"},
			{"", "tcp", "10.0.0.30:443", "connected"},
			{"", "tcp", "[2001:db8::30]:443", "connection refused"},
			{"relays 10.0.0.30 silent", "udp", "10.0.0.30:3478", "i/o timeout"},
			{"", "tcp", "10.0.0.30:443", "context deadline exceeded"},
			{"relays 10.0.0.30 refuse", "udp", "10.0.0.30:3478", "connection refused"},
			{"", "tcp", "10.0.0.30:443", "connection refused"},
			{"heal", "udp", "10.0.0.30:3478", "401"},
		} {
			if tt.apply != "" {
				if err := s.Apply(tt.apply); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			conn, err := wire.Dial(ctx, tt.network, tt.at)
			cancel()
			got := "connected"
			if err != nil {
				got = cause(err)
			} else if tt.network == "udp" {
				got = probed(conn)
			}
			if conn != nil {
				conn.Close()
			}
			if got != tt.want {
				t.Errorf("after %q, %s %s: %s, want %s", tt.apply, tt.network, tt.at, got, tt.want)
			}
		}
		conn, err := wire.Dial(t.Context(), "udp", "10.0.0.31:3478")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.Write(append([]byte{0, 1}, probe[2:]...)) // a Binding Request
		if log := s.Log(); log[len(log)-1].What != "malformed" || log[0].String() != "+0s 10.0.0.30:3478 allocate: 401" {
			t.Errorf("logged %v", log)
		}
	})
}

// The whole sign-in over sockets.
func TestLiveLync(t *testing.T) {
	s, live := onLoopback(t, "-- zone --\nedge01-int A 10.0.0.30 10.0.0.31\n-- registrars --\n10.0.0.5:5471 tls fe01.contoso.com lync home=pool01.contoso.com"+lyncUser+
		"\n10.0.0.6:5471 tls fe02.contoso.com lync split"+lyncUser+"\n"+documentText+
		"-- relays --\n10.0.0.30 intranet edge01-int.contoso.com udp=3488 tcp=5443\n10.0.0.31 intranet udp=3488 tcp=0\n")
	director := newSoftphone(t, s, live.Dial, where(s, "10.0.0.5:5471"), "fe01.contoso.com")
	if answers := director.signIn(t); answers[2].String() != "301 signed" {
		t.Errorf("the Director: %v", answers)
	}
	p := newSoftphone(t, s, live.Dial, where(s, "10.0.0.6:5471"), "fe02.contoso.com")
	if answers := p.signIn(t); answers[2].String() != "200 signed" {
		t.Fatalf("the home pool: %v", answers)
	}
	if got := p.ask(t, "SUBSCRIBE", registerURI, subscribeHeaders, "", askFor("ServerConfiguration")); !strings.Contains(got.body, documentMRAS) || got.proof != "signed" {
		t.Errorf("provisioning: %s %s", got, got.body)
	}
	if err := s.Apply("provisioning ucEnableSIPSecurityMode Low"); err != nil {
		t.Fatal(err)
	}
	if got := p.hear(t); !strings.Contains(got.body, "<ucEnableSIPSecurityMode>Low<") || got.proof != "signed" {
		t.Errorf("the change: %s %s", got, got.body)
	}
	direct := s.Loopback(netip.MustParseAddrPort("10.0.0.31:3488"))
	if got := p.askMRAS(t, ""); !strings.Contains(got.body, "<directIPAddress>"+direct.Addr().String()+"</directIPAddress><udpPort>3488</udpPort></mediaRelay>") {
		t.Errorf("relays: %s", got.body)
	}
	for _, step := range []struct{ network, at, apply, want string }{
		{"udp", "10.0.0.31:3488", "", "401"},
		{"udp", "10.0.0.30:3488", "", "401"},
		{"tcp", "10.0.0.30:5443", "relays 10.0.0.30 refuse", "connected"},
		{"tcp", "10.0.0.30:5443", "", "connection refused"},
		{"udp", "10.0.0.30:3488", "", "connection refused"},
	} {
		conn, err := live.Dial(t.Context(), step.network, where(s, step.at))
		got := "connected"
		if err != nil {
			got = cause(err)
		} else if step.network == "udp" {
			got = probed(conn)
		}
		if got != step.want {
			t.Errorf("%s %s: %s, want %s", step.network, step.at, got, step.want)
		}
		if conn != nil {
			conn.Close()
		}
		if step.apply != "" {
			if err := s.Apply(step.apply); err != nil {
				t.Fatal(err)
			}
		}
	}
}
