package agent

import (
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

// While the device rests, only what was not answered is asked for again: neither DHCP, which is silent on most links and
// would be a broadcast, nor the other names.
func TestMend17OnlyWhatWasNotAnsweredIsAskedAgain(t *testing.T) {
	const file = "testdata/scenarios/mend-17-an-answer-comes-while-resting.txtar"
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]int{}
	for _, e := range playScenario(t, archive, file).site.Log() {
		asked[e.What+" "+e.Name]++
	}
	again, once, dhcp := asked["query SRV _sipinternaltls._tcp.contoso.com"], asked["query SRV _sipinternal._tcp.contoso.com"], asked["INFORM MS-UC-Client"]
	if once == 0 || again <= once {
		t.Errorf("internal TLS was asked for %d times, internal TCP %d times: %v", again, once, asked)
	}
	if dhcp == 0 || dhcp > 3 {
		t.Errorf("DHCP was asked %d times, which is not once as one cycle does: %v", dhcp, asked)
	}
}

// The knocks at last good, every two to nine seconds, put no look-up off: the longest pause is 12.5 s, and a look-up takes up to
// 1.8 s.
func TestLookUpsGoOnBesideKnocks(t *testing.T) {
	const file = "testdata/scenarios/rest-look-ups-beside-knocks.txtar"
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	last := 6 * time.Minute // look-ups are slow by then
	for _, e := range playScenario(t, archive, file).site.Log() {
		if e.What != "query SRV" || e.After < last || e.After > 10*time.Minute {
			continue
		}
		if e.After-last > 15*time.Second {
			t.Errorf("nothing is looked up from %v to %v", last, e.After)
		}
		last = e.After
	}
	if last < 9*time.Minute+45*time.Second {
		t.Errorf("the last look-up was at %v", last)
	}
}

// A device that rests says when it looks next, and when it tries next to connect; one that is registered does neither.
func TestStatusTellsWhatGoesOnMeanwhile(t *testing.T) {
	s := statusAfter(t, "status-meanwhile")
	for name, at := range map[string]time.Time{"look-up": s.NextLookup, "knock": s.NextKnock} {
		if at.IsZero() || !at.Before(s.NextAttempt) {
			t.Errorf("the next %s is at %v, the next attempt at %v", name, at, s.NextAttempt)
		}
	}
	if s := statusAfter(t, "status-nothing-in-band"); !s.NextLookup.IsZero() || !s.NextKnock.IsZero() {
		t.Errorf("a device that is registered: %v, %v", s.NextLookup, s.NextKnock)
	}
	if s := statusAfter(t, "lync-wrong-password"); !s.NextLookup.IsZero() || !s.NextKnock.IsZero() || s.NextAttempt.IsZero() {
		t.Errorf("a device whose password rests: %v, %v", s.NextLookup, s.NextKnock)
	}
}
