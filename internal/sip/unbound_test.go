package sip

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// contacts notes the Contact of each request, and goes on with the script.
func contacts(script ...step) []step {
	for i, next := range script {
		script[i] = func(p *peer, r *sipgoRequest) {
			said := "no Contact"
			if c := r.GetHeader("Contact"); c != nil {
				said, _, _ = strings.Cut(c.Value(), ">")
				said = strings.TrimPrefix(said, "<sip:")
			}
			p.note("  %s", said)
			next(p, r)
		}
	}
	return script
}

var unbound = with(func(a *Account) { a.Unbound = true })

// Whoever is to hold no binding asks for none, and takes none from the phone that has the same account.
func TestUnbound(t *testing.T) {
	const other = "Contact: <sip:phone1@10.0.0.22:5061>;expires=3000"
	const left = `Contact: <sip:phone1@10.0.0.21:4999;transport=tls>;expires=500;+sip.instance="<urn:uuid:7446beda-e8b3-53b7-a965-b85a66a31cfc>"`
	const told = "Allow-Events: vnd-microsoft-provisioning-v2"
	for _, test := range []struct {
		name   string
		script []step
		want   string
	}{
		{
			name:   "without credentials",
			script: []step{answer("200 OK", other)},
			want: `
				+0s 1 REGISTER
				+0s   no Contact
				+0s binding for 10m0s, unbound`,
		},
		{
			name:   "where nobody is registered",
			script: []step{answer("200 OK")},
			want: `
				+0s 1 REGISTER
				+0s   no Contact
				+0s binding for 10m0s, unbound, and nobody is listed`,
		},
		{
			name:   "with credentials",
			script: []step{answer("401 Unauthorized", md5Challenge), answer("200 OK", other)},
			want: `
				+0s 1 REGISTER
				+0s   no Contact
				+0s 2 REGISTER Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001
				+0s   no Contact
				+0s binding for 10m0s digest, unbound`,
		},
		{
			name:   "a wrong password is one here, too",
			script: []step{answer("401 Unauthorized", md5Challenge)},
			want: `
				+0s 1 REGISTER
				+0s   no Contact
				+0s 2 REGISTER Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001
				+0s   no Contact
				+0s credentials: credentials refused by "contoso.com", which answered 401 Unauthorized`,
		},
		{
			name:   "a refusal is one",
			script: []step{answer("403 Forbidden")},
			want: `
				+0s 1 REGISTER
				+0s   no Contact
				+0s status: answered 403 Forbidden, retry after 0s`,
		},
		{
			name:   "a query is too brief, too: it is sent once more with what is wanted",
			script: []step{answer("401 Unauthorized", md5Challenge), answer("423 Interval Too Brief", "Min-Expires: 7200"), answer("200 OK", other)},
			want: `
				+0s 1 REGISTER
				+0s   no Contact
				+0s 2 REGISTER Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001
				+0s   no Contact
				+0s 3 REGISTER expires=7200 Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000002
				+0s   no Contact
				+0s binding for 10m0s digest, unbound`,
		},
		{
			name:   "even where less is wanted than a brief binding, and only once",
			script: []step{answer("423 Interval Too Brief", "Min-Expires: 60"), answer("423 Interval Too Brief", "Min-Expires: 7200")},
			want: `
				+0s 1 REGISTER
				+0s   no Contact
				+0s 2 REGISTER expires=60
				+0s   no Contact
				+0s status: answered 423 Interval Too Brief; Min-Expires: 7200, retry after 0s`,
		},
		{
			name:   "a binding of ours that is left is given back, and the other one is left alone",
			script: []step{answer("200 OK", other, left), answer("200 OK", other)},
			want: `
				+0s 1 REGISTER
				+0s   no Contact
				+0s 2 REGISTER expires=0
				+0s   phone1@10.0.0.21:4999;transport=tls
				+0s binding for 10m0s, unbound`,
		},
		{
			name:   "what has another instance is another's, whatever its address",
			script: []step{answer("200 OK", strings.Replace(left, "7446", "7447", 1), `Contact: <sip:phone1@10.0.0.21:4999;transport=tls>`)},
			want: `
				+0s 1 REGISTER
				+0s   no Contact
				+0s binding for 10m0s, unbound`,
		},
		{
			name:   "a Registrar that tells in band is asked for a brief binding",
			script: []step{answer("200 OK", told), answer("200 OK", told, ownContact+"120")},
			want: `
				+0s 1 REGISTER
				+0s   no Contact
				+0s 2 REGISTER expires=120
				+0s   phone1@anonymous.invalid;transport=tls
				+0s binding for 2m0s`,
		},
		{
			name:   "and for a longer one where it wants that",
			script: []step{answer("200 OK", told), answer("423 Interval Too Brief", "Min-Expires: 300"), answer("200 OK", told, ownContact+"300")},
			want: `
				+0s 1 REGISTER
				+0s   no Contact
				+0s 2 REGISTER expires=120
				+0s   phone1@anonymous.invalid;transport=tls
				+0s 3 REGISTER expires=300
				+0s   phone1@anonymous.invalid;transport=tls
				+0s binding for 5m0s`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := bubble(t, true, unbound, contacts(test.script...), func(s *Session, p *peer) {
				b, err := s.Register(p.t.Context())
				synctest.Wait()
				text := outcome(b, err)
				if b.Unbound {
					text += ", unbound"
				}
				if b.Nobody {
					text += ", and nobody is listed"
				}
				p.note("%s", text)
			})
			if diff := cmp.Diff(tidy(test.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A Registrar of Lync binds the device once it has said who it is.
func TestUnboundLync(t *testing.T) {
	l := &pool{version: 4}
	got := bubble(t, true, unbound, contacts(l.serve(answer("200 OK", ownContact+"120"))), func(s *Session, p *peer) {
		b, err := s.Register(p.t.Context())
		if err != nil || b.Unbound {
			p.t.Errorf("%+v, %v", b, err)
		}
	})
	if got := strings.Count(got, "no Contact"); got != 1 {
		t.Errorf("%d requests had no Contact, want the first alone", got)
	}
}

// A binding that was given back is not renewed: the connection is watched, and at the time given it is asked for again.
func TestGiveBack(t *testing.T) {
	for _, test := range []struct {
		name  string
		given step
		want  string
	}{
		{"taken back", answer("200 OK"), `
			+0s 1 REGISTER
			+0s 2 REGISTER expires=120
			+0s 3 REGISTER expires=0
			+0s given back: <nil>
			+300s 4 REGISTER expires=120
			+300s binding for 2m0s
			+310s the test is over`},
		{"refused, it expires", answer("500 Server Error"), `
			+0s 1 REGISTER
			+0s 2 REGISTER expires=120
			+0s 3 REGISTER expires=0
			+0s given back: answered 500 Server Error
			+300s 4 REGISTER expires=120
			+300s binding for 2m0s
			+310s the test is over`},
	} {
		t.Run(test.name, func(t *testing.T) {
			const told = "Allow-Events: vnd-microsoft-provisioning-v2"
			bound := answer("200 OK", told, ownContact+"120", `presence-state: register-action="added"`)
			got := bubble(t, true, unbound, []step{answer("200 OK", told), bound, test.given, bound}, func(s *Session, p *peer) {
				ctx, cancel := context.WithTimeoutCause(p.t.Context(), 310*time.Second, errors.New("the test is over"))
				defer cancel()
				if _, err := s.Register(ctx); err != nil {
					p.t.Fatal(err)
				}
				done := make(chan error)
				go func() {
					done <- s.Keep(ctx, Watch{Refreshed: func(b Binding) { p.note("%s", outcome(b, nil)) }})
				}()
				synctest.Wait()
				p.note("given back: %v", s.GiveBack(ctx, time.Now().Add(300*time.Second)))
				p.note("%v", <-done)
			})
			var lines []string
			for line := range strings.Lines(got) {
				if !strings.HasSuffix(line, " ping\n") {
					lines = append(lines, line)
				}
			}
			if diff := cmp.Diff(tidy(test.want), strings.Join(lines, "")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
