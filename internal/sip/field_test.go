package sip

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
)

// compact writes the headers of a message in their compact forms, as some Registrars and SBCs do.
func compact(text string) string {
	for short, long := range compactNames {
		text = regexp.MustCompile(`(?m)^`+long+`:`).ReplaceAllString(text, string(short)+":")
	}
	return text
}

func TestField21EveryCompactName(t *testing.T) {
	for _, test := range []struct{ short, long string }{
		{"a", "Accept-Contact"}, {"b", "Referred-By"}, {"c", "Content-Type"}, {"d", "Request-Disposition"}, {"e", "Content-Encoding"},
		{"f", "From"}, {"i", "Call-ID"}, {"j", "Reject-Contact"}, {"k", "Supported"}, {"l", "Content-Length"}, {"m", "Contact"},
		{"n", "Identity-Info"}, {"o", "Event"}, {"r", "Refer-To"}, {"s", "Subject"}, {"t", "To"}, {"u", "Allow-Events"}, {"v", "Via"},
		{"x", "Session-Expires"}, {"y", "Identity"},
	} {
		for _, name := range []string{test.short, strings.ToUpper(test.short)} {
			if got := parseHeader(name + " : x").longName(); got != test.long {
				t.Errorf("%s is %s, want %s", name, got, test.long)
			}
		}
	}
	for _, name := range []string{"p", "w", "1", "", "aa"} {
		if got := (header{name: name}).longName(); got != name {
			t.Errorf("%s became %s", name, got)
		}
	}
}

