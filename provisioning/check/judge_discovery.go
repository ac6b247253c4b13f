package check

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"homeward/provisioning"
)

// answersEverything is about DNS that leads astray. A server that has proven the name of a Registrar shows that it does not.
func answersEverything(f *Facts) provisioning.Trouble {
	if f.proven() {
		return provisioning.Trouble{}
	}
	return dnsAnswersAll(f)
}

func dnsAnswersAll(f *Facts) provisioning.Trouble {
	if !f.hijacked() {
		return provisioning.Trouble{}
	}
	t := provisioning.FaultDNSAnswersAll.Met(provisioning.Facts{"addresses": f.Stray.Addrs})
	if private(f.Stray.Addrs) { // a portal is in its own network
		return t.On(provisioning.SideNetwork)
	}
	return t.On(provisioning.SideDNS)
}

// wildcard says whether addresses are those that a wildcard record gives every name of the SIP domain that does not exist.
func wildcard(f *Facts, addrs []netip.Addr) bool {
	return !f.hijacked() && stray(f, addrs)
}

// byWildcard is for a host at which nobody speaks SIP, and that has no address but that of a wildcard record: there is probably no such
// host, and what is at that address is another one. t is what is wrong there.
func byWildcard(f *Facts, t provisioning.Trouble, p *Place) provisioning.Trouble {
	if t.None() || !wildcard(f, p.Addrs) || p.answered() {
		return t
	}
	if t.Fault == provisioning.FaultAddressChanged { // the name had a record
		return t.With(provisioning.Facts{"wildcard": "*." + f.sipDomain()})
	}
	source, side := f.sourceOf(p.Step, p.Host)
	facts := provisioning.Facts{"host": p.Host, "domain": f.sipDomain(), "source": source, "addresses": p.Addrs, "led": p.best().Trouble.Facts["led"]}
	return provisioning.FaultWildcardHost.Because(t, facts).On(side)
}

// nothingFound is why discovery leads nowhere, when last good does not help either: what is there and of no use comes
// before what is not there.
func nothingFound(f *Facts) provisioning.Trouble {
	if len(f.Plan.Try) > 0 || f.lastGoodAnswers() {
		return provisioning.Trouble{}
	}
	t := noPlan(f)
	if f.remembers() && !f.ByPassed && !provisioning.Lists(t, f.lastGood().Address) && !cutOff(f, t, f.lastGood().Address) {
		t = t.Also(provisioning.FaultLastGoodSilent, provisioning.Facts{"host": f.lastGood().Host})
	}
	return t
}

// cutOff says whether an address is reached through the very gateway or tunnel that is dead: that it does not answer follows from that.
func cutOff(f *Facts, t provisioning.Trouble, addr netip.Addr) bool {
	way := f.Ways[addr]
	switch t.Fault {
	case provisioning.FaultDNSTunnel:
		return way.Tunnel && t.Facts["tunnel"] == way.Link
	case provisioning.FaultDNSNoGateway, provisioning.FaultDNSDeadRoute:
		hops := []any{t.Facts["gateway"], t.Facts["router"], t.Facts["hop"]}
		return way.Hop.IsValid() && way.Hop != addr && slices.Contains(hops, any(way.Hop))
	default:
		return false
	}
}

// noPlan is why there is nothing that a device would try, with what is gone of that through which it registered.
func noPlan(f *Facts) provisioning.Trouble {
	if t := dnsAnswersAll(f); !t.None() { // that it does not have a name proves nothing either
		return t
	}
	t := lacking(f)
	var gone *provisioning.Source
	for i := range f.Found {
		if isGone(f, &f.Found[i]) && t.Area() != "dns" {
			gone = &f.Found[i].Source
		}
	}
	if gone == nil || f.Here != nil && f.Memory.Former(f.Here) != "" { // that other name servers do not have it does not say that it is gone
		return t
	}
	return gone.Gone(&f.Record, t)
}

