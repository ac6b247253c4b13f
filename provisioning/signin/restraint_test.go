package signin

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"homeward/internal/sip"
	"homeward/internal/trust"
	"homeward/provisioning"
)

func TestCredentialsRestAfterTwoRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRestraint()
		refused := &sip.CredentialsError{Status: &sip.StatusError{Code: 401}}
		c := provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}}
		r.failed(&c, refused)
		if got := r.delay(0); got >= time.Minute {
			t.Errorf("after one refusal: waited %v", got)
		}
		r.succeeded(&c, netip.Addr{}, "digest")
		r.failed(&c, refused)
		if got := r.delay(0); got >= 2*time.Minute {
			t.Errorf("a success in between does not count: waited %v", got)
		}
		r.succeeded(&c, netip.Addr{}, "")
		r.failed(&c, refused)
		if got := r.delay(0); got != 30*time.Minute {
			t.Errorf("after two refusals, whoever took the device without a password in between: waited %v, want 30m", got)
		}
	})
}

// A 403 counts as a refusal of the password where it came to credentials that nothing has proven right, and where the
// Registrar does not say clearly that something else is wrong.
func TestMend22ForbiddenCountsAsRefusal(t *testing.T) {
	told := func(id int) []sip.Diagnostic { return []sip.Diagnostic{{ID: id}} }
	for name, test := range map[string]struct {
		err  sip.StatusError
		want bool
	}{
		"with credentials":               {sip.StatusError{Code: 403, Scheme: "digest"}, true},
		"with an error id nobody knows":  {sip.StatusError{Code: 403, Scheme: "digest", Diagnostics: told(9999)}, true},
		"the handshake failed":           {sip.StatusError{Code: 403, Scheme: "digest", Diagnostics: told(1000)}, true},
		"without credentials, or proven": {sip.StatusError{Code: 403}, false},
		"the account is disabled":        {sip.StatusError{Code: 403, Scheme: "digest", Diagnostics: told(4141)}, false},
		"the client version":             {sip.StatusError{Code: 403, Scheme: "digest", Diagnostics: told(17000)}, false},
		"unavailable":                    {sip.StatusError{Code: 503, Scheme: "digest"}, false},
		"unsigned":                       {sip.StatusError{Code: 403, Unsigned: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRestraint()
				for range refusalsAllowed {
					r.failed(&provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}}, &attemptError{stage: registering, err: &test.err})
				}
				if got := r.passwordRests(); got != test.want {
					t.Errorf("the password rests: %v", got)
				}
				if advice := Judge(&test.err, &provisioning.Candidate{}, netip.Addr{}).Do(); test.want != strings.Contains(advice, "password_file") {
					t.Errorf("the advice is: %s", advice)
				}
			})
		})
	}
}

// A walk that goes on after a rest has failed once: the delay does not grow for what comes late.
func TestMend17AWalkCountsOnce(t *testing.T) {
	w := (&Signer{restraint: newRestraint()}).NewWalk(nil)
	w.others, w.reached = true, true
	for range 5 {
		if wait := w.Pause(); wait >= 30*time.Second {
			t.Errorf("it rests for %v", wait)
		}
	}
	next := w.signer.NewWalk(nil)
	next.others, next.reached = true, true
	if wait := next.Pause(); wait < 30*time.Second || wait >= time.Minute {
		t.Errorf("after the second walk it rests for %v", wait)
	}
}

// However many hosts the network names, what is distrusted stays so, and the memory is bounded.
func TestDistrustIsBounded(t *testing.T) {
	d := distrust{}
	for i := range 2 * maxDistrusted {
		d.failed(fmt.Sprintf("host%d.contoso.com", i), netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), &trust.HandshakeError{})
	}
	if len(d) > maxDistrusted+1 {
		t.Errorf("%d are remembered", len(d))
	}
	for _, host := range []string{"host0.contoso.com", "host2000.contoso.com", "another.contoso.com"} {
		if !d.closes(&provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: host, Transport: provisioning.TCP}}) {
			t.Errorf("plain TCP to %s is open", host)
		}
	}
	if d.closes(&provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "host0.contoso.com", Transport: provisioning.TLS}}) {
		t.Error("TLS is closed")
	}
}

var (
	fe01 = provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}}
	fe02 = provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "fe02.contoso.com", Port: 5061}}
	addr = netip.MustParseAddr("10.0.0.5")
)

