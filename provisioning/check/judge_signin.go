package check

import (
	"slices"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// refusal is for a device that meets Registrars, none of which takes it.
func refusal(f *Facts) provisioning.Trouble {
	if f.SignIn == nil {
		return provisioning.Trouble{}
	}
	if t := untried(f); !t.None() {
		return t
	}
	if provisioning.SameWay[f.SignIn.Trouble.Fault] != "" {
		if t := alike(f); !t.None() {
			return t
		}
	}
	attempts := f.SignIn.Attempts
	for i := len(attempts) - 1; i >= 0; i-- { // the last word, where it is the one that counts
		a := attempts[i]
		if a.Result == "failed" && a.Reason == f.SignIn.Trouble.Reason() {
			if p, ok := badAt(f, &a); ok {
				t := besideProven(f, p, deadPlace(f, p))
				for _, other := range a.Trouble.Others() {
					if other.Fault == provisioning.FaultRedirected {
						t = t.And(other)
					}
				}
				return t
			}
			return besideOthers(f, a, refusedAlike(f, a))
		}
	}
	for i := range attempts {
		a := &attempts[i]
		if a.Result == "skipped" && a.Step == provisioning.Redirect {
			return a.Trouble
		}
	}
	if f.SignIn.Trouble.None() { // the time was over
		if t := deadPlaces(f); t.Reason() != "" {
			return t
		}
		return slowSignIn(f)
	}
	return f.SignIn.Trouble
}

// mostOthers is our choice: what more fail in other ways stands below.
const mostOthers = 2

// besideOthers adds to why a Registrar does not serve, which is not about who asks, what keeps the device from those of the same name, and
// from the others: one of them would do.
func besideOthers(f *Facts, a provisioning.Attempt, t provisioning.Trouble) provisioning.Trouble {
	if t.Reason() != provisioning.SIPUnavailable {
		return t
	}
	told := []provisioning.Reason{t.Reason()}
	for i := range f.Plan.Try {
		c := &f.Plan.Try[i]
		p, _ := f.place(c)
		for _, probe := range p.Probes {
			if isReady(probe) || p.closed() || cannotReach(f, probe) || slices.Contains(told, probe.Reason()) || len(told) > mostOthers {
				continue
			}
			told = append(told, probe.Reason())
			alone := *p
			alone.Probes = []*signin.Probe{probe}
			t = t.With(provisioning.Facts{"one": a.Address}).And(provisioning.FaultOtherwise.Because(deadPlace(f, &alone), nil))
		}
	}
	return t
}

// refusedAlike is what the first Registrar says that has refused the device for the reason of an attempt, and which others have: the site
// means the first to be used.
func refusedAlike(f *Facts, a provisioning.Attempt) provisioning.Trouble {
	var same []provisioning.Attempt
	for i := range f.SignIn.Attempts {
		other := &f.SignIn.Attempts[i]
		alike := other.Reason == a.Reason && (other.Trouble.Fault == a.Trouble.Fault || a.Reason == provisioning.SIPAuthNotSupported)
		if _, bad := badAt(f, other); other.Result == "failed" && alike && !bad {
			same = append(same, *other)
		}
	}
	t := refused(f, &same[0])
	if others := hostsBut(same, same[0].Host); others != "" {
		t = t.Also(provisioning.FaultLikewise, provisioning.Facts{"others": others})
	}
	for i := range same {
		if changed := &same[i].Trouble; i > 0 && changed.Fault == provisioning.FaultOfferChanged {
			t = t.Also(provisioning.FaultOfferedUntil, changed.Facts)
			if t.OnSide() != provisioning.SideRegistrar || same[0].Transport != provisioning.TLS { // else they have proven who says so
				t = t.OnNoSide()
			}
		}
	}
	return t
}

// slowSignIn is for a sign-in for which the time of the check was not enough, with what was measured before it.
func slowSignIn(f *Facts) provisioning.Trouble {
	if t := slowWay(f); !t.None() {
		return provisioning.FaultSlowSignIn.Because(t, nil)
	}
	for i := range f.Plan.Try {
		c := &f.Plan.Try[i]
		p, _ := f.place(c)
		for _, probe := range p.Probes {
			if probe.Answered && probe.Secured {
				return provisioning.FaultSlowSignIn.Met(provisioning.Facts{
					"at": c.HostPort(), "open": true, "securing": probe.Securing.Milliseconds(), "took": (probe.Took - probe.Connecting - probe.Securing).Milliseconds(),
				})
			}
		}
	}
	return provisioning.FaultSlowSignIn.Met(provisioning.Facts{"open": true})
}

// untried is for a device whose certificate was not tried, and that has nothing else to sign in with.
func untried(f *Facts) provisioning.Trouble {
	switch {
	case f.SignIn == nil && f.EndpointID != "": // the daemon has come meanwhile
		return f.Untried
	case f.SignIn != nil && slices.Contains(withoutCertificate, f.SignIn.Trouble.Fault):
		return f.Untried
	default:
		return provisioning.Trouble{}
	}
}

// withoutCertificate are the faults of a device that has nothing to sign in with.
var withoutCertificate = []provisioning.Fault{provisioning.FaultNoIdentity, provisioning.FaultNoPassword}

// certificateFails is about a device that signs in, and not with its certificate.
func certificateFails(f *Facts) provisioning.Trouble {
	switch t := f.Untried; {
	case !f.SignIn.NotCertified.None():
		return f.SignIn.NotCertified
	case !t.None() && !slices.Contains(untriedHere, t.Fault):
		return t
	default:
		return provisioning.Trouble{}
	}
}

// untriedHere are why a certificate was not tried that may well be as it should be.
var untriedHere = []provisioning.Fault{provisioning.FaultOnlyDaemon, provisioning.FaultDaemonUnknown, provisioning.FaultIdentityUnreadable}

// besideFails is about a device whose daemon is registered where a second connection, or sign-in, is not to be had.
func besideFails(f *Facts) provisioning.Trouble { return f.Second }

// unlisted is about a Registrar that has accepted, and does not list what it has granted: to the check, or to the daemon, beside which a
// check asks for nothing.
func unlisted(f *Facts) provisioning.Trouble {
	at := f.Daemon.At
	said := at != nil && at.Registrar != nil && slices.IndexFunc(at.Pace, notListed) >= 0
	if said && f.SignIn.Unlisted.None() && !f.ByPassed {
		return provisioning.FaultUnlisted.Met(provisioning.Facts{"at": at.Registrar.HostPort(), "host": at.Registrar.Host})
	}
	return f.SignIn.Unlisted
}

// bindingGone is about a daemon that is registered, and a Registrar that knows nothing of it.
func bindingGone(f *Facts) provisioning.Trouble { return f.Gone }

// onBackup is about a user whose primary Registrar is not there.
func onBackup(f *Facts) provisioning.Trouble {
	if !f.SignIn.OnBackup {
		return provisioning.Trouble{}
	}
	return provisioning.FaultOnBackup.Met(nil)
}

// relaysFail is about what the Registrar tells in band, and about media. A site may have no relays.
func relaysFail(f *Facts) provisioning.Trouble {
	if flaws := f.SignIn.Flaws; len(flaws) > 0 {
		return flaws[0]
	}
	return provisioning.Trouble{}
}
