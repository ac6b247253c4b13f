package main

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"homeward/dhcpopts"
	"homeward/provisioning"
	"homeward/provisioning/check"
	"homeward/provisioning/discover"
	"homeward/provisioning/wire"
)

func dhcpCommand(e env) *cobra.Command {
	var asJSON bool
	c := verb("dhcp [flags]", "Ask DHCP as a Lync phone does, and show what every server answers", func(c *cobra.Command) error {
		conf, err := loadSite(c, "interface")
		if err != nil {
			return err
		}
		system := wire.System()
		survey := discover.SurveyDHCP(c.Context(), &system, conf.Policy.Interface, nil)
		if err := uninterrupted(c); err != nil {
			return err
		}
		switch {
		case asJSON:
			err = printJSON(e.stdout, newDHCPAnswer(survey))
		case !survey.Reason.IsDHCPUnasked():
			err = printSurvey(newPage(e.stdout), survey)
		}
		if err != nil {
			return err
		}
		var off provisioning.Trouble
		if survey.Reason == provisioning.DHCPNoNetwork {
			off = check.OffNetwork(conf.Policy.Interface, &system, nil)
		}
		return surveyFailure(survey, off)
	})
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownVerb(c, args[0])
		}
		return nil
	}
	addSettingFlags(c, "interface")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.AddCommand(encodeCommand(e))
	return c
}

// surveyFailure is how the command ends: well, when any server has answered; but not when what they sent is malformed and leads to
// no Registrar. off is what keeps this device off the network, where there is none on which to ask.
func surveyFailure(s *discover.DHCPSurvey, off provisioning.Trouble) error {
	switch {
	case !off.None(): // as check and status tell it
		return &failure{code: exitFailed, err: fmt.Errorf("%s: %s", s.Reason, off.What()), hints: []string{off.Hint()}}
	case s.Reason.IsDHCPUnasked():
		return &failure{code: exitFailed, err: fmt.Errorf("%s: %s", s.Reason, s.Detail), hints: []string{s.Reason.Hint()}}
	case s.Reason == provisioning.DHCPSilent, s.Reason == provisioning.DHCPMalformed && slices.IndexFunc(s.Answers, useful) < 0 && slices.IndexFunc(s.Six, useful) < 0:
		return &failure{code: exitNotRegistered}
	default:
		return nil
	}
}

// useful says whether an answer leads anywhere: to a Registrar.
func useful(a dhcpopts.Answer) bool { return len(a.SIP.Names) > 0 || len(a.SIP.Addrs) > 0 }

// dhcpAnswer is `dhcp --json`.
type dhcpAnswer struct {
	Version   int                 `json:"version"`
	Interface string              `json:"interface,omitempty"`
	Answers   []serverAnswer      `json:"answers"`                  // of DHCP servers, in the order in which they came
	Six       []serverAnswer6     `json:"answers_dhcpv6,omitempty"` // of DHCPv6 servers
	Conflict  bool                `json:"conflict"`                 // the servers disagree
	Reason    provisioning.Reason `json:"reason,omitempty"`
	Fault     string              `json:"fault,omitempty"`
	What      string              `json:"what,omitempty"`
	Detail    string              `json:"detail,omitempty"`
	Hint      string              `json:"hint,omitempty"`
	Unread    []unreadMessages    `json:"unread,omitempty"` // messages that came and were not used
}

// serverAnswer6 is an answer by DHCPv6: options 21 and 22 (RFC 3319).
type serverAnswer6 struct {
	Server    netip.Addr   `json:"server"`
	TookMS    int64        `json:"took_ms"`
	Type      string       `json:"type"`              // "reply", or what else came
	Problem   string       `json:"problem,omitempty"` // with the answer as a whole, or with an option
	Interface string       `json:"interface,omitempty"`
	Hex       string       `json:"hex,omitempty"` // the value of option 21, or of 22 when there is no 21
	Names     []string     `json:"names"`         // option 21
	Addresses []netip.Addr `json:"addresses"`     // option 22
}

// unreadMessages came and were not read as an answer.
type unreadMessages struct {
	From    string `json:"from,omitempty"` // who has sent them
	Problem string `json:"problem"`
	Count   int    `json:"count"` // how many there were
}

