package provisioning

import (
	"net/netip"
	"slices"

	"homeward/internal/place"
)

// Ground is what decides, besides names and certificates, whether a packet may go to a place that the network has named.
type Ground struct {
	Policy Policy
	Bench  []netip.AddrPort    // name servers on this device, which may name the device
	Own    func() []netip.Addr // addresses of this device, asked where they matter; nil: unknown
}

// Answer says why an address that a name server gave is not used, or nil.
func (g *Ground) Answer(server netip.AddrPort, addr netip.Addr) error {
	return place.CheckAddress(addr, slices.Contains(g.Bench, server))
}

// Refuses says why no packet goes to an address of a host, or "". Who names the device itself must be a name server or
// the configuration: DHCP, a Registrar and a record have no reason to, unless the operator has put the name server on the
// device, too: then all of the site may be there, as in the lab.
func (g *Ground) Refuses(step Step, host string, addr netip.Addr) string {
	if literal, err := netip.ParseAddr(host); err == nil && literal.Unmap() == addr && g.Policy.Configured(host) {
		return ""
	}
	if err := place.CheckAddress(addr, len(g.Bench) > 0); err != nil {
		return err.Error()
	}
	if g.Own != nil && !step.byDNS() && !g.Policy.Configured(host) && len(g.Bench) == 0 && slices.Contains(g.Own(), addr) {
		return "address " + addr.String() + " is this device's own"
	}
	return ""
}

// Only leaves the addresses that a packet may go to. The text says what is wrong with the first that is left out.
func (g *Ground) Only(step Step, host string, addrs []netip.Addr) (allowed []netip.Addr, problem string) {
	for _, addr := range addrs {
		switch text := g.Refuses(step, host, addr); {
		case text == "":
			allowed = append(allowed, addr)
		case problem == "":
			problem = text
		}
	}
	return allowed, problem
}

// Tidy takes from a plan what no packet may go to, and says so among what is skipped.
func (g *Ground) Tidy(plan Plan) Plan {
	kept := Plan{Skipped: plan.Skipped}
	for _, c := range plan.Try {
		allowed, problem := g.Only(c.Step, c.Host, c.Addrs)
		if c.Addrs = allowed; len(allowed) == 0 {
			kept.Skipped = append(kept.Skipped, Skip{Step: c.Step, Endpoint: c.Endpoint, Reason: AddressNotAllowed, Detail: problem})
			continue
		}
		kept.Try = append(kept.Try, c)
	}
	return kept
}

// byDNS says whether SRV records, host names or the configuration lead to this step.
func (s Step) byDNS() bool { return s.BySRV() || s == HostName || s == Manual }

// Vouches says whether a Registrar has proven its name, so that whom it names is trusted: over TLS, and not by an authority that
// was trusted on first use alone.
func (p *Policy) Vouches(c *Candidate) bool { return c.Transport == TLS && !p.Withholds(c.Anchor) }

// MayName says whether a Registrar is believed when it names a host. Only one that vouches is, and an address is believed only
// when the name it has proven obeys the name rule.
func (p *Policy) MayName(from *Candidate, host string) bool {
	ruled := CheckName(from.Host, p) == nil || p.Configured(from.Host)
	if IsAddress(from.Host) { // a configured one has proven an address, any other a name
		ruled = !p.Configured(from.Host)
	}
	return p.Vouches(from) && (!IsAddress(host) || ruled)
}
