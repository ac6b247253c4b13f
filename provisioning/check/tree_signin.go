package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/homeward-agent/homeward/provisioning"
)

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
			c.because(Bad, provisioning.FaultSlowSignIn.Met(nil))
		}
	default:
		c.Detail = fmt.Sprintf("%s over %s", s.Registrar.HostPort(), strings.ToUpper(s.Registrar.Transport.String())) + f.how()
		if s.OnBackup {
			c.because(Warn, onBackup(f))
		}
		if f.FromRecord {
			c.because(Warn, onlyLastGood(f))
		}
	}
	b.add(c)
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
		case a.Result == "skipped":
			try.Result = Skipped
		case a.Result == "failed" && f.signsIn():
			try.Result = Warn
		case a.Result == "failed":
			try.Result = Bad
		}
		b.add(try)
	}
	b.inBand()
}

// how says with what the device has signed in.
func (f *Facts) how() string {
	s, text := f.SignIn, ""
	switch {
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
	case t.None() && f.Policy.Identity == nil && !f.witness():
		return
	case f.witness():
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
	b.add(c)
}
