package main

import (
	"slices"
	"testing"

	"homeward/cmd/lab/years"
)

// Promises that are broken on purpose are found. `lab years -broken` does it with all of them.
func TestBrokenPromisesAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("builds this program several times: left out by -short")
	}
	all := slices.DeleteFunc(years.Broken(), func(m years.Mutation) bool {
		return !slices.Contains([]string{"last-good", "stale", "credentials"}, m.Promise)
	})
	if len(all) != 3 {
		t.Fatalf("%d mutations, want three", len(all))
	}
	if err := breakPromises(t.Context(), t.TempDir(), all); err != nil {
		t.Error(err)
	}
}

// What the command line cannot mean is refused.
func TestFlagsOfYears(t *testing.T) {
	for _, args := range [][]string{{"-n", "0"}, {"-n", "x"}, {"1000"}, {"-days", "0"}, {"-episodes", "0"}, {"-j", "0"}, {"-nn"}} {
		if f, err := parseYears(args); err == nil {
			t.Errorf("%q is taken for %+v", args, f)
		}
	}
	f, err := parseYears([]string{"-n", "1000", "-seed", "7", "-days", "3", "-trace"})
	if err != nil || f.N != 1000 || f.First != 7 || f.Lived.Hours() != 72 || f.jobs != 1 {
		t.Errorf("%+v, %v", f, err)
	}
}
