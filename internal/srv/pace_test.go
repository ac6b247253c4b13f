package srv

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
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
			} else if _, err := r.Addrs(ctx, "fe.contoso.com"); err != nil {
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
					time.AfterFunc(test.after, func() { p.answered(server, test.trip) })
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
