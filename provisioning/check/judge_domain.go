package check

import (
	"net/netip"
	"slices"
	"strings"

	"homeward/internal/nearest"
	"homeward/provisioning"
)

// otherHost is a host of another domain than that of sip_address that DHCP names, and that is not used therefore; "": there is none.
func otherHost(f *Facts) string {
	for i := range f.Plan.Skipped {
		s := &f.Plan.Skipped[i]
		if (s.Step == provisioning.DHCPTLS || s.Step == provisioning.DHCPTCP) && s.Trouble.Fault == provisioning.FaultOutsideDomain {
			return s.Host
		}
	}
	return ""
}

// domains are what others than sip_address take for the domain of this site.
type domains struct {
	told   []string // who says which
	meant  string   // that which sip_address probably should say; "": none
	sure   bool     // it should: its own is a slip away and DNS knows nothing of it, or DHCP and the last good record name the other
	agreed bool     // somebody names the own domain, or one above or below it
}

// domainsOf is what others say about the domain.
func domainsOf(f *Facts) *domains {
	d := &domains{}
	own, host, absent, named := f.sipDomain(), otherHost(f), isNoSuchName(&f.Apex), []string{}
	_, parent, _ := strings.Cut(host, ".")
	_, former, _ := strings.Cut(f.Record.SIPAddress, "@")
	say := func(by string, said []string) {
		for _, domain := range said {
			if !strings.Contains(domain, ".") || slices.Contains(named, domain) { // nothing, that of nobody, or told
				continue
			}
			if within(own, domain) || within(domain, own) {
				d.agreed = true
				continue
			}
			named, d.told = append(named, domain), append(d.told, by+" says "+domain)
			switch both := within(host, domain); {
			case nearest.Slip(own, domain) && !d.sure:
				d.meant, d.sure = domain, absent || both && (domain == former || f.Apex.Reason == provisioning.DNSServFail) // what DHCP sets, and it sets the search list, is one source
			case d.meant == "" && (domain == former || absent && both):
				d.meant = domain
			}
		}
	}
	say("the last good record", []string{former})
	if f.DHCP != nil {
		for i := range f.DHCP.Answers {
			say("DHCP (option 15 or 119)", f.DHCP.Answers[i].Domains)
		}
	}
	say("the search list of this device", f.Search)
	switch {
	case d.agreed:
		d.meant, d.sure, d.told = "", false, nil
	case d.meant == "" && nearest.Slip(own, parent):
		d.meant, d.sure = parent, absent
	}
	return d
}

// tell adds that to facts.
func (d *domains) tell(f *Facts, facts provisioning.Facts) {
	if facts["others"], facts["meant"] = d.told, d.meant; d.sure {
		facts["meant"], facts["typo"], facts["address"] = nil, d.meant, f.Policy.Setting("sip_address")
	}
}

func within(name, domain string) bool { return name == domain || strings.HasSuffix(name, "."+domain) }

// onSide says that it is the side of the device, or that it is not known whose.
func onSide(t provisioning.Trouble, device bool) provisioning.Trouble {
	if device {
		return t.On(provisioning.SideDevice)
	}
	return t.OnNoSide()
}

// inDNS says whether DNS has records of Registrars in the SIP domain, be they of use or not; open: it does not say.
func inDNS(f *Facts) (has, open bool) {
	for i := range f.Found {
		if found := &f.Found[i]; found.Source.Source == "dns" {
			has, open = has || found.Verdict == provisioning.Found, open || found.Verdict == provisioning.Failed
		}
	}
	for i := range f.HostNames {
		has = has || len(f.HostNames[i].Addrs) > 0 && len(f.Stray.Addrs) == 0
	}
	return has, open
}

// isNoSuchName says whether DNS says of a name that it does not exist (NXDOMAIN).
func isNoSuchName(n *provisioning.Name) bool {
	return n.Reason == provisioning.NoAddress && n.Trouble.Fault == provisioning.NoAddress.General()
}

// bare says whether DNS knows the SIP domain, and no Registrar in it.
func bare(f *Facts) bool {
	has, open := inDNS(f)
	return !has && !open && (len(f.Apex.Addrs) > 0 || f.Apex.Reason == provisioning.NoAddress && !isNoSuchName(&f.Apex))
}

// givers are the DHCP servers that give the name server that this device asks first.
func givers(f *Facts) (from []netip.Addr) {
	if f.DHCP == nil || len(f.Servers) == 0 {
		return nil
	}
	for i := range f.DHCP.Answers {
		if a := &f.DHCP.Answers[i]; slices.Contains(a.NameServers, f.Servers[0].Addr()) && !slices.Contains(from, a.Server) {
			from = append(from, a.Server)
		}
	}
	return sorted(from)
}

