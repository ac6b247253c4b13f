package sip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const contosoProvisioning = `<?xml version="1.0" encoding="utf-8"?>
<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification">
 <provisionGroup name="ServerConfiguration">
  <organization>Contoso &amp; Sons &lt;Ltd&gt;</organization>
  <poolUri>sip:Pool01.contoso.com@contoso.com;gruu;opaque=srvr:HomeServer:AbCdEf</poolUri>
  <mrasUri>sip:edge01-int.contoso.com@contoso.com;gruu;opaque=srvr:MRAS:GhIjKl</mrasUri>
  <ucPortRangeEnabled>true</ucPortRangeEnabled><ucMinMediaPort>50000</ucMinMediaPort><ucMaxMediaPort>50039</ucMaxMediaPort>
  <ucEnableSIPSecurityMode>high</ucEnableSIPSecurityMode>
  <updatesServerInternalUrl>https://pool01.contoso.com:443/RequestHandler/ucdevice.upx</updatesServerInternalUrl>
  <updatesServerExternalUrl>https://lync.contoso.com/RequestHandlerExt/ucdevice.upx</updatesServerExternalUrl>
 </provisionGroup>
 <provisionGroup name="mediaConfiguration"><propertyEntryList><property name="poolUri">sip:evil.example@contoso.com</property></propertyEntryList></provisionGroup>
 <unknown><poolUri>sip:evil.example@contoso.com</poolUri></unknown>
</provisionGroupList>`

var contoso = Provisioning{
	PoolHost: "pool01.contoso.com", MRASURI: "sip:edge01-int.contoso.com@contoso.com;gruu;opaque=srvr:MRAS:GhIjKl", SecurityMode: "High",
	MinPort: 50000, MaxPort: 50039,
	UpdateInternalURL: "https://pool01.contoso.com:443/RequestHandler/ucdevice.upx",
	UpdateExternalURL: "https://lync.contoso.com/RequestHandlerExt/ucdevice.upx",
}

// withBody is a message of nothing but a body.
func withBody(kind, body string) *message {
	m := &message{code: 200, body: []byte(body)}
	m.add("Content-Type", kind)
	return m
}