// isGone says whether a source has nothing now through which the device has registered last.
func isGone(f *Facts, found *provisioning.Finding) bool {
	return f.remembers() && found.Led(&f.Record) && f.Policy.Asks(found.Step)
}

// lacking is why nothing that there is leads to a Registrar.
func lacking(f *Facts) provisioning.Trouble {
	if len(f.Servers) == 0 && !f.Policy.OnlyAddresses() {
		return provisioning.FaultNoNameServer.Met(nil)
	}
	for i := range f.Plan.Skipped {
		s := &f.Plan.Skipped[i]
		if s.Host != "" && isDNSFailure(s.Reason) && !isShort(*s) {
			return notUsed(f, s)
		}
	}
	for i := range f.Plan.Skipped {
		s := &f.Plan.Skipped[i]
		t := allOf(f, s)
		if zone := noSuchDomain(f); zone.Fault == provisioning.FaultNoZone && t.Fault == provisioning.FaultNoAddress {
			t = zone
		}
		switch {
		case s.Host == "" || s.Step == provisioning.HostName:
		case s.Reason == provisioning.NoAddress && f.DHCP != nil && f.DHCP.Network == "": // else it may be of another network
			return disagreeAbout(f, s.Step, s.Host, t)
		default:
			return t
		}
	}
	for i := range f.Found {
		found := &f.Found[i]
		if found.Reason == provisioning.DNSMalformed || found.Reason == provisioning.ServiceNotOffered {
			return found.Trouble
		}
	}
	if f.DHCP != nil && slices.Contains([]provisioning.Reason{provisioning.DHCPMalformed, provisioning.DHCPVendorClass, provisioning.TLSNoName, provisioning.DHCPRefused}, f.DHCP.Reason) {
		return f.DHCP.Trouble
	}
	if dead := f.dnsDead(); dead.Reason != "" {
		return dnsFails(f, dead.Trouble)
	}
	if t := noSuchDomain(f); !t.None() {
		return t
	}
	for i := range f.Closed {
		found := &f.Closed[i]
		if found.Verdict == provisioning.Found {
			return provisioning.FaultClosedStep.Because(provisioning.TLSFloor.Met(""), provisioning.Facts{"record": found.Query, "domain": f.sipDomain(), "unnamed": true})
		}
	}
	for _, t := range []provisioning.Trouble{nameServersDisagree(f), earlierServerFails(f)} {
		if !t.None() {
			return t
		}
	}
	for i := range f.Found {
		found := &f.Found[i]
		if fault := found.Trouble.Fault; (fault == provisioning.FaultDanglingRecord || fault == provisioning.FaultDNSBlocked) && f.Policy.Asks(found.Step) {
			return found.Trouble
		}
	}
	return nothingNamed(f)
}

// earlierServerFails is for a name server that says nothing of use, where one that is listed after it says that there is nothing.
func earlierServerFails(f *Facts) provisioning.Trouble {
	for i := range f.Found {
		found := &f.Found[i]
		if found.Trouble.Fault == provisioning.FaultDNSFirstFails {
			return found.Trouble
		}
	}
	return provisioning.Trouble{}
}

func isDNSFailure(reason provisioning.Reason) bool {
	return slices.Contains([]provisioning.Reason{provisioning.DNSTimeout, provisioning.DNSServFail, provisioning.DNSRefused}, reason)
}

