package provisioning

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Candidate is one place worth trying, and the evidence for it.
type Candidate struct {
	Step Step `json:"step"`
	Endpoint
	Addrs []netip.Addr `json:"addresses"` // in the order they will be tried
	Via   string       `json:"via"`       // "SRV _sipinternaltls._tcp.contoso.com", "option 120", "last good"
	Rank  int          `json:"-"`         // among those of its step; equals have the same

	// Anchor is the authority besides the roots that its proof rests on, or that of who has named it: "sha256:" and 64 hexadecimal
	// digits; "": none that is known.
	Anchor string `json:"-"`
	// OneVersion says that its host has no address of the other version of IP: DNS has said so.
	OneVersion bool `json:"-"`
}

// String returns one line, as `homeward plan` prints it.
func (c Candidate) String() string {
	return fmt.Sprintf("%s %s %s via %s", c.Step, c.Endpoint, c.Addrs, c.Via)
}

// Skip is a Candidate, or a whole step, that was ruled out before it was tried.
type Skip struct {
	Step     Step    `json:"step"`
	Endpoint         // without a host: the whole step
	Reason   Reason  `json:"reason"`
	Detail   string  `json:"detail,omitempty"`
	Trouble  Trouble `json:"-"` // which fault that is, where more is known than the Reason
}

// Plan is what will be tried, in order, and what was ruled out, and why.
type Plan struct {
	Try     []Candidate
	Skipped []Skip
}

// String returns one line a Candidate, the tried ones first.
func (plan Plan) String() string {
	var b strings.Builder
	for i := range plan.Try {
		c := &plan.Try[i]
		fmt.Fprintf(&b, "try  %s\n", *c)
	}
	for i := range plan.Skipped {
		s := &plan.Skipped[i]
		host := ""
		if s.Host != "" {
			host = " " + s.HostPort()
		}
		fmt.Fprintf(&b, "skip %s%s %s\n", s.Step, host, s.Reason)
	}
	return b.String()
}

// Findings is what DNS and DHCP said in one cycle, one Finding for each step that was asked, in device order.
type Findings []Finding

// Finding is the answer of one source to one step.
type Finding struct {
	Source
	Names    []Name // usable data, in the order of the source
	NoServer bool   // no name server could be asked: nothing listens there, or there is no route to it
}

// Of returns the Finding of a step.
func (found Findings) Of(step Step) (Finding, bool) {
	for i := range found {
		f := &found[i]
		if f.Step == step {
			return *f, true
		}
	}
	return Finding{}, false
}

// Unanswered says whether there is something that no name server has answered.
func (found Findings) Unanswered() bool {
	return slices.ContainsFunc(found, func(f Finding) bool {
		return Unanswered(f.Reason) || slices.ContainsFunc(f.Names, func(n Name) bool { return Unanswered(n.Reason) })
	})
}

// Open says whether the question of the step has to be asked again: it was not answered, or it depends on the others.
// That DHCP is silent counts for an answer: many servers are to DHCPINFORM, and it would be a broadcast.
func (f *Finding) Open() bool { return f.Step == HostName || Unanswered(f.Reason) }

// Unanswered says of a Reason that a name server, or one behind it, did not answer.
func Unanswered(r Reason) bool { return r == DNSTimeout || r == DNSServFail }

// Says tells whether two Findings of a step are the same to whoever reads them.
func (f *Finding) Says(other Finding) bool {
	return f.Verdict == other.Verdict && f.Reason == other.Reason && f.Detail == other.Detail
}

// Name is one name a source gave, with the addresses it resolves to.
type Name struct {
	Host       string
	Port       uint16 // 0: the default of the transport
	Query      string // of whom else it was asked, when that is not the source of the Finding
	Rank       int    // the priority of an SRV record
	Addrs      []netip.Addr
	OneVersion bool   // as of a Candidate
	Reason     Reason // why there is no address; empty otherwise
	Detail     string
	Trouble    Trouble // which fault that is, where more is known than the Reason
}

// Source is one question and its verdict, as shown to techs.
type Source struct {
	Step    Step    `json:"step"`
	Source  string  `json:"source"` // "dns", "dhcp", "config"
	Query   string  `json:"query,omitempty"`
	Verdict Verdict `json:"verdict"`
	Reason  Reason  `json:"reason,omitempty"`
	Fault   string  `json:"fault,omitempty"` // as in Status
	What    string  `json:"what,omitempty"`
	Detail  string  `json:"detail,omitempty"`
	Hint    string  `json:"hint,omitempty"`
	Follows bool    `json:"follows,omitempty"` // from that for which the device rests
	Trouble Trouble `json:"-"`                 // what Fault, What and Hint are made from
	TookMS  int64   `json:"took_ms"`
	// AnsweredAt is since when the question is answered that was not in the cycle.
	AnsweredAt time.Time `json:"answered_at,omitzero"`
}