// A Registrar that accepts the device and drops it at once loses its turn at that address with the second time; one
// registration that holds forgives it. After ten such losses, of whichever Registrars, the device rests.
func TestWhoDropsTheDeviceLosesItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRestraint()
		lost := &sip.LostError{Kind: sip.NothingGranted, Code: 200}
		at := attempted{fe01.Endpoint, addr}
		turn := func() provisioning.Reason { reason, _ := r.lostTurn(at); return reason }
		r.Lost(&fe01, addr, lost, settled-1)
		if got := turn(); got != "" {
			t.Errorf("after the first time: %s", got)
		}
		r.Lost(&fe01, addr, lost, settled-1)
		if got := turn(); got != ReasonOf(lost) {
			t.Errorf("after the second time: %q", got)
		}
		said := regexp.MustCompile("^2 times, soon after the Registrar had accepted the device, the last time at 00:00:00 UTC; not tried before 00:00:(1[5-9]|2[0-9]|30) UTC$")
		if _, detail := r.lostTurn(at); !said.MatchString(detail) {
			t.Errorf("why it is not tried: %s", detail)
		}
		if reason, _ := r.lostTurn(attempted{fe01.Endpoint, netip.MustParseAddr("10.0.0.6")}); reason != "" {
			t.Errorf("its other address: %s", reason)
		}
		time.Sleep(30 * time.Second)
		if got := turn(); got != "" {
			t.Errorf("after a rest: %s", got)
		}
		r.Lost(&fe01, addr, lost, settled-1)
		time.Sleep(30*time.Second - 1)
		if got := turn(); got == "" {
			t.Error("the third time, it is left alone no longer than before")
		}
		r.TakeTurns()
		if got := turn(); got != "" {
			t.Errorf("when all have their turn again: %s", got)
		}
		r.Lost(&fe01, addr, lost, settled)
		r.Lost(&fe01, addr, lost, settled-1)
		if got := turn(); got != "" {
			t.Errorf("the first time after one that has held: %s", got)
		}
		for i := 1; i < 10; i++ { // the last one was the first of ten
			if r.Spent() {
				t.Errorf("all drop it after %d times", i)
			}
			r.Lost(&fe02, addr, lost, 0)
		}
		if !r.Spent() {
			t.Error("not all drop it after 10 times")
		}
	})
}

// A Registrar that ends registrations in band loses its turn the second time, however long they held; not if that was long ago.
func TestEndedTwiceInBand(t *testing.T) {
	at, ended := attempted{fe01.Endpoint, addr}, fmt.Errorf("%w: %w", sip.ErrBindingLost, &sip.DeregisteredError{Event: "rejected"})
	for held, want := range map[time.Duration]provisioning.Reason{time.Minute: ReasonOf(ended), heldLong: ""} {
		r := newRestraint()
		r.Lost(&fe01, addr, ended, held)
		if reason, _ := r.lostTurn(at); reason != "" {
			t.Errorf("held for %v, after the first time: %s", held, reason)
		}
		r.Lost(&fe01, addr, ended, held)
		reason, detail := r.lostTurn(at)
		if reason != want || want != "" && !strings.HasPrefix(detail, "2 times, the last time at ") {
			t.Errorf("held for %v, after the second time: %q, want %q: %s", held, reason, want, detail)
		}
	}
}

