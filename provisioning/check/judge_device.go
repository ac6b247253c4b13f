package check

import (
	"fmt"
	"slices"
	"time"

	"github.com/homeward-agent/homeward/provisioning"
)

// notOnNetwork is about a device from which nothing gets out.
func notOnNetwork(f *Facts) provisioning.Trouble {
	if !f.silent() {
		return provisioning.Trouble{}
	}
	return f.Link.trouble()
}

// spared is about a daemon that rests, and whose password the check has spared.
func spared(f *Facts) provisioning.Trouble { return f.Daemon.spares(f.ByPassed) }

// onlyLastGood is about a device that would be lost without what it remembers.
func onlyLastGood(f *Facts) provisioning.Trouble {
	if !f.FromRecord {
		return provisioning.Trouble{}
	}
	return provisioning.FaultOnlyLastGood.Because(noPlan(f), provisioning.Facts{"host": f.SignIn.Registrar.Host})
}

// rehearsalFails is about what the device would fall back to.
func rehearsalFails(f *Facts) provisioning.Trouble {
	if !f.remembers() || f.ByPassed {
		return provisioning.Trouble{}
	}
	result, cause, _ := rehearse(f)
	if result != Warn {
		return provisioning.Trouble{}
	}
	return provisioning.FaultLastGoodUnusable.Because(cause, provisioning.Facts{"host": f.lastGood().Host})
}

// notKept is about a store that will not hold what the device learns.
func notKept(f *Facts) provisioning.Trouble {
	s, forgets := f.forgetful()
	if !forgets {
		return provisioning.Trouble{}
	}
	return provisioning.FaultNotKept.Because(s.Reason.Met(s.Detail), provisioning.Facts{"problem": s.Detail})
}

// toBeLost says whether the daemon is registered still, where a sign-in fails now.
func toBeLost(f *Facts) bool {
	return f.Daemon.registered() && !f.signsIn() && f.Untried.None()
}

// idle is about a daemon that does not do what the check has done. One that has never registered here need not run.
func idle(f *Facts) provisioning.Trouble {
	switch d := f.Daemon; {
	case f.ByPassed:
		return provisioning.Trouble{}
	case d.NotRunning && f.remembers():
		return provisioning.FaultDaemonStopped.Met(nil)
	case d.Hangs:
		return provisioning.FaultDaemonHangs.Met(nil)
	case !d.registered() && d.Reason != "":
		return provisioning.FaultDaemonRests.Because(d.cause(), d.facts())
	default:
		return provisioning.Trouble{}
	}
}

// lostOften is about a daemon that loses its registration over and over, though a sign-in works.
func lostOften(f *Facts) provisioning.Trouble {
	for _, l := range f.Losses {
		if t := l.Trouble(); !t.None() && !f.ByPassed {
			return t
		}
	}
	return provisioning.Trouble{}
}

// refuses says whether a last good Registrar would refuse the device as the one that was tried has: it is that one, or the account
// is at fault.
func refuses(f *Facts, c provisioning.Candidate) bool {
	return f.SignIn != nil && !f.signsIn() && (f.SignIn.Trouble.OnSide() == provisioning.SideAccount ||
		slices.ContainsFunc(f.SignIn.Attempts, func(a provisioning.Attempt) bool { return a.Result == "failed" && a.Endpoint() == c.Endpoint }))
}

// rehearse says how the device would fare with its last good Registrars: well, at the place of the text; or why not. Skipped: not at all, for the reason
// that the sign-in has failed.
func rehearse(f *Facts) (Result, provisioning.Trouble, string) {
	var first provisioning.Trouble
	for i, c := range f.Outage.Try {
		p, _ := f.place(c)
		if p.ready() && (refuses(f, c) || spared(f).OnSide() == provisioning.SideAccount) {
			return Skipped, provisioning.Trouble{}, ""
		}
		if len(p.Probes) > 0 && !second(f, p.Endpoint, p.best().Addr, p.best().Trouble).None() {
			return Good, provisioning.Trouble{}, fmt.Sprintf("%s, where the daemon is registered", place(c))
		}
		if p.ready() {
			return Good, provisioning.Trouble{}, fmt.Sprintf("%s, last registered %s, answers at %s", place(c), f.Record.RegisteredAt.UTC().Format(time.DateOnly), p.best().Addr)
		}
		if i == 0 && len(p.Probes) > 0 {
			first = p.best().Trouble
		}
	}
	if len(f.Outage.Try) == 0 && len(f.Outage.Skipped) > 0 {
		s := f.Outage.Skipped[0]
		return Warn, s.Reason.Met(s.Detail), ""
	}
	return Warn, first, ""
}
