package agent

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"homeward/provisioning"
)

// Whoever was shown a status has it as it was: what happens later changes the next one only.
func TestSnapshotStaysAsItWas(t *testing.T) {
	b := newBoard(provisioning.Policy{}, func(provisioning.Event) {})
	if s := b.snapshot(nil); s.Cycle != nil {
		t.Errorf("before the first cycle: %+v", s.Cycle)
	}
	b.beginCycle()
	dns := func(v provisioning.Verdict) provisioning.Finding {
		return provisioning.Finding{Source: provisioning.Source{Step: provisioning.InternalTLS, Source: "dns", Verdict: v}}
	}
	b.found(dns(provisioning.Failed))
	before := b.snapshot(nil)
	b.change(func(s *provisioning.Status) {
		s.Cycle.Sources[0].Verdict = provisioning.Found
		s.Cycle.Attempts = append(s.Cycle.Attempts, provisioning.Attempt{Host: "fe01.contoso.com"})
	})
	if c := before.Cycle; len(c.Sources) != 1 || c.Sources[0].Verdict != provisioning.Failed || len(c.Attempts) != 0 {
		t.Errorf("what was shown has become %+v", c)
	}
	if c := b.snapshot(nil).Cycle; len(c.Sources) != 1 || c.Sources[0].Verdict != provisioning.Found || len(c.Attempts) != 1 {
		t.Errorf("what is shown is %+v", c)
	}
}

// How long a source took goes into the history.
func TestFoundTellsHowLongItTook(t *testing.T) {
	var told []provisioning.Event
	b := newBoard(provisioning.Policy{}, func(e provisioning.Event) { told = append(told, e) })
	b.beginCycle()
	b.found(provisioning.Finding{Source: provisioning.Source{Step: provisioning.InternalTLS, Source: "dns", Verdict: provisioning.Found, TookMS: 250}})
	if len(told) != 1 || told[0].Kind != provisioning.LookedUp || told[0].Took != 250*time.Millisecond {
		t.Errorf("told: %+v", told)
	}
}

// What is said of losses is as it is now: an hour after the last one, nothing is wrong any more, and the day is counted on.
func TestSnapshotCountsLossesOfNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		b := newBoard(provisioning.Policy{}, func(e provisioning.Event) {
			if e.Kind == provisioning.Paced {
				told++
			}
		})
		lose := func() {
			b.lost(provisioning.Event{Kind: provisioning.Lost, Endpoint: provisioning.Endpoint{Host: "fe01"}, Reason: provisioning.ConnectReset}, provisioning.Loss{Life: time.Minute, Idle: 20 * time.Second})
			time.Sleep(time.Minute)
		}
		for range 5 {
			lose()
		}
		if s := b.snapshot(nil); len(s.Losses) != 1 || s.Losses[0].LastHour != 5 || s.Losses[0].IdleMS != 20_000 || len(s.Pace) != 1 || told != 1 {
			t.Errorf("after five losses %+v, %+v; told %d times", s.Losses, s.Pace, told)
		}
		time.Sleep(time.Hour)
		if s := b.snapshot(nil); len(s.Losses) != 1 || s.Losses[0].LastHour != 0 || s.Losses[0].LastDay != 5 || s.Losses[0].IdleMS != 0 || len(s.Pace) != 0 {
			t.Errorf("an hour later %+v, %+v", s.Losses, s.Pace)
		}
		lose()
		for range 2 {
			lose()
		}
		if b.snapshot(nil); told != 2 {
			t.Errorf("what has begun anew was told %d times", told)
		}
		time.Sleep(24 * time.Hour)
		if s := b.snapshot(nil); len(s.Losses) != 0 {
			t.Errorf("a day later %+v", s.Losses)
		}
	})
}

// What was wrong with a name server is told to be over when all were heard and it is, also after the registration was lost; not where they were
// not heard, and once.
func TestMeasuredTellsWhatIsOver(t *testing.T) {
	var told []string
	b := newBoard(provisioning.Policy{}, func(e provisioning.Event) {
		if e.Kind == provisioning.Paced {
			told = append(told, strings.TrimSpace(string(e.Reason)+" "+e.Why().Fault+" "+e.Detail))
		}
	})
	dead := provisioning.FaultDNSServerDead.Met(provisioning.Facts{"server": "10.0.0.54:53", "alive": "10.0.0.53:53"})
	slow := provisioning.FaultDNSSlow.Met(provisioning.Facts{"server": "10.0.0.53:53", "ms": 300})
	b.measured([]provisioning.Trouble{dead, slow}, false)
	b.lost(provisioning.Event{Kind: provisioning.Lost}, provisioning.Loss{})
	b.measured([]provisioning.Trouble{slow}, false)
	b.measured([]provisioning.Trouble{slow}, true)
	b.measured(nil, true)
	b.measured(nil, true)
	want := []string{"dns-timeout dns.one-dead", "slow dns.slow", "slow dns.slow", "dns.one-dead no longer: " + dead.What(), "dns.slow no longer: " + slow.What()}
	if !slices.Equal(told, want) {
		t.Errorf("got %q, want %q", told, want)
	}
}