// nothingNamed is the site that says nothing at all, and says so clearly.
func nothingNamed(f *Facts) provisioning.Trouble {
	var dhcp *provisioning.Source
	if f.DHCP != nil {
		dhcp = &provisioning.Source{Reason: f.DHCP.Reason, Detail: f.DHCP.Detail, Trouble: f.DHCP.Trouble}
	}
	facts := siteFacts(f)
	d := domainsOf(f)
	if d.meant != "" { // many sites have a domain of their own besides
		d.tell(f, facts)
	}
	t := f.Policy.NothingNamed(dhcp).With(facts)
	if t.Fault == provisioning.FaultNothingNamed && d.agreed && d.meant == "" && bare(f) { // this is the network of that domain, and its zone
		t = t.On(provisioning.SideDNS)
	}
	if t.Fault == provisioning.FaultDHCPUnasked {
		if f.Link.Lack == NoDefaultRoute {
			t.Fault = provisioning.FaultDHCPUnaskedNoRoute
		}
		return t
	}
	if t := inCloud(f); !t.None() {
		return t
	}
	if t.Fault == provisioning.FaultNothingNamedHosts {
		return t
	}
	if pool, by := autodiscoverPool(f); pool != "" {
		return provisioning.FaultOnlyAutodiscover.Met(t.With(provisioning.Facts{"pool": pool, "autodiscover": by}).Facts)
	}
	if wildcard(f, f.Stray.Addrs) {
		t = t.Also(provisioning.FaultWildcardNothing, provisioning.Facts{"domain": f.sipDomain(), "addresses": f.Stray.Addrs})
	}
	return t
}

// dnsFails is for name servers that do not serve: not at all, or not when they are asked for one host. t is what one
// look-up met.
func dnsFails(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	dead := f.dnsDead().Reason != ""
	if closed := noService(f, t); !closed.None() {
		return closed
	}
	if shared := serversFail(f, f.Servers); !shared.None() {
		return shared
	}
	if upstream := upstreamFails(f); dead && !upstream.None() {
		return upstream
	}
	switch {
	case dead && f.Unvalidated:
		return provisioning.FaultDNSSEC.Met(t.With(provisioning.Facts{"how": "not to validate", "says": nil}).Facts)
	case f.Late:
		return lateServers(f, t)
	case dead && t.Fault == provisioning.FaultDNSWaits:
		return provisioning.OfZone(t)
	case dead && t.Fault == provisioning.FaultDNSSilentFor && len(t.Others()) == 0:
		return silentServers(f, t)
	case dead && t.Fault != provisioning.FaultDNSSEC && t.Fault != provisioning.FaultDNSNoAuthority:
		return notServed(f, t)
	default:
		return byRouter(f, t)
	}
}

// lateServers is for name servers that answer when nobody waits any more: since others do that they ask, unless it takes them as long by themselves.
func lateServers(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	facts := provisioning.Facts{"servers": provisioning.ListOf(f.Servers), "forwards": true}
	if f.Trip.Took < slowTrip {
		return provisioning.FaultDNSLate.Met(t.With(facts).Facts)
	}
	facts["trip"], facts["forwards"] = f.Trip.Took.Milliseconds(), nil
	return provisioning.FaultDNSLate.Met(t.With(facts).Facts).OnNoSide()
}

// notServed is for name servers that say of all names of the SIP domain that they cannot look them up, or something else that helps nobody.
func notServed(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	domain := f.sipDomain()
	facts := provisioning.Facts{"name": domain, "zone": domain}
	if others := given(f); t.Fault == provisioning.FaultDNSOwnClosed && len(others) > 0 {
		facts["given"] = provisioning.ListOf(others)
	}
	if lacking := namesNoServer(f); t.Fault == provisioning.FaultDNSOwnClosed && t.Facts["default"] != nil && len(lacking) > 0 {
		facts["lacking"] = lacking
		return provisioning.FaultDNSNoneGiven.Met(t.With(facts).Facts)
	}
	if t.Fault != provisioning.FaultDNSServFail {
		return t.With(facts)
	}
	t.Fault = provisioning.FaultDNSServFailAll
	if isNoSuchName(&f.Abroad) || len(f.Abroad.Addrs) > 0 {
		facts["abroad"] = "other domains"
	} else if f.Abroad.Reason == provisioning.DNSServFail {
		facts["either"] = "other domains"
	}
	if d := domainsOf(f); d.meant != "" && otherHost(f) == "" { // otherwise that is told with it
		d.tell(f, facts)
		t = t.OnNoSide()
	}
	return t.With(facts)
}

