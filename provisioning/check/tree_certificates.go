package check

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"homeward/internal/trust"
	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// ending is a certificate that has been believed, or would have been but for its dates.
type ending struct {
	provisioning.Ending
	used bool // by this device, on its way to a Registrar
	own  bool // of this device
}

// endsSoon is about the certificate of a Registrar that devices will refuse soon, and about that of this device.
func endsSoon(f *Facts) provisioning.Trouble {
	for _, e := range endings(f) {
		if e.used && e.Soon(f.Now) {
			return e.Trouble(f.Now)
		}
	}
	return f.Identity.EndsSoon(f.Now)
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
	for i := range ends {
		e := &ends[i]
		texts[i] = e.Whose + " " + e.Left(f.Now)
		switch {
		case e.NotBefore.After(f.Now) || e.NotAfter.Before(f.Now):
			c.Result = Warn
		case e.Soon(f.Now) && c.Result == Good:
			if c.because(Warn, e.Trouble(f.Now)); e.own {
				c.because(Warn, f.Identity.EndsSoon(f.Now))
			}
		}
	}
	c.Detail = strings.Join(texts, ", ")
	return c, true
}

// endings are those of each host, and of an issuer that ends before its certificate, in the order in which they end.
func endings(f *Facts) []ending {
	var ends []ending
	add := func(e ending) {
		i := slices.IndexFunc(ends, func(known ending) bool { return known.Whose == e.Whose })
		switch {
		case e.NotAfter.IsZero():
		case i < 0:
			ends = append(ends, e)
		default:
			used := e.used || ends[i].used
			if e.NotAfter.Before(ends[i].NotAfter) {
				ends[i] = e
			}
			ends[i].used = used
		}
	}
	take := func(host string, shown trust.Shown, used bool) {
		for _, e := range signin.Endings(host, shown) {
			add(ending{Ending: e, used: used})
		}
	}
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			if probe.Secured || dated(probe, p.Host) {
				take(p.Host, probe.TLS, p.Role == Planned || p.Role == LastGood)
			}
		}
	}
	for i := range f.Autodiscover {
		a := &f.Autodiscover[i]
		if len(a.TLS.Chains) > 0 {
			take(a.Host, a.TLS, false)
		}
	}
	add(ending{Ending: f.Identity.Ending(), own: true})
	sort.SliceStable(ends, func(i, j int) bool {
		return cmp.Or(ends[i].NotAfter.Compare(ends[j].NotAfter), strings.Compare(ends[i].Whose, ends[j].Whose)) < 0
	})
	return ends
}

// dated says whether a certificate for a host is not believed because of its dates.
func dated(probe *signin.Probe, host string) bool {
	return (probe.Reason() == provisioning.TLSExpired || probe.Reason() == provisioning.TLSNotYetValid) &&
		slices.ContainsFunc(probe.TLS.Names, func(name string) bool { return strings.EqualFold(name, host) })
}
