package signin

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"homeward/internal/sitetest"
)

// sockets counts those that are open, to Registrars.
type sockets struct {
	mu        sync.Mutex
	dialled   int
	now, most int
	inner     func(ctx context.Context, network, address string) (net.Conn, error)
}

func (s *sockets) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now += n
	s.dialled += max(n, 0)
	s.most = max(s.most, s.now)
}

func (s *sockets) dial(ctx context.Context, network, address string) (net.Conn, error) {
	s.count(1)
	conn, err := s.inner(ctx, network, address)
	if err != nil {
		s.count(-1)
		return nil, err
	}
	return &countedConn{Conn: conn, of: s}, nil
}

type countedConn struct {
	net.Conn
	of   *sockets
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.of.count(-1) })
	return c.Conn.Close()
}

// raceSite is a walk on the simulated site, with what goes over the wire.
type raceSite struct {
	told    []string
	reg     *Registration
	sockets sockets
	log     []sitetest.Entry
	took    time.Duration
}

// walkAt walks through Candidates, and leaves nothing open behind.
func walkAt(t *testing.T, registrars, try string) *raceSite {
	t.Helper()
	s, _, told, site := signerOn(t, "-- registrars --\n"+registrars+"\n", false)
	r := &raceSite{sockets: sockets{inner: s.gate.wire.Dial}}
	s.gate.wire.Dial = r.sockets.dial
	began := time.Now()
	r.reg = s.NewWalk(nil).Try(t.Context(), candidates(t, try))
	r.told, r.took = *told, time.Since(began)
	synctest.Wait()
	if left := r.sockets.now; r.reg == nil && left != 0 || r.reg != nil && left != 1 {
		t.Errorf("%d sockets are left open", left)
	}
	if r.reg != nil {
		r.reg.Session.Close()
	}
	synctest.Wait()
	r.log = site.Log()
	return r
}

// spoken are the Registrars to which anything was said in SIP, in order.
func (r *raceSite) spoken() (all []string) {
	for _, e := range r.log {
		if e.What == "REGISTER" && !slices.Contains(all, e.Server) {
			all = append(all, e.Server)
		}
	}
	return all
}

