package srv

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

const (
	fe  = internalTLS + ". 60 IN SRV 0 0 5061 fe.contoso.com."
	fe2 = internalTLS + ". 60 IN SRV 0 0 5061 fe2.contoso.com."
)

// row is one look-up on a network of fake name servers, in fake time, under the verdict's deadline of 5 s.
type row struct {
	name    string
	servers []server
	ask     string // "SRV _sipinternaltls._tcp.contoso.com" if empty
	want    string // the time it took and the whole result
	log     string // what the servers were asked, if it matters
	only    string // the version of IP that this device has; "": both
}

func runRows(t *testing.T, rows []row) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, r := newSite(row.servers...)
				s.only = row.only
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				if row.ask == "" {
					row.ask = "SRV " + internalTLS
				}
				defer s.tasks.Wait()
				got := s.ask(ctx, t, r, row.ask)
				// Errors begin with what was looked up: the row says so already.
				for _, lead := range []string{`look up SRV "` + internalTLS + `" at `, `look up SRV "` + internalTLS + `": `} {
					got = strings.Replace(got, lead, "", 1)
				}
				if got != row.want {
					t.Errorf("got  %s\nwant %s", got, row.want)
				}
				if log := s.asked(); row.log != "" && log != strings.ReplaceAll(strings.TrimSpace(row.log), "\t", "") {
					t.Errorf("asked\n%s\nwant%s", log, row.log)
				}
			})
		})
	}
}

var silence = server{}

func TestVerdicts(t *testing.T) {
	runRows(t, []row{
		{name: "a name that does not exist", servers: []server{zone()}, want: "+0s 10.0.0.1:53: no such name"},
		{name: "a name without such a record", servers: []server{zone(internalTLS + ". 60 IN TXT x")}, want: "+0s 10.0.0.1:53: no such record"},
		{name: "a server that fails", servers: []server{rcode(dns.RcodeServerFailure)}, want: "+0s 10.0.0.1:53: RCODE 2=SERVFAIL"},
		{name: "a server that refuses", servers: []server{rcode(dns.RcodeRefused)}, want: "+0s 10.0.0.1:53: refused"},
		{name: "a server that refers us elsewhere has proven nothing", servers: []server{says(func(_ query, m *dns.Msg) {
			m.Ns = zoneAnswer("contoso.com. 60 IN NS ns.contoso.com.")
		})}, want: "+0s 10.0.0.1:53: the server refers to other servers"},
		{name: "a port nobody listens on fails at once", servers: []server{silence.reading(syscall.ECONNREFUSED)},
			want: "+0s 10.0.0.1:53: connection refused"},
		{name: "a network without a route fails at once", servers: []server{silence.dialling(syscall.ENETUNREACH)},
			want: "+0s 10.0.0.1:53: network is unreachable"},
		{name: "no server at all", want: "+0s no name server is known"},
		{name: "a name that cannot be written is not asked for", servers: []server{zone()}, ask: "SRV a..b",
			want: `+0s look up SRV "a..b" at 10.0.0.1:53: write the question: dns: bad rdata`},
		{name: "a host that is an address is not asked for", servers: []server{zone()}, ask: "ADDR 10.0.0.1",
			want: `+0s look up A "10.0.0.1": not a host name`},
		{name: "a host with control characters is refused, escaped and cut", servers: []server{zone()}, ask: "ADDR \x1b" + strings.Repeat("x", 300),
			want: `+0s look up A "\x1b` + strings.Repeat("x", 255) + `": not a host name`},
		{name: "targets come by priority", servers: []server{zone(internalTLS+". 60 IN SRV 20 0 5061 c.contoso.com.",
			internalTLS+". 60 IN SRV 0 0 5061 a.contoso.com.", internalTLS+". 60 IN SRV 10 0 443 b.contoso.com.")},
			want: "+0s a.contoso.com:5061 b.contoso.com:443 c.contoso.com:5061"},
	})
}

