package sip

import (
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const signedIn = `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization NTLM gssapi-data="", version=4
				+0s 3 REGISTER Authorization NTLM opaque="5A01", gssapi-data=*, version=4, cnum="1"`

func TestNTLM(t *testing.T) {
	granted := answer("200 OK", "Expires: 7200")
	for _, test := range []struct {
		name    string
		tcp     bool
		account Account // zero: phone
		pool    *pool   // nil, version 0: 4
		steps   []step
		script  []step // in place of pool and steps
		want    string
	}{
		{
			name:  "version 4: the proof itself is signed",
			steps: []step{granted},
			want: signedIn + `
				+0s binding for 2h0m0s ntlm`,
		},
		{
			name:  "version 3: messages are signed from the answer on",
			pool:  &pool{version: 3},
			steps: []step{granted},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization NTLM gssapi-data="", version=3
				+0s 3 REGISTER Authorization NTLM opaque="5A01", gssapi-data=*, version=3
				+0s binding for 2h0m0s ntlm`,
		},
		{
			name:  "version 2 does not say so, and neither do we",
			pool:  &pool{version: 2},
			steps: []step{granted},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization NTLM gssapi-data=""
				+0s 3 REGISTER Authorization NTLM opaque="5A01", gssapi-data=*
				+0s binding for 2h0m0s ntlm`,
		},
		{
			name:  "version 2 may be too old for extended session security; TLS makes up for it",
			pool:  &pool{version: 2, weak: true},
			steps: []step{granted},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization NTLM gssapi-data=""
				+0s 3 REGISTER Authorization NTLM opaque="5A01", gssapi-data=*
				+0s binding for 2h0m0s ntlm`,
		},
		{
			name:  "without TLS weak signatures are not good enough",
			tcp:   true,
			pool:  &pool{version: 2, weak: true},
			steps: []step{granted},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization NTLM gssapi-data=""
				+0s auth: offered NTLM, Kerberos: NTLM challenge does not offer NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY`,
		},
		{
			name:  "S57 nor is a challenge that would have us do without what keeps us safe",
			pool:  &pool{flags: 0x82988273},
			steps: []step{granted},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization NTLM gssapi-data="", version=4
				+0s auth: offered NTLM, Kerberos: NTLM challenge does not offer NTLMSSP_NEGOTIATE_128, NTLMSSP_NEGOTIATE_KEY_EXCH`,
		},
		{
			name:  "clear TCP is allowed, for Lync's security mode may be off",
			tcp:   true,
			steps: []step{granted},
			want: signedIn + `
				+0s binding for 2h0m0s ntlm`,
		},
		{
			name:  "S60 a proxy asks under its own names",
			pool:  &pool{proxy: true},
			steps: []step{granted},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Proxy-Authorization NTLM gssapi-data="", version=4
				+0s 3 REGISTER Proxy-Authorization NTLM opaque="5A01", gssapi-data=*, version=4, cnum="1"
				+0s binding for 2h0m0s ntlm`,
		},
		{
			name:  "S60 whose proof may stand in the header of the other family",
			pool:  &pool{proxy: true, tamper: func(info string) string { return strings.TrimPrefix(info, "Proxy-") }},
			steps: []step{granted},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Proxy-Authorization NTLM gssapi-data="", version=4
				+0s 3 REGISTER Proxy-Authorization NTLM opaque="5A01", gssapi-data=*, version=4, cnum="1"
				+0s binding for 2h0m0s ntlm`,
		},
		{
			name:  "a wrong password is tried once",
			pool:  &pool{password: "another"},
			steps: []step{granted},
			want: signedIn + `
				+0s credentials: credentials refused by "SIP Communications Service": answered 401 Unauthorized`,
		},
		{
			name:    "without a password nothing is begun",
			account: with(func(a *Account) { a.Password = "" }),
			steps:   []step{granted},
			want: `
				+0s 1 REGISTER
				+0s auth: offered NTLM, Kerberos: Kerberos is not supported; no password is configured`,
		},
		{
			name:    "our order decides between NTLM and Digest",
			account: with(func(a *Account) { a.Schemes = []string{"digest", "ntlm"} }),
			script:  []step{answer("401 Unauthorized", lyncOffer, md5Challenge), granted},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001
				+0s binding for 2h0m0s digest`,
		},
		{
			name:   "a later version is answered with the last we know",
			script: []step{answer("401 Unauthorized", `WWW-Authenticate: NTLM version=17, realm=a, targetname="b"`), answer("403 Forbidden")},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization NTLM gssapi-data="", version=4
				+0s status: answered 403 Forbidden, retry after 0s`,
		},
		{
			name:   "an earlier version than any is not",
			script: []step{answer("401 Unauthorized", `WWW-Authenticate: NTLM version=1`, `WWW-Authenticate: NTLM version=four`)},
			want: `
				+0s 1 REGISTER
				+0s auth: offered NTLM, NTLM: NTLM with version 1 is not supported; NTLM with version four is not supported`,
		},
		{
			name:   "an offer that comes in place of a challenge leads nowhere",
			script: []step{answer("401 Unauthorized", lyncOffer)},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization NTLM gssapi-data="", version=4
				+0s auth: offered NTLM, Kerberos, TLS-DSK: NTLM is offered again in place of a challenge`,
		},
		{
			name:   "a challenge that is no challenge is refused",
			script: []step{answer("401 Unauthorized", `WWW-Authenticate: NTLM gssapi-data="TlRMTVNTUAAC"`)},
			want: `
				+0s 1 REGISTER
				+0s auth: offered NTLM: NTLM challenge not usable: 9 octets are too few`,
		},
		{
			name:   "neither is one that is not even base64",
			script: []step{answer("401 Unauthorized", `WWW-Authenticate: NTLM gssapi-data="%%"`)},
			want: `
				+0s 1 REGISTER
				+0s auth: offered NTLM: NTLM with gssapi-data that is not base64`,
		},
		{
			name:   "a 200 before anything is proven is not believed",
			script: []step{answer("401 Unauthorized", lyncOffer), granted},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization NTLM gssapi-data="", version=4
				+0s error: not signed by the Registrar: the sign-in is not complete ("SIP/2.0 200 OK")`,
		},
		{
			name:  "an unsigned 200 is refused",
			pool:  &pool{tamper: func(string) string { return "" }},
			steps: []step{granted},
			want: signedIn + `
				+0s error: not signed by the Registrar: it has no Authentication-Info ("SIP/2.0 200 OK")`,
		},
		{
			name:  "an unsigned refusal too; what it says is told",
			pool:  &pool{tamper: func(string) string { return "" }},
			steps: []step{answer("503 Service Unavailable")},
			want: signedIn + `
				+0s error: not signed by the Registrar: it has no Authentication-Info ("SIP/2.0 503 Service Unavailable")`,
		},
		{
			name:  "a signature without rspauth is none",
			pool:  &pool{tamper: func(info string) string { return strings.Replace(info, "rspauth", "rsp", 1) }},
			steps: []step{granted},
			want: signedIn + `
				+0s error: not signed by the Registrar: its Authentication-Info has no rspauth ("SIP/2.0 200 OK")`,
		},
		{
			name:  "a wrong signature is refused",
			pool:  &pool{tamper: func(info string) string { return strings.Replace(info, `snum="1"`, `snum="2"`, 1) }},
			steps: []step{granted},
			want: signedIn + `
				+0s error: not signed by the Registrar: its rspauth is wrong ("SIP/2.0 200 OK")`,
		},
		{
			name:  "the signature of another association is none of ours",
			pool:  &pool{tamper: func(info string) string { return strings.Replace(info, poolTarget, "FE02.contoso.com", 1) }},
			steps: []step{granted},
			want: signedIn + `
				+0s error: not signed by the Registrar: it has no Authentication-Info of NTLM for "FE01.contoso.com" ("SIP/2.0 200 OK")`,
		},
		{
			name:  "a signed redirect is followed by the caller",
			steps: []step{answer("301 Redirect request to Home Server", "Contact: <sip:pool01.contoso.com:5061;transport=TLS>;q=0.7", "Expires: 2592000")},
			want: signedIn + `
				+0s redirect: redirected to pool01.contoso.com:5061 (tls)`,
		},
		{
			name:  "a signed refusal is told with the server's own account of it",
			steps: []step{answer("404 Not Found", `ms-diagnostics: 4005;reason="Destination URI either not enabled for SIP or does not exist";source="FE01.contoso.com"`)},
			want: signedIn + `
				+0s status: answered 404 Not Found; 4005 Destination URI either not enabled for SIP or does not exist (FE01.contoso.com), retry after 0s`,
		},
		{
			name: "provisional answers need no signature",
			steps: []step{func(p *peer, r *sipgoRequest) {
				p.conn.Write([]byte(response(r, "100 Trying")))
				after(5*time.Second, granted)(p, r)
			}},
			want: signedIn + `
				+5s binding for 2h0m0s ntlm`,
		},
		{
			name:  "after a 423 the next request is signed like any other",
			steps: []step{answer("423 Interval Too Brief", "Min-Expires: 7200"), granted},
			want: signedIn + `
				+0s 4 REGISTER expires=7200 Authorization NTLM opaque="5A01", cnum="2"
				+0s binding for 2h0m0s ntlm`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			account, l := test.account, test.pool
			if account.AOR == "" {
				account = phone
			}
			if l == nil {
				l = &pool{}
			}
			if l.version == 0 {
				l.version = 4
			}
			script := test.script
			if script == nil {
				script = []step{l.serve(test.steps...)}
			}
			if diff := cmp.Diff(tidy(test.want), register(t, !test.tcp, account, script...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// While the binding is kept, everything is signed, and the sign-in is repeated when it has to be.
func TestNTLMKeeps(t *testing.T) {
	const bare = "Via: SIP/2.0/TLS 10.0.0.5:5061;branch=z9hG4bK7\r\nFrom: <sip:contoso.com>;tag=1\r\nTo: <sip:phone1@contoso.com>\r\nCall-ID: c\r\n"
	options := "OPTIONS sip:phone1@10.0.0.21 SIP/2.0\r\n" + bare + "CSeq: 4 OPTIONS\r\n\r\n"
	granted := func(expires string) step { return answer("200 OK", "Expires: "+expires) }
	for _, test := range []struct {
		name  string
		lasts time.Duration
		steps func(l *pool) []step
		sent  []string
		want  string
	}{
		{
			name:  "a refresh is signed",
			lasts: 35 * time.Second,
			steps: func(*pool) []step { return []step{granted("40"), granted("7200")} },
			want: `
				+30s ping
				+31.2s 4 REGISTER Authorization NTLM opaque="5A01", cnum="2"
				+31.2s refreshed for 2h0m0s
				+35s the test is over`,
		},
		{
			name:  "a 401 to a refresh is answered by signing in once more",
			lasts: 40 * time.Second,
			steps: func(l *pool) []step {
				return []step{granted("40"), func(p *peer, r *sipgoRequest) { l.ask(p, r, "") }, granted("7200")}
			},
			want: `
				+30s ping
				+31.2s 4 REGISTER Authorization NTLM opaque="5A01", cnum="2"
				+31.2s 5 REGISTER Authorization NTLM gssapi-data="", version=4
				+31.2s 6 REGISTER Authorization NTLM opaque="5A02", gssapi-data=*, version=4, cnum="1"
				+31.2s refreshed for 2h0m0s
				+40s the test is over`,
		},
		{
			name:  "but only once: the password has changed",
			lasts: time.Minute,
			steps: func(l *pool) []step {
				return []step{granted("40"), func(p *peer, r *sipgoRequest) { l.password = "new"; l.ask(p, r, "") }}
			},
			want: `
				+30s ping
				+31.2s 4 REGISTER Authorization NTLM opaque="5A01", cnum="2"
				+31.2s 5 REGISTER Authorization NTLM gssapi-data="", version=4
				+31.2s 6 REGISTER Authorization NTLM opaque="5A02", gssapi-data=*, version=4, cnum="1"
				+31.2s binding lost: credentials refused by "SIP Communications Service": answered 401 Unauthorized`,
		},
		{
			name:  "an unsigned answer to a refresh loses the binding",
			lasts: time.Minute,
			steps: func(l *pool) []step {
				return []step{granted("40"), func(p *peer, r *sipgoRequest) { p.sealWith(nil); granted("40")(p, r) }}
			},
			want: `
				+30s ping
				+31.2s 4 REGISTER Authorization NTLM opaque="5A01", cnum="2"
				+31.2s binding lost: not signed by the Registrar: it has no Authentication-Info ("SIP/2.0 200 OK")`,
		},
		{
			name:  "our answers to signed requests are signed",
			lasts: time.Second,
			steps: func(*pool) []step { return []step{granted("7200")} },
			sent:  []string{options, options},
			want: `
				+0s answered 200 NTLM opaque="5A01", cnum="2"
				+0s answered 200 NTLM opaque="5A01", cnum="3"
				+1s the test is over`,
		},
		{
			name:  "unsigned and wrongly signed requests did not come",
			lasts: time.Second,
			steps: func(*pool) []step { return []step{granted("7200")} },
			sent: []string{"unsigned", options, "BENOTIFY sip:phone1@10.0.0.21 SIP/2.0\r\n" + bare + "CSeq: 5 BENOTIFY\r\n" +
				"Content-Type: text/registration-event\r\nContent-Length: 27\r\n\r\nderegistered;event=rejected", "wrong", options},
			want: `+1s the test is over`,
		},
		{
			name:  "a signed farewell is believed",
			lasts: time.Second,
			steps: func(*pool) []step { return []step{granted("7200")} },
			sent: []string{"BENOTIFY sip:phone1@10.0.0.21 SIP/2.0\r\n" + bare + "CSeq: 5 BENOTIFY\r\n" +
				"Content-Type: text/registration-event\r\nContent-Length: 27\r\n\r\nderegistered;event=rejected"},
			want: `+0s binding lost: the Registrar sent "deregistered;event=rejected"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := &pool{version: 4}
			script := []step{l.serve(test.steps(l)...)}
			got := keep(t, phone, test.lasts, script, func(p *peer) {
				for _, text := range test.sent {
					switch text {
					case "unsigned":
						p.sealWith(nil)
					case "wrong":
						p.sealWith(func(text string) string { return strings.Replace(l.seal(text), `srand="9`, `srand="8`, 1) })
					default:
						p.send(text)
					}
				}
			})
			if diff := cmp.Diff(tidy(test.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An association is replaced 5 minutes before its 8 hours are over, however long the binding lives.
func TestNTLMSignsInAnew(t *testing.T) {
	l := &pool{version: 4}
	got := keep(t, phone, 8*time.Hour+time.Second, []step{l.serve(answer("200 OK", "Expires: 86400"))}, idle)
	var acts []string
	for line := range strings.Lines(got) {
		if !strings.Contains(line, " ping") {
			acts = append(acts, line)
		}
	}
	want := tidy(`
		+28500s 4 REGISTER
		+28500s 5 REGISTER Authorization NTLM gssapi-data="", version=4
		+28500s 6 REGISTER Authorization NTLM opaque="5A02", gssapi-data=*, version=4, cnum="1"
		+28500s refreshed for 24h0m0s
		+28801s the test is over`)
	if diff := cmp.Diff(want, strings.Join(acts, "")); diff != "" {
		t.Error(diff)
	}
}

// keyed is an association whose keys are known: the message keys of the vectors, and a signing key for each direction.
func keyed(version int, target, signClient, sealClient, signServer, sealServer string) *association {
	key := func(text string) []byte {
		b, err := hex.DecodeString(text)
		if err != nil {
			panic(err)
		}
		return b
	}
	sign := func(seal, sign string, text string) string {
		const sequence = "\x64\x00\x00\x00"
		message := md5Of(string(key(seal)) + sequence)
		return "01000000" + hex.EncodeToString(scramble(message, mac(key(sign), sequence+text)[:8])) + "64000000"
	}
	return &association{
		scheme: "NTLM", realm: poolRealm, target: target, version: version,
		sign:   func(text string) string { return sign(sealClient, signClient, text) },
		verify: func(text, proof string) bool { return strings.EqualFold(proof, sign(sealServer, signServer, text)) },
	}
}

// The vectors of Office Communicator (B) and of a Lync pool (D), from the messages they were taken of to the signatures.
func TestSignatures(t *testing.T) {
	for _, test := range []struct {
		name              string
		association       *association
		crand             string
		request, response string // headers, and the signature
		answer, rspauth   string
	}{
		{
			name: "B: Office Communicator 2007 R2",
			association: keyed(4, "cosmo-ocs-r2.cosmo.local",
				"ea5e87c195ae65338f7c023e7600690d", "83013a189002d3abad49c4c8f605ecc8", "0151fe94dba8c83f3c6a6e5444ae54b4", "2a2e34e8d420c039e8f31cb9e8e0cd88"),
			crand:    "13317733",
			request:  "From: <sip:user@cosmo.local>;tag=3e49177a52;epid=c8ca638a15\r\nTo: <sip:user@cosmo.local>\r\nCall-ID: 4037df9284354df39065195bd57a4b14\r\nCSeq: 3 REGISTER\r\n",
			response: "0100000029618e9651b65a7764000000",
			answer: `Authentication-Info: NTLM rspauth="01000000E615438A917661BE64000000", srand="9616454F", snum="1", opaque="2BDBAC9D", qop="auth", targetname="cosmo-ocs-r2.cosmo.local", realm="SIP Communications Service"` +
				"\r\nFrom: \"User\"<sip:user@cosmo.local>;tag=3e49177a52;epid=c8ca638a15\r\nTo: <sip:user@cosmo.local>;tag=5E61CCD925D17E043D9A74835A88F664\r\n" +
				"Call-ID: 4037df9284354df39065195bd57a4b14\r\nCSeq: 3 REGISTER\r\nContact: <sip:10.0.0.1>;expires=7200\r\nExpires: 7200\r\n",
			rspauth: "01000000E615438A917661BE64000000",
		},
		{
			name: "D: a phone and a Lync 2013 pool",
			association: keyed(4, "fe01.contoso.example",
				"9b52e70996bd32c71f2398b552d207d2", "157cc91ead98fd67ff4911a6c338be2c", "24708083b479de7c5807cac27aeefbce", "537dc0b821115fd8177313be127b7d90"),
			crand:    "0a1b2c3d",
			request:  "f: sip:phone1@contoso.example;tag=77aa88bb99;epid=a1b2c3d4e5\r\nt: sip:phone1@contoso.example\r\ni: 5f1e2d3c4b5a69788796a5b4c3d2e1f0\r\nCSeq: 3 REGISTER\r\n",
			response: "010000000483ad5148816e2064000000",
			answer: `Proxy-Authentication-Info: NTLM qop="auth", srand="DEADBEEF", snum="1", rspauth="0100000099a67e529ba8c8b264000000", targetname="fe01.contoso.example", realm="SIP Communications Service", version=4` +
				"\r\nFROM: <sip:phone1@contoso.example>;tag=77aa88bb99;epid=a1b2c3d4e5\r\nTO: <sip:phone1@contoso.example>;tag=AABBCCDDEEFF00112233445566778899\r\n" +
				"CALL-ID: 5f1e2d3c4b5a69788796a5b4c3d2e1f0\r\nCSEQ: 3 REGISTER\r\nEXPIRES: 7200\r\n",
			rspauth: "0100000099a67e529ba8c8b264000000",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := test.association
			request, err := parseOne([]byte("REGISTER sip:x SIP/2.0\r\n" + test.request + "\r\n"))
			if err != nil {
				t.Fatal(err)
			}
			if got := a.sign(a.text(request, []string{a.scheme, test.crand, "1", a.realm, a.target})); got != test.response {
				t.Errorf("response=%s, want %s", got, test.response)
			}
			answer, err := parseOne([]byte("SIP/2.0 200 OK\r\n" + test.answer + "\r\n"))
			if err != nil {
				t.Fatal(err)
			}
			n := ntlmScheme{stage: ntlmProving, next: *a}
			if err := n.verify(answer); err != nil || n.stage != ntlmProven {
				t.Error(err)
			}
			for i, h := range answer.headers { // nothing that is signed can be changed, and nothing else is signed
				changed := *answer
				changed.headers = append([]header{}, answer.headers...)
				changed.headers[i] = parseHeader(strings.NewReplacer("1", "2", "cosmo.local", "cosmos.local", "contoso.example", "contosos.example").Replace(h.raw))
				if changed.headers[i] == h {
					changed.headers[i] = parseHeader(h.raw + "0")
				}
				if err := n.verify(&changed); (err == nil) != strings.EqualFold(h.name, "Contact") {
					t.Errorf("%s: %v", changed.headers[i].raw, err)
				}
			}
		})
	}
}

// Vector C, and the text of a ringing call: what is signed in version 2 and where others assert who is meant.
func TestSignedText(t *testing.T) {
	for _, test := range []struct {
		name    string
		version int
		fields  []string
		message string
		want    string
	}{
		{
			name: "C: version 2 has 13 fields", version: 2,
			fields: []string{"NTLM", "0878F41B", "1", poolRealm, "ocs1.ocs.provo.novell.com"},
			message: "SIP/2.0 200 OK\r\nFrom: <sip:gabriel@ocs.provo.novell.com>;tag=2947328781\r\nTo: <sip:gabriel@ocs.provo.novell.com>;tag=B816D65C2300A32CFA6D371F2AF537FD\r\n" +
				"Call-ID: 8592g5DCBa1694i5887m0D0Bt2247b3F38xAE9Fx\r\nCSeq: 3 REGISTER\r\nExpires: 900\r\n\r\n",
			want: "<NTLM><0878F41B><1><SIP Communications Service><ocs1.ocs.provo.novell.com><8592g5DCBa1694i5887m0D0Bt2247b3F38xAE9Fx><3><REGISTER><sip:gabriel@ocs.provo.novell.com><2947328781><B816D65C2300A32CFA6D371F2AF537FD><900><200>",
		},
		{
			name: "an answer with upper-case names and an asserted identity", version: 4,
			fields: []string{"NTLM", "1B6D47A1", "11", poolRealm, "LOC-COMPANYT-FE03.COMPANY.COM"},
			message: "SIP/2.0 180 Ringing\r\nFROM: \"Sender\"<sip:sender@company.com>;tag=2420628112;epid=54392c3e24\r\nTO: <sip:recipient@company.com>;tag=7aee15546a;epid=3102EB8BD1\r\n" +
				"CALL-ID: 41CEg82ECa0AC8i3DD7mE673t9CF4b19DAxF780x\r\nCSEQ: 1 INVITE\r\nP-ASSERTED-IDENTITY: \"recipient\"<SIP:recipient@company.com>\r\n\r\n",
			want: "<NTLM><1B6D47A1><11><SIP Communications Service><LOC-COMPANYT-FE03.COMPANY.COM><41CEg82ECa0AC8i3DD7mE673t9CF4b19DAxF780x><1><INVITE><sip:sender@company.com><2420628112><sip:recipient@company.com><7aee15546a><SIP:recipient@company.com><><><180>",
		},
		{
			name: "a telephone number beside the asserted identity, in one header or two", version: 3,
			fields:  []string{"NTLM", "r", "1", "realm", "target"},
			message: "NOTIFY sip:x SIP/2.0\r\nFrom: sip:a@b;tag=1\r\nTo: sip:c@d;epid=2\r\nCall-ID: i\r\nCSeq: 1 NOTIFY\r\nP-Asserted-Identity: <tel:+14255550100>, \"A, B\"<sip:a@b>\r\nP-Preferred-Identity: <sip:z@z>\r\n\r\n",
			want:    "<NTLM><r><1><realm><target><i><1><NOTIFY><sip:a@b><1><sip:c@d><><sip:a@b><tel:+14255550100><>",
		},
		{
			name: "a preferred identity where none is asserted, and what is absent", version: 3,
			fields:  []string{"NTLM", "", "", "", ""},
			message: "NOTIFY sip:x SIP/2.0\r\nP-Preferred-Identity: <sips:z@z>\r\n\r\n",
			want:    "<NTLM><><><><><><><><><><><><sips:z@z><><>",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := parseOne([]byte(test.message))
			if err != nil {
				t.Fatal(err)
			}
			a := association{version: test.version}
			if diff := cmp.Diff(test.want, a.text(m, test.fields)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Vector C once more, up to its signature: without extended session security, as its server signed.
func TestWeakSignature(t *testing.T) {
	session, _ := hex.DecodeString("5F029153BC025058969548615E7099BA")
	a := association{scheme: "NTLM", realm: poolRealm, target: "ocs1.ocs.provo.novell.com", version: 2, verify: func(text, proof string) bool {
		sum := fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text)))
		little, _ := hex.DecodeString("00000000" + sum[6:] + sum[4:6] + sum[2:4] + sum[:2] + "64000000")
		return strings.EqualFold(proof, "0100000000000000"+hex.EncodeToString(scramble(session, little)[4:]))
	}}
	m, err := parseOne([]byte("SIP/2.0 200 OK\r\n" +
		`Authentication-Info: NTLM rspauth="0100000000000000BF2E52667DDF6DED", srand="0878F41B", snum="1", opaque="4452DFB0", qop="auth", targetname="ocs1.ocs.provo.novell.com", realm="SIP Communications Service"` + "\r\n" +
		"From: \"Gabriel\"<sip:gabriel@ocs.provo.novell.com>;tag=2947328781;epid=1234567890\r\nTo: <sip:gabriel@ocs.provo.novell.com>;tag=B816D65C2300A32CFA6D371F2AF537FD\r\n" +
		"Call-ID: 8592g5DCBa1694i5887m0D0Bt2247b3F38xAE9Fx\r\nCSeq: 3 REGISTER\r\nExpires: 900\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.check(m); err != nil {
		t.Error(err)
	}
}
