package check

import (
	"net/netip"
	"testing"
	"time"

	"homeward/internal/trust"
	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// Each certificate is told once by host, the first to end first; an issuer that ends before its certificate is told, too.
func TestDaysLeft(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	probe := func(days float64) *signin.Probe {
		return &signin.Probe{Secured: true, Addr: netip.MustParseAddr("10.0.0.5"), TLS: trust.Shown{NotAfter: now.Add(time.Duration(days * 24 * float64(time.Hour)))}}
	}
	place := func(host string, probes ...*signin.Probe) *Place {
		return &Place{Candidate: provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: host}}, Role: Unplanned, Probes: probes}
	}
	over := func(p *signin.Probe) *signin.Probe {
		p.Secured, p.TLS.Names, p.Trouble = false, []string{"d", "e"}, provisioning.FaultExpired.Met(nil)
		return p
	}
	unproven := probe(7)
	unproven.Secured, unproven.Trouble = false, provisioning.FaultWrongName.Met(nil)
	shown := probe(90).TLS
	shown.Chains = []trust.Validity{{}}
	issued := probe(400.5)
	issued.TLS.IssuerEnds, issued.TLS.IssuerName = now.Add(40*24*time.Hour), "Contoso Issuing CA"
	f := &Facts{Now: now, Places: []*Place{
		place("a", issued), place("b", probe(12.9), probe(1.5)), place("c", probe(0.5)), place("d", over(probe(-3.5))), place("e", over(probe(-0.1))), place("h", unproven), place("f", &signin.Probe{}),
	}, Autodiscover: []Autodiscover{{Name: provisioning.Name{Host: "g"}, TLS: shown}, {Name: provisioning.Name{Host: "i"}, TLS: probe(9).TLS}}}
	const want = "d ended 3 days ago, e ended today, c less than a day left, b 1 day left, its issuer Contoso Issuing CA (of a) 40 days left, g 90 days left, a 400 days left"
	if c, seen := certificatesNode(f); !seen || c.Detail != want || c.Result != Warn {
		t.Errorf("got %q", c.Detail)
	}
	if c, seen := certificatesNode(&Facts{Now: now}); seen {
		t.Errorf("got %+v", c)
	}
}

// A certificate ends soon within 14 days, and within a twelfth of its life: those that are made for a day do not.
func TestEndsSoon(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name       string
		life, left time.Duration
		role       Role
		want       provisioning.Fault
	}{
		{"14 days of a year", 365 * day, 14 * day, Planned, provisioning.FaultEndsSoon},
		{"of last good", 365 * day, day, LastGood, provisioning.FaultEndsSoon},
		{"of a Registrar that is not used", 365 * day, day, Unplanned, ""},
		{"more than 14 days", 365 * day, 14*day + time.Second, Planned, ""},
		{"a twelfth of a day", day, 2 * time.Hour, Planned, ""},
		{"less", day, 2*time.Hour - time.Second, Planned, provisioning.FaultEndsSoon},
		{"over", 365 * day, -time.Second, Planned, ""},
	} {
		probe := &signin.Probe{Secured: true, TLS: trust.Shown{NotBefore: now.Add(test.left - test.life), NotAfter: now.Add(test.left)}}
		place := &Place{Candidate: provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "a"}}, Role: test.role, Probes: []*signin.Probe{probe}}
		if got := endsSoon(&Facts{Now: now, Places: []*Place{place}}).Fault; got != test.want {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}
