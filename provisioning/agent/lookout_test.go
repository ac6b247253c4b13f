package agent

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/signin"
	"homeward/provisioning/wire"
)

// A fleet on the backup looks at its primary after half the interval to one and a half of it, spread; after a primary
// that came and went, after twice that.
func TestLookAtPrimaryIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signer := signin.New(provisioning.Policy{}, wire.Wire{}, "a1b2c3d4e5", nil, signin.Owner{})
		l := &lookout{search: &search{gatherer: gatherer{signer: signer}}}
		l.primary = provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "pool01.contoso.com"}, Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.5")}}
		for _, interval := range []time.Duration{primaryInterval, 2 * primaryInterval} {
			var sooner, later int
			for range 100 {
				started := time.Now()
				l.rewind()
				<-l.timer
				switch wait := time.Since(started); {
				case wait < interval/2 || wait >= interval*3/2:
					t.Errorf("the primary is looked at after %v, where %v is the interval", wait, interval)
				case wait < interval:
					sooner++
				default:
					later++
				}
			}
			if sooner == 0 || later == 0 {
				t.Errorf("%d looks sooner than after %v, %d later", sooner, interval, later)
			}
			signer.Restraint().Returned() // once, and again at once: it did not hold
			signer.Restraint().Returned()
		}
	})
}

// A device on the Access Edge looks for the way inside a minute later each time that it was in vain, but not ever later; once
// the Registrar inside has answered, it is looked at again soon.
func TestLookInsideMoreRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signer := signin.New(provisioning.Policy{}, wire.Wire{}, "a1b2c3d4e5", nil, signin.Owner{})
		l := &lookout{search: &search{gatherer: gatherer{signer: signer}}, better: insideAgain}
		l.primary = provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "pool01.contoso.com"}}
		for _, test := range []struct{ vain, answered, want int }{{0, 0, 1}, {1, 0, 2}, {3, 0, 4}, {7, 0, 8}, {1000, 0, 8}, {1000, 1, 1}} {
			l.vain, l.answered = test.vain, test.answered
			for range 50 {
				started := time.Now()
				l.rewind()
				<-l.timer
				if wait, want := time.Since(started), time.Duration(test.want)*primaryInterval; wait < want/2 || wait >= want*3/2 {
					t.Errorf("after %d looks in vain and %d answers, the next comes after %v", test.vain, test.answered, wait)
				}
			}
		}
	})
}

// What a look has shown is in the status: when it was, what came of it, and that a Registrar which took no connection in the cycle takes one now.
func TestMend222AfterALook(t *testing.T) {
	b := newBoard(provisioning.Policy{}, func(*provisioning.Event) {})
	b.beginCycle()
	at, addr := provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}, netip.MustParseAddr("10.0.0.5")
	b.tell(&provisioning.Event{Kind: provisioning.Attempted, Endpoint: at, Addr: addr, Reason: provisioning.ConnectRefused})
	l := &lookout{search: &search{gatherer: gatherer{board: b}}, primary: provisioning.Candidate{Endpoint: at}, timer: make(chan time.Time)}
	l.reg = &signin.Registration{Candidate: provisioning.Candidate{Step: provisioning.ExternalTLS, Endpoint: provisioning.Endpoint{Host: "sip.contoso.com", Port: 443}}}
	untrusted := provisioning.TLSUntrusted.Met("")
	for answered, why := range []provisioning.Trouble{untrusted, {}, untrusted} {
		answered %= 2
		l.looked(addr, why)
		l.answered, l.next = answered, time.Now().Add(time.Minute)
		l.show()
		s := b.snapshot(nil)
		if s.Better == nil || s.Better.Answered != (answered == 1) || s.Better.LookedAt.IsZero() || s.Better.NextAt.IsZero() || s.Better.Reason != why.Reason() || (s.Better.Hint == "") != why.None() {
			t.Errorf("answered %d: %+v", answered, s.Better)
		}
		if s.Fallback == nil || s.Fallback.AnsweredAt.IsZero() == (answered == 1) || s.Cycle.Attempts[0].AnsweredAt != s.Fallback.AnsweredAt {
			t.Errorf("answered %d: %+v, in the cycle %+v", answered, s.Fallback, s.Cycle.Attempts)
		}
	}
	l.looked(addr, provisioning.Trouble{})
	l.show() // it was signed in to then, and refused
	if s := b.snapshot(nil); !s.Better.LookedAt.IsZero() {
		t.Errorf("%+v", s.Better)
	}
}

// What DNS had not answered is answered by now, and leads nowhere: no other cycle begins that would say so.
func TestMend150DNSAnswersSince(t *testing.T) {
	failed := 0
	for _, s := range statusAfter(t, "mend-150-no-way-inside-after-all").Cycle.Sources {
		if s.Reason != provisioning.DNSServFail {
			continue
		}
		if failed++; s.AnsweredAt.IsZero() {
			t.Errorf("%+v", s)
		}
	}
	if failed == 0 {
		t.Error("nothing was left without an answer")
	}
}

// A better Registrar that could not be reached at all is not called slow.
func TestMend151AnswersAgain(t *testing.T) {
	if told := played(t, "mend-151-a-black-hole-ends").told.String(); !strings.Contains(told, "the better Registrar answers again") || strings.Contains(told, "slow") {
		t.Error(told)
	}
}

// What a record names in vain stays in the status where the device is signed in to anew at the same place: no record was looked at.
func TestMend233SignedInToAnew(t *testing.T) {
	s := &provisioning.Status{Cycle: &provisioning.Cycle{Attempts: []provisioning.Attempt{{Result: "ok"}}}}
	for _, anew := range []bool{true, false} {
		s.Paced(recordArea, []provisioning.Trouble{provisioning.NameNotAllowed.Met("")})
		misses(s, &signin.Registration{Anew: anew})
		if kept := len(s.Pace) == 1; kept != anew {
			t.Errorf("anew %v: %v", anew, s.Pace)
		}
	}
}
