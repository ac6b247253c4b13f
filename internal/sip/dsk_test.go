package sip

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const certSignedIn = `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization TLS-DSK gssapi-data=*, version=4
				+0s 3 REGISTER Authorization TLS-DSK opaque="7C01", gssapi-data=*, version=4
				+0s 4 REGISTER Authorization TLS-DSK opaque="7C01", version=4, cnum="1"`

func byNTLM(from int) string {
	return fmt.Sprintf(`
				+0s %d REGISTER Authorization NTLM gssapi-data="", version=4
				+0s %d REGISTER Authorization NTLM opaque="5A01", gssapi-data=*, version=4, cnum="1"
				+0s binding for 2h0m0s ntlm`, from, from+1)
}

// TestCertificate signs in with a certificate, or says why not, and goes on with what is left.
func TestCertificate(t *testing.T) {
	granted := answer("200 OK", "Expires: 7200")
	foreign := `ms-diagnostics: 4004;reason="Credentials provided are not authorized to act as specified from URI";source="fe01.contoso.com"`
	gcm := &tls.Config{CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, MaxVersion: tls.VersionTLS12}
	for _, test := range []struct {
		name    string
		tcp     bool
		account Account // zero: certified
		pool    *certPool
		steps   []step
		want    string          // "": it ends with NTLM
		failed  CertificateKind // told besides; 0: nothing
	}{
		{name: "with TLS 1.2 inside", pool: &certPool{}, want: certSignedIn + `
				+0s binding for 2h0m0s tls-dsk`},
		{name: "with TLS 1.0 and RSA inside", pool: &certPool{config: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}}, want: certSignedIn + `
				+0s binding for 2h0m0s tls-dsk`},
		{name: "before NTLM, whatever the Registrar's order", pool: &certPool{ntlm: true}, want: certSignedIn + `
				+0s binding for 2h0m0s tls-dsk`},
		{name: "after NTLM, where the site says so", account: certified(func(a *Account) { a.Schemes = []string{"ntlm", "tls-dsk"} }), pool: &certPool{ntlm: true}, want: `
				+0s 1 REGISTER` + byNTLM(2)},
		{name: "without a password", account: certified(func(a *Account) { a.Password = "" }), pool: &certPool{ntlm: true}, want: certSignedIn + `
				+0s binding for 2h0m0s tls-dsk`},
		{name: "while the password rests", account: certified(func(a *Account) { a.Rests = true }), pool: &certPool{ntlm: true}, want: certSignedIn + `
				+0s binding for 2h0m0s tls-dsk`},
		{name: "with a Registrar that takes only suites without SHA-1", pool: &certPool{config: gcm}, want: strings.Replace(certSignedIn, `+0s 3 REGISTER Authorization TLS-DSK opaque="7C01", gssapi-data=*, version=4
				+0s 4 REGISTER Authorization TLS-DSK opaque="7C01", version=4, cnum="1"`, `+0s 3 REGISTER Authorization TLS-DSK gssapi-data=*, version=4
				+0s 4 REGISTER Authorization TLS-DSK opaque="7C02", gssapi-data=*, version=4
				+0s 5 REGISTER Authorization TLS-DSK opaque="7C02", version=4, cnum="1"`, 1) + `
				+0s binding for 2h0m0s tls-dsk`},
		{name: "and signs with their hash", pool: &certPool{config: gcm, byPRF: true}, want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization TLS-DSK gssapi-data=*, version=4
				+0s 3 REGISTER Authorization TLS-DSK gssapi-data=*, version=4
				+0s 4 REGISTER Authorization TLS-DSK opaque="7C02", gssapi-data=*, version=4
				+0s 5 REGISTER Authorization TLS-DSK opaque="7C02", version=4, cnum="1"
				+0s 6 REGISTER Authorization TLS-DSK gssapi-data=*, version=4
				+0s 7 REGISTER Authorization TLS-DSK opaque="7C03", gssapi-data=*, version=4
				+0s 8 REGISTER Authorization TLS-DSK opaque="7C03", version=4, cnum="1"
				+0s binding for 2h0m0s tls-dsk`},
		{name: "with a flight in pieces", pool: &certPool{pieces: 400, config: &tls.Config{CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}, MaxVersion: tls.VersionTLS12}}, want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization TLS-DSK gssapi-data=*, version=4
				+0s 3 REGISTER Authorization TLS-DSK opaque="7C01", gssapi-data="", version=4
				+0s 4 REGISTER Authorization TLS-DSK opaque="7C01", gssapi-data="", version=4
				+0s 5 REGISTER Authorization TLS-DSK opaque="7C01", gssapi-data=*, version=4
				+0s 6 REGISTER Authorization TLS-DSK opaque="7C01", version=4, cnum="1"
				+0s binding for 2h0m0s tls-dsk`},
		{name: "a redirect is signed, too", pool: &certPool{}, steps: []step{answer("301 Moved", "Contact: <sip:fe02.contoso.com;transport=tls>;q=0.7")}, want: certSignedIn + `
				+0s redirect: redirected to fe02.contoso.com:5061 (tls)`},
		{name: "an unsigned redirect is not believed", pool: &certPool{pool: pool{tamper: func(string) string { return "" }}}, steps: []step{answer("301 Moved", "Contact: <sip:fe02.contoso.com;transport=tls>;q=0.7")}, want: certSignedIn + `
				+0s error: not signed by the Registrar: it has no Authentication-Info ("SIP/2.0 301 Moved")`},
		{name: "an unsigned 200 is not believed", pool: &certPool{pool: pool{tamper: func(string) string { return "" }}}, want: certSignedIn + `
				+0s error: not signed by the Registrar: it has no Authentication-Info ("SIP/2.0 200 OK")`},
		{name: "nor one that is signed wrongly", pool: &certPool{pool: pool{tamper: func(info string) string { return strings.Replace(info, `snum="1"`, `snum="2"`, 1) }}}, want: certSignedIn + `
				+0s error: not signed by the Registrar: its rspauth is wrong ("SIP/2.0 200 OK")`},
		{name: "an unsigned refusal is told by its status", pool: &certPool{pool: pool{tamper: func(string) string { return "" }}}, steps: []step{answer("504 Server time-out", "Retry-After: 60")}, want: certSignedIn + `
				+0s status: answered 504 Server time-out, unsigned, retry after 0s`},
		{name: "over clear TCP not even the handshake begins", tcp: true, pool: &certPool{}, want: `
				+0s 1 REGISTER
				+0s auth: offered TLS-DSK, but credentials go over clear TCP only under credentials_over_tcp, to a host that SRV or the configuration names`},

		{name: "refused after a complete handshake, with another scheme left", pool: &certPool{ntlm: true, refuses: true}, want: certSignedIn + byNTLM(5), failed: CertificateRefused},
		{name: "refused, with nothing left", pool: &certPool{refuses: true}, want: certSignedIn + `
				+0s error: the certificate is refused: answered 401 Unauthorized`, failed: CertificateRefused},
		{name: "refused, and no password to go on with", account: certified(func(a *Account) { a.Password = "" }), pool: &certPool{refuses: true, ntlm: true}, want: certSignedIn + `
				+0s error: the certificate is refused: answered 401 Unauthorized`, failed: CertificateRefused},
		{name: "refused, and then a wrong password", pool: &certPool{ntlm: true, refuses: true, pool: pool{password: "another"}}, want: certSignedIn + strings.Replace(byNTLM(5), "binding for 2h0m0s ntlm",
			`credentials: credentials refused by "SIP Communications Service", which answered 401 Unauthorized`, 1), failed: CertificateRefused},
		{name: "refused by an alert: unknown", pool: &certPool{ntlm: true, alert: 46}, want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization TLS-DSK gssapi-data=*, version=4
				+0s 3 REGISTER Authorization TLS-DSK opaque="7C01", gssapi-data=*, version=4
				+0s 4 REGISTER` + byNTLM(5), failed: CertificateUnknown},
		{name: "revoked", pool: &certPool{ntlm: true, alert: 44}, failed: CertificateRevoked},
		{name: "expired, says the Registrar", pool: &certPool{ntlm: true, alert: 45}, failed: CertificateExpired},
		{name: "another alert", pool: &certPool{ntlm: true, alert: 80}, failed: HandshakeBroken},
		{name: "no suite at all in common", pool: &certPool{ntlm: true, config: &tls.Config{CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, MaxVersion: tls.VersionTLS12}}, failed: HandshakeNoSuite},
		{name: "no version in common", pool: &certPool{ntlm: true, config: &tls.Config{MinVersion: tls.VersionTLS13}}, failed: HandshakeNoVersion},
		{name: "a handshake that gets another offer", pool: &certPool{ntlm: true, bare: true}, want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization TLS-DSK gssapi-data=*, version=4` + byNTLM(3), failed: HandshakeNotTaken},
		{name: "a server that is not admitted", account: certified(func(a *Account) {
			a.Identity.Admits = func(string, []*x509.Certificate) error { return errors.New("a stranger") }
		}), pool: &certPool{ntlm: true}, failed: ServerNotAdmitted},
		{name: "one that belongs to another", pool: &certPool{ntlm: true}, steps: []step{answer("403 Forbidden", foreign)}, failed: CertificateForeign},
		{name: "one that has ended by our clock", account: certified(func(a *Account) { a.Identity.Floor = ended.Add(time.Second) }), pool: &certPool{ntlm: true}, want: `
				+0s 1 REGISTER` + byNTLM(2), failed: CertificateExpired},
		{name: "one that has ended by our clock, and there is nothing else", account: certified(func(a *Account) { a.Identity.Floor = ended.Add(time.Second) }), pool: &certPool{}, want: `
				+0s 1 REGISTER
				+0s error: the certificate has expired`, failed: CertificateExpired},
		{name: "one that ends within the hour comes last", account: certified(func(a *Account) { a.Identity.Floor = ended.Add(-time.Minute) }), pool: &certPool{ntlm: true}, want: `
				+0s 1 REGISTER` + byNTLM(2)},
		{name: "and is used where there is nothing else", account: certified(func(a *Account) { a.Identity.Floor = ended.Add(-time.Minute) }), pool: &certPool{}, want: certSignedIn + `
				+0s binding for 2h0m0s tls-dsk`},
	} {
		t.Run(test.name, func(t *testing.T) {
			account := test.account
			if account.Identity == nil {
				account = certified(nil)
			}
			var failed []CertificateKind
			account.Identity.Failed = func(e *CertificateError) { failed = append(failed, e.Kind) }
			if test.steps == nil {
				test.steps = []step{granted}
			}
			got := register(t, !test.tcp, account, test.pool.serve(test.steps...))
			if diff := cmp.Diff(tidy(test.want), got); test.want != "" && diff != "" {
				t.Error(diff)
			}
			if test.want == "" && !strings.HasSuffix(got, "binding for 2h0m0s ntlm") {
				t.Errorf("does not go on with NTLM:\n%s", got)
			}
			if test.failed == 0 && failed != nil || test.failed != 0 && fmt.Sprint(failed) != fmt.Sprintf("[%d]", test.failed) {
				t.Errorf("told of %v, want %d", failed, test.failed)
			}
		})
	}
}