// A Registrar that sends every header in compact form tells as much as any other: what it offers, and what a NOTIFY is about.
func TestField21CompactRegistrar(t *testing.T) {
	const notify = "NOTIFY sip:phone1@contoso.com SIP/2.0\r\nVia: SIP/2.0/TLS 10.0.0.1;branch=z9hG4bKn\r\nMax-Forwards: 70\r\nFrom: <sip:phone1@contoso.com>;tag=n\r\n" +
		"To: <sip:phone1@contoso.com>\r\nCall-ID: n\r\nCSeq: 1 NOTIFY\r\nEvent: vnd-microsoft-provisioning-v2\r\nSubscription-State: active\r\n" +
		"Content-Type: application/vnd-microsoft-roaming-provisioning-v2+xml\r\n"
	for name, write := range map[string]func(string) string{"long": func(text string) string { return text }, "compact": compact} {
		t.Run(name, func(t *testing.T) {
			script := []step{
				func(p *peer, r *sipgoRequest) {
					p.send(write(response(r, "200 OK", "Contact: <sip:phone1@10.0.0.21>;expires=300", "Allow-Events: vnd-microsoft-provisioning-v2, presence")))
				},
				func(p *peer, r *sipgoRequest) {
					p.send(write(response(r, "200 OK", "Expires: 3600")))
					p.send(write(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", notify, len(contosoProvisioning), contosoProvisioning)))
				},
			}
			bubble(t, true, phone, script, func(s *Session, p *peer) {
				b, err := s.Register(p.t.Context())
				if err != nil || !b.Lync || b.Expires.Seconds() != 300 {
					p.t.Fatalf("%+v, %v", b, err)
				}
				got, err := s.Provision(p.t.Context())
				if err != nil || got != contoso {
					p.t.Errorf("%+v, %v", got, err)
				}
				synctest.Wait()
			})
		})
	}
}

// A Registrar that has the password of a user under MD5 only, and offers SHA-256 as well, refuses what is made with SHA-256.
// The other one is tried before that counts as a refusal (RFC 8760), and remembered as long as the connection lives.
func TestFieldDigestOfTheOtherAlgorithm(t *testing.T) {
	const (
		sha256 = `WWW-Authenticate: Digest realm="contoso.com", nonce="n1", algorithm=SHA-256, qop="auth"`
		md5    = `WWW-Authenticate: Digest realm="contoso.com", nonce="n1", algorithm=MD5, qop="auth"`
		stale  = `WWW-Authenticate: Digest realm="contoso.com", nonce="n2", algorithm=SHA-256, qop="auth", stale=true`
	)
	both := answer("401 Unauthorized", sha256, md5)
	for _, test := range []struct {
		name   string
		script []step
		want   string // the algorithms of the requests, and the outcome
	}{
		{"both offered, MD5 known", []step{both, both, answer("200 OK")}, "- SHA-256 MD5: binding for 10m0s digest"},
		{"both offered, SHA-256 known", []step{both, answer("200 OK")}, "- SHA-256: binding for 10m0s digest"},
		{"both refused", []step{both}, `- SHA-256 MD5: credentials: credentials refused by "contoso.com", which answered 401 Unauthorized`},
		{"a nonce that was too old is no refusal", []step{both, answer("401 Unauthorized", stale, md5), answer("200 OK")},
			"- SHA-256 SHA-256: binding for 10m0s digest"},
		{"the other one is offered after the refusal", []step{answer("401 Unauthorized", sha256), answer("401 Unauthorized", md5), answer("200 OK")},
			"- SHA-256 MD5: binding for 10m0s digest"},
		{"one offered, and refused", []step{answer("401 Unauthorized", md5)}, `- MD5: credentials: credentials refused by "contoso.com", which answered 401 Unauthorized`},
	} {
		t.Run(test.name, func(t *testing.T) {
			script, tried := noting(test.script)
			lines := strings.Split(register(t, true, phone, script...), "\n")
			_, outcome, _ := strings.Cut(lines[len(lines)-1], " ")
			if got := strings.Join(*tried, " ") + ": " + outcome; got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// noting is a script that notes the algorithm of Digest in each request; "-": it is bare.
func noting(script []step) (noted []step, tried *[]string) {
	tried = new([]string)
	for _, next := range script {
		noted = append(noted, func(p *peer, r *sipgoRequest) {
			algorithm := "-"
			if h := r.GetHeader("Authorization"); h != nil {
				algorithm = regexp.MustCompile(`algorithm="?([A-Z0-9-]+)`).FindStringSubmatch(h.Value())[1]
			}
			*tried = append(*tried, algorithm)
			next(p, r)
		})
	}
	return noted, tried
}

// The algorithm that was taken is the first to be used when the Registrar asks again.
func TestFieldDigestRemembersTheAlgorithm(t *testing.T) {
	a := newAuthentication(phone, true)
	both := &message{code: 401, headers: []header{
		parseHeader(`WWW-Authenticate: Digest realm="contoso.com", nonce="n1", algorithm=SHA-256, qop="auth"`),
		parseHeader(`WWW-Authenticate: Digest realm="contoso.com", nonce="n1", algorithm=MD5, qop="auth"`),
	}}
	for i, want := range []struct {
		again     bool
		algorithm string
	}{{false, "SHA-256"}, {true, "MD5"}, {false, "MD5"}} {
		if _, err := a.challenged(both, want.again); err != nil {
			t.Fatal(err)
		}
		if d := a.askers[0].scheme.(*digestScheme); d.algorithm() != want.algorithm {
			t.Errorf("challenge %d is answered with %s, want %s", i+1, d.algorithm(), want.algorithm)
		}
	}
}

// Registrars say in several places that an account has as many bindings as they allow.
func TestFieldTooManyBindings(t *testing.T) {
	for _, test := range []struct {
		name, status string
		headers      []string
		want         bool
	}{
		{"Kamailio", "503 Service Unavailable", []string{"P-Registrar-Error: Too many registered contacts"}, true},
		{"in the phrase", "403 Too Many Registrations", nil, true},
		{"in a warning", "403 Forbidden", []string{`Warning: 399 fe01.contoso.com "Maximum number of contacts exceeded"`}, true},
		{"too many of something else", "403 Forbidden", []string{`Warning: 399 fe01.contoso.com "Too many hops"`}, false},
		{"a number that is no limit", "403 Forbidden", []string{`Warning: 399 fe01.contoso.com "registrations are not allowed from here"`}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, true, phone, []step{answer(test.status, test.headers...)}, func(s *Session, p *peer) {
				_, err := s.Register(p.t.Context())
				var status *StatusError
				if !errors.As(err, &status) || status.TooManyBindings() != test.want {
					p.t.Errorf("%#v", err)
				}
			})
		})
	}
}

// A redirect that cannot be followed says where it would have led.
func TestFieldRedirectThatLeadsNowhere(t *testing.T) {
	for _, test := range []struct{ contact, want string }{
		{"Contact: <sip:phone1@fe02.contoso.com;transport=udp>", "answered 302 Moved Temporarily; Contact: <sip:phone1@fe02.contoso.com;transport=udp>"},
		{"Server: x", "answered 302 Moved Temporarily"},
	} {
		bubble(t, true, phone, []step{answer("302 Moved Temporarily", test.contact)}, func(s *Session, p *peer) {
			if _, err := s.Register(p.t.Context()); err == nil || err.Error() != test.want {
				p.t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// What proxies on the way add to an answer does no harm.
func TestFieldProxiesOnTheWay(t *testing.T) {
	for name, headers := range map[string][]string{
		"Path and Service-Route": {"Path: <sip:edge.contoso.com;lr;ob>", "Service-Route: <sip:core.contoso.com;lr>", "Require: outbound", "Flow-Timer: 20"},
		"more Via":               {"Via: SIP/2.0/TLS 192.0.2.1;branch=z9hG4bKother"},
		"odd headers":            {"P-Associated-URI: <tel:+1>, <sip:x@contoso.com>", "no colon here", ": no name", "Contact: *"},
	} {
		t.Run(name, func(t *testing.T) {
			headers = append(headers, "Contact: <sip:phone1@10.0.0.21>;expires=300")
			if got := register(t, true, phone, answer("200 OK", headers...)); !strings.Contains(got, "binding for 5m0s") {
				t.Error(got)
			}
		})
	}
	rewritten := func(p *peer, r *sipgoRequest) { // a NAT in between has filled in rport, another has lost the port
		p.send(regexp.MustCompile(`Via: ([^;]*)`).ReplaceAllString(response(r, "200 OK", "Contact: <sip:phone1@198.51.100.7:40001>;expires=300"), "Via: SIP/2.0/TLS 198.51.100.7;received=198.51.100.7;rport=40001"))
	}
	if got := register(t, true, phone, rewritten); !strings.Contains(got, "binding for 5m0s") {
		t.Error(got)
	}
}
