package sip

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeward/internal/place"
)

// RFC 2617 section 3.5 and RFC 7616 sections 3.9.1 (both algorithms): what we compute is what the RFCs print.
func TestDigestVectors(t *testing.T) {
	for _, test := range []struct {
		name               string
		user, password     string
		challenge, uri     string
		cnonce, want, kind string
	}{
		{
			name: "RFC 2617 section 3.5", user: "Mufasa", password: "Circle Of Life", uri: "/dir/index.html", cnonce: "0a4f113b",
			challenge: `Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
			want:      "6629fae49393a05397450978507c4ef1",
		},
		{
			name: "RFC 7616 section 3.9.1, MD5", user: "Mufasa", password: "Circle of Life", uri: "/dir/index.html",
			cnonce:    "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
			challenge: `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
			want:      "8ca523f5e9506fed4657c9700eebdbec",
		},
		{
			name: "RFC 7616 section 3.9.1, SHA-256", user: "Mufasa", password: "Circle of Life", uri: "/dir/index.html",
			cnonce:    "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
			challenge: `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
			want:      "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
		},
		{
			name: "RFC 2069, without qop", user: "Mufasa", password: "CircleOfLife", uri: "/dir/index.html",
			challenge: `Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
			want:      "1949323746fe6a43ef61f9606e7febea", // RFC 2069 errata 749
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := digestScheme{user: test.user, password: func() string { return test.password }, nonce: &Nonce{}}
			challenges := parseChallenges([]string{test.challenge})
			if len(challenges) != 1 || d.answer(challenges[0], false) != nil {
				t.Fatalf("not answered: %v", challenges)
			}
			got, err := d.compute(d.nonce.now(), "GET", test.uri, 1, test.cnonce, nil)
			if err != nil || got.Response != test.want {
				t.Errorf("got %+v, %v; want %s", got, err, test.want)
			}
		})
	}
}

// What a Registrar has quoted goes back to it as it came: neither Latin-1 nor a space that is no ASCII is escaped as Go would.
func TestMend142RealmsGoBackAsTheyCame(t *testing.T) {
	for _, realm := range []string{"B\xfcro", "B\u00a0ro", "Büro", `a "b" \c`} {
		d := digestScheme{user: "ph\xf6ne", password: func() string { return "secret" }, nonce: &Nonce{}, field: "Authorization"}
		if err := d.answer(parseChallenges([]string{`Digest realm=` + quote(realm) + `, nonce="n", opaque="o", qop="auth", algorithm=SHA-256`})[0], false); err != nil {
			t.Fatal(err)
		}
		m := &message{method: "REGISTER", uri: "sip:contoso.com"}
		if err := d.sign(m); err != nil {
			t.Fatal(err)
		}
		c := parseChallenges(m.all("Authorization"))[0]
		want := params{"username": "ph\xf6ne", "realm": realm, "nonce": "n", "uri": "sip:contoso.com", "opaque": "o", "qop": "auth", "nc": "00000001", "algorithm": "SHA-256", "cnonce": d.latest.Cnonce, "response": d.latest.Response}
		if c.scheme != "Digest" || !maps.Equal(c.params, want) {
			t.Errorf("%q: %v", realm, m.all("Authorization"))
		}
	}
}

// A Registrar that knows the password may say so; rspauth worked out by hand from RFC 2617 section 3.2.3.
func TestDigestConfirmation(t *testing.T) {
	got := register(t, true, phone, answer("401 Unauthorized", md5Challenge), func(p *peer, r *sipgoRequest) {
		if !signedWith(r, "canary-secret") || signedWith(r, "other") {
			p.t.Error("the credentials were not made with the password")
		}
		p.send(response(r, "200 OK", `Authentication-Info: qop=auth, nc=00000001, rspauth="`+confirmation(r, "canary-secret")+`"`))
	})
	if !strings.HasSuffix(got, "+0s binding for 10m0s digest") {
		t.Error(got)
	}
}

func TestParseChallenges(t *testing.T) {
	got := parseChallenges([]string{
		`NTLM realm="SIP Communications Service", targetname="FE01.contoso.com", gssapi-data="", version=4`,
		`Digest  realm = "a \"b\", c" , nonce=abc.def/+==,stale = FALSE, Negotiate, Basic realm=unquoted`,
		``,
		`Digest realm="first", realm="second"`,
	})
	want := []challenge{
		{"NTLM", params{"realm": "SIP Communications Service", "targetname": "FE01.contoso.com", "gssapi-data": "", "version": "4"}},
		{"Digest", params{"realm": `a "b", c`, "nonce": "abc.def/+==", "stale": "FALSE"}},
		{"Negotiate", params{}},
		{"Basic", params{"realm": "unquoted"}},
		{"Digest", params{"realm": "first"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(challenge{})); diff != "" {
		t.Error(diff)
	}
}

func TestDigestUser(t *testing.T) {
	for _, test := range []struct{ name, user, want string }{
		{"none given: the part before @", "", "phone1"},
		{"the SIP address itself: the part before @", "phone1@contoso.com", "phone1"},
		{"another login name: as it is", `CONTOSO\phone1`, `CONTOSO\phone1`},
	} {
		a := Account{AOR: place.SIPAddress{User: "phone1", Domain: "contoso.com"}, User: test.user}
		if got := a.digestUser(); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// A refusal doubts the password unless it came without credentials, or from a Registrar that has shown to know it.
func TestMend22RefusalOfTheSchemeOrOfTheAccount(t *testing.T) {
	confirmed := func(p *peer, r *sipgoRequest) {
		answer("403 Forbidden", `Authentication-Info: qop=auth, rspauth="`+confirmation(r, "canary-secret")+`"`)(p, r)
	}
	for name, test := range map[string]struct {
		pool   *pool
		script []step
		want   string
	}{
		"without credentials":        {script: []step{answer("403 Forbidden")}, want: ""},
		"with Digest":                {script: []step{answer("401 Unauthorized", md5Challenge), answer("403 Forbidden")}, want: "digest"},
		"with Digest, and confirmed": {script: []step{answer("401 Unauthorized", md5Challenge), confirmed}, want: ""},
		"with NTLM, and signed":      {pool: &pool{version: 4}, script: []step{answer("403 Forbidden")}, want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			if test.pool != nil {
				test.script = []step{test.pool.serve(test.script...)}
			}
			bubble(t, true, phone, test.script, func(s *Session, p *peer) {
				_, err := s.Register(p.t.Context())
				var status *StatusError
				if !errors.As(err, &status) || status.Code != 403 || status.Unsigned || status.Scheme != test.want {
					p.t.Errorf("%#v", err)
				}
			})
		})
	}
}
