package check

import (
	"net/netip"
	"slices"

	"github.com/homeward-agent/homeward/provisioning"
)

// refusal is for a device that meets Registrars, none of which takes it.
func refusal(f *Facts) provisioning.Trouble {
	if f.SignIn == nil {
		return provisioning.Trouble{}
	}
	attempts := f.SignIn.Attempts
	for _, a := range slices.Backward(attempts) { // the last word, where it is the one that counts
		if a.Result == "failed" && a.Reason == f.SignIn.Trouble.Reason() {
			if p, ok := f.badAt(a); ok {
				return f.deadPlace(p)
			}
			return f.refused(a)
		}
	}
	for _, a := range attempts {
		if a.Result == "skipped" && a.Step == provisioning.Redirect {
			return redirectedNowhere(a, attempts)
		}
	}
	if f.SignIn.Trouble.None() { // the time was over
		if t := deadPlaces(f); t.Reason() != "" {
			return t
		}
		return provisioning.FaultSlowSignIn.Met(nil)
	}
	return f.SignIn.Trouble
}

// badAt returns the place at which an attempt has met a bad certificate, with the address that showed it.
func (f *Facts) badAt(a provisioning.Attempt) (Place, bool) {
	p, ok := f.place(provisioning.Candidate{Endpoint: a.Endpoint(), Addrs: []netip.Addr{a.Address}})
	return p, ok && a.Reason.IsCertificate() && slices.ContainsFunc(p.Probes, isUnproven)
}

// redirectedNowhere is for a redirect that cannot be followed.
func redirectedNowhere(a provisioning.Attempt, attempts []provisioning.Attempt) provisioning.Trouble {
	first, last := "", a.Host
	for _, before := range attempts {
		if before.Result == "redirected" {
			if last = before.Host; first == "" {
				first = before.Host
			}
		}
	}
	switch a.Reason {
	case provisioning.NoAddress:
		return provisioning.FaultRedirectNoAddress.Met(provisioning.Facts{"from": last, "host": a.Host})
	case provisioning.SIPRedirectLoop:
		return provisioning.FaultRedirectLoop.Met(provisioning.Facts{"from": first})
	default:
		return provisioning.FaultRedirectNotUsed.Because(a.Reason.Met(a.Detail), provisioning.Facts{"from": last, "host": a.Host})
	}
}

// refused is for one Registrar that answered, and did not take the device. A wrong clock may be why.
func (f *Facts) refused(a provisioning.Attempt) provisioning.Trouble {
	t := a.Trouble
	if clock := clockOff(f); !clock.None() && a.Reason != provisioning.ClockWrong {
		t.And = append(slices.Clip(t.And), clock)
	}
	return t
}

// onBackup is about a user whose primary Registrar is not there.
func onBackup(f *Facts) provisioning.Trouble {
	if !f.SignIn.OnBackup {
		return provisioning.Trouble{}
	}
	return provisioning.FaultOnBackup.Met(nil)
}

// relaysFail is about what the Registrar tells in band, and about media. A site may have no relays.
func relaysFail(f *Facts) provisioning.Trouble {
	s := f.SignIn
	switch {
	case s.InBand == "" || s.InBand == provisioning.RelayNone:
		return provisioning.Trouble{}
	case s.InBand == provisioning.RelayUnreachable && len(s.MediaRelays) > 0:
		return provisioning.FaultRelaySilent.Met(provisioning.Facts{"host": s.MediaRelays[0].Host})
	default:
		return s.InBand.Met(s.InBandDetail)
	}
}
