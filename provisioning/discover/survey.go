package discover

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/dhcpopts"
	"homeward/internal/plain"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// Our choices.
const (
	surveyLimit  = dhcpLimit
	surveyWindow = time.Second // for answers after the first: here every server is wanted
)

// DHCPSurvey is what all DHCP servers of a link say, for people to look at. Discovery does not read it.
type DHCPSurvey struct {
	Interface string              // where DHCP was asked, with commas; as configured when it could not be asked
	Answers   []dhcpopts.Answer   // to the question of a Lync phone, in the order they came; NTP servers are asked for, too
	Conflict  string              // how two servers disagree, or ""
	Network   string              // how they do about the gateway and the name servers, or ""
	Six       []dhcpopts.Answer   // to the same question by DHCPv6, which Lync phones do not ask
	Dropped   []dhcpopts.Dropped  // what came and was not read as an answer
	Reason    provisioning.Reason // what to put right first, or ""
	Detail    string
	Trouble   provisioning.Trouble // which fault that is
}

// Why is what to put right first, in words.
func (s *DHCPSurvey) Why() *provisioning.Why {
	return provisioning.WhyOf(s.Reason, s.Detail, s.Trouble)
}

// SurveyDHCP asks DHCP on iface ("": as discovery does) as a Lync phone does, and DHCPv6, and listens to all
// that answer. When an option is missing it asks again with the vendor class in lower case, which some documents
// print and some servers are therefore configured with, until all that answered have answered again. It takes 3.6 s at most, and
// another second for that.
// heard is called with each answer as soon as it has come; it must not wait.
func SurveyDHCP(ctx context.Context, wire *wire.Wire, iface string, heard func(dhcpopts.Answer)) *DHCPSurvey {
	s := &surveyor{wire: wire, heard: heard, DHCPSurvey: DHCPSurvey{Interface: iface}}
	var both sync.WaitGroup
	var err6 error
	asking, enough := context.WithTimeout(ctx, surveyLimit)
	defer enough()
	both.Go(func() { err6 = s.ask(asking, iface, true, dhcpopts.Inform6, &s.Six, enough) })
	err := s.askAll(ctx, iface, dhcpopts.Question{Besides: true}, surveyLimit)
	lower := &surveyor{wire: wire, first: s.Answers}
	if s.lacks() {
		// What cannot be asked a second time tells nothing more.
		_ = lower.askAll(ctx, iface, dhcpopts.Question{VendorClass: strings.ToLower(dhcpopts.VendorClass)}, surveyWindow)
	}
	if len(s.Answers) > 0 {
		enough()
	}
	both.Wait()
	s.Interface = cmp.Or(strings.Join(slices.Sorted(slices.Values(s.links)), ", "), iface)
	s.judge(lower.Answers, err, err6)
	return &s.DHCPSurvey
}

// surveyor is who asks.
type surveyor struct {
	wire *wire.Wire
	mu   sync.Mutex
	DHCPSurvey
	links []string // on which it could be asked
	heard func(dhcpopts.Answer)
	first []dhcpopts.Answer // to an earlier question; once all who gave them have answered again, it is enough
}

// heardAll says whether all who have answered an earlier question are among those who have answered now.
func (s *surveyor) heardAll(now []dhcpopts.Answer) bool {
	return len(s.first) > 0 && !slices.ContainsFunc(s.first, func(a dhcpopts.Answer) bool {
		return !slices.ContainsFunc(now, func(b dhcpopts.Answer) bool { return a.Server == b.Server && a.Link == b.Link })
	})
}

// opened notes an interface.
func (s *surveyor) opened(conn dhcpopts.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if link, _, _ := conn.Interface(); !slices.Contains(s.links, link) {
		s.links = append(s.links, link)
	}
}

// drop notes what was not read.
func (s *surveyor) drop(dropped []dhcpopts.Dropped) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Dropped = append(s.Dropped, dropped...)
}

// askAll asks one question on every interface.
func (s *surveyor) askAll(ctx context.Context, iface string, q dhcpopts.Question, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return s.ask(ctx, iface, false, q.Inform, &s.Answers, cancel)
}

