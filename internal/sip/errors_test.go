package sip

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/internal/place"
)

// Whatever Register fails for has a kind, and fields that say what a sentence would say.
func TestEachFailureOfRegisterHasAKind(t *testing.T) {
	const (
		basic     = `WWW-Authenticate: Basic realm="a"`
		kerberos  = `WWW-Authenticate: Kerberos realm="SIP Communications Service", targetname="sip/fe01.contoso.com", version=4`
		ntlm      = `WWW-Authenticate: NTLM realm="SIP Communications Service", targetname="fe01.contoso.com", version=4`
		ntlm1     = `WWW-Authenticate: NTLM realm="SIP Communications Service", targetname="fe01.contoso.com", version=1`
		tlsDSK    = `WWW-Authenticate: TLS-DSK realm="SIP Communications Service", targetname="fe01.contoso.com", version=4`
		negotiate = `WWW-Authenticate: Negotiate realm="a"`
		digest    = `WWW-Authenticate: Digest realm="a", nonce="n"`
		newDigest = `WWW-Authenticate: Digest realm="a", nonce="n", algorithm=SHA3-256`
		stale     = `WWW-Authenticate: Digest realm="a", nonce="n", stale=true`
	)
	unauthorized := func(challenges ...string) []step { return []step{answer("401 Unauthorized", challenges...)} }
	nobody := with(func(a *Account) { a.Password = "" })
	digestOnly := with(func(a *Account) { a.Schemes = []string{"digest"} })
	signed := append(unauthorized(digest+`, qop="auth"`), answer("200 OK", `Authentication-Info: qop=auth, rspauth="00"`))
	produced := map[string]bool{}
	for name, test := range map[string]struct {
		account Account
		tcp     bool
		script  []step
		want    error
	}{
		"no challenge":                {script: unauthorized(), want: &AuthError{Kind: NothingOffered}},
		"Basic alone":                 {script: unauthorized(basic), want: &AuthError{Kind: BasicOffered, Offered: []string{"Basic"}}},
		"one nobody knows":            {script: unauthorized(negotiate), want: &AuthError{Kind: SchemeUnknown, Offered: []string{"Negotiate"}}},
		"one nobody knows, and Basic": {script: unauthorized(negotiate, basic), want: &AuthError{Kind: SchemeUnknown, Offered: []string{"Negotiate", "Basic"}}},
		"Kerberos":                    {script: unauthorized(kerberos, negotiate), want: &AuthError{Kind: KerberosOffered, Offered: []string{"Kerberos", "Negotiate"}}},
		"one the site does not allow": {account: digestOnly, script: unauthorized(kerberos, ntlm), want: &AuthError{Kind: SchemeNotAllowed, Offered: []string{"Kerberos", "NTLM"}, Barred: []string{"ntlm"}}},
		"over clear TCP":              {tcp: true, script: unauthorized(kerberos, ntlm), want: &AuthError{Kind: ClearTCP, Offered: []string{"Kerberos", "NTLM"}}},
		"no certificate":              {script: unauthorized(kerberos, tlsDSK), want: &AuthError{Kind: CertificateMissing, Offered: []string{"Kerberos", "TLS-DSK"}}},
		"a password that rests":       {account: with(func(a *Account) { a.Rests = true }), script: unauthorized(ntlm, tlsDSK), want: &AuthError{Kind: PasswordResting, Offered: []string{"NTLM", "TLS-DSK"}}},
		"no password":                 {account: nobody, script: unauthorized(kerberos, ntlm, basic), want: &AuthError{Kind: PasswordMissing, Offered: []string{"Kerberos", "NTLM", "Basic"}}},
		"a Digest of its own":         {script: unauthorized(newDigest, kerberos), want: &AuthError{Kind: UnusableChallenge, Offered: []string{"Digest SHA3-256", "Kerberos"}}},
		"an NTLM of its own":          {script: unauthorized(ntlm1), want: &AuthError{Kind: UnusableChallenge, Offered: []string{"NTLM"}}},
		"an NTLM that cannot be read": {script: unauthorized(ntlm + `, gssapi-data="?"`), want: &AuthError{Kind: UnusableChallenge, Offered: []string{"NTLM"}}},
		"again and again":             {script: []step{answer("401 Unauthorized", digest), answer("401 Unauthorized", stale), answer("401 Unauthorized", stale), answer("401 Unauthorized", stale), answer("401 Unauthorized", stale)}, want: &AuthError{Kind: NonceOutdated}},
		"again, and not for its age":  {script: []step{answer("401 Unauthorized", digest), answer("407 Proxy Authentication Required", strings.Replace(digest, "WWW", "Proxy", 1)), answer("401 Unauthorized", stale), answer("407 Proxy Authentication Required", strings.Replace(stale, "WWW", "Proxy", 1)), answer("401 Unauthorized", stale)}, want: &AuthError{Kind: ChallengedTooOften}},
		"HTTP":                        {script: []step{say("HTTP/1.1 400 Bad Request\r\n\r\n")}, want: &MalformedError{Kind: NotSIP, Begins: "HTTP/1.1 400 Bad Request"}},
		"two lengths":                 {script: []step{answer("200 OK", "Content-Length: 1", "Content-Length: 2")}, want: &MalformedError{Kind: BadFraming}},
		"too many headers":            {script: []step{answer("200 OK", strings.Split(strings.Repeat("X: y\n", maxHeaders), "\n")[:maxHeaders]...)}, want: &MalformedError{Kind: HeadTooLarge}},
		"one large header":            {script: []step{answer("200 OK", "X: "+strings.Repeat("y", maxHead))}, want: &MalformedError{Kind: HeadTooLarge}},
		"half a message":              {script: []step{say("SIP/2.0 200")}, want: &SilenceError{Kind: ToRequest, Method: "REGISTER", After: firstAnswer}},
		"silence":                     {script: []step{silence}, want: &SilenceError{Kind: ToRequest, Method: "REGISTER", After: firstAnswer}},
		"the end":                     {script: []step{hangUp}, want: &ConnectionError{Kind: HungUp, Err: io.EOF}},
		"the end of half a message":   {script: []step{all(say("SIP/2.0 200 OK\r\n"), hangUp)}, want: &ConnectionError{Kind: HungUpWithin, Err: io.ErrUnexpectedEOF}},
		"a lifetime of nothing":       {script: []step{answer("202 Accepted", "Expires: 0")}, want: &LostError{Kind: NothingGranted, Code: 202}},
		"another's proof":             {script: signed, want: &SignatureError{Kind: WrongSignature, Begins: "SIP/2.0 200 OK"}},
	} {
		t.Run(name, func(t *testing.T) {
			account := phone
			if test.account.AOR != (place.SIPAddress{}) {
				account = test.account
			}
			bubble(t, !test.tcp, account, test.script, func(s *Session, p *peer) {
				_, err := s.Register(p.t.Context())
				if got := kindOf(err); !reflect.DeepEqual(got, test.want) {
					t.Errorf("got %#v, want %#v", got, test.want)
				}
				produced[fmt.Sprintf("%T %v", kindOf(err), kindNumber(err))] = true
			})
		})
	}
	for _, k := range AuthKinds() {
		if !produced[fmt.Sprintf("*sip.AuthError %d", k)] {
			t.Errorf("no challenge shows kind %d", k)
		}
	}
}