// What the walk of a device is like where it connects ahead: how long it takes, how many connections it opens, to whom it says a
// word, and what it tells.
func TestConnectingAhead(t *testing.T) {
	const pair = "fe01.contoso.com 5061 tls 10.0.0.5\nfe02.contoso.com 5061 tls 10.0.0.6"
	holes := ""
	for i := range 6 {
		holes += fmt.Sprintf("h%d.contoso.com 5061 tls 10.0.1.%d\n", i+1, i+1)
	}
	for _, test := range []struct {
		name       string
		registrars string
		try        string
		within     time.Duration
		dialled    int // at most
		spoken     string
		last       string
	}{
		{"a healthy network", "10.0.0.5:5061 tls fe01.contoso.com digest user=phone1 password=Secret1 rtt=20ms\n10.0.0.6:5061 tls fe02.contoso.com accept", pair, 100 * time.Millisecond, 1, "10.0.0.5:5061", "fe01.contoso.com"},
		{"a healthy network that is slow, with TLS 1.2", "10.0.0.5:5061 tls fe01.contoso.com digest user=phone1 password=Secret1 rtt=100ms tlsmax=1.2\n10.0.0.6:5061 tls fe02.contoso.com accept", pair, 600 * time.Millisecond, 1, "10.0.0.5:5061", "fe01.contoso.com"},
		{"a Registrar that takes its time to answer", "10.0.0.5:5061 tls fe01.contoso.com accept delay=900ms\n10.0.0.6:5061 tls fe02.contoso.com accept", pair, time.Second, 1, "10.0.0.5:5061", "fe01.contoso.com"},
		{"the first refuses", "10.0.0.5:5061 tls fe01.contoso.com refuse\n10.0.0.6:5061 tls fe02.contoso.com digest user=phone1 password=Secret1 rtt=20ms", pair, 100 * time.Millisecond, 2, "10.0.0.6:5061", "fe02.contoso.com"},
		{"the first is a black hole", "10.0.0.5:5061 tls fe01.contoso.com blackhole\n10.0.0.6:5061 tls fe02.contoso.com digest user=phone1 password=Secret1 rtt=20ms", pair, 550 * time.Millisecond, 3, "10.0.0.6:5061", "fe02.contoso.com"},
		{"an address of the first is a black hole", "10.0.0.5:5061 tls fe01.contoso.com blackhole\n10.0.0.6:5061 tls fe01.contoso.com digest user=phone1 password=Secret1 rtt=20ms", "fe01.contoso.com 5061 tls 10.0.0.5 10.0.0.6", 400 * time.Millisecond, 3, "10.0.0.6:5061", "fe01.contoso.com"},
		{"TLS of the first stalls", "10.0.0.5:5061 tls fe01.contoso.com silent hello rtt=20ms\n10.0.0.6:5061 tls fe02.contoso.com digest user=phone1 password=Secret1 rtt=20ms", pair, 1500 * time.Millisecond, 2, "10.0.0.6:5061", "fe02.contoso.com"},
		{"the first is mute", "10.0.0.5:5061 tls fe01.contoso.com silent rtt=20ms\n10.0.0.6:5061 tls fe02.contoso.com digest user=phone1 password=Secret1 rtt=20ms", pair, 3600 * time.Millisecond, 2, "10.0.0.5:5061 10.0.0.6:5061", "fe02.contoso.com"},
		{"all but the last are mute", "10.0.0.5:5061 tls fe01.contoso.com silent\n10.0.0.6:5061 tls fe02.contoso.com silent", pair, 7500 * time.Millisecond, 2, "10.0.0.5:5061 10.0.0.6:5061", ""},
		{"six black holes, and the seventh is good", black(6) + "10.0.0.6:5061 tls fe02.contoso.com digest user=phone1 password=Secret1 rtt=20ms", holes + "fe02.contoso.com 5061 tls 10.0.0.6", 2 * time.Second, 13, "10.0.0.6:5061", "fe02.contoso.com"},
		{"six black holes of three hosts", black(3) + "10.0.0.6:5061 tls fe02.contoso.com digest user=phone1 password=Secret1 rtt=20ms", holes[:strings.Index(holes, "h4")] + "h1.contoso.com 5060 tcp 10.0.1.1\nh2.contoso.com 5060 tcp 10.0.1.2\nh3.contoso.com 5060 tcp 10.0.1.3\nfe02.contoso.com 5061 tls 10.0.0.6",
			1400 * time.Millisecond, 8, "10.0.0.6:5061", "fe02.contoso.com"},
		{"no plain TCP to a host whose TLS is undecided", "10.0.0.5:5061 tls fe01.contoso.com blackhole\n10.0.0.5:5060 tcp accept", "fe01.contoso.com 5061 tls 10.0.0.5\nfe01.contoso.com 5060 tcp 10.0.0.5", 3300 * time.Millisecond, 3, "10.0.0.5:5060", "fe01.contoso.com"},
		{"nor while another host is ready", "10.0.0.5:5061 tls fe01.contoso.com blackhole\n10.0.0.5:5060 tcp accept\n10.0.0.6:5061 tls fe02.contoso.com accept", "fe01.contoso.com 5061 tls 10.0.0.5\nfe01.contoso.com 5060 tcp 10.0.0.5\nfe02.contoso.com 5061 tls 10.0.0.6",
			500 * time.Millisecond, 3, "10.0.0.6:5061", "fe02.contoso.com"},
		{"a slow one is tried when nothing else is left", "10.0.0.5:5061 tls fe01.contoso.com accept rtt=1s\n10.0.0.6:5061 tls fe02.contoso.com status 503", pair, 3100 * time.Millisecond, 3, "10.0.0.6:5061 10.0.0.5:5061", "fe01.contoso.com"},
		{"nothing else is ready: it has its time", "10.0.0.5:5061 tls fe01.contoso.com accept rtt=2s\n10.0.0.6:5061 tls fe02.contoso.com blackhole", pair, 6100 * time.Millisecond, 4, "10.0.0.5:5061", "fe01.contoso.com"},
		{"nobody after one that forbids it", "10.0.0.5:5061 tls fe01.contoso.com status 403 rtt=400ms\n10.0.0.6:5061 tls fe02.contoso.com accept rtt=400ms", pair, 1300 * time.Millisecond, 4, "10.0.0.5:5061", ""},
		{"the pair of a redirect", "10.0.0.4:5061 tls fe01.contoso.com redirect sip:fe02.contoso.com:5061;transport=tls;q=0.7 sip:fe03.contoso.com:5061;transport=tls;q=0.3\n10.0.0.6:5061 tls fe02.contoso.com blackhole\n10.0.0.7:5061 tls fe03.contoso.com accept",
			"fe01.contoso.com 5061 tls 10.0.0.4", 550 * time.Millisecond, 4, "10.0.0.4:5061 10.0.0.7:5061", "fe03.contoso.com"},
		{"a connection that the Registrar has grown tired of", "10.0.0.5:5061 tls fe01.contoso.com silent rtt=20ms\n10.0.0.6:5061 tls fe02.contoso.com accept idle=1s", pair, 3600 * time.Millisecond, 3, "10.0.0.5:5061 10.0.0.6:5061", "fe02.contoso.com"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := walkAt(t, test.registrars, test.try)
				got := ""
				if r.reg != nil {
					got = r.reg.Candidate.Host
				}
				if spoken := strings.Join(r.spoken(), " "); got != test.last || spoken != test.spoken || r.took > test.within || r.sockets.dialled > test.dialled || r.sockets.most > maxSockets {
					t.Errorf("registered with %q after %v, %d connections, %d at once; spoke to %s\n%s\n%s",
						got, r.took, r.sockets.dialled, r.sockets.most, spoken, strings.Join(r.told, "\n"), sitetest.Timeline(r.log))
				}
			})
		})
	}
}

