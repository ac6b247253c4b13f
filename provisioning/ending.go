package provisioning

import (
	"fmt"
	"strings"
	"time"
)

// A certificate ends soon when both hold: those for a day or a week are as they should be for most of their life. (Our choice.)
const (
	soonDays = 14
	soonPart = 12 // of its life: 30 days of a year
)

const day = 24 * time.Hour

// Apart is how far two clocks are apart, as people say it: without the units that are zero, "1h", and in days or years where it is long.
// Servers tell the time in whole seconds, and two who compare within one read the same: from five minutes on, seconds do not count.
func Apart(d time.Duration) string {
	if d >= 5*time.Minute {
		d = d.Round(time.Minute)
	}
	switch {
	case d >= 2*365*day:
		return fmt.Sprintf("%d years", d.Round(day)/(365*day))
	case d >= 3*day:
		return fmt.Sprintf("%d days", d.Round(day)/day)
	default:
		return strings.Replace(strings.Replace(d.String(), "m0s", "m", 1), "h0m", "h", 1)
	}
}

// BothTimes adds what this clock shows, and another that is so far ahead of it, where the dates differ: whoever has a watch sees which is wrong.
func BothTimes(facts Facts, now time.Time, ahead time.Duration) Facts {
	if ahead.Abs() >= day {
		facts["now"], facts["theirs"] = now, now.Add(ahead.Round(time.Minute)) // as Apart has it
	}
	return facts
}

// Ending is a certificate that a server has proven itself with, or that of its issuer.
type Ending struct {
	Whose     string    `json:"whose"`               // "fe01.contoso.com", "its issuer Contoso CA (of fe01.contoso.com)"
	NotBefore time.Time `json:"not_before,omitzero"` // when it begins to be valid
	NotAfter  time.Time `json:"not_after,omitzero"`  // when it ends
}

// Soon says whether it ends soon. One that has ended is told elsewhere.
func (e *Ending) Soon(now time.Time) bool {
	left := e.NotAfter.Sub(now)
	return left > 0 && left <= soonDays*day && left < e.NotAfter.Sub(e.NotBefore)/soonPart
}

// Left says in words how long it is valid.
func (e Ending) Left(now time.Time) string {
	if e.NotBefore.After(now) {
		return "is not valid before " + e.NotBefore.UTC().Format(time.DateOnly)
	}
	left := e.NotAfter.Sub(now)
	days := int(left.Abs() / day)
	if left > 0 { // so that two who look within the hour say the same of a whole number of days
		days = int((left + time.Hour) / day)
	}
	switch {
	case left < 0 && days == 0:
		return "ended today"
	case left < 0:
		return fmt.Sprintf("ended %s ago", countDays(days))
	case days == 0:
		return "less than a day left"
	default:
		return countDays(days) + " left"
	}
}

func countDays(n int) string {
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}

// Timed is a Trouble of the dates of a certificate, judged by a clock that is known to be right, and by what: it is the certificate that is wrong
// then. "": nothing is known of the clock.
func Timed(t Trouble, by string) Trouble {
	switch {
	case t.Facts["clock"] == nil && t.Facts["by"] == nil:
		return t
	case by == "":
		return t.With(Facts{"clock": "the clock of this device", "by": nil}).On("")
	case t.Fault.Side() == "":
		t = t.On(SideRegistrar)
	}
	return t.With(Facts{"clock": nil, "by": by})
}

// Trouble is that it ends soon; none: it does not.
func (e Ending) Trouble(now time.Time) Trouble {
	if !e.Soon(now) {
		return Trouble{}
	}
	return FaultEndsSoon.Met(Facts{"whose": e.Whose, "ends": e.NotAfter, "left": e.Left(now)})
}