// noZone is for name servers that do not know the SIP domain, where others than sip_address name it: a source names a host in it, or DHCP gives it to
// its clients. None: nobody does, or this device has asked other name servers before.
func noZone(f *Facts) provisioning.Trouble {
	facts, from, vouched := siteFacts(f), givers(f), false
	var naming []netip.Addr
	for i := range f.Plan.Skipped {
		if s := &f.Plan.Skipped[i]; s.Trouble.Fault == provisioning.FaultNoAddress && within(s.Host, f.sipDomain()) && facts["host"] == nil {
			facts["host"], facts["source"] = s.Host, s.Trouble.Facts["source"]
		}
	}
	for i := 0; f.DHCP != nil && i < len(f.DHCP.Answers); i++ {
		if a := &f.DHCP.Answers[i]; slices.Contains(a.Domains, f.sipDomain()) && !slices.Contains(naming, a.Server) {
			naming, vouched = append(naming, a.Server), vouched || slices.Contains(from, a.Server) && len(a.SIP.Names) > 0
		}
	}
	if facts["host"] == nil && naming == nil || f.Here == nil || f.remembers() && f.Memory.Former(f.Here) != "" {
		return provisioning.Trouble{}
	}
	facts["servers"], facts["naming"] = provisioning.ListOf(f.Servers), sorted(naming)
	why, side, was := provisioning.NoAddress, provisioning.Side(provisioning.SideOpen), f.Record.Network
	if facts["host"] == nil {
		why = provisioning.DNSNoRecord
	}
	switch {
	case f.remembers() && was != nil && was.NameServers == f.Here.NameServers: // it had the zone
		side, facts["again"] = provisioning.SideDNS, "again"
	case len(f.Policy.DNSServers) > 0:
		side, facts["setting"] = provisioning.SideDevice, f.Policy.Setting("dns_servers")
	case from == nil:
		facts["unsaid"] = true
	default:
		if facts["given"] = from; vouched { // the domain is that of the site
			side = provisioning.SideDHCP
		}
	}
	return provisioning.FaultNoZone.Because(why.Met(""), facts).On(side)
}

// noSuchDomain is for a SIP domain that does not exist in DNS, where nothing leads to a Registrar.
func noSuchDomain(f *Facts) provisioning.Trouble {
	if has, _ := inDNS(f); has || !isNoSuchName(&f.Apex) || len(f.Plan.Try) > 0 {
		return provisioning.Trouble{}
	}
	if t := noZone(f); !t.None() && otherHost(f) == "" {
		return t
	}
	d, facts := domainsOf(f), siteFacts(f)
	d.tell(f, facts)
	facts["servers"], facts["elsewhere"] = provisioning.ListOf(f.Servers), otherHost(f)
	switch {
	case f.remembers(): // it was right
	case facts["local"] != nil: // somebody on the way may keep it back
		facts["doubted"] = f.sipDomain()
	case d.meant == "":
		facts["unsure"] = f.sipDomain()
	}
	t := provisioning.FaultNoSuchDomain.Met(facts)
	if facts["elsewhere"] != "" {
		t = provisioning.FaultNoSuchDomain.Because(provisioning.NameNotAllowed.Met(""), facts)
	}
	return onSide(t, d.sure)
}

// siteFacts are those of a site that names no Registrar of the SIP domain.
func siteFacts(f *Facts) provisioning.Facts {
	facts := provisioning.Facts{"domain": f.sipDomain(), "own": provisioning.ListOf(f.Link.routable()), "unnamed": true}
	if !f.remembers() { // else a Registrar has known the SIP address
		facts["new"] = true
	}
	if local := ".local"; strings.HasSuffix(f.sipDomain(), local) {
		facts["local"] = local
	}
	return facts
}

// otherDomain is for a host outside the SIP domain that DHCP names, where nothing shows that the SIP domain has a Registrar: sip_address may
// be wrong as well as DHCP. facts are those of the host; dead is why DNS says nothing at all.
func otherDomain(f *Facts, facts provisioning.Facts, dead provisioning.Trouble) provisioning.Trouble {
	if t := noSuchDomain(f); !t.None() {
		return t
	}
	d := domainsOf(f)
	if has, _ := inDNS(f); has || d.agreed || f.signsIn() {
		return provisioning.Trouble{}
	}
	if d.tell(f, facts); d.meant == "" {
		facts["unsure"] = "sip_address"
	}
	if bare(f) {
		facts["known"] = f.sipDomain()
	}
	t := provisioning.FaultOtherDomain.Met(facts)
	if !dead.None() {
		if d.sure { // there is no such zone: nothing is to be done about it
			dead = dead.InWords(dead.What(), "")
		}
		t = provisioning.FaultOtherDomain.Because(dead, facts)
	}
	return onSide(t, d.sure)
}

// singleLabel is for a name without a domain, with the DHCP servers that give it. Where DNS does not have the SIP domain, that is told.
func singleLabel(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	if other := noSuchDomain(f); !other.None() {
		return other
	}
	var givers []netip.Addr
	for i := 0; f.DHCP != nil && i < len(f.DHCP.Answers); i++ {
		if a := &f.DHCP.Answers[i]; slices.Contains(a.SIP.Names, t.Host()) {
			givers, t.Facts["place"] = append(givers, a.Server), nil
		}
	}
	t.Facts["giver"] = givers
	return t
}
