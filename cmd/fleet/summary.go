package main

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Certificates are told apart by how many days they have left.
var certificateDays = []int{7, 30, 90}

// count is how many devices there are with a name, in all and by standing.
type count struct {
	Name      string         `json:"name"`
	Devices   int            `json:"devices"`
	Standings map[string]int `json:"standings"`
}

// well is how many of them are registered as they should be.
func (c count) well() int { return c.Standings["registered"] }

// summary is the fleet in figures.
type summary struct {
	Devices    int            `json:"devices"`
	Standings  map[string]int `json:"standings"`
	Sites      []count        `json:"sites"`      // those with the most that are not well first
	Registrars []count        `json:"registrars"` // those with the most devices first
	Reasons    []count        `json:"reasons"`    // the most frequent first
	Unarmed    int            `json:"unarmed"`    // hold no last good Registrar
	Partial    int            `json:"partial"`    // known only in part
	Dropped    uint64         `json:"dropped"`    // events that the broker did not get
	SignIn     []int          `json:"sign_in"`    // certificates that expire within each of certificateDays
	Broker     []int          `json:"broker"`
}

// tally counts devices by a name.
type tally map[string]*count

func (t tally) add(name, standing string) {
	if name == "" {
		return
	}
	c := t[name]
	if c == nil {
		if len(t) >= maxSeries {
			name = "(others)"
		}
		if c = t[name]; c == nil {
			c = &count{Name: name, Standings: map[string]int{}}
			t[name] = c
		}
	}
	c.Devices++
	c.Standings[standing]++
}

// sorted are the counts, those with the largest size first.
func (t tally) sorted(size func(count) int) []count {
	all := make([]count, 0, len(t))
	for _, c := range t {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b count) int { return cmp.Or(size(b)-size(a), strings.Compare(a.Name, b.Name)) })
	return all
}

// summarize counts the devices of a roster.
func summarize(r *roster, now time.Time) summary {
	s := summary{Standings: map[string]int{}, SignIn: make([]int, len(certificateDays)), Broker: make([]int, len(certificateDays))}
	sites, registrars, reasons := tally{}, tally{}, tally{}
	r.each(func(d *device) {
		standing := d.standing(now)
		s.Devices++
		s.Standings[standing]++
		sites.add(d.Site, standing)
		if d.partial() {
			s.Partial++
		}
		if d.state == nil {
			return
		}
		s.Dropped += d.state.Counters.Dropped
		if standing != offline && standing != silent {
			registrars.add(d.registrar(), standing)
			reasons.add(d.state.Reason, standing)
		}
		if d.state.Cache == nil {
			s.Unarmed++
		}
		for i, days := range certificateDays {
			s.SignIn[i] += expires(d.state.CertificateUntil, now, days)
			s.Broker[i] += expires(d.state.BrokerCertificateUntil, now, days)
		}
	})
	s.Sites = sites.sorted(func(c count) int { return c.Devices - c.well() })
	s.Registrars = registrars.sorted(func(c count) int { return c.Devices })
	s.Reasons = reasons.sorted(func(c count) int { return c.Devices })
	return s
}

// expires is 1 if a time is within so many days, or past; 0 if it is not, or not known.
func expires(until, now time.Time, days int) int {
	if until.IsZero() || until.After(now.AddDate(0, 0, days)) {
		return 0
	}
	return 1
}
