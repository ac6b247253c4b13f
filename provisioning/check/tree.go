package check

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/homeward-agent/homeward/dhcpopts"
	"github.com/homeward-agent/homeward/provisioning"
)

// tolerated is how far two clocks may be apart before a sign-in is in danger: 5 minutes for Kerberos (MS-SIPAE).
const tolerated = 5 * time.Minute

// tree is the walk of a tech, from the socket in the wall to the day when DNS and DHCP die. It is flat: each node names
// the one it belongs to.
func tree(f *Facts) []Check {
	b := &branch{facts: f}
	b.link()
	b.clock()
	b.dhcp()
	b.dns()
	b.names()
	b.plan()
	b.registrars()
	b.signIn()
	b.lastGood()
	b.daemon()
	return b.checks
}

// branch is the tree while it grows.
type branch struct {
	facts  *Facts
	checks []Check
}

func (b *branch) add(c Check) {
	if c.Hint == "" && c.Result != Good && c.Needs == "" {
		c.Hint = c.Reason.Hint()
	}
	b.checks = append(b.checks, c)
}

// failed returns the id of the first of these nodes that failed, or "".
func (b *branch) failed(ids ...string) string {
	for _, id := range ids {
		for _, c := range b.checks {
			if c.ID == id && c.Result == Bad {
				return id
			}
		}
	}
	return ""
}

func (b *branch) link() {
	l := b.facts.Link
	c := Check{ID: "link", Title: "link and address", Result: Good, Detail: strings.TrimSpace(l.Interface + " " + listPrefixes(l.Addrs))}
	problem := linkProblem(l)
	reason, hint := l.mend()
	switch {
	case problem == "":
	case len(l.Others) > 0 || b.works():
		c.Result, c.Reason, c.Detail = Warn, reason, strings.TrimSuffix(problem+"; there is also "+strings.Join(l.Others, ", "), "; there is also ")
	default:
		c.Result, c.Reason, c.Detail = Bad, reason, problem
	}
	if c.Result != Good {
		c.Hint = hint
	}
	b.add(c)
}

// linkProblem says what keeps this device from talking to others, or "".
func linkProblem(l Link) string {
	switch {
	case l.Problem != "":
		return l.Problem
	case l.Interface == "":
		return ""
	case l.Down:
		return l.Interface + " is switched off"
	case l.NoCarrier:
		return l.Interface + " has no carrier: no cable, or nothing at its other end"
	case len(l.Addrs) == 0:
		return l.Interface + " has no address"
	case len(l.routable()) == 0:
		return l.Interface + " has only the address it made up itself, " + listPrefixes(l.Addrs) + ": DHCP gave none"
	default:
		return ""
	}
}

func (b *branch) clock() {
	f := b.facts
	c := Check{ID: "clock", Title: "clock", Result: Good, Detail: f.Now.UTC().Format(time.RFC3339)}
	if problem := clockProblem(f); problem != "" {
		c.Result, c.Reason, c.Detail = Bad, provisioning.ClockWrong, c.Detail+"; "+problem
		if f.SignIn != nil && f.SignIn.Registrar != nil {
			c.Result = Warn
		}
	} else if ahead, host, told := f.skew(); told {
		c.Detail += fmt.Sprintf("; within %s of %s", max(ahead.Abs(), time.Second), host)
	}
	if _, _, told := f.skew(); !told && c.Result == Good {
		c.Detail += "; neither a Registrar nor a time server has told the time to compare with"
	}
	for _, source := range []string{option42, f.timeRecord()} {
		if servers := f.timeServers(source); servers != "" {
			c.Detail += fmt.Sprintf("; %s names %s", source, servers)
		}
	}
	if apart := f.timeApart(); apart > tolerated {
		c.Detail += fmt.Sprintf("; the time servers are %s apart, so one of them is wrong", span(apart))
	}
	b.add(c)
}

// clockProblem says what is wrong with the clock, or "".
func clockProblem(f *Facts) string {
	if f.Now.Before(f.ClockFloor) {
		return fmt.Sprintf("%s has passed already", f.ClockFloor.UTC().Format(time.RFC3339))
	}
	ahead, host, told := f.skew()
	switch {
	case !told || ahead.Abs() <= tolerated:
		return ""
	case ahead > 0:
		return fmt.Sprintf("the clock of %s is %s ahead", host, span(ahead))
	default:
		return fmt.Sprintf("the clock of %s is %s behind", host, span(-ahead))
	}
}

