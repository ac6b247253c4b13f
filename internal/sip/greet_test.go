package sip

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// inTurn answers the first request in one way, and those after it in another.
func inTurn(first, later step) step {
	asked := false
	return func(p *peer, r *sipgoRequest) {
		next := later
		if !asked {
			next = first
		}
		asked = true
		next(p, r)
	}
}

func TestGreet(t *testing.T) {
	for name, test := range map[string]struct {
		script step
		want   string
	}{
		"a Lync server tells its version and what it would take": {
			answer("401 Unauthorized", lyncOffer, "Server: RTC/5.0", "Date: Thu, 26 Nov 2026 08:00:00 GMT"),
			`401 Unauthorized RTC/5.0 [NTLM Kerberos TLS-DSK] FE01.contoso.com https://pool01.contoso.com:443/CertProv/CertProvisioningService.svc 2026-11-26 <nil>`,
		},
		"a server that asks for nothing binds nothing": {
			answer("200 OK", "Server: other"),
			`200 OK other []   0001-01-01 <nil>`,
		},
		"a refusal is a greeting and an error": {
			answer("503 Service Unavailable", "Server: other", "Retry-After: 60"),
			`503 Service Unavailable other []   0001-01-01 answered 503 Service Unavailable (Retry-After 60 s)`,
		},
		"so is any from 400 on": {
			answer("400 Bad Request", "Server: other"),
			`400 Bad Request other []   0001-01-01 answered 400 Bad Request`,
		},
		"a query that is too brief is sent once more": {
			inTurn(answer("423 Interval Too Brief", "Min-Expires: 7200"), func(p *peer, r *sipgoRequest) {
				if !strings.Contains(p.raw, "\r\nExpires: 7200\r\n") {
					p.t.Errorf("not asked for with what is wanted:\n%s", p.raw)
				}
				answer("200 OK", "Server: other")(p, r)
			}),
			`200 OK other []   0001-01-01 <nil>`,
		},
		"and not again": {
			answer("423 Interval Too Brief", "Server: other", "Min-Expires: 1000000"),
			`423 Interval Too Brief other []   0001-01-01 answered 423 Interval Too Brief; Min-Expires: 1000000`,
		},
		"silence": {silence, `0   []   0001-01-01 no answer from the Registrar to REGISTER after 4s`},
	} {
		t.Run(name, func(t *testing.T) {
			transcript := bubble(t, true, phone, []step{func(p *peer, r *sipgoRequest) {
				if r.GetHeader("Contact") != nil || strings.Contains(p.raw, "uthorization") {
					t.Errorf("it would bind or sign in:\n%s", p.raw)
				}
				test.script(p, r)
			}}, func(s *Session, p *peer) {
				ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
				defer cancel()
				g, err := s.Greet(ctx)
				p.note("%s", fmt.Sprintf("%d %s %s %v %s %s %s %v", g.Code, g.Phrase, g.Server, g.Offered, g.Target, g.CertURL, g.Date.Format(time.DateOnly), err))
			})
			_, got, _ := strings.Cut(transcript[strings.LastIndex(transcript, "\n")+1:], " ")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
