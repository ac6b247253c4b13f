package srv

import (
	"context"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// Absence said by a server counts when those listed before it have spoken, or had three quarters of the time: here 3.75 s of 5 s.
func TestField09TheOrderOfTheServers(t *testing.T) {
	const host, a = "ADDR fe.contoso.com", "fe.contoso.com. 60 IN A 10.0.9.1"
	fail := rcode(dns.RcodeServerFailure)
	runRows(t, []row{
		{name: "the first is slow", servers: []server{zone(fe).slow(500 * time.Millisecond), zone()}, want: "+500ms fe.contoso.com:5061"},
		{name: "the first is very slow", servers: []server{zone(fe).slow(3 * time.Second), zone()}, want: "+3s fe.contoso.com:5061"},
		{name: "a datagram of the first is lost", servers: []server{zone(fe).fromNth(2).slow(20 * time.Millisecond), zone()}, want: "+120ms fe.contoso.com:5061"},
		{name: "two datagrams of the first are lost", servers: []server{zone(fe).forType(dns.TypeSRV).fromNth(4), zone()}, want: "+330ms fe.contoso.com:5061"},
		{name: "the second of three is slow", servers: []server{fail, zone(fe).slow(time.Second), zone()}, want: "+1s fe.contoso.com:5061"},
		{name: "an address that the first gives late", ask: host, servers: []server{zone(a).slow(900 * time.Millisecond), zone()}, want: "+900ms 10.0.9.1 alone"},
		{name: "the first is dead: the second counts, and it is said who has not spoken", servers: []server{silence, zone()},
			want: "+3.75s 10.0.0.2:53: no such name; at 10.0.0.1:53: no answer in time (3.75s)"},
		{name: "the first cannot be asked: the second counts at once", servers: []server{silence.reading(syscall.ECONNREFUSED), zone()},
			want: "+0s 10.0.0.2:53: no such name; at 10.0.0.1:53: connection refused"},
		{name: "the first fails late: the others have disagreed by then", servers: []server{fail.slow(time.Second), zone(), silence},
			want: "+1s 10.0.0.2:53: no such name; at 10.0.0.1:53: RCODE 2=SERVFAIL"},
		{name: "absence comes late, too", servers: []server{silence, zone().slow(4900 * time.Millisecond)},
			want: "+5s 10.0.0.2:53: no such name; at 10.0.0.1:53: no answer in time (5s)"},
		{name: "the first knows of nothing, and the second does", servers: []server{zone(), zone(fe).slow(200 * time.Millisecond)}, want: "+200ms fe.contoso.com:5061"},
		{name: "the first knows of nothing: the second has 300 ms", servers: []server{zone(), zone(fe).slow(400 * time.Millisecond)}, want: "+300ms 10.0.0.1:53: no such name"},
	})
}

// One record of no use costs no other, and is not lost without a word.
func TestFieldOneBadRecordOfASet(t *testing.T) {
	for _, test := range []struct{ name, record, want string }{
		{"port 0", "0 0 0 fe2.contoso.com.", `target "fe2.contoso.com" has port 0`},
		{"an address for a target", "0 0 5061 10.0.0.1.", `target "10.0.0.1." is not a host name`},
		{"none", "0 0 5061 fe2.contoso.com.", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, r := newSite(zone(fe, internalTLS+". 60 IN SRV "+test.record))
			defer s.tasks.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			targets, left, err := r.Targets(ctx, internalTLS)
			got := ""
			if left != nil {
				got = left.Err.Error()
			}
			if err != nil || len(targets) == 0 || got != test.want {
				t.Errorf("%s: %v, %q, %v", test.name, targets, got, err)
			}
		})
	}
}
