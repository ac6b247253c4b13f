package sitetest

import (
	"fmt"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const lyncUser = ` user=CONTOSO\phone1 password=Passw0rd! `

// withSoftphone runs test with a Registrar at 10.0.0.5:5061 of that behaviour.
func withSoftphone(t *testing.T, line, more string, test func(t *testing.T, s *Site, wire Wire, p *softphone)) {
	t.Helper()
	inBubble(t, "-- registrars --\n10.0.0.5:5061 tls fe01.contoso.com pool01.contoso.com "+line+"\n"+more, func(t *testing.T, s *Site, wire Wire) {
		p := newSoftphone(t, s, wire.Dial, "10.0.0.5:5061", "fe01.contoso.com")
		defer p.conn.Close()
		test(t, s, wire, p)
	})
}

// seen is what the log says about requests.
func seen(s *Site) string {
	var all []string
	for _, e := range s.Log() {
		if e.Code != 0 {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s", e.Auth, e.Proof))+fmt.Sprintf(": %d", e.Code))
		}
	}
	return strings.TrimPrefix(strings.Join(all, ", "), ": ")
}

func TestSignInWithNTLM(t *testing.T) {
	const good = "401, NTLM begins: 401, NTLM authenticated: 200, NTLM signed: 200"
	for _, tt := range []struct {
		name, line string
		version    int
		change     func(p *softphone)
		seen       string
		heard      string // the last two answers
	}{
		{"version 4", "lync" + lyncUser, 4, nil, good, "200 signed, 200 signed"},
		{"version 3", "lync version=3" + lyncUser, 3, nil, good, "200 signed, 200 signed"},
		{"version 2", "lync version=2" + lyncUser, 2, nil, good, "200 signed, 200 signed"},
		{"version 2 without extended session security", "lync version=2 noess" + lyncUser, 2, nil, good, "200 signed, 200 signed"},
		{"without challenge", "lync", 4, nil, "200, NTLM: 200", "200, 200"},
		{"a UPN", "lync user=phone1@contoso.com password=Passw0rd!", 4, func(p *softphone) { p.domain, p.user = "", "phone1@contoso.com" }, good, "200 signed, 200 signed"},
		{"by a proxy's challenge", "lync proxy" + lyncUser, 4, func(p *softphone) { p.spoil = "proxy" },
			"407, NTLM begins: 407, NTLM authenticated: 200, NTLM signed: 200", "200 signed, 200 signed"},
		{"with a MIC", "lync" + lyncUser, 4, func(p *softphone) { p.spoil = "mic" }, good, "200 signed, 200 signed"},
		{"with a wrong MIC", "lync" + lyncUser, 4, func(p *softphone) { p.spoil = "wrong mic" },
			"401, NTLM begins: 401, NTLM wrong MIC: 401, NTLM no association: 401", "401, 401"},
		{"a wrong password", "lync" + lyncUser, 4, func(p *softphone) { p.password = "passw0rd!" },
			"401, NTLM begins: 401, NTLM wrong password: 401, NTLM no association: 401", "401, 401"},
		{"version 4 wants the last round signed", "lync" + lyncUser, 4, func(p *softphone) { p.spoil = "unsigned" },
			"401, NTLM begins: 401, NTLM not signed: 401, NTLM no association: 401", "401, 401"},
		{"another version than offered", "lync" + lyncUser, 3, nil, `401, NTLM version "3": 401, NTLM no association: 401`, "401, 401"},
		{"a wrong signature", "lync version=3" + lyncUser, 3, func(p *softphone) { p.spoil = "signature" },
			"401, NTLM begins: 401, NTLM authenticated: 200, NTLM wrong signature: 401", "200 signed, 401"},
		{"Kerberos only", "lync schemes=Kerberos" + lyncUser, 4, nil,
			"401, NTLM a scheme that was not offered: 401, NTLM a scheme that was not offered: 401", "401, 401"},
		{"a wrong rspauth", "lync rspauth=wrong" + lyncUser, 4, nil, good, "200 wrong, 200 wrong"},
		{"no rspauth", "lync rspauth=missing" + lyncUser, 4, nil, good, "200, 200"},
		{"a refusal, signed", "status 403 diagnostics=4004 schemes=NTLM" + lyncUser, 4, nil,
			"401, NTLM begins: 401, NTLM authenticated: 403, NTLM signed: 403", "403 signed, 403 signed"},
		{"the home of the user, after authentication", "lync home=pool01.contoso.com,pool02.contoso.com" + lyncUser, 4, nil,
			"401, NTLM begins: 401, NTLM authenticated: 301, NTLM signed: 301", "301 signed, 301 signed"},
		{"cut to pieces", "lync split" + lyncUser, 4, nil, good, "200 signed, 200 signed"},
		{"headers in upper case", "lync upper" + lyncUser, 4, nil, good, "200 signed, 200 signed"},
		{"headers folded", "lync folded" + lyncUser, 4, nil, good, "200 signed, 200 signed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withSoftphone(t, tt.line, "", func(t *testing.T, s *Site, _ Wire, p *softphone) {
				p.version = tt.version
				if tt.change != nil {
					tt.change(p)
				}
				answers := append(p.signIn(t), p.refresh(t))
				if got := seen(s); got != tt.seen {
					t.Errorf("the site saw %s\nwant %s", got, tt.seen)
				}
				if got := fmt.Sprintf("%v, %v", answers[len(answers)-2], answers[len(answers)-1]); got != tt.heard {
					t.Errorf("heard %s, want %s", got, tt.heard)
				}
			})
		})
	}
}

