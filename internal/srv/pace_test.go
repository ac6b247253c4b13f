package srv

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// halfLost makes a server lose half of the questions, and half of its answers.
func halfLost(s server, seed uint64) server {
	var mu sync.Mutex
	random, inner := rand.New(rand.NewPCG(seed, 13)), s.answers
	s.answers = func(q query) [][]byte {
		mu.Lock()
		defer mu.Unlock()
		if random.IntN(4) > 0 {
			return nil
		}
		return inner(q)
	}
	return s
}

// Half of all packets are lost: the Registrar's name and its address are there within 4.8 s in 99 of 100, with one name server.
func TestHalfOfAllPacketsLost(t *testing.T) {
	const lives = 400
	failed := 0
	for seed := range uint64(lives) {
		synctest.Test(t, func(t *testing.T) {
			s, r := newSite(halfLost(zone(fe, "fe.contoso.com. 60 IN A 10.0.9.1").slow(20*time.Millisecond), seed))
			r.Pace = NewPace(false)
			defer s.tasks.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 4800*time.Millisecond)
			defer cancel()
			if _, err := r.SRV(ctx, internalTLS); err != nil {
				failed++
			} else if _, _, err := r.Addrs(ctx, "fe.contoso.com"); err != nil {
				failed++
			}
		})
	}
	if failed > lives/100 {
		t.Errorf("%d of %d failed", failed, lives)
	}
}

// When a question is sent again: what is known of the server decides.
func TestResends(t *testing.T) {
	server := netip.MustParseAddrPort("10.0.0.53:53")
	ms := func(all ...int) (d []time.Duration) {
		for _, n := range all {
			d = append(d, time.Duration(n)*time.Millisecond)
		}
		return d
	}
	for _, test := range []struct {
		name   string
		inVain bool
		after  time.Duration // it answers another question then; 0: it does not
		trip   time.Duration
		want   []time.Duration
	}{
		{"nothing is known", false, 0, 0, ms(100, 110, 120, 130, 140, 150, 150, 150, 150, 150, 150, 300, 300, 300, 300, 300, 300, 450, 675)},
		{"it was asked in vain before", true, 0, 0, ms(300, 300, 300, 300, 300, 300, 450, 675)},
		{"it was asked in vain before, and answers now", true, 700 * time.Millisecond, 20 * time.Millisecond, ms(300, 300, 300, 100, 110, 120, 130, 140, 150)},
		{"it answers, and is near", false, 50 * time.Millisecond, 20 * time.Millisecond, ms(100, 110, 120, 130, 140, 150, 150, 150, 150, 150, 150, 150)},
		{"it answers, and is far away", false, 50 * time.Millisecond, 300 * time.Millisecond, ms(100, 600, 600, 600)},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := NewPace(test.inVain)
				if test.after > 0 {
					time.AfterFunc(test.after, func() { p.answered(server, test.trip, 1) })
				}
				r := resends{pace: p, server: server, began: time.Now()}
				var got []time.Duration
				for range test.want {
					got = append(got, r.next())
					time.Sleep(got[len(got)-1])
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("got  %v\nwant %v", got, test.want)
				}
			})
		})
	}
}

// A server that is far away is asked again before it can answer, once: then it is known how far.
func TestFarServerIsAskedOnce(t *testing.T) {
	for _, away := range []time.Duration{80 * time.Millisecond, 150 * time.Millisecond, 300 * time.Millisecond, 600 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s, r := newSite(zone("fe.contoso.com. 60 IN A 10.0.9.1").slow(away))
			r.Pace = NewPace(false)
			defer s.tasks.Wait()
			for i := range 3 {
				s.mu.Lock()
				clear(s.count)
				s.mu.Unlock()
				if _, fail := r.exchange(t.Context(), r.Servers[0], "fe.contoso.com.", dns.TypeA); fail != nil {
					t.Fatal(fail)
				}
				s.mu.Lock()
				if got := s.count[r.Servers[0].String()]; i > 0 && got != 1 {
					t.Errorf("%v away: question %d was sent %d times", away, i+1, got)
				}
				s.mu.Unlock()
			}
		})
	}
}