func TestServersDisagree(t *testing.T) {
	fail := rcode(dns.RcodeServerFailure)
	runRows(t, []row{
		{name: "D33 all are asked at the same time and found wins at once", servers: []server{silence, fail, zone(fe).slow(20 * time.Millisecond), zone(fe2).slow(time.Second)},
			want: "+20ms fe.contoso.com:5061", log: `
		+0s 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+0s 10.0.0.2:53 udp edns=1232 SRV ` + internalTLS + `.
		+0s 10.0.0.3:53 udp edns=1232 SRV ` + internalTLS + `.
		+0s 10.0.0.4:53 udp edns=1232 SRV ` + internalTLS + `.`},
		{name: "D33 the Internet says absent, the slower internal view knows better", servers: []server{zone(), zone(fe).slow(200 * time.Millisecond)},
			want: "+200ms fe.contoso.com:5061"},
		{name: "D33 absence waits 300 ms for a silent server", servers: []server{zone().slow(20 * time.Millisecond), silence},
			want: "+320ms 10.0.0.1:53: no such name"},
		{name: "D33 absence waits for nobody when all have spoken", servers: []server{zone(), fail.slow(40 * time.Millisecond)},
			want: "+40ms 10.0.0.1:53: no such name; at 10.0.0.2:53: RCODE 2=SERVFAIL"},
		{name: "D33 absence beats failure", servers: []server{fail, zone().slow(40 * time.Millisecond)},
			want: "+40ms 10.0.0.2:53: no such name; at 10.0.0.1:53: RCODE 2=SERVFAIL"},
		{name: "D33 a second absence starts no new wait", servers: []server{zone().slow(100 * time.Millisecond), zone(), silence},
			want: "+300ms 10.0.0.1:53: no such name"},
		{name: "D33 an answer that is not usable waits for the others", servers: []server{crafted(9), zone(fe).slow(time.Second)},
			want: "+1s fe.contoso.com:5061"},
		{name: "D33 when all have failed the verdict is immediate and the first server's", servers: []server{fail.slow(30 * time.Millisecond), silence.reading(syscall.ECONNREFUSED)},
			want: "+30ms 10.0.0.1:53: RCODE 2=SERVFAIL; at 10.0.0.2:53: connection refused"},
		{name: "D33 one failed and one silent is known at the deadline", servers: []server{fail, silence},
			want: "+5s 10.0.0.1:53: RCODE 2=SERVFAIL; at 10.0.0.2:53: no answer in time"},
	})
}

func TestFamilies(t *testing.T) {
	const v4, v6 = "fe.contoso.com. 60 IN A 10.0.9.1", "fe.contoso.com. 60 IN AAAA 2001:db8::1"
	other := func(qtype uint16) server { return zone(v4, v6).forType(qtype) }
	fail := rcode(dns.RcodeServerFailure)
	runRows(t, []row{
		{name: "both are asked at the same time, IPv4 comes first", ask: "ADDR FE.contoso.com.", servers: []server{zone(v6, v4).slow(20 * time.Millisecond)},
			want: "+20ms 10.0.9.1 2001:db8::1", log: `
		+0s 10.0.0.1:53 udp edns=1232 A fe.contoso.com.
		+0s 10.0.0.1:53 udp edns=1232 AAAA fe.contoso.com.`},
		{name: "the server's order is kept", ask: "ADDR fe.contoso.com",
			servers: []server{zone("fe.contoso.com. 60 IN A 10.0.9.3", "fe.contoso.com. 60 IN A 10.0.9.1", "fe.contoso.com. 60 IN A 10.0.9.2")},
			want:    "+0s 10.0.9.3 10.0.9.1 10.0.9.2 alone"},
		{name: "an address comes once, also when written as IPv6", ask: "ADDR fe.contoso.com",
			servers: []server{zone(v4, v4, v6, "fe.contoso.com. 60 IN AAAA ::ffff:10.0.9.1", "fe.contoso.com. 60 IN AAAA ::ffff:10.0.9.2")},
			want:    "+0s 10.0.9.1 10.0.9.2 2001:db8::1"},
		{name: "IPv6 alone is enough", ask: "ADDR fe.contoso.com", servers: []server{zone(v6)}, want: "+0s 2001:db8::1 alone"},
		{name: "a silent family is not waited for long", ask: "ADDR fe.contoso.com", servers: []server{other(dns.TypeA)}, want: "+400ms 10.0.9.1"},
		{name: "a lost datagram costs no family", ask: "ADDR fe.contoso.com", servers: []server{other(dns.TypeAAAA).or(other(dns.TypeA).fromNth(3)).slow(20 * time.Millisecond)},
			want: "+120ms 10.0.9.1 2001:db8::1"},
		{name: "a failed family does no harm", ask: "ADDR fe.contoso.com", servers: []server{other(dns.TypeA).or(fail)}, want: "+0s 10.0.9.1"},
		{name: "both absent is absence", ask: "ADDR fe.contoso.com", servers: []server{zone("fe.contoso.com. 60 IN TXT x")},
			want: `+0s look up A "fe.contoso.com" at 10.0.0.1:53: no such record`},
		{name: "absent and failed is failure", ask: "ADDR fe.contoso.com", servers: []server{zone().forType(dns.TypeA).or(fail)},
			want: `+0s look up AAAA "fe.contoso.com" at 10.0.0.1:53: RCODE 2=SERVFAIL`},
		{name: "failed and absent is failure", ask: "ADDR fe.contoso.com", servers: []server{zone().forType(dns.TypeAAAA).or(fail)},
			want: `+0s look up A "fe.contoso.com" at 10.0.0.1:53: RCODE 2=SERVFAIL`},
	})
}

