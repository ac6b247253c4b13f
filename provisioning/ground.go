package provisioning

import (
	"net/netip"
	"slices"

	"github.com/homeward-agent/homeward/internal/place"
)

// ground is what decides, besides names and certificates, whether a packet may go to a place that the network has named.
type ground struct {
	policy Policy
	bench  []netip.AddrPort // name servers on this device, which may name the device
	own    []netip.Addr     // addresses of this device
}

// answer says why an address that a name server gave is not used, or nil.
func (g ground) answer(server netip.AddrPort, addr netip.Addr) error {
	return place.CheckAddress(addr, slices.Contains(g.bench, server))
}

// refuses says why no packet goes to an address of a host, or "". Who names the device itself must be a name server or
// the configuration: DHCP, a Registrar and a record have no reason to.
func (g ground) refuses(step Step, host string, addr netip.Addr) string {
	if literal, err := netip.ParseAddr(host); err == nil && literal.Unmap() == addr && g.policy.configured(host) {
		return ""
	}
	if err := place.CheckAddress(addr, len(g.bench) > 0); err != nil {
		return err.Error()
	}
	if slices.Contains(g.own, addr) && !step.byDNS() && !g.policy.configured(host) && len(g.bench) == 0 {
		return "address " + addr.String() + " is this device's own"
	}
	return ""
}

// only leaves the addresses that a packet may go to. The text says what is wrong with the first that is left out.
func (g ground) only(step Step, host string, addrs []netip.Addr) (allowed []netip.Addr, problem string) {
	for _, addr := range addrs {
		switch text := g.refuses(step, host, addr); {
		case text == "":
			allowed = append(allowed, addr)
		case problem == "":
			problem = text
		}
	}
	return allowed, problem
}

// tidy takes from a plan what no packet may go to, and says so among what is skipped.
func (g ground) tidy(plan Plan) Plan {
	kept := Plan{Skipped: plan.Skipped}
	for _, c := range plan.Try {
		allowed, problem := g.only(c.Step, c.Host, c.Addrs)
		if c.Addrs = allowed; len(allowed) == 0 {
			kept.Skipped = append(kept.Skipped, Skip{c.Step, c.Host, c.Port, c.Transport, AddressNotAllowed, problem})
			continue
		}
		kept.Try = append(kept.Try, c)
	}
	return kept
}

// byDNS says whether SRV records, host names or the configuration lead to this step.
func (s Step) byDNS() bool { return s.bySRV() || s == HostName || s == Manual }

// bySRV says whether SRV records lead to this step.
func (s Step) bySRV() bool { return s.srvName() != "" }

// configured says whether the configuration of today names a host.
func (p Policy) configured(host string) bool {
	return slices.ContainsFunc(p.Manual, func(m ManualServer) bool { return m.Host == host })
}

// mayName says whether a Registrar is believed when it names a host. Only one that was reached over TLS is, and an address
// is believed only when the name it has proven obeys the name rule.
func (p Policy) mayName(from Candidate, host string) bool {
	ruled := p.configured(from.Host) || isAddress(from.Host) || checkName(from.Host, p) == nil
	return from.Transport == TLS && (!isAddress(host) || ruled)
}

// portReason says why a port is not dialled, or "". The configuration may name any.
func (p Policy) portReason(step Step, port uint16) (Reason, string) {
	if err := place.CheckPort(port); err != nil && step != Manual {
		return AddressNotAllowed, err.Error()
	}
	return "", ""
}
