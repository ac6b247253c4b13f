package check

import (
	"slices"
	"strings"
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
			if probe.Reason() != provisioning.ConnectUnreachable && probe.Reason() != provisioning.ConnectTimeout {
				return false
			}
		}
	}
	return true
}

// credentialsRest is about a daemon that keeps the password from being used.
func credentialsRest(f *Facts) provisioning.Trouble {
	if !f.CredentialsRest {
		return provisioning.Trouble{}
	}
	return provisioning.CredentialsResting.Met("")
}

// clockOff is about a clock that shows what others contradict.
func clockOff(f *Facts) provisioning.Trouble {
	if f.Now.Before(f.ClockFloor) {
		return f.setClock(provisioning.FaultClockPassed, provisioning.Facts{"now": f.Now, "passed": f.ClockFloor})
	}
	ahead, host, told := f.skew()
	switch {
	case !told || ahead.Abs() <= tolerated:
		return provisioning.Trouble{}
	case ahead > 0:
		return f.setClock(provisioning.FaultClockBehind, provisioning.Facts{"host": host, "span": span(ahead)})
	default:
		return f.setClock(provisioning.FaultClockAhead, provisioning.Facts{"host": host, "span": span(-ahead)})
	}
}

// setClock adds by what the clock can be set.
func (f *Facts) setClock(fault *provisioning.Fault, facts provisioning.Facts) provisioning.Trouble {
	ahead, _, _ := f.skew()
	if s, ok := f.timeServer(ahead); ok && (s.Ahead-ahead).Abs() <= tolerated {
		facts["server"], facts["source"] = s.Name, s.Source
	} else {
		facts["record"] = f.timeRecord()
	}
	return fault.Met(facts)
}

// span is a duration without the units that are zero: "1h".
func span(d time.Duration) string {
	return strings.Replace(strings.Replace(d.String(), "m0s", "m", 1), "h0m", "h", 1)
}

// onlyLastGood is about a device that would be lost without what it remembers.
func onlyLastGood(f *Facts) provisioning.Trouble {
	if !f.FromRecord {
		return provisioning.Trouble{}
	}
	return provisioning.FaultOnlyLastGood.Because(f.noPlan(), provisioning.Facts{"host": f.SignIn.Registrar.Host})
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

// forgetful returns why what the device learns may not survive a restart.
func (f *Facts) forgetful() (provisioning.StoreState, bool) {
	i := slices.IndexFunc(f.Store, func(s provisioning.StoreState) bool {
		return s.Reason == provisioning.CacheWrite || s.Reason == provisioning.CacheReadOnly || s.Reason == provisioning.CacheTooNew
	})
	if i < 0 {
		return provisioning.StoreState{}, false
	}
	return f.Store[i], true
}

// idle is about a daemon that does not do what the check has done. One that has never registered here need not run.
func idle(f *Facts) provisioning.Trouble {
	switch d := f.Daemon; {
	case f.ByPassed:
		return provisioning.Trouble{}
	case d.NotRunning && f.remembers():
		return provisioning.FaultDaemonStopped.Met(nil)
	case d.State == provisioning.Resting:
		return provisioning.FaultDaemonRests.Because(d.Reason.Met(""), provisioning.Facts{"until": d.NextAttempt.UTC().Format("15:04:05 UTC")})
	default:
		return provisioning.Trouble{}
	}
}
