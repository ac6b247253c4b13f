package srv

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"
)

// Each kind of Error, by what a server does, with what is known of it beside the words.
func TestEachKindOfError(t *testing.T) {
	const host = "fe.contoso.com"
	stranger := func(spoil func(raw []byte)) server { return edited(zone(fe), spoil) }
	ns := says(func(_ query, m *dns.Msg) { m.Ns = zoneAnswer("contoso.com. 60 IN NS ns.contoso.com.") })
	elsewhere := says(func(_ query, m *dns.Msg) { // the end of the alias is asked for again
		if m.Question[0].Name == internalTLS+"." {
			m.Answer = zoneAnswer(internalTLS + ". 60 IN CNAME x.fabrikam.com.")
		} else {
			m.Rcode = dns.RcodeNameError
		}
	})
	produced, dropped := map[Kind]bool{}, map[Drop]bool{}
	for _, test := range []struct {
		name    string
		servers []server
		ask     string
		only    string // the version of IP that this device has; "": both
		want    Error  // Kind, Code, Alias, Dropped, TCP, Addresses
	}{
		{name: "no such name", servers: []server{zone()}, want: Error{Kind: NoRecord, Code: 3}},
		{name: "no such record", servers: []server{zone(internalTLS + ". 60 IN TXT x")}, want: Error{Kind: NoData}},
		{name: "an alias of nothing", servers: []server{zone(internalTLS+". 60 IN CNAME x.contoso.com.", "x.contoso.com. 60 IN CNAME y.contoso.com.")}, want: Error{Kind: DanglingAlias, Code: 3, Alias: "y.contoso.com."}},
		{name: "an alias of a name without such a record", servers: []server{zone(internalTLS+". 60 IN CNAME x.contoso.com.", "x.contoso.com. 60 IN TXT x")}, want: Error{Kind: DanglingAlias, Alias: "x.contoso.com."}},
		{name: "an alias of nothing, and the server leaves that to us", servers: []server{elsewhere}, want: Error{Kind: DanglingAlias, Code: 3, Alias: "x.fabrikam.com."}},
		{name: "not offered", servers: []server{zone(internalTLS + ". 60 IN SRV 0 0 0 .")}, want: Error{Kind: NotOffered}},
		{name: "silence", servers: []server{silence}, want: Error{Kind: Timeout}},
		{name: "another's answers", servers: []server{stranger(func(raw []byte) { raw[0]++ })}, want: Error{Kind: Timeout, Dropped: Dropped{Count: 20, Why: OtherID}}},
		{name: "answers to another question", servers: []server{stranger(func(raw []byte) { raw[13] = 'x' })}, want: Error{Kind: Timeout, Dropped: Dropped{Count: 20, Why: OtherQuestion}}},
		{name: "questions", servers: []server{stranger(func(raw []byte) { raw[2] &^= 0x80 })}, want: Error{Kind: Timeout, Dropped: Dropped{Count: 20, Why: NoAnswer}}},
		{name: "the answer of another", servers: []server{zone().elsewhere("10.0.0.9:53")}, want: Error{Kind: Timeout, Dropped: Dropped{Count: 19, Why: Elsewhere, From: netip.MustParseAddrPort("10.0.0.9:53")}}},
		{name: "what others send and answers nothing", servers: []server{stranger(func(raw []byte) { raw[0]++ }).elsewhere("10.0.0.9:53")}, want: Error{Kind: Timeout}},
		{name: "nobody to ask", want: Error{Kind: NoServer}},
		{name: "a closed port", servers: []server{silence.reading(syscall.ECONNREFUSED)}, want: Error{Kind: PortClosed}},
		{name: "no way", servers: []server{silence.dialling(syscall.EHOSTUNREACH)}, want: Error{Kind: Unreachable}},
		{name: "the end", servers: []server{silence.reading(io.EOF)}, want: Error{Kind: HungUp}},
		{name: "SERVFAIL", servers: []server{rcode(dns.RcodeServerFailure)}, want: Error{Kind: ServFail, Code: 2}},
		{name: "REFUSED", servers: []server{rcode(dns.RcodeRefused)}, want: Error{Kind: Refused, Code: 5}},
		{name: "FORMERR", servers: []server{rcode(dns.RcodeFormatError)}, want: Error{Kind: FormErr, Code: 1}},
		{name: "NOTIMP", servers: []server{rcode(dns.RcodeNotImplemented)}, want: Error{Kind: NotImp, Code: 4}},
		{name: "NOTAUTH", servers: []server{rcode(dns.RcodeNotAuth)}, want: Error{Kind: OtherCode, Code: 9}},
		{name: "a code that nobody knows", servers: []server{rcode(13)}, want: Error{Kind: OtherCode, Code: 13}},
		{name: "elsewhere", servers: []server{ns}, want: Error{Kind: Referral}},
		{name: "cut, and no TCP", servers: []server{truncated.tcp(syscall.ECONNREFUSED)}, want: Error{Kind: Truncated, TCP: PortClosed}},
		{name: "nobody there, and the time is over", servers: []server{silence.absent("10.0.0.1")}, want: Error{Kind: NobodyThere}},
		{name: "nobody there, and the system says so", servers: []server{silence.absent("10.0.0.1").dialling(syscall.EHOSTUNREACH)}, want: Error{Kind: NobodyThere}},
		{name: "nobody at the gateway, and the time is over", servers: []server{silence.absent("10.9.0.1")}, want: Error{Kind: NoGateway, Gateway: netip.MustParseAddr("10.9.0.1")}},
		{name: "nobody at the gateway, and the system says so", servers: []server{silence.absent("10.9.0.1").dialling(syscall.EHOSTUNREACH)}, want: Error{Kind: NoGateway, Gateway: netip.MustParseAddr("10.9.0.1")}},
		{name: "cut, and silent over TCP", servers: []server{truncated.only("udp")}, want: Error{Kind: Truncated, TCP: Timeout}},
		{name: "cut, and no way over TCP", servers: []server{truncated.tcp(syscall.EHOSTUNREACH)}, want: Error{Kind: Truncated, TCP: Unreachable}},
		{name: "cut, and cut again over TCP", servers: []server{truncated}, want: Error{Kind: Truncated, TCP: Unreadable}},
		{name: "SRV alone is dropped", servers: []server{zone().forType(dns.TypeA)}, want: Error{Kind: Timeout, Addresses: true}},
		{name: "SRV alone is NOTIMP", servers: []server{zone().forType(dns.TypeA).or(rcode(dns.RcodeNotImplemented))}, want: Error{Kind: NotImp, Code: 4, Addresses: true}},
		{name: "SRV alone is FORMERR", servers: []server{zone().forType(dns.TypeA).or(rcode(dns.RcodeFormatError))}, want: Error{Kind: FormErr, Code: 1, Addresses: true}},
		{name: "SRV alone is REFUSED", servers: []server{zone().forType(dns.TypeA).or(rcode(dns.RcodeRefused))}, want: Error{Kind: Refused, Code: 5, Addresses: true}},
		{name: "SRV alone is SERVFAIL: that may be the zone", servers: []server{zone().forType(dns.TypeA).or(rcode(dns.RcodeServerFailure))}, want: Error{Kind: ServFail, Code: 2}},
		{name: "a flood", servers: []server{flood}, want: Error{Kind: Strangers, Dropped: Dropped{Count: 200, Why: OtherID}}},
		{name: "nonsense", servers: []server{crafted(65535)}, want: Error{Kind: Unreadable}},
		{name: "a loop", servers: []server{aliases(9)}, want: Error{Kind: AliasLoop}},
		{name: "a name that is none", servers: []server{zone()}, ask: "SRV a..b", want: Error{Kind: BadName}},
		{name: "a host that is none", servers: []server{zone()}, ask: "ADDR 10.0.0.1", want: Error{Kind: BadName}},
		{name: "a target that is none", servers: []server{zone(internalTLS + ". 60 IN SRV 0 0 5061 10.0.0.1.")}, want: Error{Kind: BadTarget}},
		{name: "a port that is none", servers: []server{zone(internalTLS + ". 60 IN SRV 0 0 0 fe.contoso.com.")}, want: Error{Kind: BadPort}},
		{name: "addresses without a way", servers: []server{zone(host + ". 60 IN AAAA 2001:db8::1")}, only: "IPv4", ask: "ADDR " + host, want: Error{Kind: NoWay, Addrs: []netip.Addr{netip.MustParseAddr("2001:db8::1")}}},
		{name: "an address of no use", servers: []server{zone(host + ". 60 IN A 127.0.0.1")}, ask: "ADDR " + host, want: Error{Kind: BadAddress, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, r := newSite(test.servers...)
				s.only = test.only
				defer s.tasks.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				var err error
				if host, is := strings.CutPrefix(test.ask, "ADDR "); is {
					_, _, err = r.Addrs(ctx, host)
				} else if name, is := strings.CutPrefix(test.ask, "SRV "); is {
					_, err = r.SRV(ctx, name)
				} else {
					_, err = r.SRV(ctx, internalTLS)
				}
				var e *Error
				if !errors.As(err, &e) {
					t.Fatalf("%v is no Error", err)
				}
				produced[e.Kind], dropped[e.Dropped.Why] = true, true
				got := Error{Kind: e.Kind, Code: e.Code, Alias: e.Alias, Dropped: e.Dropped, TCP: e.TCP, Addresses: e.Addresses, Gateway: e.Gateway, Addrs: e.Addrs}
				if diff := cmp.Diff(test.want, got, cmpopts.IgnoreUnexported(Error{}), cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); diff != "" {
					t.Errorf("%s(%v)", diff, err)
				}
				if unasked := e.Kind == NoServer || e.Kind == PortClosed || e.Kind == Unreachable || e.Kind == HungUp || e.Kind == NobodyThere || e.Kind == NoGateway; e.Unasked() != unasked {
					t.Errorf("could not be asked: %t", e.Unasked())
				}
			})
		})
	}
	for _, k := range Kinds() {
		if !produced[k] || k.String() == "" {
			t.Errorf("kind %d (%v): no server shows it, or it has no word", k, k)
		}
	}
	for _, why := range Drops() {
		if !dropped[why] {
			t.Errorf("nothing is dropped for reason %d", why)
		}
	}
}
