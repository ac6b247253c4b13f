package signin

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"homeward/provisioning"
)

// A redirect that leads nowhere, while other ranks are connected to: the walk goes on as if none had been.
func TestRedirectToNowhere(t *testing.T) {
	const pool = "10.0.0.7:5061 tls fe03.contoso.com refuse\n"
	for _, test := range []struct{ name, registrars, try, want string }{
		{"a worse rank has failed ahead of its turn",
			"10.0.0.5:5061 tls fe01.contoso.com redirect sip:fe03.contoso.com:5061;transport=tls rtt=350ms\n10.0.0.6:5061 tls fe02.contoso.com refuse\n10.0.0.8:5061 tls fe01.fabrikam.com accept\n",
			"fe01.contoso.com 5061 tls 10.0.0.5\nfe02.contoso.com 5061 tls 10.0.0.6\nfe01.fabrikam.com 5061 tls 10.0.0.8",
			"fe01.fabrikam.com:5061"},
		{"plain TCP at a host of two addresses",
			"10.0.0.5:5061 tls fe01.contoso.com redirect sip:fe03.contoso.com:5061;transport=tls rtt=20ms\n10.0.0.6:5061 tls fe01.contoso.com accept\n10.0.0.5:5060 tcp accept\n",
			"fe01.contoso.com 5061 tls 10.0.0.5 10.0.0.6\nfe01.contoso.com 5060 tcp 10.0.0.5",
			"fe01.contoso.com:5060"},
		{"a better rank is late, and nothing else is left",
			"10.0.1.1:5061 tls h1.contoso.com blackhole\n10.0.0.5:5061 tls fe01.contoso.com redirect sip:fe03.contoso.com:5061;transport=tls rtt=20ms\n10.0.0.6:5061 tls fe01.contoso.com accept\n",
			"h1.contoso.com 5061 tls 10.0.1.1\nfe01.contoso.com 5061 tls 10.0.0.5 10.0.0.6",
			""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := walkAt(t, test.registrars+pool, test.try)
				got := ""
				if r.reg != nil {
					got = r.reg.Candidate.Endpoint.HostPort()
				}
				if got != test.want {
					t.Errorf("registered with %q, want %q\n%s", got, test.want, strings.Join(r.told, "\n"))
				}
				if len(r.told) > 20 {
					t.Errorf("%d events", len(r.told))
				}
			})
		})
	}
}

// A connection to last good over plain TCP, made ahead, changes nothing about who is registered with.
func TestWarmPlainTCPChangesNothing(t *testing.T) {
	for _, warm := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, _, told := signerAt(t, "-- registrars --\n10.0.0.5:5061 tls fe01.contoso.com blackhole\n10.0.0.5:5060 tcp accept rtt=20ms\n10.0.0.6:5061 tls fe02.contoso.com accept rtt=20ms\n", false)
			w := s.NewWalk(nil)
			all := candidates(t, "fe01.contoso.com 5061 tls 10.0.0.5\nfe01.contoso.com 5060 tcp 10.0.0.5\nfe02.contoso.com 5061 tls 10.0.0.6")
			if warm {
				w.Warm(t.Context(), &all[1])
				synctest.Wait()
			}
			reg := w.Try(t.Context(), all)
			w.Close()
			if reg == nil {
				t.Fatalf("warm %v: not registered: %v", warm, *told)
			}
			reg.Session.Close()
			if got := reg.Candidate.Host; got != "fe02.contoso.com" || reg.Candidate.Transport != provisioning.TLS {
				t.Errorf("warm %v: registered with %v", warm, reg.Candidate.Endpoint)
			}
		})
	}
}

