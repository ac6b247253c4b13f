package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"homeward/provisioning"
)

// addPassword tells what keeps the device from its password.
func addPassword(b *branch) {
	if t := passwordless(b.facts); !t.None() {
		c := Check{ID: "password", Title: "password of this device"}
		if c.because(Bad, t); b.facts.signsIn() { // with a certificate, or since nobody has asked
			c.Result = Warn
		}
		b.add(&c)
	}
}

// signIn is how the device signs in, and what each Registrar said to it.
func (b *branch) signIn() {
	f := b.facts
	c := Check{ID: "sign-in", Title: "sign-in as " + f.Policy.SIPAddress.String(), Result: Good}
	s := f.SignIn
	switch {
	case !spared(f).None():
		c.because(Skipped, spared(f))
	case !untried(f).None():
		c.because(Skipped, untried(f))
	case s == nil:
		c.Result, c.Needs = Skipped, cmp.Or(b.failed("plan"), b.firstPlace(), "plan")
		if link := b.failed("link"); link != "" && f.silent() {
			c.Needs = link
		}
	case s.Registrar == nil:
		c.Result, c.Reason, c.Fault, c.What, c.Detail, c.Hint = Bad, s.Why.Reason, s.Why.Fault, s.Why.What, s.Why.Detail, s.Why.Hint
		if s.Why.Reason == "" { // the time was over
			c.because(Bad, slowSignIn(f))
		}
	default:
		c.Detail = fmt.Sprintf("%s over %s", s.Registrar.HostPort(), strings.ToUpper(s.Registrar.Transport.String())) + f.how()
		if s.OnBackup {
			c.because(Warn, onBackup(f))
		}
		if !f.Second.None() {
			c.because(Warn, f.Second)
		}
		if f.FromRecord {
			c.because(Warn, onlyLastGood(f))
		}
		if t := unlisted(f); !t.None() {
			c.because(Warn, t)
		}
	}
	b.add(&c)
	b.certificate()
	for i, a := range attempts(s) {
		try := Check{
			ID: fmt.Sprintf("sign-in.attempt-%d", i+1), Under: "sign-in", Title: fmt.Sprintf("%s %s:%d", a.Step, a.Host, a.Port),
			Result: Good, Reason: a.Reason, Fault: a.Fault, What: a.What, Detail: a.Detail, Hint: a.Hint, TookMS: a.TookMS,
		}
		if a.Address.IsValid() {
			try.Title += fmt.Sprintf(" at %s", a.Address)
		}
		switch {
		case !untried(f).None(): // with what it was tried is not what the device has
			try.because(Skipped, untried(f))
			try.Detail = ""
		case a.Result == "skipped" && a.Step == provisioning.Redirect && a.Fault != "": // it was meant to be tried
			try.Result = Warn
		case a.Result == "skipped":
			try.Result = Skipped
		case a.Result == "failed" && f.signsIn():
			if t := second(f, a.Endpoint(), a.Address, a.Trouble); !t.None() {
				try.because(Warn, t)
			}
			try.Result = Warn
		case a.Result == "failed":
			try.Result = Bad
		}
		b.add(&try)
	}
	b.inBand()
}

// how says with what the device has signed in.
func (f *Facts) how() string {
	s, text := f.SignIn, ""
	switch {
	case !f.Second.None():
		return ", by the daemon; the check did not sign in beside it"
	case f.witness():
		return ", by the daemon with the certificate of this device; the check did not sign in, as that would end the registration of the daemon"
	case s.Scheme == provisioning.ByCertificate:
		text = " with the certificate of this device"
	case s.Scheme != "":
		text = " with " + s.Scheme + " as " + s.User
	}
	if s.Remote {
		text += ", from outside through an Access Edge"
	}
	return text
}

// certificate is how the certificate of the device did, if it has one.
func (b *branch) certificate() {
	f := b.facts
	c := Check{ID: "sign-in.certificate", Under: "sign-in", Title: "certificate of this device", Result: Good}
	switch t := f.Untried; {
	case t.None() && f.Policy.Identity == nil && !certified(f):
		return
	case certified(f):
		c.Detail = "the daemon is registered with it"
	case !t.None() && slices.Contains(untriedHere, t.Fault):
		c.because(Skipped, t)
	case !t.None():
		c.because(Warn, t)
	case !f.signsIn():
		c.Result, c.Needs = Skipped, "sign-in"
	case !f.SignIn.NotCertified.None():
		c.because(Warn, f.SignIn.NotCertified)
	case f.SignIn.Scheme == provisioning.ByCertificate:
		c.Detail = "accepted"
	default:
		c.Result, c.Detail = Skipped, "not asked for by the Registrar"
	}
	b.add(&c)
}

// firstPlace is the node of the first place that a device would try and that failed, or why that was not told.
func (b *branch) firstPlace() string {
	for j := range b.facts.Plan.Try {
		c := &b.facts.Plan.Try[j]
		if id := b.failed("registrar." + c.Host); id != "" {
			return id
		}
		if i := slices.IndexFunc(b.checks, func(host Check) bool { return host.ID == "registrar."+c.Host && host.Needs != "" }); i >= 0 {
			return b.checks[i].Needs
		}
	}
	return ""
}

// inBand is what a Registrar of Lync tells once it knows the device.
func (b *branch) inBand() {
	s := b.facts.SignIn
	home := Check{ID: "home", Title: "home pool", Result: Good}
	relays := Check{ID: "relays", Title: "media relays", Result: Good}
	switch {
	case !b.facts.signsIn():
		home.Result, home.Needs, relays.Result, relays.Needs = Skipped, "sign-in", Skipped, "sign-in"
	case !s.Lync:
		home.Result, home.Detail, relays.Result, relays.Detail = Skipped, "not a Lync Registrar, so it names none", Skipped, "not a Lync Registrar, so it names none"
	default:
		var pair []string
		for i := range s.Home {
			h := &s.Home[i]
			pair = append(pair, strings.TrimSpace(fmt.Sprintf("%s %s", h.HostPort(), h.Role)))
		}
		home.Detail = cmp.Or(strings.Join(pair, ", "), "not told")
		if s.Provisioning == nil && b.facts.witness() {
			home.Result, home.Detail = Skipped, "not known: the daemon has not been told"
			relays.Result, relays.Needs = Skipped, "home"
		} else if s.Provisioning == nil {
			home.because(Warn, relaysFail(b.facts))
			home.Detail = s.InBandDetail
			relays.Result, relays.Needs = Skipped, "home"
		} else if s.InBand != "" {
			relays.Result, relays.Reason, relays.Detail = Warn, s.InBand, s.InBandDetail
		}
	}
	b.add(&home)
	b.add(&relays)
	if !b.facts.signsIn() {
		return
	}
	for i := range s.MediaRelays {
		r := &s.MediaRelays[i]
		c := Check{ID: "relays." + r.Host, Under: "relays", Title: "media relay " + r.Host, Result: Good, Detail: strings.Join(
			[]string{provisioning.ListOf(r.Addresses), answers("UDP", r.UDPPort, r.UDPAnswers), answers("TCP", r.TCPPort, r.TCPAnswers)}, "; ")}
		if !answering(*r, b.facts.witness()) {
			c.Result, c.Reason = Warn, provisioning.RelayUnreachable
		}
		b.add(&c)
	}
}

func answers(network string, port uint16, yes *bool) string {
	switch {
	case port == 0 || yes == nil:
		return network + " not offered"
	case *yes:
		return fmt.Sprintf("%s %d answers", network, port)
	default:
		return fmt.Sprintf("%s %d does not answer", network, port)
	}
}
