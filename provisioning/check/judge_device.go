package check

import (
	"net/netip"
	"slices"

	"homeward/provisioning"
)

// notOnNetwork is about a device from which nothing gets out.
func notOnNetwork(f *Facts) provisioning.Trouble {
	if !f.silent() {
		return provisioning.Trouble{}
	}
	return f.Memory.Relayed(f.Link.trouble(), f.OnLink)
}

// spared is about a daemon that rests, and whose password the check has spared.
func spared(f *Facts) provisioning.Trouble { return f.Daemon.spares(f.ByPassed) }

// passwordless is about a password that is configured and cannot be read: a daemon that runs has read it before.
func passwordless(f *Facts) provisioning.Trouble {
	if f.NoPassword.None() || !f.Daemon.registered() {
		return f.NoPassword
	}
	return f.NoPassword.With(provisioning.Facts{"since": f.Daemon.since()})
}

// onlyLastGood is about a device that would be lost without what it remembers.
func onlyLastGood(f *Facts) provisioning.Trouble {
	if !f.FromRecord {
		return provisioning.Trouble{}
	}
	why := noPlan(f)
	for i := range f.Plan.Skipped {
		why = provisioning.AskedOfDNS(why, &f.Plan.Skipped[i])
	}
	if f.Here != nil {
		why = byOption6(f, f.Memory.Before(f.Here, why))
	}
	facts := provisioning.Facts{"host": f.SignIn.Registrar.Host}
	if len(f.Policy.Manual) == 0 {
		facts["discovers"] = true
	}
	if why.Fault == provisioning.FaultNotAsGiven {
		return why.Also(provisioning.FaultOnlyLastGood, facts)
	}
	return provisioning.FaultOnlyLastGood.Because(why, facts)
}

// insideGone is about a device that signs in from outside, where a record inside the site had led it before.
func insideGone(f *Facts) provisioning.Trouble {
	if step := f.SignIn.Registrar.Step; f.Here == nil || step == nil || !step.IsOutside() {
		return provisioning.Trouble{}
	}
	for _, t := range []provisioning.Trouble{nameServersDisagree(f), serverDead(f)} { // one of them has it, or may have it
		if !t.None() {
			return t
		}
	}
	return byOption6(f, f.Memory.Outside(f.Here))
}

// byOption6 says of name servers that this device has not asked before where it has them from: DHCP gives them, or they are configured.
func byOption6(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	gateway := t.Fault == provisioning.FaultDNSNoGateway || t.Fault == provisioning.FaultDNSDeadRoute || t.Fault == provisioning.FaultDNSTunnel || t.Fault == provisioning.FaultDNSNoDefault
	if area := t.Area(); f.Offers != nil && !gateway && (area == "dns" || area == "discovery" || area == "name" || area == "dhcp") {
		return f.Here.NotAsGiven(&f.Policy, t, f.Offers)
	}
	if t.Fault != provisioning.FaultOtherServers {
		return t
	}
	t = t.With(f.Asked)
	if f.hijacked() && !f.proven() { // they cannot be right
		t = t.With(provisioning.Facts{"sound": nil, "unsure": nil, "invents": true, "astray": t.Facts["gone"]})
	}
	side := t.OnSide()
	switch from := givers(f); {
	case len(f.Policy.DNSServers) > 0:
		side = provisioning.SideDevice
	case from != nil:
		t, side = t.With(provisioning.Facts{"given": from, "unsaid": nil}), provisioning.SideDHCP
	}
	switch {
	case f.Asked["unheard"] != nil && f.remembers() && !f.lastGoodAnswers() && f.dnsDead().Reason != "":
		t.Fault = provisioning.FaultAway
		return t.OnNoSide()
	case f.Asked["gone"] != nil: // nobody knows which of them are right
		return t.OnNoSide()
	default:
		return t.On(side)
	}
}

// notKept is about a store that will not hold what the device learns.
func notKept(f *Facts) provisioning.Trouble {
	s, forgets := f.forgetful()
	if !forgets {
		return provisioning.Trouble{}
	}
	if s.What != "" {
		return provisioning.FaultNotKept.Because(toldAs(s.Reason.Met(""), s.Fault, s.What, s.Hint, ""), provisioning.Facts{"problem": s.What})
	}
	return provisioning.FaultNotKept.Because(s.Reason.Met(s.Detail), provisioning.Facts{"problem": s.Detail})
}

// noSpace is about a file system on which nothing more can be stored.
func noSpace(f *Facts) provisioning.Trouble {
	for i := range f.Store {
		s := &f.Store[i]
		if s.Fault == string(provisioning.FaultNoSpace) {
			return provisioning.FaultNoSpace.Met(nil).InWords(s.What, s.Hint)
		}
	}
	return provisioning.Trouble{}
}

// toBeLost says whether the daemon is registered still, where a sign-in fails now.
func toBeLost(f *Facts) bool {
	return f.Daemon.registered() && !f.signsIn() && f.Untried.None()
}

// unscraped is about metrics that the daemon cannot serve.
func unscraped(f *Facts) provisioning.Trouble {
	m := f.Daemon.Metrics
	if m == nil || f.ByPassed {
		return provisioning.Trouble{}
	}
	return provisioning.FaultNoMetrics.Met(nil).InWords(m.What, m.Hint)
}

