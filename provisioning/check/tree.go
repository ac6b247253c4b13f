package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/dhcpopts"
	"homeward/provisioning"
	"homeward/provisioning/discover"
)

// branch is the tree while it grows.
type branch struct {
	facts   *Facts
	verdict provisioning.Trouble // what the report is about
	checks  []Check
}

// add adds a node. What the verdict explains is not told as a fault of its own.
func (b *branch) add(c *Check) {
	b.checks = append(b.checks, *c)
	c = &b.checks[len(b.checks)-1]
	if (c.Result == Bad || b.verdict.Fault == provisioning.FaultOwnAddressTwice && slices.Contains(silence, c.Reason)) && b.explained(c) {
		*c = Check{ID: c.ID, Under: c.Under, Title: c.Title, Result: Skipped, Needs: b.verdict.Area()}
	}
	if c.Hint == "" && c.Result != Good && c.Needs == "" {
		c.Hint = c.Reason.Hint()
	}
	if took, known := b.facts.Took[c.ID]; known && c.TookMS == 0 {
		c.TookMS = provisioning.Milliseconds(took)
	}
	if c.Needs != "" {
		c.TookMS = 0
	}
}

// explained says whether the verdict is why a node failed.
func (b *branch) explained(c *Check) bool {
	if b.verdict.None() {
		return false
	}
	area := b.verdict.Area()
	root, _, below := strings.Cut(c.ID, ".")
	if !mayCause(b.verdict, c.Reason) {
		return false
	}
	return c.ID != area && (root != area || below) && slices.Contains(b.verdict.Fault.Explains(), root)
}

// agree has no source and no Registrar stand better than what is below it: such a node says what the first one below it says
// that is worst, unless it has a fault of its own.
func (b *branch) agree() {
	worse := map[Result]int{Good: 0, Warn: 1, Bad: 2}
	for i := range b.checks {
		top := &b.checks[i]
		if top.Result == Skipped || top.Under != "" || top.ID == "sign-in" { // a sign-in that succeeds does so whoever has failed before
			continue
		}
		for i := range b.checks {
			below := &b.checks[i]
			switch {
			case below.Under != top.ID || worse[below.Result] <= worse[top.Result]:
			case top.Reason != "" && top.From == "": // it has a fault of its own
				top.Result = below.Result
			default:
				top.Result, top.Reason, top.Fault, top.What, top.Hint, top.From = below.Result, below.Reason, below.Fault, below.What, below.Hint, below.ID
			}
		}
	}
}

// failed returns the id of the first of these nodes that failed, or "".
func (b *branch) failed(ids ...string) string {
	for _, id := range ids {
		for i := range b.checks {
			c := &b.checks[i]
			if c.ID == id && c.Result == Bad {
				return id
			}
		}
	}
	return ""
}

func (b *branch) clock() {
	f := b.facts
	c := Check{ID: "clock", Title: "clock", Result: Good, Detail: f.Now.UTC().Format(time.RFC3339)}
	if t := clockOff(f); !t.None() {
		c.because(Bad, t)
		if f.signsIn() {
			c.Result = Warn
		}
	} else if s := skewOf(f); s.host != "" {
		c.Detail += fmt.Sprintf("; within %s of %s", max(s.ahead.Abs(), time.Second), s.host)
	}
	unknown := c.Result == Good && skewOf(f).host == ""
	if unknown {
		heard := "a time to compare with"
		if slices.ContainsFunc(f.TimeServers, func(s TimeServer) bool { return s.Problem == "" }) {
			heard = "a time that can be right"
		}
		known := "; it is not known whether that is right: "
		if kept := f.Wire.ClockKept; kept != nil && kept() {
			known, unknown = "; it is synchronized, says the system; ", false
		}
		c.Detail += known + "no Registrar or time server has given " + heard
	}
	for _, source := range []string{option42, f.timeRecord()} {
		if servers := timeServers(f, source); servers != "" {
			c.Detail += fmt.Sprintf("; %s names %s", source, servers)
		}
	}
	if t := serverOff(f); !t.None() && c.Result == Good {
		c.because(Warn, t)
	}
	if t := serversApart(f); !t.None() {
		c.Detail += fmt.Sprintf("; the time servers are %s apart, so one of them is wrong", t.Facts["span"])
		if c.Result == Good {
			c.because(Warn, t)
		}
	}
	if unknown && c.Result == Good {
		c.Result = Skipped
	}
	b.add(&c)
}

