package check

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"homeward/provisioning"
)

// judgement is one thing that a check judges. It returns no Trouble when that is as it should be.
type judgement func(*Facts) provisioning.Trouble

// keepsOut is what can keep a device from signing in, in the order in which a tech goes from the socket in the wall to
// the Registrar. The first Trouble is the verdict: what comes after it may be its consequence.
var keepsOut = []judgement{passwordless, notOnNetwork, unplugged, addressTwice, otherMask, ownNetwork, noDefault, answersEverything, tooLate, refusal, recordsDisagree, nothingFound, spared, untried, addressesDisagree, deadPlaces}

// threatens is what is wrong although a device signs in: what would keep it from doing so tomorrow comes first.
var threatens = []judgement{
	passwordless, linkLost, addressTwice, otherMask, ownNetwork, unlisted, bindingGone, tooLate, onlyLastGood, besideFails, clockOff, recordsDisagree, addressesDisagree, firstChoiceFails, addressFails, dnsAnswersAll, insideGone, sourceFlaw, nameServersDisagree, endsSoon, onBackup, certificateFails, relaysFail, spareFails, rehearsalFails, noSpace, notKept,
	lostOften, autodiscoverDiffers, serverOff, serversApart, serverDead, earlierServerFails, lossy, slow, idle, unscraped,
}

// tree is the walk of a tech, from the socket in the wall to the day when DNS and DHCP die. It is flat: each node names
// the one it belongs to.
func tree(f *Facts, verdict provisioning.Trouble) []Check {
	b := &branch{facts: f, verdict: verdict}
	b.link()
	b.clock()
	b.dhcp()
	b.dns()
	b.names()
	b.plan()
	b.autodiscover()
	b.registrars()
	if c, seen := certificatesNode(f); seen {
		b.add(&c)
	}
	addPassword(b)
	b.signIn()
	b.lastGood()
	addStore(b)
	b.daemon()
	b.agree()
	return b.checks
}

// judge makes a report of what was seen.
func judge(f *Facts) Report {
	r := Report{Version: 1, Verdict: Failed}
	if f.WithAll {
		if f.Second = tooLate(f); f.Second.None() {
			f.Second = deadPlaces(f)
		}
	}
	judgements := keepsOut
	if f.signsIn() {
		r.Verdict, judgements = OK, threatens
	}
	var found provisioning.Trouble
	for _, judge := range judgements {
		if found = judge(f); !found.None() {
			break
		}
	}
	if f.signsIn() && !found.None() {
		found = besideSlowDNS(f, byRoute(f, onLossyWay(f, found)))
		if r.Verdict = Degraded; slices.Contains(comesBack, found.Fault) { // nothing is to be fixed
			r.Verdict = OK
		}
	} else {
		found = byStrangers(f, besideSlowDNS(f, byRoute(f, onLossyWay(f, found))))
		if f.Here != nil {
			f.Here.Gone = gatewayGone(f)
			found = besidePortal(f, byOption6(f, f.Memory.Before(f.Here, found)))
		}
	}
	if lost := linkLost(f); !lost.None() && !f.signsIn() && restsOnSilence(found) {
		found = lost
	}
	if late := answersLate(f, found); !late.None() && !f.signsIn() {
		found = late
	}
	r.Summary = summary(f, found)
	for _, cure := range found.Otherwise() {
		r.Otherwise = append(r.Otherwise, sentence(cure))
	}
	if found.Specific() {
		r.Fault = string(found.Fault)
	}
	for _, also := range found.Others() {
		r.Also = append(r.Also, string(also.Fault))
	}
	r.Reason, r.Side, r.Host = found.Reason(), found.OnSide(), found.Host()
	if !f.ByPassed {
		r.Losses = f.Losses
	}
	r.Checks = tree(f, found)
	r.Besides = besides(&r, found)
	if r.Verdict == OK { // what the daemon met before is no reason of it
		r.Reason = ""
	}
	return r
}

// restsOnSilence says whether something is known only since nothing came, or a connection was cut.
func restsOnSilence(t provisioning.Trouble) bool {
	return provisioning.Unheard(t) || slices.Contains(nobodyMet, t.Reason()) || t.Reason() == provisioning.ConnectUnreachable || t.Reason() == provisioning.DNSTimeout
}

// summary is what a tech takes away, in one to three sentences: what is wrong, whose side it is on, what to do.
func summary(f *Facts, t provisioning.Trouble) []string {
	told := t.Sentences()
	what := ""
	if len(told) > 0 {
		what = told[0]
	}
	if f.signsIn() {
		r := f.SignIn.Registrar
		fine := fmt.Sprintf("%s signs in to %s:%d over %s (%s)", f.Policy.SIPAddress, r.Host, r.Port, strings.ToUpper(r.Transport.String()), r.Step)
		if f.Second.None() && f.witness() {
			fine = fmt.Sprintf("the daemon has signed in as %s to %s:%d over %s (%s) with the certificate of this device", f.Policy.SIPAddress, r.Host, r.Port, strings.ToUpper(r.Transport.String()), r.Step)
		}
		if !f.Second.None() {
			fine = fmt.Sprintf("the daemon is registered as %s with %s:%d over %s (%s) since %s", f.Policy.SIPAddress, r.Host, r.Port, strings.ToUpper(r.Transport.String()), r.Step, f.Daemon.since())
		}
		switch {
		case t.None() && f.ByPassed:
			what = "all is well: " + fine + "; DNS and DHCP were not looked at"
		case t.None():
			what, told = "all is well: "+fine, []string{"", notLostNow(f)}
		case t.Fault == provisioning.FaultDaemonTriesAgain:
			what, told = "nothing keeps this device from signing in any more: "+fine, append([]string{""}, told...)
		case t.Fault == provisioning.FaultDaemonAtFallback || t.Fault == provisioning.FaultDaemonOutside:
			what, told = "all is well by now: "+fine, append([]string{""}, told...)
		case t.Fault != provisioning.FaultOnlyLastGood && !slices.ContainsFunc(t.Others(), saysHow): // those say how it signs in
			what = fine + ", but " + what
		}
	}
	what = sentence(what)
	for _, more := range told[min(1, len(told)):] {
		what = strings.TrimSpace(what + " " + sentence(more))
	}
	all := []string{what, t.OnSide().Sentence(), sentence(t.Do())}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// comesBack are the faults of a daemon that meets nothing any more.
var comesBack = []provisioning.Fault{provisioning.FaultDaemonTriesAgain, provisioning.FaultDaemonAtFallback, provisioning.FaultDaemonOutside}

// saysHow says whether what is said in the same breath says how a device signs in.
func saysHow(t provisioning.Trouble) bool {
	return t.Fault == provisioning.FaultInstead || t.Fault == provisioning.FaultOnlyLastGood || t.Fault == provisioning.FaultNamedBefore || t.Fault == provisioning.FaultOtherAddress
}

// sentence gives text a capital, unless it begins with the name of a host or a setting, and a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	word, _, _ := strings.Cut(text, " ")
	if !strings.ContainsAny(strings.TrimRight(word, ":,;"), "._:/=") {
		text = string(unicode.ToUpper(first)) + text[size:]
	}
	return strings.TrimRight(text, ". ") + "."
}