// namesNoServer are the DHCP servers that answer, if none of them gives a name server.
func namesNoServer(f *Facts) (lacking []netip.Addr) {
	if f.DHCP == nil {
		return nil
	}
	for i := range f.DHCP.Answers {
		if a := &f.DHCP.Answers[i]; a.Type != "ack" || a.Problem != "" || len(a.NameServers) > 0 {
			return nil
		}
		lacking = append(lacking, f.DHCP.Answers[i].Server)
	}
	return lacking
}

// notUsed is for a name that DNS, DHCP or the configuration gave, and that may not or cannot be used: what the daemon would
// tell of it, and what a look around it adds.
func notUsed(f *Facts, s *provisioning.Skip) provisioning.Trouble {
	t := s.Trouble
	facts := maps.Clone(t.Facts)
	if facts == nil {
		facts = provisioning.Facts{"host": s.Host}
	}
	t.Facts = facts
	source, side := f.sourceOf(s.Step, s.Host)
	if facts["source"] = source; f.ByPassed && facts["setting"] != nil {
		facts["misspelt"], facts["setting"] = source, nil
	}
	if facts["stranger"] != nil && !isNoSuchName(&f.Apex) { // it holds the zone
		facts["stranger"] = nil
	}
	if fault := hiddenName(f, &t); fault != "" {
		facts["hidden"], facts["host"], facts["domain"] = facts["host"], s.Host, f.sipDomain()
		return fault.Met(facts)
	}
	switch {
	case t.Fault == provisioning.FaultOutsideDomain:
		return outsideDomain(f, t, s.Step, side)
	case t.Fault == provisioning.FaultSingleLabel:
		if dead := f.dnsDead().Trouble; !dead.None() {
			t, side = t.Fault.Because(dnsFails(f, dead), facts), provisioning.SideOpen
		}
		facts["useful"] = insideName(f, s.Step)
		return singleLabel(f, t.On(side))
	case isShort(*s) && (s.Reason == provisioning.NoAddress || isDNSFailure(s.Reason)):
		return provisioning.FaultShortName.Because(s.Reason.Met(s.Detail), facts)
	case s.Reason == provisioning.NoAddress && hostNamesBlocked(f) && !t.Fault.OfName():
		return provisioning.FaultNoAddressBlocks.Met(facts)
	case isDNSFailure(s.Reason):
		return dnsFails(f, s.Trouble)
	case t.Fault == provisioning.FaultDNSOtherVersion:
		if last := f.lastGood(); f.remembers() && last.Host == s.Host && provisioning.Family(last.Address) != facts["version"] {
			facts["was"] = last.Address
		}
		return t
	default:
		return t
	}
}

// stale is what is wrong with a configured server where another Registrar works, to which a device would go without it. none: there is none.
func stale(f *Facts, step provisioning.Step, host string, t provisioning.Trouble) provisioning.Trouble {
	for _, p := range f.Places {
		configured := slices.ContainsFunc(f.Policy.Manual, func(m provisioning.ManualServer) bool { return m.Host == p.Host })
		if step != provisioning.Manual || f.ByPassed || configured || p.Role == Beside || !p.ready() || provisioning.CheckName(p.Host, &f.Policy) != nil {
			continue
		}
		setting, _ := f.sourceOf(step, host)
		facts := provisioning.Facts{"host": host, "setting": setting, "useful": p.Host, "last": p.Role == LastGood}
		for i := range f.Found {
			found := &f.Found[i]
			if slices.ContainsFunc(found.Names, func(n provisioning.Name) bool { return n.Host == p.Host }) {
				facts["named"], _ = f.sourceOf(found.Step, p.Host)
				facts["last"] = nil
				break
			}
		}
		return provisioning.FaultStaleServer.Because(t, facts)
	}
	return provisioning.Trouble{}
}

