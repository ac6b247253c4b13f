package check

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/signin"
)

// Side is who has to mend it.
type Side string

// The sides.
const (
	Device    Side = "device"
	Network   Side = "network"
	DNS       Side = "dns"
	DHCP      Side = "dhcp"
	Registrar Side = "registrar"
	Account   Side = "account"
)

// sentence says whose side it is on.
func (s Side) sentence() string {
	return map[Side]string{
		Device:    "This is on the side of this device.",
		Network:   "This is on the side of the network between this device and the server.",
		DNS:       "This is on the side of DNS.",
		DHCP:      "This is on the side of the DHCP server.",
		Registrar: "This is on the side of the Registrar.",
		Account:   "This is on the side of the user account.",
	}[s]
}

// advice is what a tech takes away: what is wrong, whose side it is on, what to do.
type advice struct {
	verdict Verdict
	reason  provisioning.Reason
	side    Side
	what    string
	do      string
}

// sentences are the one to three of the summary.
func (a advice) sentences() []string {
	all := []string{sentence(a.what)}
	if a.side != "" {
		all = append(all, a.side.sentence())
	}
	if a.do != "" {
		all = append(all, sentence(a.do))
	}
	return all
}

// sentence gives text a capital, unless it begins with the name of a host or a setting, and a full stop.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	word, _, _ := strings.Cut(text, " ")
	if !strings.ContainsAny(strings.TrimRight(word, ":,;"), "._:/=") {
		text = string(unicode.ToUpper(first)) + text[size:]
	}
	return strings.TrimRight(text, ". ") + "."
}

// advise finds the one thing to mend first. A device that cannot sign in is told why; one that can, what would keep it
// from doing so tomorrow.
func advise(f *Facts) advice {
	if f.SignIn != nil && f.SignIn.Registrar != nil {
		return f.whatIsLeft()
	}
	a := f.whatKeepsItOut()
	a.verdict = Failed
	return a
}

// whatKeepsItOut walks from the socket in the wall to the Registrar, and stops at the first thing that keeps the device
// from signing in.
func (f *Facts) whatKeepsItOut() advice {
	if problem := linkProblem(f.Link); problem != "" && f.silent() {
		reason, do := f.Link.mend()
		return advice{reason: reason, side: Device, what: "this device is not on the network: " + problem, do: do}
	}
	if a, ok := f.hijack(); ok && !f.proven() {
		return a
	}
	switch {
	case f.SignIn != nil:
		return f.refusal()
	case len(f.Plan.Try) == 0 && !f.lastGoodAnswers():
		a := f.nothingFound()
		if f.remembers() && !f.ByPassed {
			a.what += fmt.Sprintf("; and its last good Registrar %s does not answer either", f.lastGood().Host)
		}
		return a
	case f.CredentialsRest:
		return advice{reason: provisioning.CredentialsResting, side: Account, do: provisioning.CredentialsResting.Hint(),
			what: "user name or password was refused, and the daemon does not use the password for a while so that the account is not locked"}
	default:
		return f.deadPlaces()
	}
}

// proven says whether a server has proven the name of a Registrar: then DNS has not led astray.
func (f *Facts) proven() bool {
	return slices.ContainsFunc(f.Places, func(p Place) bool {
		return slices.ContainsFunc(p.Probes, func(probe signin.Probe) bool { return probe.Secured })
	})
}

// lastGoodAnswers says whether a last good Registrar speaks SIP.
func (f *Facts) lastGoodAnswers() bool {
	return slices.ContainsFunc(f.Outage.Try, func(c provisioning.Candidate) bool { p, _ := f.place(c); return p.answered() })
}

// silent says whether nothing at all has come from the network.
func (f *Facts) silent() bool {
	if f.NotAsked {
		return true
	}
	for _, found := range f.Found {
		if found.Step != provisioning.Manual && found.Verdict != provisioning.Failed {
			return false
		}
	}
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			if probe.Reason != provisioning.ConnectUnreachable && probe.Reason != provisioning.ConnectTimeout {
				return false
			}
		}
	}
	return true
}