func TestCountersOfSignaturesGrow(t *testing.T) {
	withSoftphone(t, "lync salife=8h"+lyncUser, "", func(t *testing.T, s *Site, _ Wire, p *softphone) {
		p.signIn(t)
		p.refresh(t)
		p.spoil = "cnum"
		if got := p.refresh(t); got.String() != "401" || !strings.HasSuffix(seen(s), "NTLM cnum 2 after 2: 401") {
			t.Errorf("a cnum used again: %s, %s", got, seen(s))
		}
		p.spoil, p.cnum = "", 2
		first := params(p.refresh(t).header.Get("Authentication-Info"))
		second := params(p.refresh(t).header.Get("Authentication-Info"))
		if first["snum"] != "3" || second["snum"] != "4" || first["srand"] == second["srand"] {
			t.Errorf("snum %s, %s; srand %s, %s", first["snum"], second["snum"], first["srand"], second["srand"])
		}
		time.Sleep(8 * time.Hour)
		if got := p.refresh(t); got.String() != "401" {
			t.Errorf("after the life of the association: %s", got)
		}
	})
}

func TestChallengesOfLync(t *testing.T) {
	want := []string{
		`NTLM realm="SIP Communications Service", targetname="fe01.contoso.com", version=4`,
		`Kerberos realm="SIP Communications Service", targetname="sip/fe01.contoso.com", version=4`,
		`TLS-DSK realm="SIP Communications Service", targetname="fe01.contoso.com", version=4, sts-uri="https://fe01.contoso.com:443/CertProv/CertProvisioningService.svc"`,
	}
	withSoftphone(t, "lync"+lyncUser, "", func(t *testing.T, s *Site, _ Wire, p *softphone) {
		got := p.register(t, "")
		if diff := cmp.Diff(want, got.header.Values("WWW-Authenticate")); diff != "" || got.header.Get("Server") != "RTC/5.0" {
			t.Errorf("%s %s", diff, got.header.Get("Server"))
		}
	})
	withSoftphone(t, "lync version=2 edge"+lyncUser, "", func(t *testing.T, s *Site, _ Wire, p *softphone) {
		got := p.register(t, "").header.Values("WWW-Authenticate")
		if len(got) != 2 || got[0] != `NTLM realm="SIP Communications Service", targetname="fe01.contoso.com"` {
			t.Errorf("%q", got)
		}
	})
}

