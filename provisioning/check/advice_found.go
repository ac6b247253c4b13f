package check

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/homeward-agent/homeward/provisioning"
)

// nothingFound is why discovery leads nowhere: what is there and of no use comes before what is not there.
func (f *Facts) nothingFound() advice {
	if len(f.Servers) == 0 && !f.onlyAddresses() {
		return advice{reason: provisioning.DNSTimeout, side: Device, what: "this device knows no name server",
			do: "let DHCP name the name servers (option 6), or set dns_servers"}
	}
	for _, s := range f.Plan.Skipped {
		if s.Host != "" && isDNSFailure(s.Reason) && !isShort(s) {
			return f.dnsAdvice(s.Reason, s.Host)
		}
	}
	for _, s := range f.Plan.Skipped {
		if s.Host != "" && s.Step != provisioning.HostName {
			return f.skipAdvice(s)
		}
	}
	for _, found := range f.Found {
		if found.Reason == provisioning.DNSMalformed || found.Reason == provisioning.ServiceNotOffered {
			return f.recordAdvice(found)
		}
	}
	if f.DHCP != nil && slices.Contains([]provisioning.Reason{provisioning.DHCPMalformed, provisioning.DHCPVendorClass, provisioning.TLSNoName, provisioning.DHCPRefused}, f.DHCP.Reason) {
		return f.dhcpAdvice(f.DHCP.Reason, f.DHCP.Detail)
	}
	if dead := f.dnsDead(); dead.Reason != "" {
		return f.dnsAdvice(dead.Reason, f.sipDomain())
	}
	for _, s := range f.Plan.Skipped { // a step that is closed, and was the only one with something behind it
		if s.Reason == provisioning.TLSFloor || s.Reason == provisioning.TransportPolicy && len(f.Found) == 0 {
			return advice{reason: s.Reason, side: Device, what: s.Reason.Title(), do: otherwise(s.Reason.Hint())}
		}
	}
	return f.noRecord()
}

// onlyAddresses says whether the configured servers are addresses: then nobody needs DNS.
func (f *Facts) onlyAddresses() bool {
	return len(f.Policy.Manual) > 0 && !slices.ContainsFunc(f.Policy.Manual, func(m provisioning.ManualServer) bool { return !isAddress(m.Host) })
}

func isDNSFailure(reason provisioning.Reason) bool {
	return slices.Contains([]provisioning.Reason{provisioning.DNSTimeout, provisioning.DNSServFail, provisioning.DNSRefused}, reason)
}

// noRecord is the site that says nothing at all, and says so clearly.
func (f *Facts) noRecord() advice {
	dhcp := "DHCP is not asked"
	if f.Policy.ReadLease {
		dhcp = "no DHCP lease holds option 120"
	}
	if f.DHCP != nil {
		switch {
		case f.DHCP.Reason == provisioning.DHCPSilent:
			dhcp = "no DHCP server answers"
		case f.DHCP.Reason.IsDHCPUnasked():
			dhcp = "DHCP cannot be asked from here"
		default:
			dhcp = "the DHCP server sends no option 120"
		}
	}
	if f.DHCP != nil && f.DHCP.Reason.IsDHCPUnasked() {
		do := f.DHCP.Reason.Hint()
		if f.Link.Problem == noDefaultRoute {
			do = "restore the default route, or set interface to where DHCP is to be asked"
		}
		return advice{reason: f.DHCP.Reason, side: Device, do: do,
			what: fmt.Sprintf("nothing names a Registrar for %s: there is no SRV record, and %s: %s", f.sipDomain(), dhcp, lastPart(f.DHCP.Detail))}
	}
	a := advice{reason: provisioning.DNSNoRecord, side: DNS,
		what: fmt.Sprintf("nothing names a Registrar for %s: there is no SRV record, and %s", f.sipDomain(), dhcp),
		do: fmt.Sprintf("create the SRV record _sipinternaltls._tcp.%s with port 5061 and the name of the pool, or check that this network sees the inside view of DNS; or set option 120; or correct sip_address, if its domain is the wrong one",
			f.sipDomain())}
	if f.Policy.Order == provisioning.CommunicatorOrder {
		a.what = fmt.Sprintf("nothing names a Registrar for %s: there is neither an SRV record nor sipinternal, sip or sipexternal", f.sipDomain())
	}
	return a
}