// whatIsLeft is the advice for a device that signs in.
func (f *Facts) whatIsLeft() advice {
	s := f.SignIn
	fine := fmt.Sprintf("%s signs in to %s over %s (%s)", f.Policy.SIPAddress, s.Registrar.HostPort(),
		strings.ToUpper(s.Registrar.Transport.String()), s.Registrar.Step)
	for _, look := range []func() (advice, bool){f.onlyLastGood, f.clockOff, f.firstChoiceFails, f.addressFails, f.hijack, f.dhcpFlaw, f.badRecord, f.onBackup, f.relaysFail, f.rehearsalFails, f.storeFails, f.idle} {
		if a, ok := look(); ok {
			a.verdict = Degraded
			if !strings.Contains(a.what, s.Registrar.Host) || a.reason == provisioning.ClockWrong {
				a.what = fine + ", but " + a.what
			}
			return a
		}
	}
	if f.ByPassed {
		fine += "; DNS and DHCP were not looked at"
	}
	return advice{verdict: OK, what: "all is well: " + fine}
}

func (f *Facts) onlyLastGood() (advice, bool) {
	if !f.FromRecord {
		return advice{}, false
	}
	a := f.nothingFound()
	a.what = fmt.Sprintf("the device signs in only through its last good Registrar %s: %s", f.SignIn.Registrar.Host, a.what)
	return a, true
}

// firstChoiceFails is about what the site means to be used, and is not.
func (f *Facts) firstChoiceFails() (advice, bool) {
	for _, c := range f.Plan.Try {
		p, _ := f.place(c)
		if c.Endpoint == f.signedInAt() || len(p.Probes) == 0 {
			break
		}
		for _, attempt := range f.SignIn.Attempts {
			if attempt.Result != "failed" || attempt.Endpoint() != c.Endpoint {
				continue
			}
			if bad, ok := f.badAt(attempt); ok {
				p = bad
				break
			}
			return f.refused(attempt), true // it answers strangers, and refuses us
		}
		if !p.ready() && p.best().Reason != "" {
			a := f.deadPlace(p)
			a.what += fmt.Sprintf("; the device signs in to %s instead", f.SignIn.Registrar.HostPort())
			return a, true
		}
	}
	return advice{}, false
}

// addressFails is about a pool of which one server does not serve. That a network has no IPv6 is no fault of a pool.
func (f *Facts) addressFails() (advice, bool) {
	at := f.signedInAt()
	i := slices.IndexFunc(f.Plan.Try, func(try provisioning.Candidate) bool { return try.Endpoint == at })
	if i < 0 {
		return advice{}, false
	}
	p, _ := f.place(f.Plan.Try[i])
	for _, probe := range p.Probes {
		if isReady(probe) || probe.Addr.Is6() && probe.Reason == provisioning.ConnectUnreachable {
			continue
		}
		p.Probes = []signin.Probe{probe}
		a := f.deadPlace(p)
		a.what += "; the device signs in through another address of " + p.Host
		return a, true
	}
	return advice{}, false
}

// signedInAt is where the sign-in came through: the place that redirected, where one did.
func (f *Facts) signedInAt() provisioning.Endpoint {
	for _, a := range f.SignIn.Attempts {
		if a.Result == "redirected" || a.Result == "ok" {
			return a.Endpoint()
		}
	}
	return provisioning.Endpoint{}
}

func (f *Facts) clockOff() (advice, bool) {
	problem := clockProblem(f)
	return f.clockAdvice(problem), problem != ""
}

func (f *Facts) clockAdvice(problem string) advice {
	a := advice{reason: provisioning.ClockWrong, side: Device, what: "the clock of this device is wrong: " + problem,
		do: fmt.Sprintf("set the clock: create the SRV record %s or let DHCP name a time server (option 42)", f.timeRecord())}
	ahead, _, _ := f.skew()
	if s, ok := f.timeServer(ahead); ok && (s.Ahead-ahead).Abs() <= tolerated {
		a.do = fmt.Sprintf("let this device set its clock by %s, which %s names and which tells the time", s.Name, s.Source)
	}
	return a
}

func (f *Facts) hijack() (advice, bool) {
	if !f.hijacked() {
		return advice{}, false
	}
	return advice{reason: provisioning.DNSMalformed, side: DNS,
		what: fmt.Sprintf("DNS gives the address %s for every name, also for names that do not exist", listAddrs(f.Stray.Addrs)),
		do:   "remove the wildcard record, or sign in to the captive portal of this network"}, true
}