// TestMend50NoWayOfItsVersionOfIP: addresses of a version of IP that this device does not have are no answer by themselves, and are
// not waited for; beside others they are kept, for the day when the device has it.
func TestMend50NoWayOfItsVersionOfIP(t *testing.T) {
	const v4, v6 = "fe.contoso.com. 60 IN A 10.0.9.1", "fe.contoso.com. 60 IN AAAA 2001:db8::1"
	other := func(qtype uint16) server { return zone(v4, v6).forType(qtype) }
	fail := rcode(dns.RcodeServerFailure)
	const noIPv6 = `look up AAAA "fe.contoso.com": this device has no address of this version of IP`
	runRows(t, []row{
		{name: "IPv6 alone", only: "IPv4", ask: "ADDR fe.contoso.com", servers: []server{zone(v6)}, want: "+0s " + noIPv6},
		{name: "IPv4 alone", only: "IPv6", ask: "ADDR fe.contoso.com", servers: []server{zone(v4)},
			want: `+0s look up A "fe.contoso.com": this device has no address of this version of IP`},
		{name: "IPv4 written as IPv6", only: "IPv4", ask: "ADDR fe.contoso.com", servers: []server{zone("fe.contoso.com. 60 IN AAAA ::ffff:10.0.9.1")}, want: "+0s 10.0.9.1 alone"},
		{name: "nothing of both is lost", only: "IPv4", ask: "ADDR fe.contoso.com", servers: []server{zone(v4, v6)}, want: "+0s 10.0.9.1 2001:db8::1"},
		{name: "the other is waited for", only: "IPv4", ask: "ADDR fe.contoso.com",
			servers: []server{other(dns.TypeAAAA).or(other(dns.TypeA).fromNth(8))}, want: "+750ms 10.0.9.1 2001:db8::1"},
		{name: "whether there is another is not known", only: "IPv4", ask: "ADDR fe.contoso.com", servers: []server{other(dns.TypeAAAA)},
			want: `+5s look up A "fe.contoso.com" at 10.0.0.1:53: no answer in time`},
		{name: "nor from one that fails", only: "IPv6", ask: "ADDR fe.contoso.com", servers: []server{other(dns.TypeA).or(fail)},
			want: `+0s look up AAAA "fe.contoso.com" at 10.0.0.1:53: RCODE 2=SERVFAIL`},
	})
}

func TestAddressesNoRegistrarCanHave(t *testing.T) {
	for _, addr := range []string{"0.0.0.0", "127.0.0.1", "127.255.0.1", "169.254.1.1", "224.0.0.1", "239.1.2.3", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:169.254.0.1", "fe80::1", "ff02::1"} {
		qtype := "A"
		if strings.Contains(addr, ":") {
			qtype = "AAAA"
		}
		text := fmt.Sprintf("fe.contoso.com. 60 IN %s %s", qtype, addr)
		shown := strings.TrimPrefix(addr, "::ffff:")
		runRows(t, []row{
			{name: "D23 " + addr + " alone is not usable", ask: "ADDR fe.contoso.com", servers: []server{zone(text)},
				want: fmt.Sprintf(`+0s look up %s "fe.contoso.com" at 10.0.0.1:53: address %s cannot be a destination`, qtype, shown)},
			{name: "D23 " + addr + " costs only itself", ask: "ADDR fe.contoso.com",
				servers: []server{zone(text, "fe.contoso.com. 60 IN A 192.168.0.9", "fe.contoso.com. 60 IN AAAA fd00::9")}, want: "+0s 192.168.0.9 fd00::9"},
		})
	}
}

