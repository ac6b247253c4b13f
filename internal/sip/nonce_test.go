package sip

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// at is the time and number of a request.
var at = regexp.MustCompile(`^\+0s (\d+ )?`)

// A nonce that another connection to the Registrar has left signs the first REGISTER. Whatever comes of it but an answer costs a round
// trip, and is no verdict on the account.
func TestNonceAhead(t *testing.T) {
	const fresh = `WWW-Authenticate: Digest realm="SIP", nonce="new", qop="auth", algorithm=MD5`
	ok, asks := answer("200 OK"), answer("401 Unauthorized", fresh)
	none := "REGISTER\n"
	ahead := "REGISTER Authorization nonce=\"old\", algorithm=MD5, qop=auth, nc=00000003\n"
	anew := "REGISTER Authorization nonce=\"new\", algorithm=MD5, qop=auth, nc=00000001\n"
	for _, test := range []struct {
		name    string
		account Account
		clear   bool
		script  []step
		want    string
	}{
		{"it is good", phone, false, []step{ok}, ahead + "binding"},
		{"it is too old", phone, false, []step{answer("401 Unauthorized", fresh+", stale=true"), ok}, ahead + anew + "binding"},
		{"the Registrar has never heard of it", phone, false, []step{asks, ok}, ahead + anew + "binding"},
		{"the password is another one", phone, false, []step{asks, asks}, ahead + anew + "credentials"},
		{"the account is refused for it", phone, false, []step{answer("403 Forbidden"), asks, ok}, ahead + none + anew + "binding"},
		{"the account is refused with it, and without", phone, false, []step{answer("403 Forbidden"), answer("403 Forbidden")}, ahead + none + "status"},
		{"the account is refused when it has answered", phone, false, []step{asks, answer("403 Forbidden")}, ahead + anew + "status"},
		{"the request is not understood", phone, false, []step{answer("400 Bad Request"), ok}, ahead + none + "binding"},
		{"the Registrar is busy", phone, false, []step{answer("503 Service Unavailable")}, ahead + "status"},
		{"in clear", phone, true, []step{ok}, none + "binding"},
		{"in clear, which is allowed", with(func(a *Account) { a.InClear = true }), true, []step{ok}, none + "binding"},
		{"without a password", with(func(a *Account) { a.Password = "" }), false, []step{ok}, none + "binding"},
		{"the password rests", with(func(a *Account) { a.Rests = true }), false, []step{ok}, none + "binding"},
		{"Digest is not allowed", with(func(a *Account) { a.Schemes = []string{"tls-dsk", "ntlm"} }), false, []step{ok}, none + "binding"},
		{"a certificate comes first", certified(nil), false, []step{ok}, none + "binding"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.account.Nonce = left(t)
			lines := strings.Split(register(t, !test.clear, test.account, test.script...), "\n")
			for i, line := range lines {
				lines[i] = at.ReplaceAllString(line, "")
			}
			last := len(lines) - 1
			lines[last], _, _ = strings.Cut(lines[last], " ")
			if got := strings.TrimSuffix(strings.Join(lines, "\n"), ":"); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// Each proof that is refused counts for whoever counts passwords, unless it was the nonce: also what was sent ahead, and what was made with another
// algorithm. After two there is no third: the one with which it was accepted before comes first.
func TestMend141ProofsAreCounted(t *testing.T) {
	const sha256 = `WWW-Authenticate: Digest realm="contoso.com", nonce="n1", algorithm=SHA-256, qop="auth"`
	asks, stale := answer("401 Unauthorized", md5Challenge), answer("401 Unauthorized", md5Challenge+", stale=true")
	both, forbidden, ok := answer("401 Unauthorized", sha256, md5Challenge), answer("403 Forbidden"), answer("200 OK")
	for name, test := range map[string]struct {
		ahead  bool
		script []step
		want   int
		signed string // the algorithms of the requests
	}{
		"it is good":                       {true, []step{ok}, 0, "MD5"},
		"asked":                            {true, []step{asks, ok}, 1, "MD5 MD5"},
		"asked, since it is too old":       {true, []step{stale, ok}, 0, "MD5 MD5"},
		"refused":                          {true, []step{forbidden, asks, ok}, 1, "MD5 - MD5"},
		"one algorithm":                    {false, []step{asks}, 1, "- MD5"},
		"two algorithms":                   {false, []step{both}, 2, "- SHA-256 MD5"},
		"two, and one was accepted before": {true, []step{both}, 2, "MD5 MD5"},
		"it knows the nonce no more":       {true, []step{both, ok}, 1, "MD5 MD5"},
	} {
		account := phone
		if test.ahead {
			account.Nonce = left(t)
		}
		script, tried := noting(test.script)
		bubble(t, true, account, script, func(s *Session, p *peer) {
			if _, _ = s.Register(p.t.Context()); s.Spent() != test.want {
				p.t.Errorf("%s: %d proofs were refused, want %d", name, s.Spent(), test.want)
			}
		})
		if got := strings.Join(*tried, " "); got != test.signed {
			t.Errorf("%s: signed with %q, want %q", name, got, test.signed)
		}
	}
}

// Of proofs that may be refused there are as many as the account says. With one left, nothing is signed before it is asked for, nor with another
// algorithm; and what is signed before a refresh is asked for counts, whoever asks.
func TestMend156ProofsThatAreLeft(t *testing.T) {
	const sha256 = `WWW-Authenticate: Digest realm="contoso.com", nonce="n1", algorithm=SHA-256, qop="auth"`
	both, ok := answer("401 Unauthorized", sha256, md5Challenge), answer("200 OK")
	proxy := answer("407 Proxy Authentication Required", strings.Replace(md5Challenge, "WWW", "Proxy", 1), strings.Replace(sha256, "WWW", "Proxy", 1))
	for name, test := range map[string]struct {
		ahead  bool
		tries  []int // before each REGISTER
		script []step
		signed string // the algorithms of the requests
	}{
		"two":                      {false, []int{2}, []step{both}, "- SHA-256 MD5"},
		"one":                      {false, []int{1}, []step{both}, "- SHA-256"},
		"one, and a nonce":         {true, []int{1}, []step{both}, "- MD5"},
		"a refresh":                {false, []int{2, 2}, []step{both, ok, both}, "- SHA-256 SHA-256 SHA-256"},
		"a refresh, with one left": {false, []int{2, 1}, []step{both, ok, both}, "- SHA-256 - SHA-256"},
		"a refresh, none left":     {false, []int{2, 0}, []step{both, ok, both, ok}, "- SHA-256 - SHA-256"},
		"a proxy has refused one":  {false, []int{2}, []step{proxy, proxy, both}, "- - - SHA-256"},
	} {
		account, more := phone, 0
		if account.Tries = func() int { return more }; test.ahead {
			account.Nonce = left(t)
		}
		script, tried := noting(test.script)
		bubble(t, true, account, script, func(s *Session, p *peer) {
			for _, more = range test.tries {
				_, _ = s.Register(p.t.Context())
			}
		})
		if got := strings.Join(*tried, " "); got != test.signed {
			t.Errorf("%s: signed with %q, want %q", name, got, test.signed)
		}
	}
}

// left is the nonce of a connection on which two requests were signed with it.
func left(t *testing.T) (n *Nonce) {
	t.Helper()
	bubble(t, true, phone, []step{
		answer("401 Unauthorized", `WWW-Authenticate: Digest realm="SIP", nonce="first", qop="auth", algorithm=MD5`),
		answer("200 OK", `Authentication-Info: nextnonce="old"`), answer("200 OK"), answer("200 OK"),
	}, func(s *Session, p *peer) {
		for range 3 {
			if _, err := s.Register(p.t.Context()); err != nil {
				p.t.Error(err)
			}
		}
		n = s.Nonce()
	})
	return n
}

// Where nobody has asked, or for something else, there is no nonce.
func TestNoNonce(t *testing.T) {
	for name, script := range map[string][]step{
		"nobody asks": {answer("200 OK")},
		"NTLM":        {(&pool{version: 4}).serve(answer("200 OK"))},
	} {
		bubble(t, true, phone, script, func(s *Session, p *peer) {
			if _, err := s.Register(p.t.Context()); err != nil || s.Nonce() != nil {
				p.t.Errorf("%s: %v, nonce %v", name, err, s.Nonce())
			}
		})
	}
}

// What is kept of a nonce for the next run signs as it does itself; what no Registrar can have written does not.
func TestKeptNonce(t *testing.T) {
	for _, text := range []string{
		`Digest realm="SIP Communications Service", nonce="a+/=", opaque="o\"p\\q", algorithm=SHA-256, qop="auth"`, `Digest realm="", nonce="n"`,
	} {
		n, err := KeptNonce(text, 7)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		again, count := n.Kept()
		same, err := KeptNonce(again, count)
		if err != nil || !reflect.DeepEqual(same, n) || count != 7 {
			t.Errorf("%s: kept as %s, %d: %v", text, again, count, err)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "another way": `NTLM realm="SIP", targetname="fe01"`, "two": `Digest nonce="a", Digest nonce="b"`, "no nonce": `Digest realm="SIP"`,
		"an algorithm that is not ours": `Digest nonce="a", algorithm=SHA-1`, "a second line": "Digest nonce=\"a\r\nRoute: <sip:evil>\"",
		"a quality that is not ours": `Digest nonce="a", qop="auth-conf"`, "endless": `Digest nonce="` + strings.Repeat("a", maxKept) + `"`,
	} {
		if n, err := KeptNonce(text, 0); err == nil {
			t.Errorf("%s: %v", name, n)
		}
	}
	for _, count := range []int{-1, maxCount - 1} {
		if n, err := KeptNonce(`Digest nonce="a"`, count); (err == nil) != (count > 0) {
			t.Errorf("signed with %d times: %v, %v", count, n, err)
		}
	}
}
