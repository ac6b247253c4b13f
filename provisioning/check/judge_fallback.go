package check

import (
	"fmt"
	"slices"
	"time"

	"homeward/provisioning"
)

// refuses says whether a last good Registrar would refuse the device as the one that was tried has: it is that one, or the refusal is about
// who asks.
func refuses(f *Facts, c *provisioning.Candidate) bool {
	var attempts []provisioning.Attempt
	switch pause := spared(f); {
	case f.SignIn != nil && !f.signsIn():
		if provisioning.OfWhoAsks(f.SignIn.Trouble) {
			return true
		}
		attempts = f.SignIn.Attempts
	case !pause.None():
		if provisioning.OfWhoAsks(pause) {
			return true
		}
		attempts = f.Daemon.attempts()
	}
	return slices.ContainsFunc(attempts, func(a provisioning.Attempt) bool {
		return (a.Result == "failed" || a.Result == "redirected") && a.Endpoint() == c.Endpoint
	})
}

// rehearsal is how the device would fare with its last good Registrars.
type rehearsal struct {
	result  Result               // Good, Warn or Skipped
	place   string               // Good: at which it would fare so, in words
	trouble provisioning.Trouble // Warn: why not
	needs   string               // Skipped: the node below which it was not tried
}

// rehearse says how the device would fare: where a last good Registrar is refused or silent for what is wrong with another node, it is not known.
func rehearse(f *Facts) rehearsal {
	var first provisioning.Trouble
	for i := range f.Outage.Try {
		c := &f.Outage.Try[i]
		p, _ := f.place(c)
		if p.ready() && refuses(f, c) {
			return rehearsal{result: Skipped, needs: "sign-in"}
		}
		var beside provisioning.Trouble
		if len(p.Probes) > 0 {
			beside = second(f, p.Endpoint, p.best().Addr, p.best().Trouble)
		}
		switch {
		case beside.Fault == provisioning.FaultSecondSilent: // it serves nobody, most likely
			return rehearsal{result: Skipped, needs: "registrar." + c.Host}
		case !beside.None():
			return rehearsal{result: Good, place: fmt.Sprintf("%s, where the daemon is registered", place(c))}
		}
		if p.ready() {
			return rehearsal{result: Good, place: fmt.Sprintf("%s, last registered %s, answers at %s", place(c), f.Record.RegisteredAt.UTC().Format(time.DateOnly), p.best().Addr)}
		}
		if i == 0 && len(p.Probes) > 0 {
			first = deadPlace(f, p)
		}
	}
	if len(f.Outage.Try) == 0 && len(f.Outage.Skipped) > 0 {
		s := f.Outage.Skipped[0]
		return rehearsal{result: Warn, trouble: s.Reason.Met(s.Detail)}
	}
	return rehearsal{result: Warn, trouble: first}
}

// rehearsalFails is about what the device would fall back to.
func rehearsalFails(f *Facts) provisioning.Trouble {
	if !f.remembers() || f.ByPassed {
		return provisioning.Trouble{}
	}
	r := rehearse(f)
	if r.result != Warn {
		return provisioning.Trouble{}
	}
	return provisioning.FaultLastGoodUnusable.Because(r.trouble, provisioning.Facts{"host": f.lastGood().Host})
}