// An address that takes connections and serves nobody loses its turn with the fifth time, and has one try after each pause, which
// grows up to four minutes; where it takes no connection, or serves the device, it begins anew.
func TestWhoServesNobodyLosesItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRestraint()
		at, busy := attempted{fe01.Endpoint, addr}, &attemptError{stage: registering, err: &sip.StatusError{Code: 503}}
		open := func() bool { reason, _ := r.lostTurn(at); return reason != "" }
		for n := 1; n <= 12; n++ {
			if r.triedInVain(at, busy); open() != (n > inVainAllowed) {
				t.Errorf("after %d times it has lost its turn: %t", n, open())
			}
			if n <= inVainAllowed {
				continue
			}
			top := 30 * time.Second << (min(n-inVainAllowed, inVainDoubled) - 1)
			if time.Sleep(top/2 - 1); !open() {
				t.Errorf("after %d times it is left alone for less than %v", n, top/2)
			}
			if time.Sleep(top/2 + 1); open() {
				t.Errorf("after %d times it is left alone for more than %v", n, top)
			}
		}
		r.triedInVain(at, busy)
		if reason, detail := r.lostTurn(at); reason != provisioning.SIPUnavailable || !strings.HasPrefix(detail, "13 times in a row, the last time at ") {
			t.Errorf("%s: %s", reason, detail)
		}
		if reason, _ := r.lostTurn(attempted{fe01.Endpoint, netip.MustParseAddr("10.0.0.6")}); reason != "" {
			t.Errorf("its other address: %s", reason)
		}
		for name, anew := range map[string]func(){
			"it takes no connection": func() { r.triedInVain(at, &attemptError{stage: connecting, err: syscall.ECONNREFUSED}) },
			"it serves the device":   func() { r.succeeded(&fe01, addr, "") },
		} {
			r.TakeTurns()
			r.triedInVain(at, busy)
			r.TakeTurns()
			anew()
			if r.triedInVain(at, busy); open() {
				t.Errorf("%s, and the next time it has lost its turn", name)
			}
		}
	})
}

// What the device's own network has ended is not counted against a Registrar.
func TestOwnNetworkIsNobodysFault(t *testing.T) {
	r := newRestraint()
	for range 20 {
		r.Lost(&fe01, addr, &addressChangedError{}, 0)
	}
	if reason, _ := r.lostTurn(attempted{fe01.Endpoint, addr}); reason != "" || r.Spent() {
		t.Errorf("it has lost its turn: %q; all drop the device: %t", reason, r.Spent())
	}
}

// A refresh that is refused for the password has shown it twice by Digest: unasked, and in answer to the challenge.
func TestARefusedRefreshByDigestCountsTwice(t *testing.T) {
	for scheme, rests := range map[string]bool{"digest": true, "ntlm": false} {
		r := newRestraint()
		r.Lost(&fe01, addr, &sip.CredentialsError{Scheme: scheme, Status: &sip.StatusError{Code: 401}}, time.Hour)
		if r.PasswordRests() != rests {
			t.Errorf("%s: the password rests: %t", scheme, r.PasswordRests())
		}
	}
	r, kept := newRestraint(), 0
	r.Recall(1, time.Minute, func(times int, _ time.Time) { kept = times })
	r.Lost(&fe01, addr, &sip.CredentialsError{Scheme: "digest", Status: &sip.StatusError{Code: 401}}, time.Hour)
	if !r.PasswordRests() || kept < refusalsAllowed {
		t.Errorf("after one more before that, it rests: %t, and %d are kept for the next run", r.PasswordRests(), kept)
	}
}

// Why a Candidate is not tried now, each until it is over, or proven otherwise.
func TestWhoIsRuledOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRestraint()
		out := func(c provisioning.Candidate) provisioning.Reason { reason, _ := r.ruledOut(&c); return reason }
		overTCP := fe01
		overTCP.Transport = provisioning.TCP
		spoken := func(s stage) error { return &attemptError{stage: s, err: &sip.StatusError{Code: 503}} }

		r.failed(&fe01, &sip.StatusError{Code: 503, RetryAfter: time.Minute})
		if out(fe01) != provisioning.RetryAfter || out(fe02) != "" || out(overTCP) != "" {
			t.Errorf("asked to be left alone: %q, another %q, its other transport %q", out(fe01), out(fe02), out(overTCP))
		}
		time.Sleep(time.Minute)
		if out(fe01) != "" {
			t.Errorf("a minute later: %q", out(fe01))
		}
		r.failed(&fe01, &sip.StatusError{Code: 503, RetryAfter: time.Minute})
		r.succeeded(&fe01, addr, "")
		if out(fe01) != "" {
			t.Errorf("after it accepted: %q", out(fe01))
		}

		r.failed(&fe01, spoken(registering))
		if out(overTCP) != provisioning.TransportPolicy || out(fe01) != "" {
			t.Errorf("a port that speaks TLS: %q over TCP, %q over TLS", out(overTCP), out(fe01))
		}
		r.failed(&overTCP, spoken(registering))
		if out(overTCP) != provisioning.TransportPolicy {
			t.Errorf("what is said over TCP opens TCP: %q", out(overTCP))
		}
		r.failed(&fe01, spoken(connecting))
		if out(overTCP) != "" {
			t.Errorf("a port that does not any more: %q", out(overTCP))
		}

		r.distrust.failed(fe01.Host, addr, &trust.HandshakeError{Kind: trust.BadCertificate})
		byAddress := provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "other.contoso.com", Port: 5060, Transport: provisioning.TCP}, Addrs: []netip.Addr{addr}}
		if out(overTCP) != provisioning.TransportPolicy || out(byAddress) != provisioning.TransportPolicy || out(fe01) != "" {
			t.Errorf("not proven: %q over TCP, %q by its address, %q over TLS", out(overTCP), out(byAddress), out(fe01))
		}
		r.succeeded(&fe01, addr, "")
		if out(overTCP) != "" || out(byAddress) != "" {
			t.Errorf("proven: %q over TCP, %q by its address", out(overTCP), out(byAddress))
		}

		for range refusalsAllowed {
			r.refusals.add(1)
		}
		if out(fe01) != provisioning.CredentialsResting || out(fe02) != provisioning.CredentialsResting {
			t.Errorf("a refused password: %q, another %q", out(fe01), out(fe02))
		}
		time.Sleep(credentialsRest)
		if out(fe01) != "" {
			t.Errorf("after its rest: %q", out(fe01))
		}
	})
}

