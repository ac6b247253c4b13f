package provisioning

import (
	"net/netip"
	"slices"

	"homeward/internal/place"
)

// NameReason applies the name rule. It guards names from DNS, DHCP, unproven Registrars and records; a configured server
// is trusted, and so is one named by a proven Registrar (TechNet dd637123; discovery over SRV and option 120 alike).
func (p *Policy) NameReason(step Step, host string, t Transport) (Reason, string) {
	switch {
	case step == Manual || p.Configured(host):
		return "", ""
	case IsAddress(host):
		return p.addressReason(step, host, t)
	}
	if err := CheckName(host, p); err != nil {
		return NameNotAllowed, err.Error()
	}
	return "", ""
}

// addressReason is the name rule where an address stands in place of a name. Over TLS its server has to prove a name
// besides, and over plain TCP it never gets credentials (proof and inClear of package signin). What is not listed is refused.
func (p *Policy) addressReason(step Step, host string, t Transport) (Reason, string) {
	switch {
	case t == TLS && step == DHCPTLS:
		return TLSNoName, "DHCP gave the address " + host + ", not a name"
	case p.Naming == NamingStrict:
		return NameNotAllowed, host + " is an address (strict_naming)"
	case t == TLS && (step == Redirect || step == Recall || step == LastGood), t == TCP && (step == DHCPTLS || step == DHCPTCP || step == LastGood):
		return "", ""
	default:
		return RegistrarNotProven, host + " is an address, not a name"
	}
}

// IsAddress says whether an IP address stands in place of a host name.
func IsAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// CheckName applies the name rule of the policy to a host name. The error says what the rule asks for.
func CheckName(host string, p *Policy) error {
	return place.CheckName(host, p.SIPAddress.Domain, p.Naming)
}

// clouds are the domains of Teams and Skype for Business Online: for everybody, for governments, and in China. (Microsoft 365
// URLs and IP address ranges, of each cloud.)
var clouds = []string{"lync.com", "teams.microsoft.com", "skypeforbusiness.us", "teams.microsoft.us", "partner.lync.cn"}

// IsCloud says whether a host is one of Microsoft 365: no Registrar of the site.
func IsCloud(host string) bool {
	return slices.ContainsFunc(clouds, func(cloud string) bool { return place.CheckName(host, cloud, place.Suffix) == nil })
}

// Closed says why plain TCP may not be used, or "". floor: this SIP domain has registered over TLS before.
func (p *Policy) Closed(t Transport, floor bool) Reason {
	switch {
	case t == TLS:
		return ""
	case !p.AllowTCP:
		return TransportPolicy
	case p.TLSFloor && floor:
		return TLSFloor
	default:
		return ""
	}
}

// Configured says whether the configuration of today names a host.
func (p *Policy) Configured(host string) bool {
	return slices.ContainsFunc(p.Manual, func(m ManualServer) bool { return m.Host == host })
}

// PortReason says why a port is not dialled, or "". The configuration may name any.
func (p *Policy) PortReason(step Step, port uint16) (Reason, string) {
	if err := place.CheckPort(port); err != nil && step != Manual {
		return AddressNotAllowed, err.Error()
	}
	return "", ""
}

// MayBeWeb says whether a web service that a Registrar has told may be at a host, which no address may be. The strict rule is about
// names from DNS and DHCP, and has no host for web services in it: any host under the SIP domain will do.
func (p *Policy) MayBeWeb(host string) bool {
	web := *p
	if web.Naming == NamingStrict {
		web.Naming = NamingSuffix
	}
	return !IsAddress(host) && CheckName(host, &web) == nil
}

// anchors are those that count now.
func (p *Policy) anchors() []Anchor {
	if p.Bootstrap == TrustRoots || p.Anchors == nil {
		return nil
	}
	return slices.DeleteFunc(p.Anchors(), func(a Anchor) bool { return a.FirstUse && p.Bootstrap != TrustFirstUse })
}

// Pins are the fingerprints of certificates that are trusted as authorities, besides the roots.
func (p *Policy) Pins() map[string]bool {
	pins := map[string]bool{}
	if p.Bootstrap == TrustPinned {
		for _, fingerprint := range p.TrustPins {
			pins[fingerprint] = true
		}
	}
	for _, a := range p.anchors() {
		pins[a.Fingerprint] = true
	}
	return pins
}

// Withholds says whether a server whose proof rests on an anchor gets no password: nobody is known to have looked at that anchor,
// and the site has not said that this is enough. What can be found nowhere now is such an anchor too.
func (p *Policy) Withholds(anchor string) bool {
	if anchor == "" || p.FirstUseSendsCredentials || p.Bootstrap == TrustPinned && slices.Contains(p.TrustPins, anchor) {
		return false
	}
	return !slices.ContainsFunc(p.anchors(), func(a Anchor) bool { return !a.FirstUse && a.Fingerprint == anchor })
}

// MayTrustFirst says whether an authority may be trusted because it is the first one that is met.
func (p *Policy) MayTrustFirst() bool {
	return p.Bootstrap == TrustFirstUse && p.Accept != nil && len(p.anchors()) == 0
}
