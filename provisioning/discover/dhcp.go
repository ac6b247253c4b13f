package discover

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"homeward/dhcpopts"
	"homeward/provisioning"
)

// maxDHCPNames bounds the names and addresses of all sources. (Our choice.)
const maxDHCPNames = 16

// dhcpSource is what one source said about Registrars by DHCP.
type dhcpSource struct {
	Who     string // "10.0.0.67", "lease /run/systemd/netif/leases/2", "fe80::1"
	Option  string // what was asked: "option 120", or by DHCPv6 "option 21"
	Answer  dhcpopts.Answer
	Problem string // why what it says is not used, such as a lease that has expired; or ""

	rank sourceRank
}

// sourceRank is which source is believed first: an answer is fresher than a lease, and DHCPv6 is our addition to
// the Lync device order.
type sourceRank uint8

const (
	informed sourceRank = iota
	leased
	informed6
)

func answerSource(a *dhcpopts.Answer) dhcpSource {
	return dhcpSource{Who: Who(a), Option: "option 120", Answer: *a, rank: informed}
}

// Who sent an answer, and on which interface where that matters.
func Who(a *dhcpopts.Answer) string {
	if a.Link != "" {
		return a.Server.String() + " on " + a.Link
	}
	return a.Server.String()
}

// disagreement says how two acknowledging servers differ, or "".
func disagreement(a, b *dhcpopts.Answer) string {
	if a.Link != b.Link { // two networks
		return ""
	}
	silent := func(a *dhcpopts.Answer) bool { return a.Type == "nak" || a.Type == dhcpopts.Unusable }
	if silent(a) || silent(b) || slices.Equal(a.SIP.Names, b.SIP.Names) && slices.Equal(a.SIP.Addrs, b.SIP.Addrs) {
		return ""
	}
	a, b = byServer(a, b)
	return fmt.Sprintf("%s says %s, %s says %s", a.Server, registrarsOf(a), b.Server, registrarsOf(b))
}

// byServer puts two answers in the order of their servers: whichever came first, a disagreement reads the same.
func byServer(a, b *dhcpopts.Answer) (first, second *dhcpopts.Answer) {
	if b.Server.Less(a.Server) {
		return b, a
	}
	return a, b
}

func registrarsOf(a *dhcpopts.Answer) string {
	all := slices.Clone(a.SIP.Names)
	for _, addr := range a.SIP.Addrs {
		all = append(all, addr.String())
	}
	return orNothing(strings.Join(all, ", "))
}

func orNothing(said string) string { return cmp.Or(said, "nothing") }

// addAddresses adds the addresses that sources of another rank gave: a name from one does not take them away. Those of the
// same rank are another server's word about the same question, which is a conflict and is told as one.
func addAddresses(f *provisioning.Finding, sources []dhcpSource, best sourceRank) {
	unused := map[string]bool{}
	for i := range sources {
		s := &sources[i]
		if s.Problem != "" || s.rank == best {
			continue
		}
		for _, addr := range s.Answer.SIP.Addrs {
			switch host := addr.String(); {
			case slices.ContainsFunc(f.Names, func(n provisioning.Name) bool { return n.Host == host }):
			case len(f.Names) >= maxDHCPNames:
				unused[host] = true
			default:
				f.Names = append(f.Names, provisioning.Name{Host: host, Query: s.query()})
			}
		}
	}
	if len(unused) > 0 {
		f.Detail += fmt.Sprintf("; %d more addresses are not used", len(unused))
	}
}

// flaw says what is wrong with an answer that is used all the same, or "". Option 43 is for phones that sign in by PIN;
// that of another vendor is no flaw.
func (s *dhcpSource) flaw() string {
	switch {
	case s.Answer.Problem != "":
		return joinDetail("from "+s.Who, s.Answer.Problem)
	case s.Answer.SIP.Problem != "":
		return joinDetail(s.Option+" from "+s.Who, s.Answer.SIP.Problem)
	case s.Answer.Vendor.Faulty():
		return joinDetail("option 43 from "+s.Who, s.Answer.Vendor.Problem)
	default:
		return ""
	}
}

