package sitetest

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
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

func TestLive(t *testing.T) {
	if testing.Short() {
		t.Skip("opens sockets on loopback")
	}
	s, err := Parse("live.txt", []byte(liveText))
	if err != nil {
		t.Fatal(err)
	}
	live, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	resolvers, err := live.Resolvers()
	if err != nil || len(resolvers) != 1 || !resolvers[0].Addr().IsLoopback() {
		t.Fatalf("resolvers %v, %v", resolvers, err)
	}
	fe01, fe02 := "127.1.0.5:5461", "127.1.0.6:5461"
	if got := s.Loopback(netip.MustParseAddrPort("10.0.0.5:5461")).String(); got != fe01 {
		t.Errorf("fe01 is at %s", got)
	}

	for _, tt := range []struct {
		network, name string
		rrtype        uint16
		want          string
	}{
		{"udp", "_sipinternaltls._tcp.contoso.com.", dns.TypeSRV, "NOERROR, SRV 0 0 5461 fe01.contoso.com."},
		{"tcp", "fe01.contoso.com.", dns.TypeA, "NOERROR, A 127.1.0.5"},
		{"udp", "lost.contoso.com.", dns.TypeA, "NOERROR, A 127.255.255.255"},
	} {
		got := query(t, live.Wire, tt.network, resolvers[0].String(), tt.name, tt.rrtype, true)
		if got, _, _ = strings.Cut(got+", ", ", 0"); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s %s: got %s, want %s", tt.network, tt.name, got, tt.want)
		}
	}
	if _, err := live.Dial(ctx, "tcp", "127.255.255.255:5461"); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("dial nowhere: %v", err)
	}

	phones := map[string]*phone{}
	for at, want := range map[string]string{
		fe01: "SIP/2.0 200 OK\nContact: <sip:10.0.0.21:50001;transport=tls>;expires=600\nExpires: 600",
		fe02: "SIP/2.0 301 Redirect request to Home Server\nContact: <sip:fe01.contoso.com:5461;transport=tls>;q=0.7\nContact: <sip:127.1.0.5:5461>",
	} {
		name := map[string]string{fe01: "fe01.contoso.com", fe02: "fe02.contoso.com"}[at]
		p, err := dialPhone(ctx, s, live.Dial, at, name)
		if err != nil {
			t.Fatal(err)
		}
		defer p.conn.Close()
		phones[at] = p
		got, err := p.ask("REGISTER")
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n-want +got\n%s", err, diff)
		}
	}
	p, err := dialPhone(ctx, s, live.Dial, "127.1.0.5:5460", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.ask("REGISTER"); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the Registrar that resets gave %v", err)
	}

	if err := s.Apply("reset 10.0.0.5:5461"); err != nil {
		t.Fatal(err)
	}
	if _, err := phones[fe01].in.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the cut connection reads %v", err)
	}
	for _, step := range []struct {
		change string
		want   error
	}{
		{"registrar 10.0.0.5:5461 refuse", syscall.ECONNREFUSED},
		{"registrar 10.0.0.5:5461 blackhole", os.ErrDeadlineExceeded},
		{"heal", nil},
	} {
		if err := s.Apply(step.change); err != nil {
			t.Fatalf("%s: %v", step.change, err)
		}
		dialer := net.Dialer{Timeout: 5 * time.Second}
		if step.want == os.ErrDeadlineExceeded {
			dialer.Timeout = 100 * time.Millisecond // it is to pass
		}
		c, err := dialer.DialContext(ctx, "tcp", fe01)
		if timeout := net.Error(nil); step.want == os.ErrDeadlineExceeded && errors.As(err, &timeout) && timeout.Timeout() {
			continue
		}
		if !errors.Is(err, step.want) {
			t.Errorf("after %q: %v", step.change, err)
		}
		if c != nil {
			c.Close()
		}
	}
	if err := s.Apply("zone closed"); err != nil {
		t.Fatal(err)
	}
	if got := query(t, live.Wire, "udp", resolvers[0].String(), "fe01.contoso.com.", dns.TypeA, true); got != "connection refused" {
		t.Errorf("the closed name server: %s", got)
	}
}

func TestLiveDHCP(t *testing.T) {
	if testing.Short() {
		t.Skip("opens sockets on loopback")
	}
	s, err := Parse("live.txt", []byte(liveText))
	if err != nil {
		t.Fatal(err)
	}
	live, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if errors.Is(live.DHCP, fs.ErrPermission) {
		t.Skip("needs root or a namespace: ", live.DHCP)
	}
	if live.DHCP != nil {
		t.Fatal(live.DHCP)
	}
	got := informed(t, live.Wire, "MS-UC-Client", 1)
	if len(got) != 1 || !strings.HasSuffix(got[0], "ACK 120=017f010005 43=") {
		t.Errorf("answers %q", got)
	}
}

// A port below 1024 moves, with everything that names it, where it may not be opened.
func TestLivePortsThatMayNotBeOpened(t *testing.T) {
	if testing.Short() {
		t.Skip("opens sockets on loopback")
	}
	s, err := Parse("live.txt", []byte("-- zone --\n_sip._tls SRV 0 0 443 sip\n-- registrars --\n10.0.0.5:443 tls sip.contoso.com redirect sip:sip.contoso.com:443;transport=tls\n"))
	if err != nil {
		t.Fatal(err)
	}
	live, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	at := s.Loopback(netip.MustParseAddrPort("10.0.0.5:443"))
	if at.Port() == 443 {
		t.Skip("every port may be opened here")
	}
	resolvers, _ := live.Resolvers()
	if got := query(t, live.Wire, "udp", resolvers[0].String(), "_sip._tls.contoso.com.", dns.TypeSRV, true); !strings.HasPrefix(got, "NOERROR, SRV 0 0 10443 ") {
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
