package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"homeward/internal/sip"
	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// Kerberos tolerates 5 minutes; what is known to have passed is no matter of tolerance. Whose clock is wrong is said where the
// certificate of the Registrar is valid at its time.
func TestClocksApart(t *testing.T) {
	const limit = 5 * time.Minute
	for _, test := range []struct {
		name        string
		floor, date time.Duration // from now
		proven      bool          // by a certificate of an hour either way
		want        string
	}{
		{"as far ahead as is tolerated", -time.Hour, limit, true, ""},
		{"as far behind as is tolerated", -time.Hour, -limit, true, ""},
		{"ahead", -time.Hour, limit + time.Second, true, "the clock of this device is 5m slow compared with fe01"},
		{"behind", -time.Hour, -limit - time.Second, true, "the clock of this device is 5m fast compared with fe01"},
		{"mend 287: a year ahead", -time.Hour, 365 * 24 * time.Hour, false,
			"the clocks of this device and of fe01 are 365 days apart (this device shows 2000-01-01 00:00 UTC, and fe01 shows 2000-12-31 00:00 UTC), and it is not certain which of them is wrong"},
		{"over plain TCP", -time.Hour, 6 * time.Minute, false, "the clocks of this device and of fe01 are 6m apart, and it is not certain which of them is wrong"},
		{"at a time at which its certificate is not valid", -time.Hour, 2 * time.Hour, true,
			"the clocks of this device and of fe01 are 2h apart, and it is not certain which of them is wrong: at the time of fe01 its own certificate, valid from 1999-12-31 23:00 UTC to 2000-01-01 01:00 UTC, is not valid"},
		{"the device starts at the moment that has passed", 0, 0, true, ""},
		{"a minute too early", time.Minute, 0, true, "the clock of this device is wrong: it shows 2000-01-01 00:00 UTC, but 2000-01-01 00:01 UTC is already past"},
	} {
		synctest.Test(t, func(t *testing.T) {
			now := time.Now()
			reg := &signin.Registration{Binding: sip.Binding{Date: now.Add(test.date)}}
			reg.Candidate.Host = "fe01"
			if test.proven {
				reg.Ends = []provisioning.Ending{{NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}}
			}
			if got := clocksApart(now.Add(test.floor), reg).What(); got != test.want {
				t.Errorf("%s: %q, want %q", test.name, got, test.want)
			}
		})
	}
	if got := clocksApart(time.Time{}, &signin.Registration{}); !got.None() {
		t.Errorf("a Registrar that does not tell the time: %q", got.What())
	}
}