func TestTime(t *testing.T) {
	runRows(t, []row{
		{name: "the question is sent again often, and after a while less often; the one for addresses after 300 ms, and less often from the start", servers: []server{silence},
			want: "+5s 10.0.0.1:53: no answer in time", log: `
		+0s 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+1.05s 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+1.2s 10.0.0.1:53 udp edns=1232 A ` + internalTLS + `.
		+1.2s 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+1.35s 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+1.5s 10.0.0.1:53 udp edns=1232 A ` + internalTLS + `.
		+1.5s 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+1.8s 10.0.0.1:53 udp edns=1232 A ` + internalTLS + `.
		+1.8s 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+100ms 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+2.1s 10.0.0.1:53 udp edns=1232 A ` + internalTLS + `.
		+2.1s 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+2.4s 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+2.55s 10.0.0.1:53 udp edns=1232 A ` + internalTLS + `.
		+2.7s 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+210ms 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+3.225s 10.0.0.1:53 udp edns=1232 A ` + internalTLS + `.
		+3.3s 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+3.75s 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+300ms 10.0.0.1:53 udp edns=1232 A ` + internalTLS + `.
		+330ms 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+3s 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+4.2375s 10.0.0.1:53 udp edns=1232 A ` + internalTLS + `.
		+4.425s 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+460ms 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+600ms 10.0.0.1:53 udp edns=1232 A ` + internalTLS + `.
		+600ms 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+750ms 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.
		+900ms 10.0.0.1:53 udp edns=1232 A ` + internalTLS + `.
		+900ms 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.`},
		{name: "a lost question costs 100 ms", servers: []server{zone(fe).fromNth(2).slow(20 * time.Millisecond)}, want: "+120ms fe.contoso.com:5061"},
		{name: "the late answer to the first question counts", servers: []server{zone(fe).slow(400 * time.Millisecond)}, want: "+400ms fe.contoso.com:5061"},
		{name: "D28 an answer after the deadline is dropped", servers: []server{zone(fe).slow(5*time.Second + 1)},
			want: "+5s 10.0.0.1:53: no answer in time"},
	})
}

func TestCancellationEndsTheLookUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := newSite(silence, truncated.only("udp"))
		defer s.tasks.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(70*time.Millisecond, cancel)
		got := s.ask(ctx, t, r, "ADDR fe.contoso.com")
		if want := `+70ms look up A "fe.contoso.com" at 10.0.0.1:53: no answer in time; at 10.0.0.2:53: the answer is truncated, and over TCP: context canceled`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestErrorsAreTyped(t *testing.T) {
	_, err := (&Resolver{}).SRV(t.Context(), internalTLS)
	var e *Error
	if !errors.As(err, &e) || e.Kind != NoServer || e.Type != "SRV" || e.Name != internalTLS || e.Absent() {
		t.Errorf("got %#v", err)
	}
	for _, kind := range Kinds() { // D26
		if got, want := (&Error{Kind: kind}).Absent(), kind == NoRecord || kind == NoData || kind == DanglingAlias; got != want {
			t.Errorf("%v: absent is %v", kind, got)
		}
	}
	if got := Kind(99).String(); got != "Kind(99)" {
		t.Errorf("got %s", got)
	}
}

// D35: an address that comes besides an SRV record is a hint, if it is one of its host that a Registrar can have.
func TestHint(t *testing.T) {
	for _, c := range []struct{ name, besides, want string }{
		{"none", "", "invalid IP"},
		{"IPv4 first", "fe.contoso.com. 60 IN AAAA 2001:db8::1\nFE.contoso.com. 60 IN A 10.0.9.1\nfe.contoso.com. 60 IN A 10.0.9.2", "10.0.9.1"},
		{"of another host", "fe2.contoso.com. 60 IN A 10.0.9.1", "invalid IP"},
		{"of another type", "fe.contoso.com. 60 IN TXT 10.0.9.1", "invalid IP"},
		{"of another class", "fe.contoso.com. 60 CH A 10.0.9.1", "invalid IP"},
		{"of a version of IP that this device lacks", "fe.contoso.com. 60 IN A 10.0.9.1\nfe.contoso.com. 60 IN AAAA 2001:db8::1", "2001:db8::1"},
		{"not usable", "fe.contoso.com. 60 IN A 127.0.0.1\nfe.contoso.com. 60 IN A 10.0.9.2", "10.0.9.2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := says(func(_ query, m *dns.Msg) {
					m.Answer = zoneAnswer(fe)
					for text := range strings.Lines(c.besides) {
						m.Extra = append(m.Extra, zoneAnswer(strings.TrimSpace(text))...)
					}
				})
				s, r := newSite(server)
				if strings.Contains(c.name, "lacks") {
					s.only = "IPv6"
				}
				defer s.tasks.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				targets, err := r.SRV(ctx, internalTLS)
				if err != nil || len(targets) != 1 || targets[0].Hint.String() != c.want {
					t.Errorf("targets %v, error %v; want the hint %s", targets, err, c.want)
				}
			})
		})
	}
}