// dnsAdvice is for name servers that do not serve: not at all, or not when they are asked for one host.
func (f *Facts) dnsAdvice(reason provisioning.Reason, name string) advice {
	servers := listServers(f)
	dead := f.dnsDead()
	alive := slices.ContainsFunc(f.Found, func(found provisioning.Finding) bool {
		return found.Source.Source == "dns" && found.Verdict != provisioning.Failed
	})
	if !alive {
		name = f.sipDomain()
	}
	switch {
	case f.Late:
		return advice{reason: reason, side: DNS, what: "the name server " + servers + " answers too late: a device does not wait so long",
			do: "look for a forwarder of the name server that does not answer; or set dns_servers"}
	case dead.NoServer && reason == provisioning.DNSTimeout:
		return advice{reason: reason, side: Network, what: fmt.Sprintf("no name server answers (%s): %s", servers, lastPart(dead.Detail)),
			do: "check that a name server runs at this address and port, and that there is a way to it; or set dns_servers"}
	}
	switch reason {
	case provisioning.DNSServFail:
		return advice{reason: reason, side: DNS, what: "the name server " + servers + " cannot look up " + name + " (SERVFAIL)", do: reason.Hint()}
	case provisioning.DNSRefused:
		return advice{reason: reason, side: DNS, what: "the name server " + servers + " refuses to answer this device (REFUSED)", do: reason.Hint()}
	default: // silence, of one kind or another
	}
	if alive {
		return advice{reason: reason, side: DNS, what: "the name server " + servers + " does not answer when it is asked for " + name,
			do: "look at the zone of " + name + " on the name server, and at its forwarders"}
	}
	return advice{reason: reason, side: Network, what: "no name server answers (" + servers + ")",
		do: "check that the name server runs, and that nothing drops port 53 on the way; or set dns_servers"}
}

// recordAdvice is for a record that cannot be used.
func (f *Facts) recordAdvice(found provisioning.Finding) advice {
	if found.Reason == provisioning.ServiceNotOffered {
		return advice{reason: found.Reason, side: DNS, what: fmt.Sprintf(`the SRV record %s says that the service is not offered here (target ".")`, found.Query), do: found.Reason.Hint()}
	}
	return advice{reason: found.Reason, side: DNS, what: fmt.Sprintf("the SRV record %s cannot be used: %s", found.Query, lastPart(found.Detail)), do: "correct the target and the port of the SRV record"}
}

// lastPart is what an error says in the end, without what was being done.
func lastPart(detail string) string {
	return strings.TrimSpace(detail[strings.LastIndex(detail, ": ")+1:])
}

// skipAdvice is for a name that DNS, DHCP or the configuration gave, and that may not or cannot be used.
func (f *Facts) skipAdvice(s provisioning.Skip) advice {
	source, side := f.sourceOf(s)
	domain, suffix := f.sipDomain(), f.Policy
	suffix.Naming = provisioning.NamingSuffix
	switch {
	case s.Reason == provisioning.NameNotAllowed && provisioning.CheckName(s.Host, suffix) == nil:
		return advice{reason: s.Reason, side: side, what: fmt.Sprintf("%s names %s, and strict_naming allows %s and sip.%s only", source, s.Host, domain, domain),
			do: fmt.Sprintf("name the Registrar sip.%s, in its certificate too, or set strict_naming = \"suffix\"", domain)}
	case s.Reason == provisioning.NameNotAllowed:
		return advice{reason: s.Reason, side: side, what: fmt.Sprintf("%s names %s, which is outside the SIP domain %s: devices do not go there", source, s.Host, domain),
			do: f.insideName(domain) + "; or correct sip_address, if its domain is the wrong one"}
	case s.Reason == provisioning.TLSNoName:
		return advice{reason: s.Reason, side: side, what: fmt.Sprintf("%s holds the address %s, and no certificate can prove an address", source, s.Host),
			do: "put the name of the Registrar into option 120 (encoding 0); homeward dhcp encode prints the bytes"}
	case isShort(s) && (s.Reason == provisioning.NoAddress || isDNSFailure(s.Reason)):
		return advice{reason: s.Reason, side: Device, what: fmt.Sprintf("the server %s of %s is a short (NetBIOS) name, which DNS does not know", s.Host, source),
			do: "give the full name (FQDN) of the server, as its certificate carries it"}
	case s.Reason == provisioning.NoAddress:
		a := advice{reason: s.Reason, side: DNS, what: fmt.Sprintf("%s names %s, which has no address", source, s.Host),
			do: fmt.Sprintf("create the A record of %s, or name a Registrar that exists", s.Host)}
		if s.Step == provisioning.Manual {
			a.do = "create the A record, or correct the name"
		}
		if f.hostNamesBlocked() {
			a.what += "; an SRV record that exists keeps the device from trying host names such as sip." + domain
			a.do = fmt.Sprintf("create the A record of %s, or delete the SRV record", s.Host)
		}
		return a
	case isDNSFailure(s.Reason):
		return f.dnsAdvice(s.Reason, s.Host)
	default:
		return advice{reason: s.Reason, side: side, what: fmt.Sprintf("%s leads to %s, which is not used: %s", source, s.Host, s.Reason.Title()), do: otherwise(s.Reason.Hint())}
	}
}