// What was connected to before the walk knew of it is not overtaken at once: a healthy network sees one handshake, however far that
// connection has come by then.
func TestMend35EarlyConnectionHasItsTime(t *testing.T) {
	const trip = 100 * time.Millisecond
	for ahead := time.Duration(0); ahead <= 3*trip; ahead += trip / 4 {
		synctest.Test(t, func(t *testing.T) {
			s, _, told, _ := signerOn(t, "-- registrars --\n10.0.0.5:5061 tls fe01.contoso.com accept rtt=100ms\n10.0.0.6:5061 tls fe02.contoso.com accept rtt=100ms\n", false)
			dials := sockets{inner: s.gate.wire.Dial}
			s.gate.wire.Dial = dials.dial
			w, all := s.NewWalk(nil), candidates(t, "fe01.contoso.com 5061 tls 10.0.0.5\nfe02.contoso.com 5061 tls 10.0.0.6")
			w.Warm(t.Context(), &all[0])
			time.Sleep(ahead)
			reg := w.Try(t.Context(), all)
			w.Close()
			if reg == nil {
				t.Fatalf("not registered: %v", *told)
			}
			reg.Session.Close()
			if reg.Candidate.Host != "fe01.contoso.com" || dials.dialled != 1 {
				t.Errorf("%v ahead: registered with %s after %d connections", ahead, reg.Candidate.Host, dials.dialled)
			}
		})
	}
}

// A hint that comes when the race has learnt of the place already opens no second connection there.
func TestMend36TheRaceSeesToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _, _ := signerOn(t, "-- registrars --\n10.0.0.5:5061 tls fe01.contoso.com accept rtt=20ms\n", false)
		dials := sockets{inner: s.gate.wire.Dial}
		s.gate.wire.Dial = dials.dial
		w, all := s.NewWalk(nil), candidates(t, "fe01.contoso.com 5061 tls 10.0.0.5")
		w.Begin(t.Context(), nil)
		w.opener.expect(all)
		w.Foresee(t.Context(), all)
		reg := w.Step(t.Context(), all)
		w.End()
		w.Close()
		if reg == nil || dials.dialled != 1 {
			t.Fatalf("registered %v, %d connections", reg != nil, dials.dialled)
		}
		reg.Session.Close()
	})
}