// span is a duration without the units that are zero: "1h".
func span(d time.Duration) string {
	return strings.Replace(strings.Replace(d.String(), "m0s", "m", 1), "h0m", "h", 1)
}

func (b *branch) dhcp() {
	f := b.facts
	c := Check{ID: "dhcp", Title: "DHCP, asked as a Lync phone does", Result: Good}
	finding, asked := f.finding(provisioning.DHCPTLS)
	c.Detail = finding.Detail
	switch {
	case f.ByPassed || !f.Policy.AskDHCP && !f.Policy.ReadLease:
		c.Result, c.Detail = Skipped, "not asked"
	case !f.Policy.AskDHCP:
		c.Title, c.Reason = "DHCP, as the system's client keeps it", finding.Reason
		if c.Reason != "" {
			c.Result = Warn
		}
	case f.NotAsked:
		c.Result, c.Needs = Skipped, "link"
	case f.DHCP != nil && f.DHCP.Reason != "":
		c.Result, c.Reason, c.Detail = Warn, f.DHCP.Reason, f.DHCP.Detail
		if asked && f.Policy.Asks(provisioning.DHCPTLS) && len(f.Plan.Try) == 0 {
			c.Result = Bad
		}
	}
	c.TookMS = finding.TookMS
	b.add(c)
	if f.DHCP == nil {
		return
	}
	for i, a := range f.DHCP.Answers {
		answer := Check{ID: fmt.Sprintf("dhcp.answer-%d", i+1), Under: "dhcp", Title: "answer of " + a.Server.String(), Result: Good, TookMS: a.Took.Milliseconds()}
		said := []string{option("option 120", a.SIP.Raw, strings.Join(append(append([]string{}, a.SIP.Names...), textAddrs(a.SIP.Addrs)...), ", "), a.SIP.Problem),
			option("option 43", a.Vendor.Raw, a.Vendor.URL, a.Vendor.Problem)}
		answer.Detail = strings.Join(said, "; ")
		switch {
		case a.Type == "nak":
			answer.Result, answer.Reason, answer.Detail = Warn, provisioning.DHCPRefused, "it refuses (NAK)"
		case a.Type == dhcpopts.Unusable:
			answer.Result, answer.Reason, answer.Detail = Warn, provisioning.DHCPMalformed, "it cannot be used: "+a.Problem
		case a.Problem != "":
			answer.Result, answer.Reason, answer.Detail = Warn, provisioning.DHCPMalformed, a.Problem+"; "+answer.Detail
		case a.SIP.Problem != "" || a.Vendor.Problem != "" && a.Vendor.Vendor != "":
			answer.Result, answer.Reason = Warn, provisioning.DHCPMalformed
		}
		b.add(answer)
	}
	b.webServices()
}

// webServices has a node for each host of a certificate service that option 43 names. Phones that sign in by PIN need it;
// this program does not.
func (b *branch) webServices() {
	for _, name := range b.facts.WebHosts {
		c := Check{ID: "dhcp.web." + name.Host, Under: "dhcp", Title: "web service of option 43: " + name.Host, Result: Good, Detail: listAddrs(name.Addrs)}
		if len(name.Addrs) == 0 {
			c.Result, c.Reason, c.Detail = Warn, name.Reason, name.Detail
			c.Hint = "create the A record, or correct sub-option 3: phones that sign in by PIN need it"
		}
		b.add(c)
	}
}

// daemon is who does in earnest what the check tries.
func (b *branch) daemon() {
	f := b.facts
	c := Check{ID: "daemon", Title: "the daemon on this device", Result: Good, Detail: f.Daemon.State.String()}
	problem, _ := f.idle()
	switch {
	case f.ByPassed || f.Daemon == Daemon{}:
		return
	case problem.what != "":
		c.Result, c.Reason, c.Detail, c.Hint = Warn, problem.reason, problem.what, problem.do
	case f.Daemon.NotRunning:
		c.Result, c.Detail = Skipped, "it is not running; a check does without"
	}
	b.add(c)
}

// option is one option as a tech compares it with the server: its meaning and its bytes.
func option(name string, raw []byte, meaning, problem string) string {
	if raw == nil {
		return name + " not sent"
	}
	text := fmt.Sprintf("%s says %s (%x)", name, cmp.Or(meaning, "nothing usable"), raw)
	if problem != "" {
		text += ": " + problem
	}
	return text
}

func textAddrs(addrs []netip.Addr) []string {
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
	}
	return texts
}

func listAddrs(addrs []netip.Addr) string { return strings.Join(textAddrs(addrs), ", ") }