// kindOf is the typed error in err, without its words.
func kindOf(err error) error {
	var (
		auth       *AuthError
		malformed  *MalformedError
		silence    *SilenceError
		connection *ConnectionError
		lost       *LostError
		signature  *SignatureError
	)
	switch {
	case errors.As(err, &auth):
		return &AuthError{Kind: auth.Kind, Offered: auth.Offered, Barred: auth.Barred}
	case errors.As(err, &malformed):
		return &MalformedError{Kind: malformed.Kind, Begins: malformed.Begins}
	case errors.As(err, &silence):
		return silence
	case errors.As(err, &connection):
		return connection
	case errors.As(err, &lost):
		return lost
	case errors.As(err, &signature):
		return signature
	}
	return err
}

func kindNumber(err error) int {
	var auth *AuthError
	if errors.As(err, &auth) {
		return int(auth.Kind)
	}
	return 0
}

// What ends a binding has a kind, too, beside ErrBindingLost.
func TestEachEndOfKeepHasAKind(t *testing.T) {
	for name, test := range map[string]struct {
		script []step
		want   error
	}{
		"no pong":        {script: []step{answer("200 OK", "Flow-Timer: 60", "Expires: 3600")}, want: &SilenceError{Kind: ToKeepAlive, After: pongWait}},
		"half a message": {script: []step{all(answer("200 OK", "Expires: 3600"), say("OPTIONS"))}, want: &MalformedError{Kind: Incomplete}},
		"forgotten": {
			script: []step{answer("200 OK", "Expires: 20"), answer("200 OK", `presence-state: register-action="added"`, "Expires: 20")},
			want:   &LostError{Kind: Forgotten, Code: 200, Action: "added"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, true, phone, test.script, func(s *Session, p *peer) {
				if _, err := s.Register(p.t.Context()); err != nil {
					p.t.Fatal(err)
				}
				err := s.Keep(p.t.Context(), Watch{})
				if diff := cmp.Diff(test.want, kindOf(err)); diff != "" || !errors.Is(err, ErrBindingLost) {
					t.Errorf("%v: %s", err, diff)
				}
			})
		})
	}
}

// What servers say besides is told part by part (RFC 3261 section 20.43).
func TestWarningsAreTold(t *testing.T) {
	warning := `Warning: 309 lcs.microsoft.com "You currently do not have permission, sir", 399 fe01.contoso.com:5061 "a \"b\"` + "\x1b" + `"`
	bubble(t, true, phone, []step{answer("403 Forbidden", warning, "Warning: 12 a b, 99 a b, 1000 a b, 100 a least, 999 a most", "Warning: none")}, func(s *Session, p *peer) {
		_, err := s.Register(p.t.Context())
		var status *StatusError
		if !errors.As(err, &status) {
			t.Fatal(err)
		}
		want := []Warning{{309, "lcs.microsoft.com", "You currently do not have permission, sir"}, {399, "fe01.contoso.com:5061", `a "b"\x1b`}, {100, "a", "least"}, {999, "a", "most"}}
		if diff := cmp.Diff(want, status.Warnings); diff != "" {
			t.Error(diff)
		}
	})
}

