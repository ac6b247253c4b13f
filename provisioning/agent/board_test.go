package agent

import (
	"testing"
	"time"

	"github.com/homeward-agent/homeward/provisioning"
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