// Specification constants: ports.
const (
	TLSPort         = 5061 // RFC 3261 §19.1.2
	TCPPort         = 5060 // RFC 3261 §19.1.2
	AccessProxyPort = 443  // Access Edge, TechNet dd637123
)

// Transport returns how the Registrars of a step are reached.
func (s Step) Transport() Transport {
	switch s {
	case InternalTCP, DHCPTCP, ExternalTCP:
		return TCP
	default:
		return TLS
	}
}

// Steps returns the steps this policy looks at, in order. Steps that are ruled out as a whole are among them.
func (p *Policy) Steps() []Step {
	switch {
	case len(p.Manual) > 0:
		return []Step{Manual}
	case p.Order == CommunicatorOrder:
		return []Step{InternalTLS, InternalTCP, ExternalTLS, HostName}
	default:
		return []Step{InternalTLS, DHCPTLS, InternalTCP, DHCPTCP, ExternalTLS, ExternalTCP}
	}
}

// Asks says whether a device of this policy looks at the step.
func (p *Policy) Asks(step Step) bool { return slices.Contains(p.Steps(), step) }

// Shut says why a step is not asked as a whole, or "".
func (p *Policy) Shut(step Step, floor bool) Reason {
	if (step == DHCPTLS || step == DHCPTCP) && !p.AskDHCP && !p.ReadLease {
		return DHCPOff
	}
	return p.Closed(step.Transport(), floor)
}

// OnlyAddresses says whether the configured servers are addresses: then nobody needs DNS.
func (p *Policy) OnlyAddresses() bool {
	return len(p.Manual) > 0 && !slices.ContainsFunc(p.Manual, func(m ManualServer) bool { return !IsAddress(m.Host) })
}

// MakePlan puts what was found into the Lync device order. It knows no clock, no network and no randomness.
// floor: this SIP domain has registered over TLS before.
func MakePlan(found Findings, policy *Policy, floor bool) Plan {
	var plan Plan
	for _, step := range policy.Steps() {
		part := PlanStep(step, found, policy, floor)
		plan.Try = append(plan.Try, part.Try...)
		plan.Skipped = append(plan.Skipped, part.Skipped...)
	}
	return plan
}

// PlanStep is the part of MakePlan that belongs to one step; it needs only the Findings up to that step.
func PlanStep(step Step, found Findings, policy *Policy, floor bool) Plan {
	if reason := policy.Shut(step, floor); reason != "" {
		return Plan{Skipped: []Skip{{Step: step, Endpoint: Endpoint{Transport: step.Transport()}, Reason: reason}}}
	}
	if step == HostName && !HostNamesAllowed(found) {
		return Plan{Skipped: []Skip{{Step: step, Reason: SRVExists}}}
	}
	var plan Plan
	for j := range found {
		f := &found[j]
		if f.Step != step {
			continue
		}
		if f.Reason == ServiceNotOffered {
			plan.Skipped = append(plan.Skipped, Skip{Step: step, Endpoint: Endpoint{Transport: step.Transport()}, Reason: ServiceNotOffered, Detail: f.Query})
		}
		for i, name := range f.Names {
			if !step.BySRV() {
				name.Rank = i
			}
			for _, at := range endpoints(step, name) {
				plan.add(*f, name, at, policy, floor)
			}
		}
	}
	return plan
}

// endpoints returns where a name of this step is tried.
func endpoints(step Step, name Name) []Endpoint {
	switch host := name.Host; step {
	case HostName: // Communicator Phone Edition: each name on 5061, then 443; TCP if policy allows (TechNet dd572514)
		return []Endpoint{{host, TLSPort, TLS}, {host, AccessProxyPort, TLS}, {host, TCPPort, TCP}}
	case Manual:
		return manualEndpoints(host, name.Port)
	case InternalTCP, DHCPTCP, ExternalTCP:
		return []Endpoint{{host, cmp.Or(name.Port, TCPPort), TCP}}
	default:
		return []Endpoint{{host, cmp.Or(name.Port, TLSPort), TLS}}
	}
}

// manualEndpoints tries a configured server over TLS, then over TCP; a port that is well known for one of them
// is not tried with the other.
func manualEndpoints(host string, port uint16) []Endpoint {
	switch port {
	case 0:
		return []Endpoint{{host, TLSPort, TLS}, {host, TCPPort, TCP}}
	case TLSPort, AccessProxyPort:
		return []Endpoint{{host, port, TLS}}
	case TCPPort:
		return []Endpoint{{host, port, TCP}}
	default:
		return []Endpoint{{host, port, TLS}, {host, port, TCP}}
	}
}

