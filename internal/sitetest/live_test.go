package sitetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"homeward/e2e/needs"
	"homeward/e2e/netns"
)

const liveText = `-- zone --
_sipinternaltls._tcp SRV 0 0 5461 fe01
fe01 A 10.0.0.5
fe02 A 10.0.0.6
lost A 10.0.0.99
-- dhcp --
10.0.0.67 ack 120=ip:10.0.0.5
-- registrars --
10.0.0.5:5461 tls fe01.contoso.com accept
10.0.0.5:5460 tcp reset
10.0.0.6:5461 tls fe02.contoso.com redirect sip:fe01.contoso.com:5461;transport=tls;q=0.7 sip:10.0.0.5:5461
`

// onLoopback opens a site on loopback.
func onLoopback(t *testing.T, text string) (*Site, Live) {
	t.Helper()
	if testing.Short() {
		t.Skip("opens sockets on loopback: left out by -short")
	}
	s, err := Parse("live.txt", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	live, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, live
}

// where is the loopback address of a Registrar of the file.
func where(s *Site, at string) string { return s.Loopback(netip.MustParseAddrPort(at)).String() }

// resolver is the only name server of a live site.
func resolver(t *testing.T, live Live) string {
	t.Helper()
	all, err := live.Resolvers()
	if err != nil || len(all) != 1 || !all[0].Addr().IsLoopback() {
		t.Fatalf("resolvers %v, %v", all, err)
	}
	return all[0].String()
}

func TestLiveNameServer(t *testing.T) {
	s, live := onLoopback(t, liveText)
	ip, _, _ := strings.Cut(where(s, "10.0.0.5:5461"), ":")
	for _, tt := range []struct {
		network, name string
		rrtype        uint16
		want          string
	}{
		{"udp", "_sipinternaltls._tcp.contoso.com.", dns.TypeSRV, "NOERROR, SRV 0 0 5461 fe01.contoso.com."},
		{"tcp", "fe01.contoso.com.", dns.TypeA, "NOERROR, A " + ip},
		{"udp", "lost.contoso.com.", dns.TypeA, "NOERROR, A 127.255.255.255"},
	} {
		if got := query(t, live.Wire, tt.network, resolver(t, live), tt.name, tt.rrtype, true); !strings.HasPrefix(got+",", tt.want+",") {
			t.Errorf("%s %s: got %s, want %s", tt.network, tt.name, got, tt.want)
		}
	}
	if _, err := live.Dial(t.Context(), "tcp", "127.255.255.255:5461"); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("dial nowhere: %v", err)
	}
	if err := s.Apply("zone closed"); err != nil {
		t.Fatal(err)
	}
	if got := query(t, live.Wire, "udp", resolver(t, live), "fe01.contoso.com.", dns.TypeA, true); got != "connection refused" {
		t.Errorf("the closed name server: %s", got)
	}
}

