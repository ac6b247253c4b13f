package provisioning

import (
	"strings"
	"testing"
)

// What to do about what is as it should be, in a network that has changed, is that of the cause, which may begin with a condition of its own: the two
// together are no sentence.
func TestMend283NoDoubleIf(t *testing.T) {
	for _, id := range Faults() {
		for cure := range strings.SplitSeq(id.entry().do, "|") {
			if condition, _, of := strings.Cut(cure, ": {cause."); of && strings.Contains(" "+strings.NewReplacer("[", " ", "}", " ").Replace(condition), " if ") {
				t.Errorf("%s: %s", id, cure)
			}
		}
	}
}