// add puts one name at one Endpoint into the plan, or says why not.
func (plan *Plan) add(f Finding, name Name, at Endpoint, policy *Policy, floor bool) {
	reason, detail := policy.NameReason(f.Step, at.Host, at.Transport)
	if reason == "" {
		reason = policy.Closed(at.Transport, floor)
	}
	if reason == "" {
		reason, detail = policy.PortReason(f.Step, at.Port)
	}
	if reason == "" && len(name.Addrs) == 0 {
		reason, detail = name.Reason, name.Detail
	}
	if reason != "" {
		s := Skip{Step: f.Step, Endpoint: at, Reason: reason, Detail: detail}
		source, side := policy.Named(&f.Source, at.Host)
		s.Trouble = policy.NotUsed(source, side, s, name.Trouble)
		plan.Skipped = append(plan.Skipped, s)
		return
	}
	plan.Try = append(plan.Try, Candidate{Step: f.Step, Endpoint: at, Addrs: name.Addrs, Via: f.via(name), Rank: name.Rank, OneVersion: name.OneVersion})
}

// via names the evidence as status shows it.
func (s *Source) via(name Name) string {
	switch {
	case s.Source == "dhcp":
		return cmp.Or(name.Query, s.Query)
	case s.Step == Manual:
		return "configuration"
	case s.Step == HostName:
		return "host name " + name.Host
	default:
		return "SRV " + s.Query
	}
}

// HostNamesAllowed says whether the host names of the Communicator order may be asked for: only when every SRV
// record is proven not to exist ("not if they are not valid; only if they do not exist at all", TechNet
// dd572514).
func HostNamesAllowed(found Findings) bool {
	for i := range found {
		f := &found[i]
		if f.Source.Source == "dns" && f.Step != HostName && f.Verdict != Absent {
			return false
		}
	}
	return true
}

// dhcpNames is what names a place by DHCP.
const dhcpNames = "DHCP option 120"

// Named says what named a place, for the fault of a place that is not used, and whose side that is.
func (s *Source) Named() (string, Side) {
	switch {
	case s.Source == "dhcp":
		return dhcpNames, SideDHCP
	case s.Step == HostName:
		return "the host name", SideDNS
	default:
		return "the SRV record " + s.Query, SideDNS
	}
}

// Named is what named a host, as Source has it, or the setting that did.
func (p *Policy) Named(s *Source, host string) (string, Side) {
	if s.Step != Manual {
		return s.Named()
	}
	i := slices.IndexFunc(p.Manual, func(m ManualServer) bool { return m.Host == host })
	return p.Setting(p.Manual[max(0, i)].Setting()), SideDevice
}

// nameLacks is the fact of what a name has not: an address, or all there is.
const nameLacks = "lack"

// NoSuchName is the Trouble of a name that does not exist in DNS (NXDOMAIN), whoever has named it.
func NoSuchName() Trouble {
	return NoAddress.Met("").With(Facts{nameLacks: "does not exist in DNS"})
}

// NotUsed is why a place that a source named is not tried. cause is what its name shows, if that has no address.
func (p *Policy) NotUsed(source string, side Side, s Skip, cause Trouble) Trouble {
	facts := Facts{"source": source, "host": s.Host, "domain": p.SIPAddress.Domain, "example": "sip." + p.SIPAddress.Domain}
	suffix := *p
	suffix.Naming = NamingSuffix
	switch {
	case s.Reason == NameNotAllowed && CheckName(s.Host, &suffix) == nil:
		facts["setting"] = p.Setting("strict_naming")
		return FaultStrictNaming.Met(facts)
	case s.Reason == NameNotAllowed && IsCloud(s.Host):
		return FaultCloud.Met(facts).On(side)
	case s.Reason == NameNotAllowed && !strings.Contains(s.Host, "."):
		facts["whole"], facts["place"] = s.Host+"."+p.SIPAddress.Domain, source
		return FaultSingleLabel.Met(facts).On(side)
	case s.Reason == NameNotAllowed:
		doubt := "doubted"
		if side == SideDHCP { // which serves all devices of the site, and sip_address only this one
			doubt = "typed"
		}
		facts[doubt], facts["address"] = p.SIPAddress.Domain, p.Setting("sip_address")
		return FaultOutsideDomain.Met(facts).On(side)
	case s.Reason == TLSNoName:
		return FaultNamedAddress.Met(facts).On(side)
	case s.Reason == NoAddress && cause.Fault.OfName():
		return cause.With(Facts{"source": source})
	case s.Reason == NoAddress && cause.Facts[nameLacks] != nil: // who has misspelt it, or DNS that lacks it: nobody here knows
		facts["misspelt"], facts["create"] = source, s.Host
		if s.Step == Manual {
			facts["misspelt"], facts["setting"] = nil, source
		}
		if meant, twice := strings.CutSuffix(s.Host, "."+p.SIPAddress.Domain); twice && strings.HasSuffix(meant, "."+p.SIPAddress.Domain) {
			facts["meant"], facts["create"] = meant, nil
		}
		if side != SideDNS {
			side = ""
		}
		return FaultNoAddress.Met(facts).With(cause.Facts).On(side)
	case s.Reason == NoAddress:
		return FaultNoData.Met(facts)
	case s.Reason == cause.Reason() && cause.Specific():
		return cause
	default:
		return FaultNotUsed.Because(s.Reason.Met(s.Detail), facts).On(side)
	}
}