func TestParseProvisioning(t *testing.T) {
	group := func(inside string) string {
		return `<provisionGroupList><provisionGroup name="ServerConfiguration">` + inside + `</provisionGroup></provisionGroupList>`
	}
	for _, test := range []struct {
		name string
		kind string
		body string
		want Provisioning
		err  string
	}{
		{name: "as Lync sends it", body: contosoProvisioning, want: contoso},
		{
			name: "as properties, in any case, under any name space, after a byte order mark",
			body: "\ufeff" + `<a:PROVISIONGROUPLIST xmlns:a="b"><a:provisionGroup NAME="serverconfiguration"><instance>` +
				`<property name="pooluri">sip:pool01.contoso.com@contoso.com</property><property Name="ucEnableSipSecurityMode">Medium</property></instance></a:provisionGroup></a:PROVISIONGROUPLIST>`,
			want: Provisioning{PoolHost: "pool01.contoso.com", SecurityMode: "Medium"},
		},
		{name: "S75 what was known stays when the group is not told", body: `<provisionGroupList><provisionGroup name="ucPolicy"/></provisionGroupList>`, want: contoso},
		{name: "the group without anything in it takes everything back", body: group(""), want: Provisioning{}},
		{name: "the first of two values counts", body: group(`<poolUri>sip:a.b@c</poolUri><poolUri>sip:d.e@f</poolUri>`), want: Provisioning{PoolHost: "a.b"}},
		{name: "a pool without a domain is none", body: group(`<poolUri>sip:pool01@contoso.com</poolUri>`)},
		{name: "nor is an address, or what is no name", body: group(`<poolUri>sip:10.0.0.5@contoso.com</poolUri>`)},
		{name: "nor is what is no name", body: group(`<poolUri>sip:pool_01.contoso.com@contoso.com</poolUri>`)},
		{name: "an mrasUri that would break out of a header is none", body: group("<mrasUri>sip:a@b&gt;&#13;&#10;Evil: yes</mrasUri>")},
		{name: "an mrasUri that is no SIP URI is none", body: group("<mrasUri>https://a</mrasUri>")},
		{name: "an mrasUri of a kilobyte is none", body: group("<mrasUri>sip:a@b;x=" + strings.Repeat("y", 1024) + "</mrasUri>")},
		{name: "an unknown security mode is none", body: group("<ucEnableSIPSecurityMode>Extreme</ucEnableSIPSecurityMode>")},
		{name: "a port range that is switched off is none", body: group("<ucPortRangeEnabled>False</ucPortRangeEnabled><ucMinMediaPort>1</ucMinMediaPort><ucMaxMediaPort>2</ucMaxMediaPort>")},
		{name: "a port range the wrong way round is none", body: group("<ucMinMediaPort>50039</ucMinMediaPort><ucMaxMediaPort>50000</ucMaxMediaPort>")},
		{name: "a port range from 0 is none", body: group("<ucMinMediaPort>0</ucMinMediaPort><ucMaxMediaPort>50039</ucMaxMediaPort>")},
		{name: "a port range of one port is one", body: group("<ucMinMediaPort>50000</ucMinMediaPort><ucMaxMediaPort>50000</ucMaxMediaPort>"), want: Provisioning{MinPort: 50000, MaxPort: 50000}},
		{name: "half a port range is none", body: group("<ucMinMediaPort>50039</ucMinMediaPort><ucMaxMediaPort>65536</ucMaxMediaPort>")},
		{name: "an address for updates is of the web", body: group("<updatesServerInternalUrl>file:///etc/passwd</updatesServerInternalUrl><updatesServerExternalUrl>https:///x</updatesServerExternalUrl>")},
		{name: "updates may be switched off", body: group("<updatesServerEnabled>False</updatesServerEnabled>"), want: Provisioning{UpdatesOff: true}},
		{name: "or on", body: group("<updatesServerEnabled>True</updatesServerEnabled>")},
		{name: "a word that is not known is no leave to ask", body: group("<updatesServerEnabled>perhaps</updatesServerEnabled>"), want: Provisioning{UpdatesOff: true}},
		{name: "nor by any protocol but those of the web", body: group("<updatesServerInternalUrl>ftp://a.contoso.com/</updatesServerInternalUrl><updatesServerExternalUrl>http://b.contoso.com/</updatesServerExternalUrl>"),
			want: Provisioning{UpdateExternalURL: "http://b.contoso.com/"}},
		{name: "S75 a document type is refused", body: `<!DOCTYPE x [<!ENTITY a "b">]><provisionGroupList/>`, err: "a document that cannot be read: a document type declaration"},
		{name: "S75 an entity is refused", body: group("<poolUri>&a;</poolUri>"), err: "a document that cannot be read: XML syntax error on line 1: invalid character entity &a;"},
		{name: "S75 depth has an end", body: strings.Repeat("<a>", 10_000), err: "a document that cannot be read: too many elements side by side at the top, or inside of each other"},
		{name: "S75 another character set is refused", body: `<?xml version="1.0" encoding="utf-16"?><provisionGroupList/>`, err: `a document that cannot be read: xml: encoding "utf-16" declared but Decoder.CharsetReader is nil`},
		{name: "S75 also when the header names it", kind: "application/x+xml; Charset=UTF-16", body: contosoProvisioning, err: "a document that cannot be read: character set utf-16"},
		{name: "the header may name ours", kind: `application/x+xml; charset="UTF-8"`, body: contosoProvisioning, want: contoso},
		{name: "S75 bytes that are no text are refused", body: group("<poolUri>\xff</poolUri>"), err: "a document that cannot be read: XML syntax error on line 1: invalid UTF-8"},
		{name: "half a document is refused", body: contosoProvisioning[:1000], err: "a document that cannot be read: XML syntax error on line 12: unexpected EOF"},
		{name: "two documents are refused", body: group("") + group(""), err: "a document that cannot be read: too many elements side by side at the top, or inside of each other"},
		{name: "no document is refused", body: " ", err: "a document that cannot be read: there is nothing in it"},
		{name: "another document is refused", body: "<html/>", err: "a document that cannot be read: no provisionGroupList"},
	} {
		t.Run(test.name, func(t *testing.T) {
			known := contoso
			if test.want != contoso {
				known = Provisioning{PoolHost: "known.contoso.com"}
			}
			got, err := parseProvisioning(withBody(test.kind, test.body), known)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if text := fmt.Sprint(err); test.err == "" && err != nil || test.err != "" && text != test.err {
				t.Errorf("got error %v, want %s", err, test.err)
			}
		})
	}
}

