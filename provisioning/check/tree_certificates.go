package check

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/homeward-agent/homeward/internal/trust"
)

// ending is a certificate that was seen, with its end.
type ending struct {
	whose string
	at    time.Time
}

// certificatesNode has the days that are left of each certificate that was seen on the way, also of Registrars that the device
// does not use today; false: none was seen.
func certificatesNode(f *Facts) (c Check, seen bool) {
	ends := endings(f)
	if len(ends) == 0 {
		return c, false
	}
	texts := make([]string, len(ends))
	for i, e := range ends {
		texts[i] = e.whose + " " + left(e.at.Sub(f.Now))
	}
	return Check{ID: "certificates", Title: "certificates", Result: Good, Detail: strings.Join(texts, ", ")}, true
}

// endings are those of each host, and of an issuer that ends before its certificate, in the order in which they end.
func endings(f *Facts) []ending {
	var ends []ending
	add := func(whose string, at time.Time) {
		i := slices.IndexFunc(ends, func(e ending) bool { return e.whose == whose })
		switch {
		case at.IsZero():
		case i < 0:
			ends = append(ends, ending{whose, at})
		case at.Before(ends[i].at):
			ends[i].at = at
		}
	}
	take := func(host string, shown trust.Shown) {
		add(host, shown.NotAfter)
		if shown.IssuerEnds.Before(shown.NotAfter) {
			add("its issuer "+shown.IssuerName+" (of "+host+")", shown.IssuerEnds)
		}
	}
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			take(p.Host, probe.TLS)
		}
	}
	for _, a := range f.Autodiscover {
		take(a.Host, a.TLS)
	}
	add("this device, for sign-in", f.Identity.NotAfter)
	sort.SliceStable(ends, func(i, j int) bool {
		return cmp.Or(ends[i].at.Compare(ends[j].at), strings.Compare(ends[i].whose, ends[j].whose)) < 0
	})
	return ends
}

// left says how many days are left, of a time that may be over.
func left(d time.Duration) string {
	const day = 24 * time.Hour
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
