package check

import (
	"net/netip"
	"slices"
	"time"

	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/discover"
	"github.com/homeward-agent/homeward/provisioning/signin"
)

// Facts is all that was seen. Nothing in it is a judgement, but for the verdicts and reasons of package provisioning.
type Facts struct {
	Options
	Now        time.Time
	ClockFloor time.Time // the latest moment that is known to have passed
	Servers    []netip.AddrPort
	Late       bool                  // DNS has not answered in time, and does answer
	NotAsked   bool                  // DNS and DHCP were not asked: the device has no address
	Found      provisioning.Findings // of the steps of both orders, or of the configured servers
	DHCP       *discover.DHCPSurvey
	WebHosts   []provisioning.Name // of the web services that option 43 names
	HostNames  []provisioning.Name // sipinternal., sip., sipexternal.
	// TimeServers are those that option 42 and _ntp._udp name.
	TimeServers []TimeServer
	Stray       *provisioning.Name // a name that nobody can have made; it has addresses when DNS answers whatever is asked
	Plan        provisioning.Plan
	Outage      provisioning.Plan
	Places      []Place
	SignIn      *signin.SignedIn // nil: not tried
	FromRecord  bool             // the sign-in was tried with last good: discovery gave nothing usable
}

// Place is a host on a port, with what each of its addresses shows. Most are Candidates; the others are ports at which
// a Registrar might be instead.
type Place struct {
	provisioning.Candidate
	Role   Role
	Probes []signin.Probe // in the order of the addresses
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
	i := slices.IndexFunc(f.Found, func(found provisioning.Finding) bool { return found.Step == step })
	if i < 0 {
		return provisioning.Finding{}, false
	}
	return f.Found[i], true
}

// place returns what was seen of a Candidate: at its own addresses, not at those that others have for the name.
func (f *Facts) place(c provisioning.Candidate) (Place, bool) {
	i := slices.IndexFunc(f.Places, func(p Place) bool { return p.Endpoint == c.Endpoint })
	if i < 0 {
		return Place{}, false
	}
	p := f.Places[i]
	p.Probes = slices.DeleteFunc(slices.Clone(p.Probes), func(probe signin.Probe) bool { return !slices.Contains(c.Addrs, probe.Addr) })
	return p, true
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
func (f *Facts) at(host string) []Place {
	return slices.DeleteFunc(slices.Clone(f.Places), func(p Place) bool { return p.Host != host })
}

// answered says whether a server behind the place speaks SIP.
func (p Place) answered() bool { return slices.ContainsFunc(p.Probes, isAnswered) }

// ready says whether a server behind the place is one a device could sign in to.
func (p Place) ready() bool { return slices.ContainsFunc(p.Probes, isReady) }

// closed says whether nothing was sent there, since the daemon would send nothing.
func (p Place) closed() bool {
	return len(p.Probes) > 0 && !slices.ContainsFunc(p.Probes, func(probe signin.Probe) bool {
		return probe.Reason() != provisioning.TransportPolicy && probe.Reason() != provisioning.TLSFloor
	})
}

func isAnswered(p signin.Probe) bool { return p.Answered }
func isSecured(p signin.Probe) bool  { return p.Secured }
func isReady(p signin.Probe) bool    { return p.Answered && p.Trouble.None() }

// isUnproven says whether the certificate is what failed; a clock may be wrong for the Registrar, too.
func isUnproven(p signin.Probe) bool { return !p.Secured && p.Reason().IsCertificate() }

// best is the probe that came furthest: what is wrong with the place as a whole.
func (p Place) best() signin.Probe {
	return slices.MaxFunc(p.Probes, func(a, b signin.Probe) int { return stage(a) - stage(b) })
}

func stage(p signin.Probe) int {
	for i, reached := range []bool{isReady(p), p.Answered, p.Secured, p.TLS.Version != "", p.Connected} {
		if reached {
			return 5 - i
		}
	}
	return 0
}

// skew is how far the clocks of the Registrars that have proven their names are ahead of ours; failing them, of the time
// server nearest to us: they prove nothing, and one of them that is wrong does not make us wrong. False: none has told.
func (f *Facts) skew() (ahead time.Duration, host string, told bool) {
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			if date := probe.Greeting.Date; probe.Secured && !date.IsZero() {
				return date.Sub(f.Now).Round(time.Second), p.Host, true
			}
		}
	}
	if s, ok := f.timeServer(0); ok {
		return s.Ahead.Round(time.Second), s.Name, true
	}
	return 0, "", false
}

// timeServer is the one whose clock is nearest to a clock that is so far ahead of ours; false: none tells the time.
func (f *Facts) timeServer(ahead time.Duration) (nearest TimeServer, found bool) {
	for _, s := range f.TimeServers {
		if s.Problem == "" && (!found || (s.Ahead-ahead).Abs() < (nearest.Ahead-ahead).Abs()) {
			nearest, found = s, true
		}
	}
	return nearest, found
}

// remembers says whether the device has a last good Registrar for this SIP address.
func (f *Facts) remembers() bool {
	return f.Record.Registrar.Host != "" && f.Record.SIPAddress == f.Policy.SIPAddress.String()
}

// lastGood is the Registrar of the record; empty: there is none that can be used.
func (f *Facts) lastGood() provisioning.Registrar {
	r, _ := provisioning.RegistrarOf(f.Record.Registrar)
	return r
}
