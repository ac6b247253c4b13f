package sitetest

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// inBubble runs test with a started site in a bubble of fake time.
func inBubble(t *testing.T, text string, test func(t *testing.T, s *Site, wire Wire)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := Parse("site.txt", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		wire, err := s.Start()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		test(t, s, wire)
	})
}

// The whole life of a binding, with the site changing under it.
func TestTimelineAndLog(t *testing.T) {
	const text = `A Registrar comes and goes.
-- zone --
fe01 A 10.0.0.5
-- registrars --
10.0.0.5:5061 tls fe01.contoso.com accept
-- change --
+30s registrar 10.0.0.5:5061 refuse
+40s reset 10.0.0.5:5061
+20s zone fe01 A 10.0.0.6   # the order is that of time
+60s heal
`
	inBubble(t, text, func(t *testing.T, s *Site, wire Wire) {
		p, err := dialPhone(t.Context(), s, wire.Dial, "10.0.0.5:5061", "fe01.contoso.com")
		if err != nil {
			t.Fatal(err)
		}
		p.ask("REGISTER")
		io.WriteString(p.conn, "\r\n\r\n")
		if pong, err := p.in.ReadString('\n'); pong != "\r\n" || err != nil {
			t.Errorf("pong %q, %v", pong, err)
		}
		time.Sleep(35 * time.Second)
		if got, err := p.ask("REGISTER", "Expires: 0"); got != "SIP/2.0 200 OK\nExpires: 0" || err != nil {
			t.Errorf("unregister on a connection older than the refusal got %q, %v", got, err)
		}
		if _, err := wire.Dial(t.Context(), "tcp", "10.0.0.5:5061"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dial got %v", err)
		}
		time.Sleep(10 * time.Second)
		if _, err := p.in.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the cut connection reads %v", err)
		}
		time.Sleep(20 * time.Second)
		if c, err := wire.Dial(t.Context(), "tcp", "10.0.0.5:5061"); err != nil {
			t.Errorf("after heal dial got %v", err)
		} else {
			c.Close()
		}
		synctest.Wait()
		var got []string
		for _, e := range s.Log() {
			got = append(got, e.String())
		}
		want := []string{
			"+0s 10.0.0.5:5061 connect",
			"+0s 10.0.0.5:5061 tls fe01.contoso.com",
			"+0s 10.0.0.5:5061 REGISTER sip:phone1@contoso.com: 200",
			"+0s 10.0.0.5:5061 ping",
			"+20s site change zone fe01 A 10.0.0.6",
			"+30s site change registrar 10.0.0.5:5061 refuse",
			"+35s 10.0.0.5:5061 unregister sip:phone1@contoso.com: 200",
			"+40s site change reset 10.0.0.5:5061",
			"+40s 10.0.0.5:5061 closed read tcp 10.0.0.5:5061->10.0.0.21:50001: connection reset by peer",
			"+1m0s site change heal",
			"+1m5s 10.0.0.5:5061 connect",
			"+1m5s 10.0.0.5:5061 tls-failed handshake: EOF",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	})
}

func TestBlackHoleSwallowsWhatExists(t *testing.T) {
	inBubble(t, "-- registrars --\n10.0.0.5:5060 tcp accept", func(t *testing.T, s *Site, wire Wire) {
		p, err := dialPhone(t.Context(), s, wire.Dial, "10.0.0.5:5060", "")
		if err != nil {
			t.Fatal(err)
		}
		defer p.conn.Close()
		if err := s.Apply("registrar 10.0.0.5:5060 blackhole"); err != nil {
			t.Fatal(err)
		}
		p.conn.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := p.ask("OPTIONS"); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestDialInMemory(t *testing.T) {
	inBubble(t, "-- registrars --\n10.0.0.5:5061 tls fe01.contoso.com accept", func(t *testing.T, s *Site, wire Wire) {
		for address, want := range map[string]string{
			"10.0.0.5:5060": "dial tcp 10.0.0.5:5060: connect: connection refused",
			"10.0.0.9:5061": "dial tcp 10.0.0.9:5061: connect: no route to host",
			"fe01:5061":     `dial tcp: ParseAddr("fe01"): unable to parse IP`,
		} {
			if _, err := wire.Dial(t.Context(), "tcp", address); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		}
		resolvers, err := wire.Resolvers()
		if diff := cmp.Diff([]string{"10.0.0.53:53"}, texts(resolvers)); diff != "" || err != nil {
			t.Errorf("%s %v", diff, err)
		}
		s.Close()
		if _, err := wire.Dial(t.Context(), "tcp", "10.0.0.5:5061"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a closed site gave %v", err)
		}
	})
}

func texts(addrs []netip.AddrPort) (all []string) {
	for _, a := range addrs {
		all = append(all, a.String())
	}
	return all
}

// What was sent before the end is read before the end.
func TestStreamsKeepWhatWasSent(t *testing.T) {
	a, b := newStreams(netip.MustParseAddrPort("10.0.0.21:1"), netip.MustParseAddrPort("10.0.0.5:2"), 0)
	io.WriteString(a, "abc")
	a.Close()
	short := make([]byte, 2)
	n, err := b.Read(short)
	if got := string(short[:n]); got != "ab" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if rest, err := io.ReadAll(b); string(rest) != "c" || err != nil {
		t.Errorf("read %q, %v", rest, err)
	}
	if _, err := a.Write(nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
	if _, err := a.Read(short); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
	if _, err := b.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("write to a closed end: %v", err)
	}
}
