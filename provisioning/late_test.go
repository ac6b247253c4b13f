package provisioning_test

import (
	"testing"

	"homeward/provisioning"
)

// Where answers came seconds late, nothing that does not come in time is told as dropped, or as nobody there.
func TestMend333LateAnswers(t *testing.T) {
	late := provisioning.Pace{Fault: string(provisioning.FaultAnswersLate), What: "answers are late", Hint: "look at the line"}
	for _, row := range []struct {
		found []provisioning.Pace
		cause provisioning.Fault
		late  bool
	}{
		{[]provisioning.Pace{{}, late}, provisioning.FaultNothingBehind, true},
		{[]provisioning.Pace{late}, provisioning.FaultFiltered, true},
		{[]provisioning.Pace{late}, provisioning.FaultNoGateway, false}, // that was asked, by ARP
		{[]provisioning.Pace{late}, provisioning.FaultRefused, false},
		{nil, provisioning.FaultFiltered, false},
	} {
		cause := row.cause.Met(nil)
		got := provisioning.LateAnswers(row.found, cause)
		if got.None() == row.late || row.late && (got.What() != late.What || got.Reason() != cause.Reason()) {
			t.Errorf("%s: %q (%s)", row.cause, got.What(), got.Reason())
		}
	}
}