// ask asks on every interface, by DHCPv6 if six, and adds every different answer to a list. A while after the first one it is
// enough.
func (s *surveyor) ask(ctx context.Context, iface string, six bool, question inform, list *[]dhcpopts.Answer, enough func()) error {
	return onLinks(s.wire, iface, six, func(link, name string) error {
		conn, err := listen(ctx, s.wire, link, six)
		if err != nil {
			return err
		}
		defer conn.Close()
		s.opened(conn)
		dropped, err := question(ctx, conn, func(a dhcpopts.Answer) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(*list) == 0 {
				time.AfterFunc(surveyWindow, enough)
			}
			if a.Link = name; s.heard != nil && !six {
				s.heard(a)
			}
			if *list = append(*list, a); s.heardAll(*list) {
				enough()
			}
		})
		s.drop(dropped)
		return err
	})
}

// lacks says whether somebody answered, and nobody has option 120, or nobody option 43 for Lync phones.
func (s *DHCPSurvey) lacks() bool {
	return len(s.Answers) > 0 &&
		(slices.IndexFunc(s.Answers, func(a dhcpopts.Answer) bool { return a.SIP.Raw != nil }) < 0 ||
			slices.IndexFunc(s.Answers, func(a dhcpopts.Answer) bool { return a.Vendor.Vendor != "" }) < 0)
}

// judge decides what to put right first. lower are the answers to the vendor class in lower case; err and err6 are why asking
// by each version ended early.
func (s *DHCPSurvey) judge(lower []dhcpopts.Answer, err, err6 error) {
	for i := range s.Answers {
		a := &s.Answers[i]
		for j := range i {
			earlier := &s.Answers[j]
			s.Network = cmp.Or(s.Network, networkDisagreement(earlier, a))
			s.Conflict = cmp.Or(s.Conflict, disagreement(earlier, a), vendorDisagreement(earlier, a))
		}
	}
	s.Conflict = strings.Trim(s.Conflict+"; "+s.Network, "; ")
	best := bestAnswer(s.Answers)
	misspelt := s.misspelt(lower)
	switch {
	case len(s.Answers) == 0 && s.sixNames():
		// as good as what IPv4 has not
	case len(s.Answers) == 0 && err != nil && err6 == nil: // a network with IPv6 only: it was asked
		s.Reason, s.Detail, s.Trouble = s.sixReason(err)
	case len(s.Answers) == 0 && err != nil:
		s.Reason, s.Detail = unaskable(err), plain.Words(err)
	case len(s.Answers) == 0 && len(s.Dropped) > 0:
		s.Trouble, s.Detail = unheard(s.Dropped)
		s.Reason = s.Trouble.Reason()
	case misspelt != "":
		s.Reason, s.Detail = provisioning.DHCPVendorClass, misspelt
	case s.Conflict != "":
		s.Reason, s.Detail = provisioning.DHCPConflict, s.Conflict
	case best.Reason != "":
		s.Reason, s.Detail, s.Trouble = best.Reason, best.Detail, best.Trouble
	default:
		s.Reason, s.Detail, s.Trouble = s.flaw()
	}
	if s.Trouble.None() {
		s.Trouble = DHCPTrouble(s.Reason, s.Detail)
	}
}

// sixNames says whether DHCPv6 names a Registrar.
func (s *DHCPSurvey) sixNames() bool {
	return slices.IndexFunc(s.Six, func(a dhcpopts.Answer) bool { return len(a.SIP.Names) > 0 }) >= 0
}

// sixReason is what is wrong with DHCPv6 where there is nothing else; err is why.
func (s *DHCPSurvey) sixReason(err error) (provisioning.Reason, string, provisioning.Trouble) {
	sources := make([]dhcpSource, len(s.Six))
	for i := range s.Six {
		a := &s.Six[i]
		sources[i] = source6(a)
	}
	f, best := bestSource(sources, func(string) bool { return true })
	switch {
	case best >= 0 && f.Reason == "":
		return provisioning.TLSNoName, "option 22 holds addresses", provisioning.Trouble{}
	case best >= 0:
		return f.Reason, f.Detail, sources[best].trouble(f.Reason)
	case len(s.Six) == 0 && len(s.Dropped) > 0:
		t, detail := unheard(s.Dropped)
		return t.Reason(), detail, t
	default:
		t := sixLacks(len(s.Six) > 0, err)
		return t.Reason(), plain.Words(err), t
	}
}

