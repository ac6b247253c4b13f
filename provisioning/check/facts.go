package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/signin"
	"homeward/provisioning/wire"
)

// Facts is all that was seen. Nothing in it is a judgement, but for the verdicts and reasons of package provisioning.
type Facts struct {
	Options
	Now         time.Time
	ClockFloor  time.Time // the latest moment that is known to have passed
	Servers     []netip.AddrPort
	NotServers  string                                      // what the system names beside them that is not asked, and why
	Neighbours  []*Neighbour                                // on the link
	Defaults    []*wire.Route                               // of IPv4: first the one that is used, if it is known
	LinkLost    bool                                        // the carrier of the link, during the check
	Ways        provisioning.Ways                           // to all addresses that were asked
	Beyond      []netip.AddrPort                            // the name servers to which there is no way without a default route, where none answers
	Quality     []discover.Quality                          // of the name servers
	Upstream    []discover.Quality                          // of those that a resolver on this device asks, where it has nothing to say
	Told        bool                                        // the system has told which these are, and not DHCP
	ByTCP       netip.AddrPort                              // a name server that answers over TCP what it has not answered over UDP; zero: none
	OverTCP     string                                      // what a silent name server does on TCP port 53; "": nothing
	RefusedTCP  bool                                        // all silent ones refuse connections there
	Unvalidated bool                                        // the name servers, which cannot look up, can when asked not to validate (DNSSEC)
	Trip        discover.Trip                               // of the name server that answers first, where DNS was slow: to what it need not ask others
	Late        bool                                        // DNS has not answered in time, and does answer
	Disagree    map[provisioning.Step]discover.Disagreement // of the name servers about SRV records, with the addresses of what they name
	Apart       map[string][]provisioning.Name              // what each of several name servers has for a host that the device would try
	NotAsked    bool                                        // DNS and DHCP were not asked: the device has no address
	Found       provisioning.Findings                       // of the steps of both orders, or of the configured servers
	Closed      provisioning.Findings                       // of the steps over plain TCP that are asked no more, after a sign-in over TLS
	DHCP        *discover.DHCPSurvey
	Lease       netip.Addr          // the DHCP server that the lease of the device comes from, where several disagree; zero: not known
	WebServices []WebService        // that option 43 names
	HostNames   []provisioning.Name // sipinternal., sip., sipexternal.
	// TimeServers are those that option 42 and _ntp._udp name.
	TimeServers []TimeServer
	Stray       provisioning.Name // a name of the SIP domain that nobody can have made
	Abroad      provisioning.Name // one outside the SIP domain, asked for where Stray has addresses, or cannot be looked up
	Apex        provisioning.Name // the SIP domain itself
	Search      []string          // the search list of this device
	Plan        provisioning.Plan
	Outage      provisioning.Plan
	Places      []*Place
	Former      []*Place // those that had other addresses when the device last registered, at these alone
	// Earlier is where the names of the plan led when the device last registered, by the place, if they lead elsewhere now.
	Earlier map[provisioning.Endpoint]provisioning.Facts
	Here    *provisioning.Now    // where this device is on the network
	OnLink  []string             // the MACs of those that answer for the gateway of the network in which it was registered, if it has no address now
	Memory  *provisioning.Memory // of where it was
	// Autodiscover is what other clients ask, and Leads are where it and other records lead that no step asks for.
	Autodiscover []Autodiscover
	Leads        []Lead
	Asked        provisioning.Facts       // what the name servers of before said, where the device asks none of them now
	Offers       provisioning.Facts       // what the name servers do that DHCP gives, where the device asks none of them, and those that it asks do less
	SignIn       *signin.SignedIn         // nil: not tried
	Second       provisioning.Trouble     // why the device cannot sign in beside the daemon, whose sign-in SignIn is then
	WithAll      bool                     // Second is what no Registrar answers for, and not the one alone at which the daemon is registered
	Gone         provisioning.Trouble     // the Registrar lists no binding of the daemon, which is registered there
	Took         map[string]time.Duration // by node, where that is not told with what was seen
	FromRecord   bool                     // the sign-in was tried with last good: discovery gave nothing usable
}

// Place is a host on a port, with what each of its addresses shows. Most are Candidates; the others are ports at which
// a Registrar might be instead.
type Place struct {
	provisioning.Candidate
	Role   Role
	Probes []*signin.Probe // in the order of the addresses
}

// Role is why a place was looked at.
type Role uint8

// The roles; a place that has several has the first.
const (
	Planned   Role = iota // the device would try it
	LastGood              // the device would try it if DNS and DHCP said nothing
	Unplanned             // a source names it that the configuration does not ask
	Beside                // another port of such a host
)

// sipDomain is what this is all about.
func (f *Facts) sipDomain() string { return f.Policy.SIPAddress.Domain }

// finding returns what the source of a step said.
func (f *Facts) finding(step provisioning.Step) (provisioning.Finding, bool) {
	return f.Found.Of(step)
}