// idle is about a daemon that does not do what the check has done. One that has never registered here need not run.
func idle(f *Facts) provisioning.Trouble {
	switch d := &f.Daemon; {
	case f.ByPassed:
		return provisioning.Trouble{}
	case d.NotRunning && f.remembers():
		return provisioning.FaultDaemonStopped.Met(nil)
	case d.Hangs:
		return provisioning.FaultDaemonHangs.Met(nil)
	case d.registered() || d.Reason == "":
		return atFallback(f)
	case !passed(f):
		return provisioning.FaultDaemonRests.Because(d.cause(), d.facts())
	default:
		return cured(f)
	}
}

// atFallback is about a daemon that is at a lesser place, as a better Registrar has failed: that may be well by now.
func atFallback(f *Facts) provisioning.Trouble {
	d := &f.Daemon
	if !f.signsIn() || d.SIPAddress != f.Policy.SIPAddress.String() {
		return provisioning.Trouble{}
	}
	missed := d.missed()
	switch {
	case !d.aside() && d.outside() && f.SignIn.Registrar.Step != nil && f.SignIn.Registrar.Step.IsInside(): // nothing led there when it looked
		return provisioning.FaultDaemonOutside.Met(d.wayBack()).OnNoSide()
	case !d.aside():
		return provisioning.Trouble{}
	case missed == nil && (f.FromRecord || f.witness() || slices.Contains(ofStrangers, d.Reason)): // nothing is known to be well again
		return provisioning.Trouble{}
	case missed == nil:
		return provisioning.FaultDaemonAtFallback.Because(d.cause(), d.wayBack()).OnNoSide()
	case wellAgain(f, &missed.Attempt) && slices.Contains(ofStrangers, missed.Reason): // who is not there whenever one looks
		return provisioning.FaultFallbackUntrusted.Because(told(&missed.Attempt), f.Daemon.wayBack()).OnNoSide()
	case wellAgain(f, &missed.Attempt):
		return provisioning.FaultDaemonAtFallback.Because(told(&missed.Attempt), f.Daemon.wayBack()).OnNoSide()
	case slices.Contains(ofStrangers, missed.Reason):
		return provisioning.FaultDaemonFallback.Because(told(&missed.Attempt), f.Daemon.wayBack()).OnNoSide()
	default:
		return provisioning.FaultDaemonFallback.Because(told(&missed.Attempt), f.Daemon.wayBack())
	}
}

// wellAgain says whether a Registrar takes the device at which the daemon has failed; or, where the check does not sign in, answers, if it is for
// want of that.
func wellAgain(f *Facts, missed *provisioning.Attempt) bool {
	for i := range f.SignIn.Attempts {
		a := &f.SignIn.Attempts[i]
		if a.Endpoint() == missed.Endpoint() {
			return a.Result != "failed"
		}
	}
	p, _ := f.place(&provisioning.Candidate{Endpoint: missed.Endpoint(), Addrs: []netip.Addr{missed.Address}})
	return p.ready() && (!missed.Reason.IsSIP() || missed.Reason == provisioning.SIPMalformed || missed.Fault == string(provisioning.FaultNoSIP))
}

// cured is about a daemon that is not registered, where the check has got past what it met. It may come back by itself, unless it has other
// settings; and what it met may be there again.
func cured(f *Facts) provisioning.Trouble {
	d := &f.Daemon
	fault, cause, facts := provisioning.FaultDaemonSettings, d.cause(), d.facts()
	switch a := d.met(ofStrangers...); {
	case d.SIPAddress != f.Policy.SIPAddress.String():
		facts["as"], facts["user"] = d.SIPAddress, f.Policy.SIPAddress
	case d.Newer != "":
		facts["newer"] = d.Newer
	case slices.Contains(ofStrangers, d.Reason):
		fault = provisioning.FaultDaemonUntrusted
	case a != nil:
		fault, cause = provisioning.FaultDaemonUntrusted, told(a)
	default:
		fault, facts = provisioning.FaultDaemonTriesAgain, d.back(f.SignIn.Registrar)
	}
	return fault.Because(cause, facts).OnNoSide()
}

// ofStrangers are the reasons that somebody on the way may be behind, who is not there whenever one looks.
var ofStrangers = []provisioning.Reason{provisioning.TLSUntrusted, provisioning.TLSName, provisioning.TLSNoName, provisioning.TLSFailed, provisioning.SIPBadSignature}

// passed says whether the check has got past what the daemon met: not past a right that only the daemon lacks, nor its turn, nor what a
// certificate met that the check did not use, nor what it spares a Registrar.
func passed(f *Facts) bool {
	met := f.Daemon.Reason
	return f.signsIn() && (f.Untried.None() || !met.IsSIP()) && !met.IsDHCPUnasked() && met != provisioning.StormWindow && f.Daemon.spares(false).None()
}

// lostOften is about a daemon that loses its registration over and over, though a sign-in works.
func lostOften(f *Facts) provisioning.Trouble {
	for i := range f.Losses {
		l := &f.Losses[i]
		if t := l.Trouble(); !t.None() && !f.ByPassed && (f.Daemon.State != provisioning.Resting || idle(f).None()) { // else that counts more
			return t
		}
	}
	return provisioning.Trouble{}
}

// notLostNow says of registrations that were lost often that this is over; "": they were not, or it is not.
func notLostNow(f *Facts) string {
	for i := range f.Losses {
		l := &f.Losses[i]
		if past := l.Past(); past != "" && !f.ByPassed {
			return past
		}
	}
	return ""
}
