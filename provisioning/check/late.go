package check

import (
	"slices"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// slowTrip is our choice: from when on the way to a name server is slow enough to make others seem dead.
const slowTrip = time.Second

// hurries says whether DNS has left nothing unanswered, and answered something soon.
func hurries(f *Facts) bool {
	for i := range f.Found {
		found := &f.Found[i]
		if found.Source.Source == "dns" && found.Step != provisioning.HostName && found.Verdict != provisioning.Failed && found.TookMS < slowTrip.Milliseconds() {
			return true
		}
	}
	return !slices.ContainsFunc(f.Found, func(found provisioning.Finding) bool { return tookLong(&found) })
}

// tookLong says whether DNS has taken long for a Finding, be it in vain.
func tookLong(found *provisioning.Finding) bool {
	return found.Source.Source == "dns" && (found.TookMS >= slowTrip.Milliseconds() || found.Reason == provisioning.DNSTimeout)
}

// cameLate notes of the Registrars that a connection came about after they had been waited for: the network is slow, where nothing came of any other
// in time. One that has not answered by then, either, is dead besides.
func cameLate(f *Facts) {
	fault := provisioning.FaultTooLate
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			heard := !provisioning.Unheard(probe.Trouble) && !p.closed() && !cannotReach(f, probe)
			if heard && probe.Connecting <= signin.ProbeConnect {
				fault = provisioning.FaultSlowWay // to this one alone
			}
		}
	}
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			if probe.Late == 0 {
				if late := answersLate(f, probe.Trouble); !late.None() {
					probe.Trouble = late
				}
				continue
			}
			facts := provisioning.Facts{"at": p.HostPort(), "address": probe.Addr, "ms": probe.Late.Milliseconds()}
			if f.Trip.Took >= slowTrip {
				facts["server"], facts["answers"] = f.Trip.Server, f.Trip.Took.Milliseconds()
			}
			probe.Trouble = fault.Because(probe.Trouble, facts)
		}
	}
}

// answersLate is of what nothing came for, where other answers of this look, or of one of the daemon, were seconds late.
func answersLate(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	pace := f.Daemon.Late
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			if late := provisioning.Alone(probe.Trouble); late.Fault == provisioning.FaultAnswersLate {
				pace = provisioning.Pace{Fault: string(late.Fault), What: late.What(), Hint: late.Hint()}
			}
		}
	}
	return provisioning.LateAnswers([]provisioning.Pace{pace}, t)
}

// tooLate is about a network that is too slow for a sign-in.
func tooLate(f *Facts) provisioning.Trouble {
	for _, role := range []Role{Planned, LastGood} {
		for _, p := range f.Places {
			for _, probe := range p.Probes {
				if p.Role == role && probe.Trouble.Fault == provisioning.FaultTooLate {
					return probe.Trouble
				}
			}
		}
	}
	return provisioning.Trouble{}
}