// place returns what was seen of a Candidate: at its own addresses, not at those that others have for the name.
func (f *Facts) place(c *provisioning.Candidate) (*Place, bool) {
	i := slices.IndexFunc(f.Places, func(p *Place) bool { return p.Endpoint == c.Endpoint })
	if i < 0 {
		return &Place{}, false
	}
	p := *f.Places[i]
	p.Addrs, p.Probes = nil, nil
	for _, probe := range f.Places[i].Probes {
		if slices.Contains(c.Addrs, probe.Addr) {
			p.Addrs, p.Probes = append(p.Addrs, probe.Addr), append(p.Probes, probe)
		}
	}
	return &p, true
}

// hosts are the names of all places, in the order in which a device would meet them.
func (f *Facts) hosts() []string {
	var hosts []string
	for _, p := range f.Places {
		if !slices.Contains(hosts, p.Host) {
			hosts = append(hosts, p.Host)
		}
	}
	return hosts
}

// at returns the places of a host.
func (f *Facts) at(host string) []*Place {
	return slices.DeleteFunc(slices.Clone(f.Places), func(p *Place) bool { return p.Host != host })
}

// answered says whether a server behind the place speaks SIP.
func (p *Place) answered() bool { return slices.ContainsFunc(p.Probes, isAnswered) }

// ready says whether a server behind the place is one a device could sign in to.
func (p *Place) ready() bool { return slices.ContainsFunc(p.Probes, isReady) }

// closed says whether nothing was sent there, since the daemon would send nothing.
func (p *Place) closed() bool {
	return len(p.Probes) > 0 && !slices.ContainsFunc(p.Probes, func(probe *signin.Probe) bool {
		return probe.Reason() != provisioning.TransportPolicy && probe.Reason() != provisioning.TLSFloor
	})
}

func isAnswered(p *signin.Probe) bool { return p.Answered }
func isSecured(p *signin.Probe) bool  { return p.Secured }
func isReady(p *signin.Probe) bool    { return p.Answered && p.Trouble.None() }

// isUnproven says whether the certificate is what failed; a clock may be wrong for the Registrar, too.
func isUnproven(p *signin.Probe) bool { return !p.Secured && p.Reason().IsCertificate() }

// best is the probe that came furthest: what is wrong with the place as a whole.
func (p *Place) best() *signin.Probe {
	return slices.MaxFunc(p.Probes, func(a, b *signin.Probe) int { return stage(a) - stage(b) })
}

func stage(p *signin.Probe) int {
	for i, reached := range []bool{isReady(p), p.Answered, p.Secured, p.TLS.Version != "", p.Connected} {
		if reached {
			return 5 - i
		}
	}
	return 0
}

// remembers says whether the device has a last good Registrar for this SIP address.
func (f *Facts) remembers() bool {
	return f.Record.Registrar.Host != "" && f.Record.SIPAddress == f.Policy.SIPAddress.String()
}

// lastGood is the Registrar of the record; empty: there is none that can be used.
func (f *Facts) lastGood() provisioning.Registrar {
	r, _ := provisioning.RegistrarOf(&f.Record.Registrar)
	return r
}

// signsIn says whether a Registrar has accepted the device.
func (f *Facts) signsIn() bool { return f.SignIn != nil && f.SignIn.Registrar != nil }

// silent says whether nothing at all has come from the network. What a lease says that is kept on the device was not heard.
func (f *Facts) silent() bool {
	if f.NotAsked {
		return true
	}
	heard := f.DHCP != nil && len(f.DHCP.Answers)+len(f.DHCP.Six)+len(f.DHCP.Dropped) > 0
	for i := range f.Found {
		found := &f.Found[i]
		if found.Step != provisioning.Manual && found.Verdict != provisioning.Failed && (heard || found.Source.Source != "dhcp") {
			return false
		}
	}
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			if probe.Reason() != provisioning.ConnectUnreachable && probe.Reason() != provisioning.ConnectTimeout {
				return false
			}
		}
	}
	return true
}

// forgetful returns why what the device learns may not survive a restart.
func (f *Facts) forgetful() (provisioning.StoreState, bool) {
	i := slices.IndexFunc(f.Store, func(s provisioning.StoreState) bool {
		return s.Fault != string(provisioning.FaultNoSpace) && (s.Reason == provisioning.CacheWrite || s.Reason == provisioning.CacheReadOnly || s.Reason == provisioning.CacheTooNew)
	})
	if i < 0 {
		return provisioning.StoreState{}, false
	}
	return f.Store[i], true
}

// proven says whether a server to which a source leads has proven the name of a Registrar: one that the device remembers says nothing of DNS.
func (f *Facts) proven() bool {
	return slices.ContainsFunc(f.Places, func(p *Place) bool {
		was := addrsIn(f.Earlier[p.Endpoint], "was")
		return p.Role != LastGood && slices.ContainsFunc(p.Probes, func(probe *signin.Probe) bool { return isSecured(probe) && !slices.Contains(was, probe.Addr) })
	})
}

func addrsIn(facts provisioning.Facts, name string) []netip.Addr {
	addrs, _ := facts[name].([]netip.Addr)
	return addrs
}

