package agent

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

// A change of the network that meets all devices at one moment does not bring them all at once: what is tried after it is tried in
// the next turn of the device.
func TestTheTurnStays(t *testing.T) {
	const file, window = "testdata/scenarios/storm-switch-comes-up-late.txtar", 10 * time.Minute
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var first, again time.Duration
	changed := false
	for _, e := range playScenario(t, archive, file).site.Log() {
		switch {
		case e.What == "change" && strings.HasPrefix(e.Name, "network"):
			changed = true
		case e.What != "query SRV" || e.After < 10*time.Second:
		case !changed && first == 0:
			first = e.After
		case changed && again == 0:
			again = e.After
		}
	}
	if first == 0 || first > 10*time.Second+window {
		t.Errorf("the first turn is at %v", first)
	}
	if off := (again - first) % window; again < 25*time.Minute || min(off, window-off) > time.Second {
		t.Errorf("the first turn is at %v, and the one after the change at %v", first, again)
	}
}

// Who stands beside a device and restarts the service need not wait for its turn.
func TestNoTurnByHand(t *testing.T) {
	const file = "testdata/scenarios/storm-by-hand.txtar"
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var at []time.Duration
	for _, e := range playScenario(t, archive, file).site.Log() {
		if e.What == "connect" {
			at = append(at, e.After)
		}
	}
	if len(at) != 2 || at[1] != 10010*time.Millisecond {
		t.Errorf("it connected at %v, and was started by hand 10 ms after the power was back, at 10.01 s", at)
	}
}