// What is known of the round trip never falls short of it: the time counts from the first question, not from the last one.
func TestTripIsNeverTooShort(t *testing.T) {
	server, ms := netip.MustParseAddrPort("10.0.0.53:53"), time.Millisecond
	p := NewPace(false)
	for _, test := range []struct {
		took  time.Duration
		sends int
		want  trip
	}{
		{400 * ms, 3, trip{most: 400 * ms, sure: false}},
		{700 * ms, 6, trip{most: 400 * ms, sure: false}},
		{300 * ms, 2, trip{most: 300 * ms, sure: false}},
		{350 * ms, 1, trip{most: 300 * ms, sure: true}},
		{20 * ms, 1, trip{most: 20 * ms, sure: true}},
		{900 * ms, 8, trip{most: 20 * ms, sure: true}},
	} {
		p.answered(server, test.took, test.sends)
		if got, _ := p.of(server); got != test.want {
			t.Errorf("after %v and %d questions: %v, want %v", test.took, test.sends, got, test.want)
		}
	}
}

// A server that waits for another one answers what it need not ask others: it is told from one that is silent, and is asked for that once for
// all look-ups at the same time.
func TestMend191AServerThatWaitsLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waits := server{answers: func(q query) [][]byte {
			if q.msg.RecursionDesired {
				return nil
			}
			refused, _ := new(dns.Msg).SetRcode(q.msg, dns.RcodeRefused).Pack()
			return [][]byte{refused}
		}}
		s, r := newSite(waits, server{answers: func(query) [][]byte { return nil }})
		r.Pace = NewPace(false)
		defer s.tasks.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				_, err := r.SRV(ctx, internalTLS)
				var e *Error
				if !errors.As(err, &e) || e.Kind != Timeout || !e.Lives || e.Waited != time.Second || e.Alike != nil || len(e.Others) != 1 || e.Others[0].Lives || e.Others[0].Waited != 0 {
					t.Errorf("%+v", err)
				}
			})
		}
		both.Wait()
		if got := strings.Count(s.asked(), "10.0.0.1:53 udp edns=1232 A localhost."); got != 1 {
			t.Errorf("asked for localhost %d times:\n%s", got, s.asked())
		}

		conn := func(ctx context.Context, network, _ string) (net.Conn, error) {
			return s.dial(ctx, network, "10.0.0.1:53")
		}
		if q := Measure(t.Context(), conn, r.Servers[0], "contoso.com"); !q.Lives || q.Answered != 0 || q.Serves() || q.Asked != measureCount {
			t.Errorf("measured: %+v", q)
		}
	})
}

// toldByRouter is a socket of which a router says that the server cannot be reached, once it may: each time something is sent, and once when
// it is written.
type toldByRouter struct {
	net.Conn
	hears, said bool
	closed      bool // then the server says that nobody listens there
	over        bool // what the router says
}

func (c *toldByRouter) HearRouters() { c.hears = true }

func (c *toldByRouter) Read(b []byte) (int, error) {
	if c.hears && !c.said {
		c.said = true
		return 0, &net.OpError{Op: "read", Err: syscall.EHOSTUNREACH}
	}
	return c.Conn.Read(b)
}

func (c *toldByRouter) Write(b []byte) (int, error) {
	if told := c.said; told {
		c.said, c.hears, c.over = false, false, true
		return 0, &net.OpError{Op: "write", Err: syscall.ENETUNREACH}
	}
	if c.closed && c.over {
		return 0, &net.OpError{Op: "write", Err: syscall.ECONNREFUSED}
	}
	return c.Conn.Write(b)
}

// What routers say of a question counts where no answer comes, and ends nothing: an answer that comes later is one.
func TestMend192WhatRoutersSay(t *testing.T) {
	for _, answers := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, r := newSite(server{answers: func(q query) [][]byte {
				if !answers || q.nth < 8 {
					return nil
				}
				answer, _ := new(dns.Msg).SetRcode(q.msg, dns.RcodeNameError).Pack()
				return [][]byte{answer}
			}})
			defer s.tasks.Wait()
			r.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := s.dial(ctx, network, address)
				return &toldByRouter{Conn: conn}, err
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			_, err := r.SRV(ctx, internalTLS)
			var e *Error
			if !errors.As(err, &e) || answers && e.Kind != NoRecord || !answers && (e.Kind != Unreachable || !errors.Is(e, syscall.ENETUNREACH)) {
				t.Errorf("answers %v: %v", answers, err)
			}
		})
	}
}

// What a router has said does not count where the server itself says later that nobody listens at its port.
func TestMend232ThePortIsClosedAfterAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := newSite(server{answers: func(query) [][]byte { return nil }})
		defer s.tasks.Wait()
		r.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := s.dial(ctx, network, address)
			return &toldByRouter{Conn: conn, closed: true}, err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := r.SRV(ctx, internalTLS)
		var e *Error
		if !errors.As(err, &e) || e.Kind != PortClosed {
			t.Error(err)
		}
	})
}