type serverAnswer struct {
	Server    netip.Addr   `json:"server"`
	TookMS    int64        `json:"took_ms"`
	Type      string       `json:"type"`                  // "ack", "nak", or what else came
	Problem   string       `json:"problem,omitempty"`     // with the answer as a whole
	Interface string       `json:"interface,omitempty"`   // where several were asked
	Option120 *option120   `json:"option_120,omitempty"`  // absent: not sent
	Option43  *option43    `json:"option_43,omitempty"`   // absent: not sent
	NTP       []netip.Addr `json:"ntp_servers,omitempty"` // option 42

	NameServers []netip.Addr `json:"name_servers,omitempty"` // option 6
}

func newDHCPAnswer(s *discover.DHCPSurvey) dhcpAnswer {
	why := s.Why()
	answer := dhcpAnswer{
		Version: 1, Interface: s.Interface, Answers: []serverAnswer{},
		Conflict: s.Conflict != "", Reason: s.Reason, Fault: why.Fault, What: why.What, Detail: s.Detail, Hint: why.Hint,
	}
	for i := range s.Answers {
		a := &s.Answers[i]
		answer.Answers = append(answer.Answers, serverAnswer{
			a.Server, a.Took.Milliseconds(), a.Type, a.Problem, a.Link, newOption120(&a.SIP), newOption43(&a.Vendor), a.NTP, a.NameServers,
		})
	}
	for i := range s.Six {
		a := &s.Six[i]
		answer.Six = append(answer.Six, serverAnswer6{
			a.Server, a.Took.Milliseconds(), a.Type, cmp.Or(a.Problem, a.SIP.Problem), a.Link, hex.EncodeToString(a.SIP.Raw),
			append([]string{}, a.SIP.Names...), append([]netip.Addr{}, a.SIP.Addrs...),
		})
	}
	for _, d := range s.Dropped {
		m := unreadMessages{Problem: discover.DropWords(d), Count: d.Count}
		if d.From.IsValid() {
			m.From = d.From.String()
		}
		answer.Unread = append(answer.Unread, m)
	}
	return answer
}

// printSurvey shows what each server said, byte by byte, and what it comes to.
func printSurvey(p *page, s *discover.DHCPSurvey) error {
	p.printf("asked on %s, as a Lync phone asks (vendor class %s)\n", printable(s.Interface), dhcpopts.VendorClass)
	for i := range s.Answers {
		a := &s.Answers[i]
		p.printf("\n")
		printServer(p, a)
	}
	for i := range s.Six {
		a := &s.Six[i]
		p.printf("\n")
		printServer6(p, a)
	}
	for _, d := range s.Dropped {
		if d.Why != dhcpopts.OtherTransaction { // answers to other devices come all the time
			sent := "1 message that was"
			if d.Count > 1 {
				sent = fmt.Sprintf("%d messages that were", d.Count)
			}
			p.printf("\n%s sent %s ignored: %s\n", discover.Sender(d.From), sent, discover.DropWords(d))
		}
	}
	p.printf("\na Lync phone is told: %s\n", taken(p, s.Answers))
	if six := slices.IndexFunc(s.Six, named); six >= 0 && slices.IndexFunc(s.Answers, named) < 0 {
		p.printf("this device is told: %s, from %s over DHCPv6 (Lync phones do not use DHCPv6)\n", p.paint(good, s.Six[six].SIP.Names[0]), discover.Who(&s.Six[six]))
	}
	p.because(s.Why())
	if s.Conflict != "" && s.Reason != provisioning.DHCPConflict {
		p.because(&provisioning.Why{Reason: provisioning.DHCPConflict, Detail: s.Conflict, Hint: provisioning.DHCPConflict.Hint()})
	}
	return p.err
}

func named(a dhcpopts.Answer) bool { return len(a.SIP.Names) > 0 }