func (b *branch) dhcp() {
	f := b.facts
	c := Check{ID: "dhcp", Title: "DHCP, asked as a Lync phone does", Result: Good}
	finding, asked := f.finding(provisioning.DHCPTLS)
	c.Detail = finding.Detail
	switch {
	case f.ByPassed:
		c.Result, c.Detail = Skipped, "not asked"
	case !f.Policy.AskDHCP && !f.Policy.ReadLease:
		c.because(Skipped, provisioning.DHCPOff.Met(""))
	case !f.Policy.AskDHCP:
		c.Title, c.Reason = "DHCP, from the leases of the system's client", finding.Reason
		if c.Reason != "" {
			c.Result = Warn
		}
	case f.NotAsked:
		c.Result, c.Needs = Skipped, "link"
	case f.DHCP != nil && f.DHCP.Reason != "":
		c.because(Warn, f.DHCP.Trouble)
		if c.Detail = f.DHCP.Detail; f.DHCP.Reason == provisioning.DHCPSilent && c.Detail == "" {
			c.Detail = fmt.Sprintf("nothing came within %.1f s", f.Took[c.ID].Seconds())
		}
		if f.DHCP.Reason == provisioning.DHCPNoOption && len(f.DHCP.Answers) > 0 {
			c.Detail += ", asked as " + dhcpopts.VendorClass // a scope may give it to another class only
		}
		optional := f.DHCP.Reason == provisioning.DHCPSilent || f.DHCP.Reason == provisioning.DHCPNoOption
		switch {
		case optional && !f.nothingThere(): // a site may use DNS
			c.Result = Skipped
		case !asked || !f.Policy.Asks(provisioning.DHCPTLS) || len(f.Plan.Try) > 0:
		case !optional, b.explained(&c):
			c.Result = Bad
		}
	}
	if c.Result == Good {
		for i := range f.Plan.Skipped {
			if s := &f.Plan.Skipped[i]; s.Step == provisioning.DHCPTLS && provisioning.Stale(s.Trouble) {
				c.because(Warn, s.Trouble)
			}
		}
	}
	if f.DHCP == nil { // only the leases were read
		c.TookMS = finding.TookMS
		b.add(&c)
		return
	}
	if c.Result == Good && len(f.DHCP.Answers) > 0 {
		if c.Detail != "" {
			c.Detail += "; "
		}
		c.Detail += fmt.Sprintf("waited %.1f s for other servers", (f.Took[c.ID] - f.DHCP.Answers[0].Took).Seconds())
	}
	b.add(&c)
	for i := range f.DHCP.Answers {
		a := &f.DHCP.Answers[i]
		answer := Check{ID: fmt.Sprintf("dhcp.answer-%d", i+1), Under: "dhcp", Title: "answer of " + discover.Who(a), Result: Good, TookMS: provisioning.Milliseconds(a.Took)}
		said := []string{option("option 120", a.SIP.Raw, strings.Join(append(append([]string{}, a.SIP.Names...), provisioning.Texts(a.SIP.Addrs)...), ", "), a.SIP.Problem),
			option("option 43", a.Vendor.Raw, a.Vendor.URL, a.Vendor.Problem)}
		answer.Detail = strings.Join(said, "; ")
		switch {
		case a.Type == "nak":
			answer.Result, answer.Reason, answer.Detail = Warn, provisioning.DHCPRefused, "it refuses (NAK)"
		case a.Type == dhcpopts.Unusable:
			answer.Result, answer.Reason, answer.Detail = Warn, provisioning.DHCPMalformed, "it cannot be used: "+a.Problem
		case a.Problem != "":
			answer.Result, answer.Reason, answer.Detail = Warn, provisioning.DHCPMalformed, a.Problem+"; "+answer.Detail
		case a.SIP.Problem != "" || a.Vendor.Faulty():
			answer.Result, answer.Reason = Warn, provisioning.DHCPMalformed
		}
		b.add(&answer)
	}
	for i := range f.WebServices {
		s := &f.WebServices[i]
		c := webServiceNode(f, s, b.verdict)
		b.add(&c)
	}
}

// wouldFail says of a new sign-in when it fails.
func wouldFail(verdict provisioning.Trouble) string {
	if verdict.Fault == provisioning.FaultUnevenCertificate || verdict.Fault == provisioning.FaultUneven {
		return "fails now and then"
	}
	return "would fail"
}

// daemon is who does in earnest what the check tries. Why it is not registered is told once: here, unless the verdict says so.
func (b *branch) daemon() {
	f := b.facts
	c := Check{ID: "daemon", Title: "the daemon on this device", Result: Good, Detail: f.Daemon.does()}
	t := idle(f)
	switch {
	case f.ByPassed || f.Daemon == Daemon{}:
		return
	case f.Daemon.NotRunning && t.None():
		c.Result, c.Detail = Skipped, "it is not running; the check does not need it"
	case f.Daemon.NotRunning:
		c.Detail = "it is not running"
	case f.Daemon.Hangs:
		c.Detail = "" // nobody knows
	case toBeLost(f):
		c.Result, c.Detail = Warn, c.Detail+", for as long as its connection holds and its renewals are accepted; a new sign-in "+wouldFail(b.verdict)
	case !f.Daemon.registered() || f.Daemon.Degraded:
		c.Result = Warn
	}
	for i := range f.Losses {
		l := &f.Losses[i]
		c.Detail += fmt.Sprintf("; registrations lost at %s: %d in the last hour, %d in the last day", l.HostPort(), l.LastHour, l.LastDay)
		if !l.StableSince.IsZero() {
			c.Detail += ", none since " + l.StableSince.UTC().Format("15:04:05 UTC")
		}
	}
	if t.None() {
		t = bindingGone(f)
	}
	if t.None() {
		t = lostOften(f)
	}
	if t.None() {
		t = unscraped(f)
	}
	if !t.None() && !explainsDaemon(b.verdict, f) {
		c.because(Warn, t)
	}
	b.add(&c)
}

// explainsDaemon says whether the verdict is why the daemon is not registered: then that is a consequence.
func explainsDaemon(verdict provisioning.Trouble, f *Facts) bool {
	d := &f.Daemon
	if d.NotRunning || d.registered() || verdict.None() || f.signsIn() {
		return false
	}
	moot := verdict.Fault.Explains()
	return verdict.Reason() == d.Reason || string(verdict.Fault) == d.Fault || slices.Contains(moot, "registrar") || d.Reason.IsDiscovery() && slices.Contains(moot, "dns")
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
