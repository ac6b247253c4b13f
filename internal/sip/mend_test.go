package sip

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"
)

// Who a site is told to have signed in, or to have been refused, is whom the Registrar has seen: Digest takes a part of
// the SIP address, NTLM a domain and a name.
func TestMend26UserOnTheWire(t *testing.T) {
	for user, known := range map[string]string{
		"": "PHONE1@CONTOSO.COM", "phone1@contoso.com": "PHONE1@CONTOSO.COM", "phone1@corp.contoso.com": "PHONE1@CORP.CONTOSO.COM",
		`CONTOSO\phone1`: "PHONE1CONTOSO", "CONTOSO/phone1": "PHONE1CONTOSO", "extension 17": "EXTENSION 17",
	} {
		for _, scheme := range []string{"digest", "ntlm"} {
			for _, accepted := range []bool{true, false} {
				seen := ""
				script := []step{answer("401 Unauthorized", md5Challenge), answer("401 Unauthorized", md5Challenge)}
				if accepted {
					script[1] = answer("200 OK", "Expires: 600")
				}
				if scheme == "ntlm" {
					script = []step{(&pool{version: 4, password: "another"}).serve(answer("200 OK"))}
					if accepted {
						script = []step{(&pool{version: 4, user: known}).serve(answer("200 OK", "Expires: 600"))}
					}
				}
				for i, next := range script {
					script[i] = func(p *peer, r *sipgoRequest) {
						if name := userIn(value(p.raw, "Authorization")); name != "" {
							seen = name
						}
						next(p, r)
					}
				}
				account := with(func(a *Account) { a.User, a.Schemes = user, []string{scheme} })
				bubble(t, true, account, script, func(s *Session, p *peer) {
					b, err := s.Register(p.t.Context())
					told := b.User
					var refused *CredentialsError
					if errors.As(err, &refused) {
						told = refused.Status.User
					}
					if accepted != (err == nil) || seen == "" || told != seen {
						t.Errorf("%s of %q, accepted %t: told %q, the Registrar has seen %q: %v", scheme, user, accepted, told, seen, err)
					}
				})
			}
		}
	}
}

// What has not been sent is not told.
func TestMend26NobodyOnTheWire(t *testing.T) {
	bubble(t, true, phone, []step{answer("503 Service Unavailable")}, func(s *Session, p *peer) {
		_, err := s.Register(p.t.Context())
		var status *StatusError
		if !errors.As(err, &status) || status.User != "" {
			t.Errorf("got %v, %+v", err, status)
		}
	})
	bubble(t, true, phone, []step{answer("401 Unauthorized", md5Challenge), answer("403 Forbidden")}, func(s *Session, p *peer) {
		_, err := s.Register(p.t.Context())
		var status *StatusError
		if !errors.As(err, &status) || status.User != "phone1" {
			t.Errorf("got %v, %+v", err, status)
		}
	})
}

// userIn reads the user in credentials: the user name of Digest, or domain and user of an AUTHENTICATE message (MS-NLMP
// section 2.2.1.3); "" if they hold none.
func userIn(credentials string) string {
	if strings.HasPrefix(credentials, "Digest") {
		name, _, _ := strings.Cut(strings.SplitN(credentials, `username="`, 2)[1], `"`)
		return strings.ReplaceAll(name, `\\`, `\`) // a quoted pair, RFC 3261 section 25.1
	}
	token, err := base64.StdEncoding.DecodeString(param(credentials, "gssapi-data"))
	if err != nil || len(token) < 72 {
		return ""
	}
	field := func(at int) string {
		size, offset := binary.LittleEndian.Uint16(token[at:]), binary.LittleEndian.Uint32(token[at+4:])
		var units []uint16
		for part := token[offset : offset+uint32(size)]; len(part) > 1; part = part[2:] {
			units = append(units, binary.LittleEndian.Uint16(part))
		}
		return string(utf16.Decode(units))
	}
	if domain := field(28); domain != "" {
		return domain + `\` + field(36)
	}
	return field(36)
}

// A 401 in answer to complete credentials refuses them, whatever it asks for now: nothing, what cannot be answered, or
// another scheme, with which the same password would go out once more.
func TestMend22RefusedWithoutTheChallenge(t *testing.T) {
	digest := answer("401 Unauthorized", md5Challenge)
	for name, second := range map[string]step{
		"no challenge":             answer("401 Unauthorized"),
		"Basic":                    answer("401 Unauthorized", `WWW-Authenticate: Basic realm="contoso.com"`),
		"a digest without nonce":   answer("401 Unauthorized", `WWW-Authenticate: Digest realm="contoso.com"`),
		"another scheme":           answer("401 Unauthorized", `WWW-Authenticate: NTLM realm="contoso.com", targetname="fe01", version=4`),
		"the same scheme, as said": digest,
	} {
		t.Run(name, func(t *testing.T) {
			account := with(func(a *Account) { a.Schemes = []string{"ntlm", "digest"} })
			bubble(t, true, account, []step{digest, second}, func(s *Session, p *peer) {
				_, err := s.Register(p.t.Context())
				var refused *CredentialsError
				if !errors.As(err, &refused) || refused.Scheme != "digest" || refused.Realm != "contoso.com" || refused.Status.Code != 401 {
					t.Errorf("got %v, want refused credentials", err)
				}
			})
		})
	}
}

// What was answered on a connection before it came to nothing is known of it: that the service works is not doubted then.
func TestMend40AnsweredBefore(t *testing.T) {
	const ntlm = `WWW-Authenticate: NTLM realm="SIP Communications Service", targetname="fe01.contoso.com", version=4`
	digest := answer("401 Unauthorized", md5Challenge)
	challenged := Answered{Method: "REGISTER", With: "401 Unauthorized"}
	proven := challenged
	proven.Proof = true
	for name, test := range map[string]struct {
		script []step
		want   *Answered
	}{
		"cut at once":                     {[]step{hangUp}, nil},
		"silent at once":                  {[]step{silence}, nil},
		"the proof is cut":                {[]step{digest, hangUp}, &proven},
		"the proof is not answered":       {[]step{digest, silence}, &proven},
		"a handshake is cut":              {[]step{answer("401 Unauthorized", ntlm), hangUp}, &challenged},
		"no final answer":                 {[]step{all(answer("100 Trying"), hangUp)}, &Answered{Method: "REGISTER", With: "100 Trying", Same: true}},
		"a longer registration is wanted": {[]step{answer("423 Interval Too Brief", "Min-Expires: 7200"), hangUp}, &Answered{Method: "REGISTER", With: "423 Interval Too Brief"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, true, with(func(a *Account) { a.Schemes = []string{"ntlm", "digest"} }), test.script, func(s *Session, p *peer) {
				_, err := s.Register(p.t.Context())
				var broken *ConnectionError
				var silent *SilenceError
				var got *Answered
				switch {
				case errors.As(err, &broken):
					got = broken.Answered
				case errors.As(err, &silent):
					got = silent.Answered
				default:
					t.Errorf("got %v", err)
				}
				if (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
					t.Errorf("got %+v, want %+v", got, test.want)
				}
			})
		})
	}
}