func printServer(p *page, a *dhcpopts.Answer) {
	took := milliseconds(a.Took.Milliseconds())
	switch a.Type {
	case "nak":
		p.printf("%s refused the request (NAK) in %s\n", discover.Who(a), took)
		return
	case dhcpopts.Unusable:
		p.printf("%s answered in %s, but the answer cannot be used\n", discover.Who(a), took)
		p.row("problem", a.Problem)
		return
	}
	p.printf("%s answered in %s\n", discover.Who(a), took)
	p.row("problem", a.Problem)
	switch names := strings.Join(append(slices.Clone(a.SIP.Names), provisioning.Texts(a.SIP.Addrs)...), ", "); {
	case a.SIP.Raw == nil:
		p.row("option 120", "not sent")
	case names == "":
		p.row("option 120", "nothing usable")
	default:
		p.row("option 120", names)
	}
	p.dump(a.SIP.Raw, a.SIP.Wrong)
	p.row("problem", a.SIP.Problem)
	switch v := a.Vendor; {
	case v.Raw == nil:
		p.row("option 43", "not sent (phones that sign in by PIN need it)")
	case v.Vendor == "" && !v.Garbled:
		p.row("option 43", "for another vendor")
	case v.URL == "":
		p.row("option 43", "nothing usable")
	default:
		p.row("option 43", v.URL)
	}
	p.dump(a.Vendor.Raw, a.Vendor.Wrong)
	p.row("problem", a.Vendor.Problem)
	if command := correction(a); command != "" {
		p.asIs("  %-14s %s\n", "correct bytes", command)
	}
	p.row("name servers", provisioning.ListOf(a.NameServers))
	p.row("NTP servers", provisioning.ListOf(a.NTP))
}

// printServer6 shows what a server said by DHCPv6.
func printServer6(p *page, a *dhcpopts.Answer) {
	if a.Type == dhcpopts.Unusable {
		p.printf("%s answered by DHCPv6 in %s, but the answer cannot be used\n", discover.Who(a), milliseconds(a.Took.Milliseconds()))
		p.row("problem", a.Problem)
		return
	}
	p.printf("%s answered by DHCPv6 in %s\n", discover.Who(a), milliseconds(a.Took.Milliseconds()))
	p.row("problem", a.Problem)
	if a.SIP.Raw == nil {
		p.row("options 21, 22", "not sent")
		return
	}
	p.row("option 21", cmp.Or(strings.Join(a.SIP.Names, ", "), "no usable name"))
	p.row("option 22", cmp.Or(provisioning.ListOf(a.SIP.Addrs), "no usable address"))
	p.dump(a.SIP.Raw, a.SIP.Wrong)
	p.row("problem", a.SIP.Problem)
}

// correction is the command that prints what was probably meant, or "". The names in it are host names, and safe.
func correction(a *dhcpopts.Answer) string {
	wrong := a.SIP.Problem != "" || a.Vendor.Faulty()
	names := a.SIP.Names
	if len(names) == 0 {
		names = a.SIP.Meant
	}
	if !wrong || len(names) == 0 {
		return ""
	}
	command := "homeward dhcp encode --registrar " + strings.Join(names, ",")
	if u, err := url.Parse(cmp.Or(a.Vendor.URL, a.Vendor.Meant)); err == nil && u.Host != "" {
		command += " --web " + u.Hostname()
	}
	return command
}

// taken is the Registrar of the first answer that names one ("the first DHCP response with an FQDN is used", Lync
// device text). Whether it can be used depends on the SIP domain and on DNS: check looks at that.
func taken(p *page, answers []dhcpopts.Answer) string {
	for i := range answers {
		a := &answers[i]
		if len(a.SIP.Names) > 0 {
			return p.paint(good, a.SIP.Names[0]) + ", from " + a.Server.String()
		}
	}
	return p.paint(bad, "nothing")
}

// dump writes the bytes of an option as the binary editor of a Windows DHCP server shows them, eight a line, with a
// mark below those that are wrong. Its lines are never broken: on a narrow terminal the margin goes.
func (p *page) dump(raw []byte, wrong []int) {
	const width = 8
	margin := 16
	if p.width > 0 {
		margin = min(margin, max(3, p.width-len("  ")-(3*width-1)-len("  ")-width))
	}
	for at := 0; at < len(raw); at += width {
		line := raw[at:min(at+width, len(raw))]
		p.asIs("%*d  %-*s  %s\n", margin, at, 3*width-1, fmt.Sprintf("% x", line), letters(line))
		marks := []byte(strings.Repeat(" ", 3*width+3))
		marked := false
		for _, w := range wrong {
			last := at+width >= len(raw) // what is missing at the end is missed here
			if w >= at && (w < at+width || last) {
				copy(marks[3*(w-at):], "^^")
				marked = true
			}
		}
		if marked {
			p.asIs("%*s%s\n", margin+len("  "), "", strings.TrimRight(string(marks), " "))
		}
	}
}

// letters is what bytes may have been meant to be, a letter or a dot for each.
func letters(raw []byte) string {
	text := slices.Clone(raw)
	for i, b := range text {
		if b < ' ' || b > '~' {
			text[i] = '.'
		}
	}
	return string(text)
}