// vendorDisagreement says how the option 43 of two acknowledging servers differs for a Lync phone, or "".
func vendorDisagreement(a, b *dhcpopts.Answer) string {
	if a.Link != b.Link || a.Type != "ack" || b.Type != "ack" || a.Vendor.URL == b.Vendor.URL {
		return ""
	}
	a, b = byServer(a, b)
	return fmt.Sprintf("option 43: %s says %s, %s says %s", a.Server, orNothing(a.Vendor.URL), b.Server, orNothing(b.Vendor.URL))
}

// networkDisagreement says how the subnet masks, gateways and name servers differ that two servers give, or "". That one gives none is no
// fault: it may be there for phones alone.
func networkDisagreement(a, b *dhcpopts.Answer) string {
	masks := a.MaskBits != b.MaskBits && a.MaskBits > 0 && b.MaskBits > 0
	if a.Link != b.Link || !masks && sameServers(a.Routers, b.Routers) && sameServers(a.NameServers, b.NameServers) {
		return ""
	}
	a, b = byServer(a, b)
	return networkOf(a, masks) + ", " + networkOf(b, masks)
}

// sameServers says whether nothing that b holds is missing in a, or one of them is empty.
func sameServers(a, b []netip.Addr) bool {
	for _, one := range b {
		if len(a) > 0 && !slices.Contains(a, one) {
			return false
		}
	}
	return len(a) <= len(b) || len(b) == 0
}

// MaskOf is a subnet mask as people type it.
func MaskOf(bits int) string { return net.IP(net.CIDRMask(bits, 32)).String() }

// networkOf is what a server gives, with the subnet mask where that differs.
func networkOf(a *dhcpopts.Answer, masks bool) string {
	var said []string
	if masks {
		said = append(said, "the subnet mask "+MaskOf(a.MaskBits))
	}
	if len(a.Routers) > 0 {
		said = append(said, "the gateway "+provisioning.ListOf(a.Routers))
	}
	if len(a.NameServers) > 0 {
		said = append(said, "the name server "+provisioning.ListOf(a.NameServers))
	}
	return a.Server.String() + " gives " + strings.Join(said, " and ")
}

// misspelt says which server does not spell the vendor class as Lync phones do, or "".
func (s *DHCPSurvey) misspelt(lower []dhcpopts.Answer) string {
	for i := range lower {
		l := &lower[i]
		// told says whether the same server told as much to a Lync phone.
		told := func(as func(a dhcpopts.Answer) bool) bool {
			return slices.IndexFunc(s.Answers, func(a dhcpopts.Answer) bool { return a.Server == l.Server && a.Link == l.Link && as(a) }) >= 0
		}
		var more []string
		if l.SIP.Raw != nil && !told(func(a dhcpopts.Answer) bool { return a.SIP.Raw != nil }) {
			more = append(more, "option 120")
		}
		if l.Vendor.Raw != nil && !told(func(a dhcpopts.Answer) bool {
			return a.Vendor.Vendor != "" || bytes.Equal(a.Vendor.Raw, l.Vendor.Raw)
		}) {
			more = append(more, "option 43")
		}
		if len(more) > 0 {
			return fmt.Sprintf("%s sends %s only to %s", l.Server, strings.Join(more, " and "), strings.ToLower(dhcpopts.VendorClass))
		}
	}
	for i := range s.Answers {
		a := &s.Answers[i]
		if a.Vendor.Vendor == "" && strings.EqualFold(strings.Trim(a.Vendor.Sub[1], "\x00 "), dhcpopts.VendorClass) {
			return joinDetail("from "+a.Server.String(), a.Vendor.Problem)
		}
	}
	return ""
}

// flaw says what is wrong with options that name a Registrar all the same.
func (s *DHCPSurvey) flaw() (provisioning.Reason, string, provisioning.Trouble) {
	named := false
	for i := range s.Answers {
		a := &s.Answers[i]
		named = named || len(a.SIP.Names) > 0
		source := answerSource(a)
		if flaw := source.flaw(); flaw != "" {
			return provisioning.DHCPMalformed, flaw, source.trouble(provisioning.DHCPMalformed)
		}
	}
	if !named {
		return provisioning.TLSNoName, "option 120 holds addresses", provisioning.Trouble{}
	}
	return "", "", provisioning.Trouble{}
}