// A 423 without Min-Expires is another fault than one that wants more than it gets.
func TestNamesNoInterval(t *testing.T) {
	for _, test := range []struct {
		status StatusError
		want   bool
	}{
		{StatusError{Code: 423}, true},
		{StatusError{Code: 423, Fields: []Field{{"Reason", "SIP;cause=423"}}}, true},
		{StatusError{Code: 423, Fields: []Field{{"Reason", "SIP;cause=423"}, {"Min-Expires", "1000000"}}}, false},
		{StatusError{Code: 421, Fields: []Field{{"Require", "outbound"}}}, false},
	} {
		if got := test.status.NamesNoInterval(); got != test.want {
			t.Errorf("%v: got %t", &test.status, got)
		}
	}
}

// The words of Kamailio and OpenSIPS are read here, and of a signed answer alone.
func TestTooManyBindings(t *testing.T) {
	for _, test := range []struct {
		status StatusError
		want   bool
	}{
		{StatusError{Code: 503, Problem: "Too many registered contacts"}, true},
		{StatusError{Code: 503, Problem: "Too many registered contacts", Unsigned: true}, false},
		{StatusError{Code: 503, Problem: "Retry later", RetryAfter: time.Second}, false},
	} {
		if got := test.status.TooManyBindings(); got != test.want {
			t.Errorf("%v: got %t", &test.status, got)
		}
	}
}

// A refusal of the device is none of the account.
func TestMend249SubjectIsTheDevice(t *testing.T) {
	for words, want := range map[string]Subject{
		"Device type not allowed":        AboutAgent,
		"Client versions below 5":        AboutAgent,
		"Device not allowed":             AboutDevice,
		"This phone is not supported":    AboutDevice,
		"Unknown device":                 AboutDevice,
		"Your address is not allowed":    AboutAddress,
		"Device not allowed for account": 0,
		"Phone number is not known":      0,
	} {
		status := StatusError{Code: 403, Phrase: "Forbidden", Warnings: []Warning{{Code: 399, Text: words}}}
		if got := status.Subject(); got != want {
			t.Errorf("%q: about %d, not %d", words, got, want)
		}
	}
}

// A refusal that names the password, too, is not told as one of the device: whom it names may be who failed to give it.
func TestMend260SubjectBesideThePassword(t *testing.T) {
	for words, want := range map[string]Subject{
		"Wrong password from IP 10.0.0.9":    0,
		"Unknown device or wrong password":   0,
		"Authentication over TCP has failed": 0,
		"Login failed, unsupported client":   0,
		"Bad credentials, domain unknown":    0,
		"Wrong password":                     0,
		"Invalid user name or password":      AboutAccount,
		"Unauthorized device":                AboutDevice,
		"Author of this client version":      AboutAgent,
	} {
		status := StatusError{Code: 403, Phrase: "Forbidden", Warnings: []Warning{{Code: 399, Text: words}}}
		if got := status.Subject(); got != want {
			t.Errorf("%q: about %d, not %d", words, got, want)
		}
	}
}

// What people write into a refusal leads to what it is about, where they speak of one thing.
func TestMend79Subject(t *testing.T) {
	for _, test := range []struct {
		status StatusError
		want   Subject
	}{
		{StatusError{Code: 403, Phrase: "Forbidden"}, 0},
		{StatusError{Code: 403, Phrase: "User-Agent not allowed"}, AboutAgent},
		{StatusError{Code: 403, Phrase: "Forbidden", Warnings: []Warning{{Code: 310, Text: "You are not using the recommended version of the client"}}}, AboutAgent},
		{StatusError{Code: 403, Phrase: "Forbidden", Fields: []Field{{"Reason", `SIP;cause=403;text="IP not in ACL"`}}}, AboutAddress},
		{StatusError{Code: 403, Phrase: "Your address is blocked"}, AboutAddress},
		{StatusError{Code: 403, Phrase: "Forbidden", Diagnostics: []Diagnostic{{ID: 99999, Reason: "Only TLS is accepted"}}}, AboutTransport},
		{StatusError{Code: 404, Phrase: "Domain not served"}, AboutDomain},
		{StatusError{Code: 404, Phrase: "User not found"}, AboutAccount},
		{StatusError{Code: 403, Phrase: "SIP address not enabled"}, AboutAccount},
		{StatusError{Code: 403, Phrase: "User not allowed from this network"}, 0},
		{StatusError{Code: 403, Phrase: "User-Agent not allowed", Unsigned: true}, 0},
		{StatusError{Code: 420, Phrase: "Bad Extension", Fields: []Field{{"Require", "user-agent"}}}, 0},
	} {
		if got := test.status.Subject(); got != test.want {
			t.Errorf("%v: about %d, not %d", &test.status, got, test.want)
		}
	}
}
