package check

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/homeward-agent/homeward/internal/trust"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/signin"
)

// A certificate ends soon when both hold: those for a day or a week are as they should be for most of their life. (Our choice.)
const (
	soonDays = 14
	soonPart = 12 // of its life: 30 days of a year
)

// ending is a certificate that has been believed, or would have been but for its dates.
type ending struct {
	whose      string
	begins, at time.Time
	used       bool // by this device, on its way to a Registrar
}

// soon says whether it ends soon. One that has ended is told elsewhere.
func (e ending) soon(now time.Time) bool {
	left := e.at.Sub(now)
	return left > 0 && left <= soonDays*day && left < e.at.Sub(e.begins)/soonPart
}

func (e ending) text(now time.Time) string {
	if e.begins.After(now) {
		return "is not valid before " + e.begins.UTC().Format(time.DateOnly)
	}
	return left(e.at.Sub(now))
}

func (e ending) trouble(now time.Time) provisioning.Trouble {
	return provisioning.FaultEndsSoon.Met(provisioning.Facts{"whose": e.whose, "ends": e.at, "left": e.text(now)})
}

// endsSoon is about the certificate of a Registrar that devices will refuse soon.
func endsSoon(f *Facts) provisioning.Trouble {
	for _, e := range endings(f) {
		if e.used && e.soon(f.Now) {
			return e.trouble(f.Now)
		}
	}
	return provisioning.Trouble{}
}

// certificatesNode has the days that are left of each certificate that was seen on the way, also of Registrars that the device
// does not use today; false: none was seen.
func certificatesNode(f *Facts) (c Check, seen bool) {
	ends := endings(f)
	if len(ends) == 0 {
		return c, false
	}
	c = Check{ID: "certificates", Title: "certificates", Result: Good}
	texts := make([]string, len(ends))
	for i, e := range ends {
		texts[i] = e.whose + " " + e.text(f.Now)
		switch {
		case e.begins.After(f.Now) || e.at.Before(f.Now):
			c.Result = Warn
		case e.soon(f.Now) && c.Result == Good:
			c.because(Warn, e.trouble(f.Now))
		}
	}
	c.Detail = strings.Join(texts, ", ")
	return c, true
}

// endings are those of each host, and of an issuer that ends before its certificate, in the order in which they end.
func endings(f *Facts) []ending {
	var ends []ending
	add := func(e ending) {
		i := slices.IndexFunc(ends, func(known ending) bool { return known.whose == e.whose })
		switch {
		case e.at.IsZero():
		case i < 0:
			ends = append(ends, e)
		default:
			used := e.used || ends[i].used
			if e.at.Before(ends[i].at) {
				ends[i] = e
			}
			ends[i].used = used
		}
	}
	take := func(host string, shown trust.Shown, used bool) {
		add(ending{host, shown.NotBefore, shown.NotAfter, used})
		if shown.IssuerEnds.Before(shown.NotAfter) {
			add(ending{"its issuer " + shown.IssuerName + " (of " + host + ")", shown.IssuerBegins, shown.IssuerEnds, used})
		}
	}
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			if probe.Secured || dated(probe, p.Host) {
				take(p.Host, probe.TLS, p.Role == Planned || p.Role == LastGood)
			}
		}
	}
	for _, a := range f.Autodiscover {
		if len(a.TLS.Chains) > 0 {
			take(a.Host, a.TLS, false)
		}
	}
	add(ending{"this device, for sign-in", f.Identity.NotBefore, f.Identity.NotAfter, false})
	sort.SliceStable(ends, func(i, j int) bool {
		return cmp.Or(ends[i].at.Compare(ends[j].at), strings.Compare(ends[i].whose, ends[j].whose)) < 0
	})
	return ends
}

// dated says whether a certificate for a host is not believed because of its dates.
func dated(probe *signin.Probe, host string) bool {
	return (probe.Reason() == provisioning.TLSExpired || probe.Reason() == provisioning.TLSNotYetValid) &&
		slices.ContainsFunc(probe.TLS.Names, func(name string) bool { return strings.EqualFold(name, host) })
}

// left says how many days are left, of a time that may be over.
func left(d time.Duration) string {
	switch days := int(d.Abs() / day); {
	case d < 0 && days == 0:
		return "has ended today"
	case d < 0:
		return fmt.Sprintf("has ended %s ago", count(days))
	case days == 0:
		return "less than a day left"
	default:
		return count(days) + " left"
	}
}

func count(days int) string {
	if days == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", days)
}