// stray says whether addresses are among those that DNS gives a name that nobody has made.
func stray(f *Facts, addrs []netip.Addr) bool {
	return len(addrs) > 0 && !slices.ContainsFunc(addrs, func(a netip.Addr) bool { return !slices.Contains(f.Stray.Addrs, a) })
}

// lastGoodAnswers says whether a last good Registrar speaks SIP.
func (f *Facts) lastGoodAnswers() bool {
	return slices.ContainsFunc(f.Outage.Try, func(c provisioning.Candidate) bool { p, _ := f.place(&c); return p.answered() })
}

// resolves says whether a name was seen to have an address.
func (f *Facts) resolves(host string) bool {
	return len(f.at(host)) > 0 || slices.ContainsFunc(f.HostNames, func(n provisioning.Name) bool { return n.Host == host && len(n.Addrs) > 0 })
}

// isElsewhere says whether a name was seen to have other addresses only: it is that of another server.
func (f *Facts) isElsewhere(host string, addrs []netip.Addr) bool {
	var has []netip.Addr
	for _, p := range f.at(host) {
		has = append(has, p.Addrs...)
	}
	for i := range f.HostNames {
		n := &f.HostNames[i]
		if n.Host == host {
			has = append(has, n.Addrs...)
		}
	}
	return len(has) > 0 && !slices.ContainsFunc(has, func(a netip.Addr) bool { return slices.Contains(addrs, a) })
}

// sourceOf names what leads to a place of a step, and whose side that is.
func (f *Facts) sourceOf(step provisioning.Step, host string) (string, provisioning.Side) {
	if step == provisioning.Manual && f.ByPassed {
		return "--target", provisioning.SideDevice
	}
	found, _ := f.finding(step)
	if found.Step = step; step == provisioning.DHCPTLS || step == provisioning.DHCPTCP {
		found.Source.Source = "dhcp"
	}
	return f.Policy.Named(&found.Source, host)
}

// nothingThere says whether no source that is asked has anything, be it of use or not.
func (f *Facts) nothingThere() bool {
	return !slices.ContainsFunc(f.Found, func(found provisioning.Finding) bool {
		return found.Verdict == provisioning.Found && f.Policy.Asks(found.Step)
	})
}

// hijacked says whether DNS answers whatever is asked.
func (f *Facts) hijacked() bool { return len(f.Stray.Addrs) > 0 && len(f.Abroad.Addrs) > 0 }

// dnsDead returns a Finding that says why DNS said nothing at all, or none. A question that could not be put says more
// than one that was not answered: systems refuse only so many a second aloud.
func (f *Facts) dnsDead() *provisioning.Finding {
	dead := &provisioning.Finding{}
	for i := range f.Found {
		found := &f.Found[i]
		if found.Source.Source != "dns" || found.Step == provisioning.HostName {
			continue
		}
		if found.Verdict != provisioning.Failed {
			return &provisioning.Finding{}
		}
		if dead.Reason == "" || found.NoServer && !dead.NoServer {
			dead = found
		}
	}
	return dead
}

// unheard is a name for which the name servers have not answered in time, if that is what keeps the device out; "": there is none.
func (f *Facts) unheard() string {
	if dead := f.dnsDead(); dead.Reason == provisioning.DNSTimeout && !dead.NoServer && dead.Trouble.Fault != provisioning.FaultDNSElsewhere {
		return dead.Query
	}
	for i := range f.Plan.Skipped {
		s := &f.Plan.Skipped[i]
		if s.Reason == provisioning.DNSTimeout && len(f.Plan.Try) == 0 {
			return s.Host
		}
	}
	return ""
}

func place(c *provisioning.Candidate) string {
	return fmt.Sprintf("%s over %s", c.HostPort(), strings.ToUpper(c.Transport.String()))
}

// planned returns the Candidate of the plan that leads to a place.
func (f *Facts) planned(p *Place) (provisioning.Candidate, bool) {
	i := slices.IndexFunc(f.Plan.Try, func(c provisioning.Candidate) bool { return c.Endpoint == p.Endpoint })
	if i < 0 {
		return provisioning.Candidate{}, false
	}
	return f.Plan.Try[i], true
}

func (f *Facts) timeRecord() string { return "_ntp._udp." + f.sipDomain() }

// routerTo is the gateway or router that this device, with an address of its own, uses on the way to another; zero: none, or it is not
// known.
func routerTo(f *Facts, addr netip.Addr) netip.Addr {
	hop := f.Ways[addr].Hop
	own := slices.ContainsFunc(f.Link.routable(), func(p netip.Prefix) bool { return p.Addr().Unmap().Is4() == addr.Is4() })
	if hop == addr || !own {
		return netip.Addr{}
	}
	return hop
}

// cannotReach says whether there is no way to an address since this device may not have its IP version at all.
func cannotReach(f *Facts, p *signin.Probe) bool {
	noVersion := p.Addr.Is6() || f.Link.onlyIPv6()
	return p.Reason() == provisioning.ConnectUnreachable && noVersion && !routerTo(f, p.Addr).IsValid()
}

// isShortName says whether a host name has no domain: a NetBIOS name.
func isShortName(host string) bool {
	return !strings.Contains(host, ".") && !provisioning.IsAddress(host)
}