// otherwise is what a hint says where there is something to do.
func otherwise(hint string) string {
	if before, after, ok := strings.Cut(hint, "; else "); ok && strings.HasPrefix(before, "nothing to do") {
		return after
	}
	return hint
}

// insideName says what to name instead: a Registrar inside the SIP domain that is there already, if there is one.
func (f *Facts) insideName(domain string) string {
	for _, p := range f.Places {
		if p.Role != Beside && p.ready() && provisioning.CheckName(p.Host, f.Policy) == nil {
			return "name " + p.Host + " instead"
		}
	}
	return fmt.Sprintf("name a host inside the SIP domain, such as sip.%s, with an A record and in the certificate of the Registrar", domain)
}

// resolves says whether a name was seen to have an address.
func (f *Facts) resolves(host string) bool {
	return len(f.at(host)) > 0 || slices.ContainsFunc(f.HostNames, func(n provisioning.Name) bool { return n.Host == host && len(n.Addrs) > 0 })
}

// hostNamesBlocked says whether a host name would lead to a Registrar if it were not for an SRV record.
func (f *Facts) hostNamesBlocked() bool {
	return f.Policy.Order == provisioning.CommunicatorOrder && slices.ContainsFunc(f.HostNames, func(n provisioning.Name) bool { return len(n.Addrs) > 0 })
}

// sourceOf names where a Candidate comes from, and who looks after it.
func (f *Facts) sourceOf(s provisioning.Skip) (string, Side) {
	switch s.Step {
	case provisioning.DHCPTLS, provisioning.DHCPTCP:
		return "DHCP option 120", DHCP
	case provisioning.Manual:
		if f.ByPassed {
			return "--target", Device
		}
		return "the configuration", Device
	case provisioning.HostName:
		return "the host name", DNS
	default:
		found, _ := f.finding(s.Step)
		return "the SRV record " + found.Query, DNS
	}
}

// dhcpAdvice is for what DHCP says wrongly.
func (f *Facts) dhcpAdvice(reason provisioning.Reason, detail string) advice {
	a := advice{reason: reason, side: DHCP, do: reason.Hint()}
	switch reason {
	case provisioning.DHCPMalformed:
		a.what = "the DHCP server sends malformed bytes: " + detail
		a.do = "correct the option on the DHCP server; homeward dhcp encode prints the right bytes"
	case provisioning.DHCPVendorClass:
		a.what = "the DHCP server spells the vendor class of Lync phones wrong: " + detail
	case provisioning.DHCPConflict:
		a.what = "the DHCP servers disagree: " + detail
	case provisioning.TLSNoName:
		a.what = "DHCP option 120 holds an address, and no certificate can prove an address"
		a.do = "put the name of the Registrar into option 120 (encoding 0); homeward dhcp encode prints the bytes"
	default:
		a.what = cmp.Or(reason.Title(), string(reason)) + ": " + detail
	}
	return a
}

// isShort says whether a configured server has a name without a domain.
func isShort(s provisioning.Skip) bool {
	return s.Step == provisioning.Manual && !strings.Contains(s.Host, ".")
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