// piggyback answers SUBSCRIBE with a document.
func piggyback(body string, headers ...string) step {
	return func(p *peer, r *sipgoRequest) {
		head := append(headers, "ms-piggyback-cseq: 1", "Event: vnd-microsoft-provisioning-v2", "Content-Type: application/vnd-microsoft-roaming-provisioning-v2+xml")
		p.send(strings.Replace(response(r, "200 OK", head...), "Content-Length: 0\r\n\r\n", fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body), 1))
	}
}

// benotify tells a document, or nothing, unasked.
func benotify(body string, headers ...string) string {
	head := strings.Join(append(headers, fmt.Sprintf("Content-Length: %d", len(body))), "\r\n")
	return "BENOTIFY sip:phone1@10.0.0.21 SIP/2.0\r\nVia: SIP/2.0/TLS 10.0.0.5:5061;branch=z9hG4bK7\r\nFrom: <sip:phone1@contoso.com>;tag=1\r\n" +
		"To: <sip:phone1@contoso.com>;tag=2\r\nCall-ID: c\r\nCSeq: 2 BENOTIFY\r\nEvent: vnd-microsoft-provisioning-v2\r\n" + head + "\r\n\r\n" + body
}

// settle runs Provision after Register against a script and returns the transcript from SUBSCRIBE on.
func settle(t *testing.T, script ...step) string {
	t.Helper()
	transcript := bubble(t, true, phone, append([]step{answer("200 OK", "Expires: 7200")}, script...), func(s *Session, p *peer) {
		if _, err := s.Register(p.t.Context()); err != nil {
			p.t.Fatal(err)
		}
		got, err := s.Provision(p.t.Context())
		synctest.Wait()
		if err != nil {
			p.note("error: %v", err)
		} else {
			p.note("%s %s", got.PoolHost, got.SecurityMode)
		}
	})
	_, transcript, _ = strings.Cut(transcript, "\n")
	return transcript
}

