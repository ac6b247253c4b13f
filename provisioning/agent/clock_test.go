package agent

import (
	"testing"
	"testing/synctest"
	"time"
)

// Kerberos tolerates 5 minutes; what is known to have passed is no matter of tolerance.
func TestClockProblem(t *testing.T) {
	const limit = 5 * time.Minute
	for _, test := range []struct {
		name        string
		floor, date time.Duration // from now
		want        string
	}{
		{"as far ahead as is tolerated", -time.Hour, limit, ""},
		{"as far behind as is tolerated", -time.Hour, -limit, ""},
		{"ahead", -time.Hour, limit + time.Second, "the Registrar's clock is 5m1s ahead"},
		{"behind", -time.Hour, -limit - time.Second, "the Registrar's clock is 5m1s behind"},
		{"the device starts at the moment that has passed", 0, 0, ""},
		{"a second too early", time.Second, 0, "it shows 2000-01-01T00:00:00Z, but 2000-01-01T00:00:01Z has passed"},
	} {
		synctest.Test(t, func(t *testing.T) {
			now := time.Now()
			if got := clockProblem(now.Add(test.floor), now.Add(test.date)); got != test.want {
				t.Errorf("%s: %q, want %q", test.name, got, test.want)
			}
		})
	}
	if got := clockProblem(time.Time{}, time.Time{}); got != "" {
		t.Errorf("a Registrar that does not tell the time: %q", got)
	}
}