func TestRefusedCredentialsAreDiagnosed(t *testing.T) {
	withSoftphone(t, "lync"+lyncUser, "", func(t *testing.T, s *Site, _ Wire, p *softphone) {
		p.password = "wrong"
		got := p.signIn(t)[2]
		want := []string{`Ms-Diagnostics: 1000;reason="Final handshake failed";source="fe01.contoso.com"`}
		if diff := cmp.Diff(want, own(got)); diff != "" || len(got.header.Values("WWW-Authenticate")) != 3 {
			t.Errorf("%s%s", diff, got)
		}
	})
}

// own are the headers of an answer that are not in every answer.
func own(h heard) []string {
	var all []string
	for _, name := range []string{"Contact", "Expires", "Presence-State", "Ms-Keep-Alive", "Ms-User-Logon-Data", "Ms-Diagnostics", "Ms-Diagnostics-Public"} {
		for _, value := range h.header.Values(name) {
			all = append(all, name+": "+value)
		}
	}
	return all
}

func TestRegisterWithLync(t *testing.T) {
	const other = `Contact: <sip:10.0.0.99:50999;transport=tls;ms-opaque=0123456789>;expires=3600;+sip.instance="<urn:uuid:4b1682a8-f968-5701-83fc-7c6741dc6697>";gruu="sip:phone1@contoso.com;opaque=user:epid:qIIWS2j5AVeD_HxnQdxmlwAA;gruu"`
	const this = `Contact: <sip:10.0.0.21:50001;transport=tls;ms-opaque=d3470f2e1d;ms-received-cid=2600>;expires=7200;+sip.instance="<urn:uuid:7446beda-e8b3-53b7-a965-b85a66a31cfc>";gruu="sip:phone1@contoso.com;opaque=user:epid:2r5GdLPot1OpZbhaZqMc_AAA;gruu"`
	state := func(action, primary string) string {
		return fmt.Sprintf(`Presence-State: register-action="%s";primary-cluster-type="central";is-connected-to-primary="%s"`, action, primary)
	}
	alive := func(seconds int) string {
		return fmt.Sprintf("Ms-Keep-Alive: UAS; tcp=no; hop-hop=yes; end-end=no; timeout=%d", seconds)
	}
	for _, tt := range []struct {
		name, line string
		apply      []string
		want       []string // after sign-in, changes, and a refresh
	}{
		{"a refresh", "lync expires=7200" + lyncUser, nil, []string{other, this, "Expires: 7200", state("refreshed", "yes"), alive(300)}},
		{"the backup, through an Edge", "lync expires=7200 keepalive=5 backup edge" + lyncUser, nil,
			[]string{other, this, "Expires: 7200", state("refreshed", "no"), alive(5), "Ms-User-Logon-Data: RemoteUser"}},
		{"a lost binding", "lync expires=7200" + lyncUser, []string{"forget 10.0.0.5:5061"}, []string{other, this, "Expires: 7200", state("added", "yes"), alive(300)}},
		{"a binding repaired", "lync expires=7200" + lyncUser, []string{"forget 10.0.0.5:5061 fixed"}, []string{other, this, "Expires: 7200", state("fixed", "yes"), alive(300)}},
		{"a forbidden user", "lync" + lyncUser, []string{`registrar 10.0.0.5:5061 status 403 diagnostics=4003 edge schemes=NTLM user=CONTOSO\phone1 password=Passw0rd!`},
			[]string{`Ms-Diagnostics-Public: 4003;reason="From URI not enabled for remote access"`}},
		{"a Registrar without its services", "lync" + lyncUser, []string{"registrar 10.0.0.5:5061 status 503 diagnostics=5000"},
			[]string{`Ms-Diagnostics: 5000;reason="Critical applications are not running";source="fe01.contoso.com"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withSoftphone(t, tt.line, "", func(t *testing.T, s *Site, _ Wire, p *softphone) {
				answers := p.signIn(t)
				if !strings.Contains(answers[2].header.Get("presence-state"), `"added"`) {
					t.Errorf("the first binding: %v", own(answers[2]))
				}
				for _, line := range tt.apply {
					if err := s.Apply(line); err != nil {
						t.Fatal(err)
					}
				}
				if diff := cmp.Diff(tt.want, own(p.refresh(t))); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			})
		})
	}
}

func TestHomeOfTheUser(t *testing.T) {
	withSoftphone(t, "lync home=pool01.contoso.com,pool02.contoso.com:5062", "", func(t *testing.T, s *Site, _ Wire, p *softphone) {
		want := []string{"Contact: <sip:pool01.contoso.com:5061;transport=TLS>;q=0.7", "Contact: <sip:pool02.contoso.com:5062;transport=TLS>;q=0.3", "Expires: 2592000"}
		if diff := cmp.Diff(want, own(p.register(t, ""))); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	})
}

func TestLyncObjects(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(headers []string) (epid, instance string, changed []string)
		want   string
	}{
		{"to no identifier of the endpoint", func(h []string) (string, string, []string) { return "", "", h }, "400 4010"},
		{"to an instance without an epid", func(h []string) (string, string, []string) { return "", phoneUUID, h }, "400 4011"},
		{"to an instance that is not derived from the epid", func(h []string) (string, string, []string) { return "01010101", phoneUUID, h }, "400 4010"},
		{"to another event", func(h []string) (string, string, []string) {
			return "a1b2c3d4e5", phoneUUID, append(h[1:], "Event: presence")
		}, "489 4055"},
		{"to categories without gruu-10", func(h []string) (string, string, []string) {
			return "a1b2c3d4e5", phoneUUID, append(h[:1], "Supported: msrtc-event-categories")
		}, "421 2057"},
		{"not to an epid alone", func(h []string) (string, string, []string) { return "a1b2c3d4e5", "", h }, "200 "},
		{"not to an instance in upper case", func(h []string) (string, string, []string) {
			return "a1b2c3d4e5", strings.ToUpper(phoneUUID), h
		}, "200 "},
	} {
		withSoftphone(t, "lync", "", func(t *testing.T, s *Site, _ Wire, p *softphone) {
			epid, id, headers := tt.change(slices.Clone(registerHeaders))
			contact := "Contact: <sip:10.0.0.21:50001>"
			if id != "" {
				contact += `;+sip.instance="<urn:uuid:` + id + `>"`
			}
			from := "From: <sip:phone1@contoso.com>;tag=abc"
			if epid != "" {
				from += ";epid=" + epid
			}
			lines := append([]string{"REGISTER sip:contoso.com SIP/2.0", "Via: SIP/2.0/TLS 10.0.0.21", "Max-Forwards: 70", from,
				"To: <sip:phone1@contoso.com>", "Call-ID: 1", "CSeq: 1 REGISTER", contact, "Content-Length: 0"}, headers...)
			fmt.Fprint(p.conn, strings.Join(lines, "\r\n")+"\r\n\r\n")
			h := p.hear(t)
			id, _, _ = strings.Cut(h.header.Get("ms-diagnostics"), ";")
			if got := fmt.Sprintf("%d %s", h.code, id); got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
			}
		})
	}
}

func TestInstancesAreThoseOfPublicTraces(t *testing.T) {
	for epid, want := range map[string]string{
		"01010101":   "4b1682a8-f968-5701-83fc-7c6741dc6697",
		"c8ca638a15": "34d859db-6585-5f91-a3b4-de853c15347d",
		"8248ca9ebb": "4233fd41-093b-5fd6-b5d2-651ed55969e6",
		"2ebb6f264f": "124841e4-264d-52e8-96c5-d22aa8cdc316",
		"a0ae9e6cb0": "c1589240-e660-594f-a8b3-4b55f358cbc1",
		"a1b2c3d4e5": phoneUUID,
	} {
		if got := guid(instance(epid)); got != want {
			t.Errorf("%s: %s, want %s", epid, got, want)
		}
	}
}

func TestSignedText(t *testing.T) {
	header := func(lines ...string) textproto.MIMEHeader {
		h := textproto.MIMEHeader{}
		for _, line := range lines {
			name, value, _ := strings.Cut(line, ": ")
			h.Add(name, value)
		}
		return h
	}
	for _, tt := range []struct {
		name                   string
		version                int
		random, number, target string
		header                 textproto.MIMEHeader
		code                   int
		want                   string
	}{
		{"the request of vector B", 4, "13317733", "1", "cosmo-ocs-r2.cosmo.local", header("From: <sip:user@cosmo.local>;tag=3e49177a52;epid=c8ca638a15",
			"To: <sip:user@cosmo.local>", "Call-ID: 4037df9284354df39065195bd57a4b14", "CSeq: 3 REGISTER"), 0, vectors[0].request},
		{"the answer of vector B", 4, "9616454F", "1", "cosmo-ocs-r2.cosmo.local", header(`From: "User"<sip:user@cosmo.local>;tag=3e49177a52;epid=c8ca638a15`,
			"To: <sip:user@cosmo.local>;tag=5E61CCD925D17E043D9A74835A88F664", "Call-ID: 4037df9284354df39065195bd57a4b14", "CSeq: 3 REGISTER",
			"Contact: <sip:10.0.0.21>;expires=900", "Expires: 7200"), 200, vectors[0].reply},
		{"an answer with identities, of SIPE's tests", 3, "1B6D47A1", "11", "LOC-COMPANYT-FE03.COMPANY.COM", header("FROM: sip:sender@company.com;tag=2420628112;epid=54392bdbbb3e",
			"TO: <sip:recipient@company.com>;tag=7aee15546a;epid=3102EB8BD1", "CSEQ: 1 INVITE", "CALL-ID: 41CEg82ECa0AC8i3DD7mE673t9CF4b19DAxF780x",
			`P-ASSERTED-IDENTITY: "recipient, the"<SIP:recipient@company.com>`), 180,
			"<NTLM><1B6D47A1><11><SIP Communications Service><LOC-COMPANYT-FE03.COMPANY.COM><41CEg82ECa0AC8i3DD7mE673t9CF4b19DAxF780x><1><INVITE><sip:sender@company.com><2420628112><sip:recipient@company.com><7aee15546a><SIP:recipient@company.com><><><180>"},
		{"the answer of vector C", 2, "0878F41B", "1", "ocs1.ocs.provo.novell.com", header("From: <sip:gabriel@ocs.provo.novell.com>;tag=2947328781",
			"To: <sip:gabriel@ocs.provo.novell.com>;tag=B816D65C2300A32CFA6D371F2AF537FD", "Call-ID: 8592g5DCBa1694i5887m0D0Bt2247b3F38xAE9Fx", "CSeq: 3 REGISTER", "Expires: 900"), 200,
			"<NTLM><0878F41B><1><SIP Communications Service><ocs1.ocs.provo.novell.com><8592g5DCBa1694i5887m0D0Bt2247b3F38xAE9Fx><3><REGISTER><sip:gabriel@ocs.provo.novell.com><2947328781><B816D65C2300A32CFA6D371F2AF537FD><900><200>"},
	} {
		if got := signedText("NTLM", tt.version, tt.random, tt.number, tt.target, tt.header, tt.code); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	withSoftphone(t, "lync idle=1m"+lyncUser, "", func(t *testing.T, s *Site, _ Wire, p *softphone) {
		p.signIn(t)
		time.Sleep(50 * time.Second)
		fmt.Fprint(p.conn, "\r\n\r\n")
		time.Sleep(50 * time.Second)
		if got := p.refresh(t); got.code != 200 {
			t.Errorf("after a keep-alive: %s", got)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if log := s.Log(); log[len(log)-1].Name != "idle: ended by the Registrar" {
			t.Errorf("%v", log[len(log)-1])
		}
		if got := p.hear(t); got.start != "EOF" {
			t.Errorf("the closed connection: %v", got)
		}
	})
}
