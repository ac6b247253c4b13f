package sip

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/internal/place"
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
			name:    "without TLS weak signatures are not good enough",
			tcp:     true,
			account: with(func(a *Account) { a.InClear = true }),
			pool:    &pool{version: 2, weak: true},
			steps:   []step{granted},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization NTLM gssapi-data=""
				+0s auth: offered NTLM, Kerberos, but NTLM challenge does not offer NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY`,
		},
		{
			name:  "S57 nor is a challenge that would have us do without what keeps us safe",
			pool:  &pool{flags: 0x82988273},
			steps: []step{granted},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization NTLM gssapi-data="", version=4
				+0s auth: offered NTLM, Kerberos, but NTLM challenge does not offer NTLMSSP_NEGOTIATE_128, NTLMSSP_NEGOTIATE_KEY_EXCH`,
		},
		{
			name:  "over clear TCP not even the beginning of a proof goes out",
			tcp:   true,
			steps: []step{granted},
			want: `
				+0s 1 REGISTER
				+0s auth: offered NTLM, Kerberos, but Kerberos is not supported; credentials go over clear TCP only under credentials_over_tcp, to a host that SRV or the configuration names`,
		},
		{
			name:    "clear TCP is allowed where the site says so, for Lync's security mode may be off",
			tcp:     true,
			account: with(func(a *Account) { a.InClear = true }),
			steps:   []step{granted},
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
				+0s credentials: credentials refused by "SIP Communications Service", which answered 401 Unauthorized`,
		},
		{
			name:    "without a password nothing is begun",
			account: with(func(a *Account) { a.Password = "" }),
			steps:   []step{granted},
			want: `
				+0s 1 REGISTER
				+0s auth: offered NTLM, Kerberos, but Kerberos is not supported; no password is configured`,
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
				+0s auth: offered NTLM, NTLM, but NTLM with version 1 is not supported; NTLM with version four is not supported`,
		},
		{
			name:   "an offer that comes in place of a challenge leads nowhere",
			script: []step{answer("401 Unauthorized", lyncOffer)},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization NTLM gssapi-data="", version=4
				+0s auth: offered NTLM, Kerberos, TLS-DSK, but NTLM is offered again in place of a challenge`,
		},
		{
			name:   "a challenge that is no challenge is refused",
			script: []step{answer("401 Unauthorized", `WWW-Authenticate: NTLM gssapi-data="TlRMTVNTUAAC"`)},
			want: `
				+0s 1 REGISTER
				+0s auth: offered NTLM, but NTLM challenge not usable: 9 octets are too few`,
		},
		{
			name:   "neither is one that is not even base64",
			script: []step{answer("401 Unauthorized", `WWW-Authenticate: NTLM gssapi-data="%%"`)},
			want: `
				+0s 1 REGISTER
				+0s auth: offered NTLM, but NTLM with gssapi-data that is not base64`,
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
			name:  "an unsigned refusal is told by its status; when to come again is not believed",
			pool:  &pool{tamper: func(string) string { return "" }},
			steps: []step{answer("503 Service Unavailable", "Retry-After: 60")},
			want: signedIn + `
				+0s status: answered 503 Service Unavailable, unsigned, retry after 0s`,
		},
		{
			name:  "nor is a lifetime it asks for",
			pool:  &pool{tamper: func(string) string { return "" }},
			steps: []step{answer("423 Interval Too Brief", "Min-Expires: 86400")},
			want: signedIn + `
				+0s status: answered 423 Interval Too Brief, unsigned; Min-Expires: 86400, retry after 0s`,
		},
		{
			name:  "an unsigned redirect leads nowhere",
			pool:  &pool{tamper: func(string) string { return "" }},
			steps: []step{answer("301 Moved", "Contact: <sip:pool02.contoso.com>")},
			want: signedIn + `
				+0s error: not signed by the Registrar: it has no Authentication-Info ("SIP/2.0 301 Moved")`,
		},
		{
			name:  "a refusal with a wrong signature is forged",
			pool:  &pool{tamper: func(info string) string { return strings.Replace(info, `rspauth="01`, `rspauth="02`, 1) }},
			steps: []step{answer("403 Forbidden")},
			want: signedIn + `
				+0s error: not signed by the Registrar: its rspauth is wrong ("SIP/2.0 403 Forbidden")`,
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
				+0s status: answered 404 Not Found; ms-diagnostics 4005: Destination URI either not enabled for SIP or does not exist (FE01.contoso.com), retry after 0s`,
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
			if account.AOR == (place.SIPAddress{}) {
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
				+5s ping
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
				+5s ping
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
				+5s ping
				+31.2s 4 REGISTER Authorization NTLM opaque="5A01", cnum="2"
				+31.2s 5 REGISTER Authorization NTLM gssapi-data="", version=4
				+31.2s 6 REGISTER Authorization NTLM opaque="5A02", gssapi-data=*, version=4, cnum="1"
				+31.2s binding lost: credentials refused by "SIP Communications Service", which answered 401 Unauthorized`,
		},
		{
			name:  "an unsigned answer to a refresh loses the binding",
			lasts: time.Minute,
			steps: func(l *pool) []step {
				return []step{granted("40"), func(p *peer, r *sipgoRequest) { p.sealWith(nil); granted("40")(p, r) }}
			},
			want: `
				+5s ping
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
	want := tidy(`
		+28500s 4 REGISTER
		+28500s 5 REGISTER Authorization NTLM gssapi-data="", version=4
		+28500s 6 REGISTER Authorization NTLM opaque="5A02", gssapi-data=*, version=4, cnum="1"
		+28500s refreshed for 24h0m0s
		+28801s the test is over`)
	if diff := cmp.Diff(want, withoutPings(got)); diff != "" {
		t.Error(diff)
	}
}

func withoutPings(transcript string) string {
	var acts strings.Builder
	for line := range strings.Lines(transcript) {
		if !strings.HasSuffix(line, " ping\n") {
			acts.WriteString(line)
		}
	}
	return acts.String()
}

// A refusal of a refresh that nobody has signed may be anybody's: it is tried again after a minute, or half of what is left,
// and believed after the fifth time, or when the binding is about to end.
func TestRefusedRefreshIsDoubted(t *testing.T) {
	for _, test := range []struct {
		name    string
		expires string
		refused int
		want    string
	}{
		{"twice, and then it is granted", "3600", 2, `
				+2804.6s 4 REGISTER Authorization NTLM opaque="5A01", cnum="2"
				+2864.6s 5 REGISTER Authorization NTLM opaque="5A01", cnum="3"
				+2924.6s 6 REGISTER Authorization NTLM opaque="5A01", cnum="4"
				+2924.6s refreshed for 1h0m0s
				+3600s the test is over`},
		{"six times", "3600", 6, `
				+2804.6s 4 REGISTER Authorization NTLM opaque="5A01", cnum="2"
				+2864.6s 5 REGISTER Authorization NTLM opaque="5A01", cnum="3"
				+2924.6s 6 REGISTER Authorization NTLM opaque="5A01", cnum="4"
				+2984.6s 7 REGISTER Authorization NTLM opaque="5A01", cnum="5"
				+3044.6s 8 REGISTER Authorization NTLM opaque="5A01", cnum="6"
				+3104.6s 9 REGISTER Authorization NTLM opaque="5A01", cnum="7"
				+3104.6s binding lost: answered 503 Service Unavailable, unsigned`},
		{"with little time left", "100", 6, `
				+77.9s 4 REGISTER Authorization NTLM opaque="5A01", cnum="2"
				+89s 5 REGISTER Authorization NTLM opaque="5A01", cnum="3"
				+94.5s 6 REGISTER Authorization NTLM opaque="5A01", cnum="4"
				+97.2s 7 REGISTER Authorization NTLM opaque="5A01", cnum="5"
				+97.2s binding lost: answered 503 Service Unavailable, unsigned`},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := &pool{version: 4}
			granted := answer("200 OK", "Expires: "+test.expires)
			refused := func(p *peer, r *sipgoRequest) {
				p.sealWith(nil)
				answer("503 Service Unavailable")(p, r)
				p.sealWith(l.seal)
			}
			steps := append([]step{granted}, slices.Repeat([]step{refused}, test.refused)...)
			got := keep(t, phone, time.Hour, []step{l.serve(append(steps, granted)...)}, idle)
			if diff := cmp.Diff(tidy(test.want), withoutPings(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
