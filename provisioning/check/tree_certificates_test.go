package check

import (
	"net/netip"
	"testing"
	"time"

	"github.com/homeward-agent/homeward/internal/trust"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/signin"
)

// Each certificate is told once by host, the first to end first; an issuer that ends before its certificate is told, too.
func TestDaysLeft(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	probe := func(days float64) *signin.Probe {
		return &signin.Probe{Addr: netip.MustParseAddr("10.0.0.5"), TLS: trust.Shown{NotAfter: now.Add(time.Duration(days * 24 * float64(time.Hour)))}}
	}
	place := func(host string, probes ...*signin.Probe) *Place {
		return &Place{Candidate: provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: host}}, Role: Unplanned, Probes: probes}
	}
	issued := probe(400.5)
	issued.TLS.IssuerEnds, issued.TLS.IssuerName = now.Add(40*24*time.Hour), "Contoso Issuing CA"
	f := &Facts{Now: now, Places: []*Place{
		place("a", issued), place("b", probe(12.9), probe(1.5)), place("c", probe(0.5)), place("d", probe(-3.5)), place("e", probe(-0.1)), place("f", &signin.Probe{}),
	}, Autodiscover: []Autodiscover{{Name: provisioning.Name{Host: "g"}, TLS: probe(90).TLS}}}
	const want = "d has ended 3 days ago, e has ended today, c less than a day left, b 1 day left, its issuer Contoso Issuing CA (of a) 40 days left, g 90 days left, a 400 days left"
	if c, seen := certificatesNode(f); !seen || c.Detail != want {
		t.Errorf("got %q", c.Detail)
	}
	if c, seen := certificatesNode(&Facts{Now: now}); seen {
		t.Errorf("got %+v", c)
	}
}