// allOf is what is wrong with a name that is not used, with the other names of that source of which it is true, too, and where the source
// led before.
func allOf(f *Facts, s *provisioning.Skip) provisioning.Trouble {
	t := notUsed(f, s)
	if s.Host == "" || t.Fault != s.Trouble.Fault || t.Host() != s.Host {
		return t
	}
	var alike, meant []string
	for i := range f.Plan.Skipped {
		other := &f.Plan.Skipped[i]
		is, dot := other.Trouble.Facts["meant"].(string)
		if other.Step == s.Step && other.Trouble.Fault == t.Fault && dot == (t.Facts["meant"] != nil) && other.Host != s.Host && !slices.Contains(alike, other.Host) {
			alike, meant = append(alike, other.Host), append(meant, is)
		}
	}
	if alike != nil {
		if first, dot := t.Facts["meant"].(string); dot {
			t.Facts["meant"] = append([]string{first}, meant...)
		}
		t = t.Also(provisioning.FaultLikewise, provisioning.Facts{"others": alike})
	}
	if other := stale(f, s.Step, s.Host, t.With(provisioning.Facts{"setting": nil})); !other.None() && t.Facts["setting"] != nil {
		return other.On(provisioning.SideDevice)
	}
	if led := provisioning.LastInside(&f.Record); f.remembers() && led != nil && s.Step.BySRV() && led.Step == s.Step.String() && led.Host != s.Host {
		t = t.Also(provisioning.FaultNameBefore, provisioning.Facts{"when": led.At, "host": led.Host})
	}
	return t
}

// outsideDomain is for a name outside the SIP domain: whoever names it is wrong, or sip_address is.
func outsideDomain(f *Facts, t provisioning.Trouble, step provisioning.Step, side provisioning.Side) provisioning.Trouble {
	t = t.With(nil) // its facts are those of the plan
	if side == provisioning.SideDHCP {
		dead := f.dnsDead().Trouble
		if !dead.None() {
			dead = dnsFails(f, dead)
		}
		if other := otherDomain(f, t.Facts, dead); !other.None() {
			return other
		}
	}
	doubted := f.sipDomain()
	if domainsOf(f).agreed || f.signsIn() {
		doubted = ""
	}
	t.Facts["typed"], t.Facts["doubted"] = "", doubted
	if useful := insideName(f, step); useful != "" {
		t.Facts["useful"], t.Facts["example"] = useful, ""
	} else if label, _, _ := strings.Cut(t.Host(), "."); f.resolves("sip." + f.sipDomain()) { // that is another one
		t.Facts["example"] = label + "." + f.sipDomain()
	}
	return t.On(side)
}

// hiddenName is for a name of which DNS knows more than it says: that it exists, where other names do not, or that it may not be told,
// where other questions are answered. So do filters that remove private addresses; that one was given speaks against it. An alias may
// as well lead to the wrong name. nil: nothing of that.
func hiddenName(f *Facts, t *provisioning.Trouble) provisioning.Fault {
	tellsApart := isNoSuchName(&f.Stray)
	answers := tellsApart
	for i := range f.HostNames {
		if private(f.HostNames[i].Addrs) {
			return ""
		}
	}
	for i := range f.Found {
		found := &f.Found[i]
		answers = answers || found.Source.Source == "dns" && found.Verdict == provisioning.Found
		for j := range found.Names {
			if n := &found.Names[j]; private(n.Addrs) && !provisioning.IsAddress(n.Host) {
				return ""
			}
		}
	}
	switch {
	case t.Fault == provisioning.FaultNoData && tellsApart:
		return provisioning.FaultHidden
	case t.Fault == provisioning.FaultDNSRefused && answers:
		return provisioning.FaultHiddenRefused
	}
	return ""
}

// insideName is a Registrar with a name inside the SIP domain that is there already, and that a source may name; "": there is none. What
// leads inside does not name an Access Edge.
func insideName(f *Facts, step provisioning.Step) string {
	for _, p := range f.Places {
		if !(step.IsInside() && p.Step.IsOutside()) && p.Role != Beside && p.ready() && provisioning.CheckName(p.Host, &f.Policy) == nil {
			return p.Host
		}
	}
	return ""
}