// What the Registrar's clock says of a certificate counts more than what ours does.
func TestCertificateByTheRegistrarsClock(t *testing.T) {
	for date, want := range map[string]string{"Wed, 28 Jun 2000 00:00:00 GMT": "tls-dsk", "Fri, 30 Jun 2000 00:00:00 GMT": "the certificate has expired"} {
		account := certified(func(a *Account) {
			a.Identity.Floor = ended.AddDate(5, 0, 0)
			if want != "tls-dsk" {
				a.Identity.Floor = time.Time{}
			}
		})
		l := &certPool{date: date}
		got := register(t, true, account, l.serve(answer("200 OK", "Expires: 7200")))
		if !strings.HasSuffix(got, want) {
			t.Errorf("at %s:\n%s", date, got)
		}
	}
}

// While the binding is kept, everything is signed, and the sign-in is repeated when it has to be.
func TestCertificateKeeps(t *testing.T) {
	const bare = "Via: SIP/2.0/TLS 10.0.0.5:5061;branch=z9hG4bK7\r\nFrom: <sip:contoso.com>;tag=1\r\nTo: <sip:phone1@contoso.com>\r\nCall-ID: c\r\n"
	options := "OPTIONS sip:phone1@10.0.0.21 SIP/2.0\r\n" + bare + "CSeq: 4 OPTIONS\r\n\r\n"
	granted := func(expires string) step { return answer("200 OK", "Expires: "+expires) }
	for _, test := range []struct {
		name  string
		lasts time.Duration
		floor time.Time
		pool  *certPool
		steps func(l *certPool) []step
		sent  []string
		want  string
	}{
		{
			name: "a refresh is signed", lasts: 35 * time.Second, pool: &certPool{},
			steps: func(*certPool) []step { return []step{granted("40"), granted("7200")} },
			want: `
				+31.7s 5 REGISTER Authorization TLS-DSK opaque="7C01", cnum="2"
				+31.7s refreshed for 2h0m0s
				+35s the test is over`,
		},
		{
			name: "a 401 to a refresh is answered by signing in once more", lasts: 40 * time.Second, pool: &certPool{},
			steps: func(l *certPool) []step { return []step{granted("40"), l.offer, granted("7200")} },
			want: `
				+31.7s 5 REGISTER Authorization TLS-DSK opaque="7C01", cnum="2"
				+31.7s 6 REGISTER Authorization TLS-DSK gssapi-data=*, version=4
				+31.7s 7 REGISTER Authorization TLS-DSK opaque="7C02", gssapi-data=*, version=4
				+31.7s 8 REGISTER Authorization TLS-DSK opaque="7C02", version=4, cnum="1"
				+31.7s refreshed for 2h0m0s
				+40s the test is over`,
		},
		{
			name: "a certificate that is revoked meanwhile loses the binding, and NTLM is not tried on this connection", lasts: time.Minute, pool: &certPool{ntlm: true},
			steps: func(l *certPool) []step {
				return []step{granted("40"), func(p *peer, r *sipgoRequest) { l.refuses = true; l.offer(p, r) }}
			},
			want: `
				+31.7s 5 REGISTER Authorization TLS-DSK opaque="7C01", cnum="2"
				+31.7s 6 REGISTER Authorization TLS-DSK gssapi-data=*, version=4
				+31.7s 7 REGISTER Authorization TLS-DSK opaque="7C02", gssapi-data=*, version=4
				+31.7s 8 REGISTER Authorization TLS-DSK opaque="7C02", version=4, cnum="1"
				+31.7s binding lost: the certificate is refused: answered 401 Unauthorized`,
		},
		{
			name: "our answers to signed requests are signed", lasts: time.Second, pool: &certPool{},
			steps: func(*certPool) []step { return []step{granted("7200")} },
			sent:  []string{options, options},
			want: `
				+0s answered 200 TLS-DSK opaque="7C01", cnum="2"
				+0s answered 200 TLS-DSK opaque="7C01", cnum="3"
				+1s the test is over`,
		},
		{
			name: "unsigned and wrongly signed requests did not come", lasts: time.Second, pool: &certPool{},
			steps: func(*certPool) []step { return []step{granted("7200")} },
			sent: []string{"unsigned", options, "BENOTIFY sip:phone1@10.0.0.21 SIP/2.0\r\n" + bare + "CSeq: 5 BENOTIFY\r\n" +
				"Content-Type: text/registration-event\r\nContent-Length: 27\r\n\r\nderegistered;event=rejected", "wrong", options},
			want: `+1s the test is over`,
		},
		{
			name: "an association lives 8 hours less 5 minutes", lasts: 8*time.Hour + time.Second, pool: &certPool{},
			steps: func(*certPool) []step { return []step{granted("86400")} },
			want: `
				+28500s 5 REGISTER
				+28500s 6 REGISTER Authorization TLS-DSK gssapi-data=*, version=4
				+28500s 7 REGISTER Authorization TLS-DSK opaque="7C02", gssapi-data=*, version=4
				+28500s 8 REGISTER Authorization TLS-DSK opaque="7C02", version=4, cnum="1"
				+28500s refreshed for 24h0m0s
				+28801s the test is over`,
		},
		{
			name: "and no longer than the certificate, less 5 minutes", lasts: 2*time.Hour + time.Second, floor: ended.Add(-2 * time.Hour), pool: &certPool{},
			steps: func(*certPool) []step { return []step{granted("86400")} },
			want: `
				+6900s 5 REGISTER
				+6900s 6 REGISTER Authorization TLS-DSK gssapi-data=*, version=4
				+6900s 7 REGISTER Authorization TLS-DSK opaque="7C02", gssapi-data=*, version=4
				+6900s 8 REGISTER Authorization TLS-DSK opaque="7C02", version=4, cnum="1"
				+6900s refreshed for 24h0m0s
				+7201s the test is over`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := test.pool
			account := certified(func(a *Account) { a.Identity.Floor = test.floor })
			got := keep(t, account, test.lasts, []step{l.serve(test.steps(l)...)}, func(p *peer) {
				for _, text := range test.sent {
					switch text {
					case "unsigned":
						p.sealWith(nil)
					case "wrong":
						p.sealWith(func(text string) string { return strings.Replace(l.sealCert(text), `srand="9`, `srand="8`, 1) })
					default:
						p.send(text)
					}
				}
			})
			if diff := cmp.Diff(tidy(test.want), withoutPings(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