// bestAnswer is the best of the answers to DHCPINFORM, whatever name it gives.
func bestAnswer(answers []dhcpopts.Answer) provisioning.Finding {
	sources := make([]dhcpSource, len(answers))
	for i := range answers {
		a := &answers[i]
		sources[i] = answerSource(a)
	}
	f, best := bestSource(sources, func(string) bool { return true })
	if best >= 0 {
		f.Trouble = sources[best].trouble(f.Reason)
	}
	return f
}

// bestSource weighs what was said: a usable name first, then any name, then addresses; else why there is none. It
// returns the index of the source, too, or -1.
func bestSource(sources []dhcpSource, usable func(name string) bool) (f provisioning.Finding, best int) {
	f, best = provisioning.Finding{Source: provisioning.Source{Verdict: provisioning.Failed, Reason: provisioning.DHCPSilent, Query: "option 120"}}, -1
	rank := 0
	for i := range sources {
		s := &sources[i]
		r, verdict, reason, problem := s.weigh(usable)
		if r <= rank {
			continue
		}
		rank, best = r, i
		f = provisioning.Finding{Source: provisioning.Source{Verdict: verdict, Reason: reason, Detail: joinDetail("from "+s.Who, problem), Query: s.query()}}
		for _, name := range s.Answer.SIP.Names {
			f.Names = append(f.Names, provisioning.Name{Host: name})
		}
		for _, addr := range s.Answer.SIP.Addrs {
			f.Names = append(f.Names, provisioning.Name{Host: addr.String()})
		}
	}
	return f, best
}

// query is what was asked, and of whom when that is not a server of the Lync device order.
func (s *dhcpSource) query() string {
	if s.rank == informed {
		return s.Option
	}
	return s.Option + " (" + s.Who + ")"
}

func joinSources(detail string, s *dhcpSource) string {
	said := s.Who + " says " + registrarsOf(&s.Answer)
	if s.Problem != "" {
		said = s.Who + " " + s.Problem
	}
	if detail == "" {
		return said
	}
	return detail + "; " + said
}

// weigh says how good an answer is: the larger the better, 0 is of no use.
func (s *dhcpSource) weigh(usable func(name string) bool) (rank int, v provisioning.Verdict, reason provisioning.Reason, problem string) {
	sip := s.Answer.SIP
	switch {
	case s.Problem != "":
		return 0, provisioning.Failed, "", ""
	case s.Answer.Type == dhcpopts.Unusable:
		return 1, provisioning.Failed, provisioning.DHCPMalformed, "the answer cannot be used: " + s.Answer.Problem
	case s.Answer.Type == "nak":
		return 1, provisioning.Failed, provisioning.DHCPRefused, ""
	case slices.ContainsFunc(sip.Names, usable):
		return 6, provisioning.Found, "", sip.Problem
	case len(sip.Names) > 0:
		return 5, provisioning.Found, "", sip.Problem
	case len(sip.Addrs) > 0:
		return 4, provisioning.Found, "", sip.Problem
	case len(sip.Raw) > 0:
		return 3, provisioning.Failed, provisioning.DHCPMalformed, sip.Problem
	case s.Answer.Problem != "": // the option may be in what is cut off
		return 3, provisioning.Failed, provisioning.DHCPMalformed, s.Answer.Problem
	case s.rank == informed:
		return 2, provisioning.Absent, provisioning.DHCPNoOption, ""
	default: // a client that did not ask for the option was not told, and DHCPv6 is not where Lync puts it
		return 0, provisioning.Failed, "", ""
	}
}

func joinDetail(from, problem string) string {
	if problem == "" {
		return from
	}
	return from + ": " + problem
}

// trouble is what is wrong with an answer as a whole: with the bytes of an option is what DHCPTrouble says.
func (s *dhcpSource) trouble(reason provisioning.Reason) provisioning.Trouble {
	facts := provisioning.Facts{"server": s.Who, "problem": s.Answer.Problem}
	switch {
	case reason != provisioning.DHCPMalformed:
		return provisioning.Trouble{}
	case s.Answer.Type == dhcpopts.Unusable:
		return provisioning.FaultDHCPUnusable.Met(facts)
	case s.Answer.Problem != "" && s.Answer.SIP.Problem == "":
		return provisioning.FaultDHCPCut.Met(facts)
	default:
		return provisioning.Trouble{}
	}
}