// Whatever Registrars do, those that redirect included, a walk ends: no socket is left, never more than six are open, and no
// event is told over and over.
func TestWalksWithRedirectsEnd(t *testing.T) {
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) {
			d := rand.New(rand.NewPCG(seed, 99))
			registrars, try := redirecting(d)
			s, _, _ := signerAt(t, "-- registrars --\n"+registrars+"\n", false)
			open := &sockets{inner: s.gate.wire.Dial}
			s.gate.wire.Dial = open.dial
			ctx, cancel := context.WithCancel(t.Context())
			told := 0
			s.owner.Tell = func(*provisioning.Event) {
				if told++; told > 400 {
					cancel()
				}
			}
			began, w, all := time.Now(), s.NewWalk(nil), candidates(t, try)
			if d.IntN(2) == 0 {
				w.Warm(ctx, &all[d.IntN(len(all))])
				time.Sleep(time.Duration(d.IntN(500)) * time.Millisecond)
			}
			reg := w.Try(ctx, all)
			w.Close()
			synctest.Wait()
			if reg != nil {
				reg.Session.Close()
			}
			synctest.Wait()
			if told > 400 || open.most > maxSockets || open.now != 0 || time.Since(began) > 2*time.Minute {
				t.Errorf("seed %d: %d events, %d sockets at most, %d left, %v\n%s%s", seed, told, open.most, open.now, time.Since(began), registrars, try)
			}
			cancel()
		})
	}
}

// redirecting are random Registrars, and Candidates that lead to them.
func redirecting(d *rand.Rand) (registrars, try string) {
	doings := []string{"refuse", "refuse", "blackhole", "silent", "status 503", "reset", "redirect", "redirect pair", "accept"}
	var there []string
	for i := range 1 + d.IntN(6) {
		host, port, kind := fmt.Sprintf("h%d.contoso.com", 2+d.IntN(4)), 5061, "tls"
		if d.IntN(3) == 0 {
			port, kind = 5060, "tcp"
		}
		line := fmt.Sprintf("%s %d %s", host, port, kind)
		for j := range 1 + d.IntN(3) {
			addr := fmt.Sprintf("10.%d.0.%d", i, j+1)
			if d.IntN(3) == 0 {
				addr = fmt.Sprintf("10.0.%s.%d", host[1:2], j+1)
			}
			at := fmt.Sprintf("%s:%d", addr, port)
			if slices.Contains(there, at) {
				continue
			}
			there, line = append(there, at), line+" "+addr
			does := doings[d.IntN(len(doings))]
			to := fmt.Sprintf("redirect sip:h%d.contoso.com:5061;transport=tls", 2+d.IntN(5))
			switch {
			case does == "redirect":
				does = to
			case does == "redirect pair":
				does = to + " sip:fe02.contoso.com:5061;transport=tls"
			}
			what := "tls " + host
			if kind == "tcp" {
				what = "tcp"
			}
			registrars += fmt.Sprintf("%s %s %s rtt=%dms\n", at, what, does, []int{5, 20, 100, 300, 800}[d.IntN(5)])
		}
		if len(strings.Fields(line)) > 3 {
			try += line + "\n"
		}
	}
	return registrars, try
}

// Of a redirect to where all addresses have been tried it is said what is known of them, and nothing else.
func TestMend100RedirectsToWhereAllIsTried(t *testing.T) {
	for _, test := range []struct {
		met   provisioning.Trouble
		known bool
		want  string
	}{
		{provisioning.FaultUnavailable.Met(provisioning.Facts{"host": "fe02", "said": "503"}), true, "fe01 redirects the device to fe02:5061, where it has just failed: fe02 cannot serve requests now: 503"},
		{provisioning.Trouble{}, true, "fe01 redirects the device to fe02:5061, which has redirected it before"},
		{provisioning.Trouble{}, false, "fe01 redirects the device to fe02, which is not used: the same Registrar has just failed in this cycle"},
	} {
		trouble := again(test.met, test.known, provisioning.Facts{"from": "fe01", "host": "fe02", "at": "fe02:5061", "user": "sip:phone1@contoso.com"})
		if got := trouble.What(); got != test.want || strings.Contains(trouble.Do(), "(not known)") {
			t.Errorf("got %s (%s), want %s", got, trouble.Do(), test.want)
		}
	}
}