func TestLiveRegistrars(t *testing.T) {
	s, live := onLoopback(t, liveText)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	fe01 := where(s, "10.0.0.5:5461")
	for _, tt := range []struct{ at, name, want string }{
		{"10.0.0.5:5461", "fe01.contoso.com", "SIP/2.0 200 OK\nContact: <sip:10.0.0.21:50001;transport=tls>;expires=600\nExpires: 600"},
		{"10.0.0.6:5461", "fe02.contoso.com", "SIP/2.0 301 Redirect request to Home Server\nContact: <sip:fe01.contoso.com:5461;transport=tls>;q=0.7\nContact: <sip:" + fe01 + ">"},
		{"10.0.0.5:5460", "", "connection reset by peer"},
	} {
		p, err := dialPhone(ctx, s, live.Dial, where(s, tt.at), tt.name)
		if err != nil {
			t.Fatal(err)
		}
		defer p.conn.Close()
		got, err := p.ask("REGISTER")
		if err != nil {
			got = cause(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		if err != nil {
			continue
		}
		if err := s.Apply("reset " + tt.at); err != nil {
			t.Fatal(err)
		}
		if _, err := p.in.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the cut connection reads %v", err)
		}
	}
}

func TestLiveChanges(t *testing.T) {
	s, _ := onLoopback(t, liveText)
	fe01 := where(s, "10.0.0.5:5461")
	for _, step := range []struct {
		change, want string
		patience     time.Duration
	}{
		{"registrar 10.0.0.5:5461 refuse", "connection refused", 5 * time.Second},
		{"registrar 10.0.0.5:5461 blackhole", "i/o timeout", 100 * time.Millisecond},
		{"heal", "", 5 * time.Second},
	} {
		if err := s.Apply(step.change); err != nil {
			t.Fatalf("%s: %v", step.change, err)
		}
		got := ""
		if c, err := net.DialTimeout("tcp", fe01, step.patience); err != nil {
			got = cause(err)
		} else {
			c.Close()
		}
		if got != step.want {
			t.Errorf("after %q: %q, want %q", step.change, got, step.want)
		}
	}
}

func TestLiveDHCP(t *testing.T) {
	if !netns.EnterForPorts(t) {
		return
	}
	s, live := onLoopback(t, liveText)
	if live.DHCP != nil {
		t.Fatal(live.DHCP)
	}
	at := s.Loopback(netip.MustParseAddrPort("10.0.0.5:5461")).Addr().As4()
	got := informed(t, live.Wire, "MS-UC-Client", 1)
	if want := fmt.Sprintf("ACK 120=01%x 43=", at[:]); len(got) != 1 || !strings.HasSuffix(got[0], want) {
		t.Errorf("answers %q, want %s", got, want)
	}
}

// A port below 1024 moves, with everything that names it, where it may not be opened.
func TestLivePortsThatMayNotBeOpened(t *testing.T) {
	if !netns.EnterWithoutPorts(t) {
		return
	}
	s, live := onLoopback(t, "-- zone --\n_sip._tls SRV 0 0 443 sip\n-- registrars --\n10.0.0.5:443 tls sip.contoso.com redirect sip:sip.contoso.com:443;transport=tls\n")
	at := s.Loopback(netip.MustParseAddrPort("10.0.0.5:443"))
	if got := query(t, live.Wire, "udp", resolver(t, live), "_sip._tls.contoso.com.", dns.TypeSRV, true); !strings.HasPrefix(got, "NOERROR, SRV 0 0 10443 ") {
		t.Errorf("SRV %s", got)
	}
	p, err := dialPhone(t.Context(), s, live.Dial, at.String(), "sip.contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	defer p.conn.Close()
	if got, err := p.ask("REGISTER"); !strings.HasSuffix(got, "<sip:sip.contoso.com:10443;transport=tls>") {
		t.Errorf("%s, %v", got, err)
	}
}

func TestLiveIPv6(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		needs.Missing(t, "ipv6", err.Error())
	} else {
		l.Close()
	}
	s, live := onLoopback(t, "-- zone --\nfe01 AAAA 2001:db8::5\n-- registrars --\n[2001:db8::5]:5462 tcp accept\n")
	if got := query(t, live.Wire, "udp", resolver(t, live), "fe01.contoso.com.", dns.TypeAAAA, true); !strings.HasPrefix(got, "NOERROR, AAAA ::1") {
		t.Errorf("AAAA %s", got)
	}
	p, err := dialPhone(t.Context(), s, live.Dial, "[::1]:5462", "")
	if err != nil {
		t.Fatal(err)
	}
	defer p.conn.Close()
	if got, err := p.ask("OPTIONS"); got != "SIP/2.0 200 OK" {
		t.Errorf("%s, %v", got, err)
	}
}

// All ports of an address move together when one of them is taken.
func TestLiveAddressWithAPortTaken(t *testing.T) {
	if taken, err := net.Listen("tcp", "127.1.0.9:5469"); err != nil {
		needs.Missing(t, "platform", err.Error()) // one whose loopback has one address
	} else {
		defer taken.Close()
	}
	s, live := onLoopback(t, "-- registrars --\n10.0.0.9:5460 tcp accept\n10.0.0.9:5469 tcp accept\n")
	for _, at := range []string{"10.0.0.9:5460", "10.0.0.9:5469"} {
		if strings.HasPrefix(where(s, at), "127.1.") {
			t.Errorf("%s is at %s", at, where(s, at))
		}
		c, err := live.Dial(t.Context(), "tcp", where(s, at))
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
}

// Two sites have no address in common: where one refuses, the other must not be found.
func TestLiveSitesKeepApart(t *testing.T) {
	const text = "-- registrars --\n10.0.0.5:5463 tcp accept\n"
	a, _ := onLoopback(t, text)
	at := where(a, "10.0.0.5:5463")
	if err := a.Apply("registrar 10.0.0.5:5463 refuse"); err != nil {
		t.Fatal(err)
	}
	b, _ := onLoopback(t, text)
	if where(b, "10.0.0.5:5463") == at {
		t.Errorf("both are at %s", at)
	}
	if c, err := net.Dial("tcp", at); err == nil {
		c.Close()
		t.Errorf("a Registrar that refuses is reached: the other site's")
	}
}

// DHCP on lo belongs to one site at a time.
func TestLiveDHCPBelongsToOneSite(t *testing.T) {
	if !netns.EnterForPorts(t) {
		return
	}
	const text = "-- dhcp --\n10.0.0.67 ack 120=pool.contoso.com\n"
	a, live := onLoopback(t, text)
	if live.DHCP != nil {
		t.Fatal(live.DHCP)
	}
	other := &loopback{sim: a.sim, claims: map[netip.Addr]net.PacketConn{}}
	if err := other.claim(dhcpClaim, 0); !errors.Is(err, errClaimed) {
		t.Errorf("claimed twice: %v", err)
	}
	a.Close()
	if err := other.claim(dhcpClaim, 0); err != nil {
		t.Errorf("not free after the end: %v", err)
	}
	other.close()
}
