package provisioning

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

// A walk that goes on after a rest has failed once: the delay does not grow for what comes late.
func TestMend17AWalkCountsOnce(t *testing.T) {
	w := (&signer{restraint: newRestraint()}).newWalk()
	w.others, w.reached = true, true
	for range 5 {
		if wait := w.pause(); wait >= 30*time.Second {
			t.Errorf("it rests for %v", wait)
		}
	}
	next := w.signer.newWalk()
	next.others, next.reached = true, true
	if wait := next.pause(); wait < 30*time.Second || wait >= time.Minute {
		t.Errorf("after the second walk it rests for %v", wait)
	}
}
