package discover

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/homeward-agent/homeward/dhcpopts"
	"github.com/homeward-agent/homeward/internal/plain"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/wire"
)

// Specification constants.
const vendorClass = "MS-UC-Client" // of Lync phones, case-sensitive (TechNet gg412828)

// Our choices.
const (
	surveyLimit  = 3500 * time.Millisecond // three DHCPINFORMs, and half a second for answers to the last
	surveyWindow = time.Second             // for answers after the first: here every server is wanted
)

// DHCPSurvey is what all DHCP servers of a link say, for people to look at. Discovery does not read it.
type DHCPSurvey struct {
	Interface string              // where DHCP was asked; as configured when it could not be asked
	Answers   []dhcpopts.Answer   // to the question of a Lync phone, in the order they came; NTP servers are asked for, too
	Conflict  string              // how two servers disagree about option 120 or 43, or ""
	Dropped   []dhcpopts.Dropped  // what came and was not read as an answer
	Reason    provisioning.Reason // what to put right first, or ""
	Detail    string
	Trouble   provisioning.Trouble // which fault that is, where more is known than the Reason
}

// Met is what to put right first, as a fault.
func (s DHCPSurvey) Met() provisioning.Trouble {
	if s.Trouble.None() {
		return DHCPTrouble(s.Reason, s.Detail)
	}
	return s.Trouble
}

// Why is what to put right first, in words.
func (s DHCPSurvey) Why() provisioning.Why {
	return provisioning.Event{Reason: s.Reason, Detail: s.Detail, Trouble: s.Trouble}.Why()
}

// SurveyDHCP asks DHCP on iface ("": the interface with the default route) as a Lync phone does, and listens to all
// that answer. When an option is missing it asks again with the vendor class in lower case, which some documents
// print and some servers are therefore configured with. It takes 3.5 s at most, and another second for that.
func SurveyDHCP(ctx context.Context, wire wire.Wire, iface string) DHCPSurvey {
	var s DHCPSurvey
	err := s.askAll(ctx, wire, iface, dhcpopts.Question{NTP: true}, surveyLimit)
	var lower DHCPSurvey
	if s.lacks() {
		// What cannot be asked a second time tells nothing more.
		_ = lower.askAll(ctx, wire, iface, dhcpopts.Question{VendorClass: strings.ToLower(vendorClass)}, surveyWindow)
	}
	s.judge(lower.Answers, err)
	return s
}

// askAll asks one question and notes every different answer, and the interface.
func (s *DHCPSurvey) askAll(ctx context.Context, wire wire.Wire, iface string, q dhcpopts.Question, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	s.Interface = iface
	conn, err := wire.Listen(ctx, iface)
	if err != nil {
		return err
	}
	defer conn.Close()
	s.Interface, _, _ = conn.Interface()
	s.Dropped, err = q.Inform(ctx, conn, func(a dhcpopts.Answer) {
		if len(s.Answers) == 0 {
			time.AfterFunc(surveyWindow, cancel)
		}
		s.Answers = append(s.Answers, a)
	})
	return err
}

// lacks says whether somebody answered, and nobody has option 120, or nobody option 43 for Lync phones.
func (s *DHCPSurvey) lacks() bool {
	return len(s.Answers) > 0 &&
		(!slices.ContainsFunc(s.Answers, func(a dhcpopts.Answer) bool { return a.SIP.Raw != nil }) ||
			!slices.ContainsFunc(s.Answers, func(a dhcpopts.Answer) bool { return a.Vendor.Vendor != "" }))
}

// judge decides what to put right first. lower are the answers to the vendor class in lower case; err is why asking
// ended early.
func (s *DHCPSurvey) judge(lower []dhcpopts.Answer, err error) {
	for i, a := range s.Answers {
		for _, earlier := range s.Answers[:i] {
			s.Conflict = cmp.Or(s.Conflict, disagreement(earlier, a), vendorDisagreement(earlier, a))
		}
	}
	best := bestAnswer(s.Answers, func(string) bool { return true })
	misspelt := s.misspelt(lower)
	switch {
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
}

// vendorDisagreement says how the option 43 of two acknowledging servers differs for a Lync phone, or "".
func vendorDisagreement(a, b dhcpopts.Answer) string {
	if a.Type != "ack" || b.Type != "ack" || a.Vendor.URL == b.Vendor.URL {
		return ""
	}
	a, b = byServer(a, b)
	return fmt.Sprintf("option 43: %s says %s, %s says %s", a.Server, orNothing(a.Vendor.URL), b.Server, orNothing(b.Vendor.URL))
}

// misspelt says which server does not spell the vendor class as Lync phones do, or "".
func (s *DHCPSurvey) misspelt(lower []dhcpopts.Answer) string {
	for _, l := range lower {
		// told says whether the same server told as much to a Lync phone.
		told := func(as func(a dhcpopts.Answer) bool) bool {
			return slices.ContainsFunc(s.Answers, func(a dhcpopts.Answer) bool { return a.Server == l.Server && as(a) })
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
			return fmt.Sprintf("%s sends %s only to %s", l.Server, strings.Join(more, " and "), strings.ToLower(vendorClass))
		}
	}
	for _, a := range s.Answers {
		if a.Vendor.Vendor == "" && strings.EqualFold(strings.Trim(a.Vendor.Sub[1], "\x00 "), vendorClass) {
			return joinDetail("from "+a.Server.String(), a.Vendor.Problem)
		}
	}
	return ""
}

// flaw says what is wrong with options that name a Registrar all the same.
func (s *DHCPSurvey) flaw() (provisioning.Reason, string, provisioning.Trouble) {
	named := false
	for _, a := range s.Answers {
		named = named || len(a.SIP.Names) > 0
		if flaw := answerSource(a).flaw(); flaw != "" {
			return provisioning.DHCPMalformed, flaw, answerSource(a).trouble(provisioning.DHCPMalformed)
		}
	}
	if !named {
		return provisioning.TLSNoName, "option 120 holds addresses", provisioning.Trouble{}
	}
	return "", "", provisioning.Trouble{}
}