// black are so many Registrars that are black holes, over TLS and over TCP.
func black(n int) (lines string) {
	for i := range n {
		lines += fmt.Sprintf("10.0.1.%d:5061 tls h%d.contoso.com blackhole\n10.0.1.%d:5060 tcp blackhole\n", i+1, i+1, i+1)
	}
	return lines
}

// On random sites, the Registrar is the one that a walk finds which does one thing after the other; nobody hears a word of SIP
// before all that are better have failed; and never are more than six sockets open.
func TestWalksOfRandomSites(t *testing.T) {
	plans := 60
	if testing.Short() {
		plans = 10
	}
	for seed := range plans {
		synctest.Test(t, func(t *testing.T) {
			d := rand.New(rand.NewPCG(uint64(seed), 43))
			var registrars, try strings.Builder
			var serial []string // who is spoken to, in order
			want, dropped, slow, stopped := "", map[string]bool{}, map[string]bool{}, false
			for i := range 1 + d.IntN(8) {
				host, over := fmt.Sprintf("h%d.contoso.com", d.IntN(5)), []string{"tls", "tls", "tcp"}[d.IntN(3)]
				if slow[host] { // plain TCP waits for what becomes of TLS there, and the walk one after the other does not
					over = "tls"
				}
				gone, port := false, 7000+i
				fmt.Fprintf(&try, "%s %d %s", host, port, over)
				for j := range 1 + d.IntN(3) {
					addr := fmt.Sprintf("10.0.%d.%d", host[1], 10*i+j+1)
					fmt.Fprintf(&try, " %s", addr)
					does := []string{"accept", "digest user=phone1 password=Secret1", "refuse", "refuse", "blackhole", "blackhole", "silent hello", "silent", "status 503", "status 404", "status 403", "accept cert=untrusted", "reset"}[d.IntN(13)]
					if over == "tcp" {
						does = strings.TrimSuffix(strings.TrimSuffix(does, " cert=untrusted"), " hello")
						if strings.HasPrefix(does, "digest") {
							does = "accept"
						}
						fmt.Fprintf(&registrars, "%s:%d tcp %s", addr, port, does)
					} else {
						fmt.Fprintf(&registrars, "%s:%d tls %s %s", addr, port, host, does)
					}
					fmt.Fprintf(&registrars, " rtt=%dms\n", d.IntN(60))
					bad := strings.HasSuffix(does, "untrusted")
					slow[host] = slow[host] || over == "tls" && (does == "blackhole" || does == "silent hello")
					if gone || stopped || want != "" || over == "tcp" && dropped[host] {
						continue
					}
					dropped[host] = dropped[host] || bad
					if says := strings.Fields(does)[0]; !bad && does != "silent hello" && says != "refuse" && says != "blackhole" {
						serial = append(serial, fmt.Sprintf("%s:%d", addr, port))
						if says == "accept" || says == "digest" {
							want = serial[len(serial)-1]
						}
					}
					gone = gone || does == "status 404"
					stopped = stopped || does == "status 403"
				}
				try.WriteString("\n")
			}
			r := walkAt(t, registrars.String(), strings.TrimSpace(try.String()))
			got := ""
			if r.reg != nil {
				got = fmt.Sprintf("%s:%d", r.reg.Addr, r.reg.Candidate.Port)
			}
			if diff := strings.Join(r.spoken(), " "); got != want || diff != strings.Join(serial, " ") || r.sockets.most > maxSockets {
				t.Errorf("plan %d: registered with %q, want %q; spoke to %s, want %v; %d sockets at once\n%s\n%s\n%s\n%s",
					seed, got, want, diff, serial, r.sockets.most, registrars.String(), try.String(), strings.Join(r.told, "\n"), sitetest.Timeline(r.log))
			}
		})
	}
}