func TestProvision(t *testing.T) {
	for _, test := range []struct {
		name   string
		script []step
		want   string
	}{
		{
			name:   "the document comes on the back of the answer",
			script: []step{piggyback(contosoProvisioning, "Expires: 28800")},
			want: `
				+0s 1 SUBSCRIBE
				+0s pool01.contoso.com High`,
		},
		{
			name:   "or a little later",
			script: []step{all(answer("200 OK"), after(3*time.Second, say(benotify(contosoProvisioning))))},
			want: `
				+0s 1 SUBSCRIBE
				+3s pool01.contoso.com High`,
		},
		{
			name:   "or a little earlier",
			script: []step{all(say(benotify(contosoProvisioning)), answer("200 OK"))},
			want: `
				+0s 1 SUBSCRIBE
				+0s pool01.contoso.com High`,
		},
		{
			name:   "or not at all",
			script: []step{answer("200 OK")},
			want: `
				+0s 1 SUBSCRIBE
				+5s error: no answer from the Registrar: no provisioning document after 5s`,
		},
		{
			name:   "news of other things are not waited for",
			script: []step{all(answer("200 OK"), say(strings.Replace(benotify(contosoProvisioning), "Event: vnd-microsoft-provisioning-v2", "Event: presence", 1)))},
			want: `
				+0s 1 SUBSCRIBE
				+5s error: no answer from the Registrar: no provisioning document after 5s`,
		},
		{
			name:   "a refusal is told",
			script: []step{answer("489 Bad Event", `ms-diagnostics: 2035;reason="no"`)},
			want: `
				+0s 1 SUBSCRIBE
				+0s 1 SUBSCRIBE expires=0
				+0s error: answered 489 Bad Event; ms-diagnostics 2035: no`,
		},
		{
			name:   "a refusal of another kind is not answered by another SUBSCRIBE",
			script: []step{answer("503 Service Unavailable")},
			want: `
				+0s 1 SUBSCRIBE
				+0s error: answered 503 Service Unavailable`,
		},
		{
			name:   "a document that cannot be read is told",
			script: []step{piggyback("<a>")},
			want: `
				+0s 1 SUBSCRIBE
				+0s error: a document that cannot be read: XML syntax error on line 1: unexpected EOF`,
		},
		{
			name:   "silence is told",
			script: []step{silence},
			want: `
				+0s 1 SUBSCRIBE
				+10s error: no answer from the Registrar to SUBSCRIBE after 10s`,
		},
		{
			name:   "a challenge is answered",
			script: []step{answer("401 Unauthorized", md5Challenge), piggyback(contosoProvisioning)},
			want: `
				+0s 1 SUBSCRIBE
				+0s 2 SUBSCRIBE Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001
				+0s pool01.contoso.com High`,
		},
		{
			name:   "a second one is a refusal, but not of the password",
			script: []step{answer("401 Unauthorized", md5Challenge)},
			want: `
				+0s 1 SUBSCRIBE
				+0s 2 SUBSCRIBE Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001
				+0s error: answered 401 Unauthorized`,
		},
		{
			name:   "the binding may end meanwhile",
			script: []step{all(answer("200 OK"), say(strings.Replace(benotify("deregistered;event=rejected", "Content-Type: text/registration-event"), "Event:", "X:", 1)))},
			want: `
				+0s 1 SUBSCRIBE
				+0s error: binding lost: the Registrar sent "deregistered;event=rejected"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(tidy(test.want), settle(t, test.script...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The whole SUBSCRIBE, as it is sent after a Lync server has given a GRUU.
func TestSubscribeText(t *testing.T) {
	const gruu = "sip:phone1@contoso.com;opaque=user:epid:2r5GdLPot1OpZbhaZqMc_AAA;gruu"
	script := []step{answer("200 OK", `Contact: <sip:10.0.0.21>;expires=7200;+sip.instance="<urn:uuid:7446beda-e8b3-53b7-a965-b85a66a31cfc>";gruu="`+gruu+`"`),
		all(func(p *peer, r *sipgoRequest) { p.note("%s", drawn.ReplaceAllString(p.raw, "$1*")) }, piggyback(contosoProvisioning))}
	got := bubble(t, true, phone, script, func(s *Session, p *peer) {
		if _, err := s.Register(p.t.Context()); err != nil {
			p.t.Fatal(err)
		}
		if _, err := s.Provision(p.t.Context()); err != nil {
			p.t.Fatal(err)
		}
	})
	_, got, _ = strings.Cut(got, "1 SUBSCRIBE\n+0s ")
	want := `SUBSCRIBE sip:phone1@contoso.com SIP/2.0
Via: SIP/2.0/TLS anonymous.invalid;branch=z9hG4bK*
Max-Forwards: 70
From: <sip:phone1@contoso.com>;tag=*;epid=a1b2c3d4e5
To: <sip:phone1@contoso.com>
Call-ID: *
CSeq: 1 SUBSCRIBE
User-Agent: homeward/test
Contact: <` + gruu + `>
Event: vnd-microsoft-provisioning-v2
Accept: application/vnd-microsoft-roaming-provisioning-v2+xml
Supported: com.microsoft.autoextend, ms-benotify, ms-piggyback-first-notify
Proxy-Require: ms-benotify
Content-Type: application/vnd-microsoft-roaming-provisioning-v2+xml
Content-Length: 165

<provisioningGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist"><provisioningGroup name="ServerConfiguration"/></provisioningGroupList>`
	if diff := cmp.Diff(want, bare(got)); diff != "" {
		t.Error(diff)
	}
}

// keepSettled registers, asks for provisioning before or while the binding is kept, and returns the transcript without
// REGISTERs and pings.
func keepSettled(t *testing.T, d time.Duration, script []step, during bool, meanwhile func(s *Session, p *peer)) string {
	t.Helper()
	transcript := bubble(t, true, phone, append([]step{answer("200 OK", "Expires: 86400")}, script...), func(s *Session, p *peer) {
		ctx, cancel := context.WithTimeoutCause(p.t.Context(), d, errors.New("the test is over"))
		defer cancel()
		if _, err := s.Register(ctx); err != nil {
			p.t.Fatal(err)
		}
		provision := func() {
			got, err := s.Provision(ctx)
			p.note("provisioned %s %v", got.PoolHost, err)
		}
		if !during {
			provision()
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if during {
				time.Sleep(time.Second)
				provision()
			}
			meanwhile(s, p)
		}()
		err := s.Keep(ctx, Watch{Provisioned: func(news Provisioning) { p.note("news: %s", news.PoolHost) }})
		<-done
		synctest.Wait()
		p.note("%s", err)
	})
	var lines []string
	for line := range strings.Lines(transcript) {
		if !strings.Contains(line, "REGISTER") && !strings.Contains(line, " ping") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func TestKeepSettled(t *testing.T) {
	moved := strings.Replace(contosoProvisioning, "Pool01", "pool02", 1)
	for _, test := range []struct {
		name   string
		lasts  time.Duration
		script []step
		during bool
		sent   []string
		want   string
	}{
		{
			name: "news are told, what is known is not", lasts: 61 * time.Second, script: []step{piggyback(contosoProvisioning)},
			sent: []string{benotify(contosoProvisioning), benotify(moved), benotify(moved), benotify(contosoProvisioning)},
			want: `
				+0s 1 SUBSCRIBE
				+0s provisioned pool01.contoso.com <nil>
				+2s news: pool02.contoso.com
				+4s news: pool01.contoso.com
				+61s the test is over`,
		},
		{
			name: "news that cannot be read are passed over, the binding stands", lasts: 61 * time.Second, script: []step{piggyback(contosoProvisioning)},
			sent: []string{benotify("<a>"), benotify("", "Subscription-State: active")},
			want: `
				+0s 1 SUBSCRIBE
				+0s provisioned pool01.contoso.com <nil>
				+61s the test is over`,
		},
		{
			name: "news nobody has asked for are passed over", lasts: 61 * time.Second, script: nil, during: false,
			sent: []string{benotify(moved)},
			want: `
				+0s 1 SUBSCRIBE
				+10s provisioned  no answer from the Registrar to SUBSCRIBE after 10s
				+11s news: pool02.contoso.com
				+61s the test is over`,
		},
		{
			name: "another goroutine may ask while the binding is kept", lasts: 61 * time.Second, during: true,
			script: []step{all(answer("200 OK", "Expires: 7200"), after(2*time.Second, say(benotify(contosoProvisioning))))},
			sent:   []string{benotify(moved)},
			want: `
				+1s 1 SUBSCRIBE
				+3s provisioned pool01.contoso.com <nil>
				+4s news: pool02.contoso.com
				+61s the test is over`,
		},
		{
			name: "a subscription is renewed before it ends", lasts: 7201 * time.Second,
			script: []step{piggyback(contosoProvisioning, "Expires: 3600"), piggyback(moved, "Expires: 86400")},
			want: `
				+0s 1 SUBSCRIBE
				+0s provisioned pool01.contoso.com <nil>
				+1822.2s 1 SUBSCRIBE
				+1822.2s news: pool02.contoso.com
				+7201s the test is over`,
		},
		{
			name: "one that cannot be renewed is tried again, and costs nothing", lasts: 3001 * time.Second,
			script: []step{piggyback(contosoProvisioning, "Expires: 60"), answer("503 Service Unavailable"), silence, piggyback(contosoProvisioning)},
			want: `
				+0s 1 SUBSCRIBE
				+0s provisioned pool01.contoso.com <nil>
				+151.8s 1 SUBSCRIBE
				+451.8s 1 SUBSCRIBE
				+761.8s 1 SUBSCRIBE
				+3001s the test is over`,
		},
		{
			name: "one the server ends is begun anew", lasts: 3001 * time.Second,
			script: []step{piggyback(contosoProvisioning, "Expires: 86400"), piggyback(moved, "Expires: 86400")},
			sent:   []string{benotify("", "subscription-state: terminated;expires=0")},
			want: `
				+0s 1 SUBSCRIBE
				+0s provisioned pool01.contoso.com <nil>
				+301s 1 SUBSCRIBE
				+301s news: pool02.contoso.com
				+3001s the test is over`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			script := test.script
			if script == nil {
				script = []step{silence}
			}
			got := keepSettled(t, test.lasts, script, test.during, func(s *Session, p *peer) {
				for _, text := range test.sent {
					time.Sleep(time.Second)
					p.send(text)
				}
			})
			if diff := cmp.Diff(tidy(test.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whoever asks while Keep has the connection is told when Keep ends, or when it does itself.
func TestTurns(t *testing.T) {
	t.Run("the caller gives up first", func(t *testing.T) {
		keepSettled(t, time.Minute, []step{piggyback(contosoProvisioning), silence}, false, func(s *Session, p *peer) {
			ctx, cancel := context.WithTimeout(p.t.Context(), time.Second)
			defer cancel()
			if _, err := s.Provision(ctx); !errors.Is(err, ErrNoAnswer) {
				t.Error(err)
			}
		})
	})
	t.Run("Keep ends first", func(t *testing.T) {
		keepSettled(t, 5*time.Second, []step{piggyback(contosoProvisioning), silence}, false, func(s *Session, p *peer) {
			time.Sleep(time.Second)
			began := time.Now()
			if _, err := s.Provision(p.t.Context()); err == nil || time.Since(began) != 4*time.Second {
				t.Errorf("%v after %s", err, time.Since(began))
			}
		})
	})
	t.Run("the connection ends first", func(t *testing.T) {
		got := keepSettled(t, time.Minute, []step{piggyback(contosoProvisioning), hangUp}, false, func(s *Session, p *peer) {
			time.Sleep(time.Second)
			if _, err := s.Provision(p.t.Context()); !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			synctest.Wait() // Keep has noticed
			if _, err := s.Provision(p.t.Context()); err == nil {
				t.Error("provisioned over a connection that has ended")
			}
		})
		if !strings.HasSuffix(got, "+1s binding lost: the other side has hung up") {
			t.Error(got)
		}
	})
	t.Run("two ask at once", func(t *testing.T) {
		keepSettled(t, time.Minute, []step{piggyback(contosoProvisioning)}, false, func(s *Session, p *peer) {
			errs := make(chan error)
			for range 2 {
				go func() { _, err := s.Provision(p.t.Context()); errs <- err }()
			}
			if err := errors.Join(<-errs, <-errs); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("someone asks before Keep and holds it up", func(t *testing.T) {
		bubble(t, true, phone, []step{answer("200 OK"), silence}, func(s *Session, p *peer) {
			s.Register(p.t.Context())
			done := make(chan struct{})
			go func() { defer close(done); s.Provision(p.t.Context()) }()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(p.t.Context(), time.Second)
			defer cancel()
			if err := s.Keep(ctx, Watch{}); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			<-done
		})
	})
}