// hostNamesBlocked says whether a host name would lead to a Registrar if it were not for an SRV record.
func hostNamesBlocked(f *Facts) bool {
	return f.Policy.Order == provisioning.CommunicatorOrder && slices.ContainsFunc(f.HostNames, func(n provisioning.Name) bool { return len(n.Addrs) > 0 })
}

// dhcpFlaw is what is wrong with DHCP although the device gets along. No option at all is a site that uses DNS.
func dhcpFlaw(f *Facts) provisioning.Trouble {
	if f.DHCP == nil {
		return provisioning.Trouble{}
	}
	switch f.DHCP.Reason {
	case provisioning.DHCPConflict:
		return deadOnesOf(f, provisioning.FaultDHCPDisagree.Met(strangers(f)))
	case provisioning.DHCPMalformed, provisioning.DHCPVendorClass, provisioning.TLSNoName:
		return f.DHCP.Trouble
	default: // silence, and no option, are how sites look that use DNS
	}
	for i := range f.DHCP.Answers {
		a := &f.DHCP.Answers[i]
		if a.Vendor.Faulty() {
			return provisioning.FaultDHCPBytes.Met(provisioning.Facts{"problem": "option 43 from " + a.Server.String() + ": " + a.Vendor.Problem})
		}
	}
	return provisioning.Trouble{}
}

// deadOnesOf says of DHCP servers that disagree at which Registrar that they name nobody can sign in.
func deadOnesOf(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	for _, p := range f.Places {
		if p.Step == provisioning.DHCPTLS && p.Role != Beside && len(p.Probes) > 0 && !p.ready() {
			t = t.Also(provisioning.FaultDHCPOtherDead, provisioning.Facts{"host": p.HostPort()})
		}
	}
	return t
}

// sourceFlaw is what is wrong with a source although the device gets along: a name that is not used, that of the earlier step first, as the
// device goes, and with it the first of a later step. DHCP servers that disagree come before it, and other flaws of DHCP before all steps but
// the first.
func sourceFlaw(f *Facts) provisioning.Trouble {
	flaw, first := dhcpFlaw(f), provisioning.Skip{}
	for i := range f.Plan.Skipped {
		s := &f.Plan.Skipped[i]
		switch {
		case s.Host == "", hasTwin(f, *s), s.Step == provisioning.DHCPTCP, s.Step == provisioning.HostName, s.Step == provisioning.DHCPTLS && s.Reason == provisioning.SameAsFailed:
		case first.Host != "" && s.Step != first.Step:
			source, _ := f.sourceOf(s.Step, s.Host)
			return allOf(f, &first).And(provisioning.FaultNameAlso.Because(notUsed(f, s), provisioning.Facts{"source": source}))
		case first.Host != "":
		case flaw.None(), s.Step < provisioning.DHCPTLS && flaw.Reason() != provisioning.DHCPConflict:
			first = *s
		}
	}
	if first.Host != "" {
		return allOf(f, &first)
	}
	if !flaw.None() {
		return flaw
	}
	for i := range f.Found {
		found := &f.Found[i]
		if found.Source.Source == "dns" && found.Reason == provisioning.DNSMalformed {
			return found.Trouble
		}
	}
	return provisioning.Trouble{}
}

// hasTwin says whether a configured server that is not tried over plain TCP is tried over TLS: then nothing is lost.
func hasTwin(f *Facts, s provisioning.Skip) bool {
	return s.Transport == provisioning.TCP && slices.ContainsFunc(f.Plan.Try, func(c provisioning.Candidate) bool {
		return c.Step == provisioning.Manual && c.Host == s.Host && c.Transport == provisioning.TLS
	})
}

// isShort says whether a configured server has a name without a domain.
func isShort(s provisioning.Skip) bool { return s.Step == provisioning.Manual && isShortName(s.Host) }