// A primary that does not hold is taken back less and less often.
func TestPatienceWithThePrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRestraint()
		for i, want := range []int{1, 2, 4, 8, 8} {
			if r.Returned(); r.Patience() != want {
				t.Errorf("taken back %d times: factor %d, want %d", i+1, r.Patience(), want)
			}
			time.Sleep(primaryHeld - 1)
		}
		time.Sleep(time.Nanosecond)
		if r.Returned(); r.Patience() != 1 {
			t.Errorf("after it has held: factor %d", r.Patience())
		}
	})
}

// Where to connect to, besides on a walk: not at a place that has lost its turn, nor at one that asks to be left alone.
func TestAllows(t *testing.T) {
	r, here, sister := newRestraint(), netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("10.0.0.6")
	c := candidates(t, "fe01.contoso.com 5061 tls 10.0.0.5 10.0.0.6")[0]
	r.aside[attempted{c.Endpoint, here}] = aside{until: time.Now().Add(time.Minute), reason: provisioning.ConnectReset}
	if r.Allows(&c, here) || !r.Allows(&c, sister) {
		t.Errorf("%v, which has lost its turn: %v; its sister: %v", here, r.Allows(&c, here), r.Allows(&c, sister))
	}
	if r.leaveAlone[c.Endpoint] = time.Now().Add(time.Minute); r.Allows(&c, sister) {
		t.Error("a Registrar that asks to be left alone may be connected to")
	}
}

// What was refused before a crash counts after it, for as long as it counts at all. Each change is kept for the next run.
func TestRefusalsOverACrash(t *testing.T) {
	for _, test := range []struct {
		times int
		ago   time.Duration
		rests time.Duration // at the start
		after string        // what is kept then, of a refusal and a password that is accepted
	}{
		{0, 0, 0, "1 0 "},
		{1, 29 * time.Minute, 0, "2 "},
		{1, 31 * time.Minute, 0, "1 0 "},
		{2, 10 * time.Minute, 20 * time.Minute, "3 "},
		{2, 31 * time.Minute, 0, "1 0 "},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, kept := newRestraint(), ""
			r.Recall(test.times, test.ago, func(times int, at time.Time) { kept += fmt.Sprint(times, " ") })
			if got := max(0, r.PasswordRest()); got != test.rests {
				t.Errorf("%d times %v ago: it rests for %v, want %v", test.times, test.ago, got, test.rests)
			}
			r.Refused()
			r.refusals.accepted()
			if kept != test.after {
				t.Errorf("%d times %v ago: kept %q, want %q", test.times, test.ago, kept, test.after)
			}
		})
	}
}

// A web service that refuses the password once a day does not keep a device that is registered from signing in again: what is longer
// ago than a directory counts is forgotten.
func TestRefusalsADayApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRestraint()
		for range 3 {
			if r.Refused(); r.PasswordRests() {
				t.Fatal("the password rests")
			}
			time.Sleep(24 * time.Hour)
		}
		r.Refused()
		time.Sleep(credentialsRest)
		if r.Refused(); !r.PasswordRests() {
			t.Error("two refusals within the window, and the password does not rest")
		}
	})
}
