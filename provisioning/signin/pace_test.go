package signin

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// paceSite is a signer at three Registrars: one is far away, one is near, and one is a black hole.
func paceSite(t *testing.T) (s *Signer, try func(candidates string) time.Duration) {
	t.Helper()
	s, _, _ = signerAt(t, "-- registrars --\n10.0.0.5:5061 tls fe01.contoso.com accept rtt=800ms\n"+
		"10.0.0.6:5061 tls fe02.contoso.com accept rtt=20ms\n10.0.0.7:5061 tls fe03.contoso.com blackhole\n"+
		"10.0.0.8:5061 tls fe04.contoso.com redirect sip:fe01.contoso.com:5061;transport=tls rtt=20ms\n", false)
	return s, func(all string) time.Duration {
		began := time.Now()
		reg := s.NewWalk(nil).Try(t.Context(), candidates(t, all))
		if reg == nil {
			t.Fatalf("no registration at %s", all)
		}
		reg.Session.Close()
		return time.Since(began)
	}
}

const (
	farAway   = "fe01.contoso.com 5061 tls 10.0.0.5"
	near      = "fe02.contoso.com 5061 tls 10.0.0.6"
	holeFirst = "fe03.contoso.com 5061 tls 10.0.0.7\n" + near
)

// A walk that saw a slow network makes those after the next one no slower.
func TestSlowNetworkIsUnlearnt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, try := paceSite(t)
		fast := try(holeFirst)
		try(farAway)
		if slow := try(holeFirst); slow <= fast {
			t.Errorf("past a black hole in %v, as fast as before a slow walk was seen", slow)
		}
		if again := try(holeFirst); again > fast {
			t.Errorf("past a black hole in %v, and in %v after a slow walk and a fast one", fast, again)
		}
	})
}

// A look-up says how fast the network is until a Registrar does, and is never remembered.
func TestLookUpIsOnlyAHint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := paceSite(t)
		step := func(all string, saw time.Duration) {
			t.Helper()
			w := s.NewWalk(nil)
			w.Begin(t.Context(), nil)
			w.Trip(2 * time.Second) // of a name server that was silent for 4 s
			w.Trip(time.Millisecond)
			if got := w.opener.pace.known(); saw == 0 && got != 2*time.Second {
				t.Errorf("a round trip of %v, of a hint of 2 s", got)
			}
			if reg := w.Step(t.Context(), candidates(t, all)); reg != nil {
				reg.Session.Close()
			}
			if got := w.opener.pace.known(); saw > 0 && got != saw {
				t.Errorf("a round trip of %v, %v was seen", got, saw)
			}
			w.End()
		}
		step("fe09.contoso.com 5061 tls 10.0.0.9", 0)
		if s.pace != (pace{}) {
			t.Errorf("%+v is known, and nothing was seen", s.pace)
		}
		step(near, 20*time.Millisecond)
		if want := (pace{before: 20 * time.Millisecond}); s.pace != want {
			t.Errorf("%+v is known, want %+v", s.pace, want)
		}
		if s.NetworkChanged(); s.pace != (pace{}) {
			t.Errorf("%+v is known of another network", s.pace)
		}
	})
}

// The first SYN is lost: the round trip is that of the second.
func TestLostSYNIsNoSlowNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, try := paceSite(t)
		inner := s.gate.wire.Dial
		var sent atomic.Int32
		s.gate.wire.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if sent.Add(1) == 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return inner(ctx, network, address)
		}
		try(near)
		if want := 20 * time.Millisecond; sent.Load() != 2 || s.pace.before != want {
			t.Errorf("%d SYNs, a round trip of %v, want 2 and %v", sent.Load(), s.pace.before, want)
		}
	})
}

// What a race sees where a redirect leads, the walk has seen.
func TestDetourIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, try := paceSite(t)
		try("fe04.contoso.com 5061 tls 10.0.0.8")
		if want := 800 * time.Millisecond; s.pace.before != want {
			t.Errorf("a round trip of %v, want %v", s.pace.before, want)
		}
	})
}