// dhcpFlaw is what is wrong with DHCP although the device gets along. No option at all is a site that uses DNS.
func (f *Facts) dhcpFlaw() (advice, bool) {
	if f.DHCP == nil {
		return advice{}, false
	}
	switch f.DHCP.Reason {
	case provisioning.DHCPConflict, provisioning.DHCPMalformed, provisioning.DHCPVendorClass, provisioning.TLSNoName:
		return f.dhcpAdvice(f.DHCP.Reason, f.DHCP.Detail), true
	default: // silence, and no option, are how sites look that use DNS
	}
	for _, a := range f.DHCP.Answers {
		if a.Vendor.Vendor != "" && a.Vendor.Problem != "" {
			return f.dhcpAdvice(provisioning.DHCPMalformed, fmt.Sprintf("option 43 from %s: %s", a.Server, a.Vendor.Problem)), true
		}
	}
	for _, s := range f.Plan.Skipped {
		if s.Step == provisioning.DHCPTLS && s.Host != "" && s.Reason != provisioning.SameAsFailed {
			return f.skipAdvice(s), true
		}
	}
	return advice{}, false
}

// badRecord is a record of DNS that exists and is of no use.
func (f *Facts) badRecord() (advice, bool) {
	for _, s := range f.Plan.Skipped {
		if s.Host != "" && !f.hasTwin(s) && s.Step != provisioning.DHCPTLS && s.Step != provisioning.DHCPTCP && s.Step != provisioning.HostName {
			return f.skipAdvice(s), true
		}
	}
	for _, found := range f.Found {
		if found.Source.Source == "dns" && found.Reason == provisioning.DNSMalformed {
			return f.recordAdvice(found), true
		}
	}
	return advice{}, false
}

// hasTwin says whether a configured server that is not tried over plain TCP is tried over TLS: then nothing is lost.
func (f *Facts) hasTwin(s provisioning.Skip) bool {
	return s.Transport == provisioning.TCP && slices.ContainsFunc(f.Plan.Try, func(c provisioning.Candidate) bool {
		return c.Step == provisioning.Manual && c.Host == s.Host && c.Transport == provisioning.TLS
	})
}

func (f *Facts) onBackup() (advice, bool) {
	return advice{reason: provisioning.SIPUnavailable, side: Registrar, what: "this is the backup Registrar: the primary of the user is not there",
		do: "check the primary pool of the user"}, f.SignIn.OnBackup
}

func (f *Facts) relaysFail() (advice, bool) {
	s := f.SignIn
	side := Registrar
	if s.InBand == provisioning.RelayUnreachable {
		side = Network
	}
	a := advice{reason: s.InBand, side: side, do: s.InBand.Hint(), what: s.InBand.Title()}
	if s.InBand == provisioning.RelayUnreachable && len(s.MediaRelays) > 0 {
		a.what = "the media relay " + s.MediaRelays[0].Host + " does not answer"
	} else if s.InBandDetail != "" && s.InBand != provisioning.RelayNone {
		a.what += ": " + s.InBandDetail
	}
	return a, s.InBand != "" && s.InBand != provisioning.RelayNone // a site may have none
}

func (f *Facts) storeFails() (advice, bool) {
	s, forgets := f.forgetful()
	return advice{reason: s.Reason, side: Device, what: "last good, which it needs when DNS and DHCP die, is not kept as it should be: " + s.Detail, do: s.Reason.Hint()}, forgets
}

func (f *Facts) rehearsalFails() (advice, bool) {
	if !f.remembers() || f.ByPassed {
		return advice{}, false
	}
	result, reason, _ := rehearse(f)
	what := fmt.Sprintf("the device could not sign in if DNS and DHCP died now: its last good Registrar %s: %s", f.lastGood().Host, reason.Title())
	return advice{reason: reason, side: Registrar, what: what,
		do: "restart homeward so that it registers anew, or mend " + f.lastGood().Host + ": " + reason.Hint()}, result == Warn
}

// idle is about a daemon that does not do what the check has done. One that has never registered here need not run.
func (f *Facts) idle() (advice, bool) {
	switch d := f.Daemon; {
	case f.ByPassed:
		return advice{}, false
	case d.NotRunning && f.remembers():
		return advice{side: Device, what: "the daemon is not running", do: "start it: homeward service start"}, true
	case d.State == provisioning.Resting:
		return advice{reason: d.Reason, side: Device, what: fmt.Sprintf("the daemon rests until %s: %s", d.NextAttempt.UTC().Format("15:04:05 UTC"), d.Reason.Title()),
			do: "if the cause is put right, restart homeward; otherwise it tries again then"}, true
	default:
		return advice{}, false
	}
}
