package check

import (
	"slices"

	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/signin"
)

// serverDead is about one name server of several that does not answer.
func serverDead(f *Facts) provisioning.Trouble { return discover.DeadServer(f.Quality) }

// lossy is about questions that get lost on the way to a name server that is alive.
func lossy(f *Facts) provisioning.Trouble {
	for i := range f.Quality {
		q := &f.Quality[i]
		if t := discover.LossyServer(q); !t.None() {
			return t
		}
	}
	return provisioning.Trouble{}
}

// muchLost is the share of lost queries, in percent, from which on silence is no sign of a firewall. (Our choice.)
const muchLost = 10

// dropped are the faults of packets that do not arrive.
var dropped = []provisioning.Fault{provisioning.FaultFiltered, provisioning.FaultHostDrops, provisioning.FaultPortFiltered, provisioning.FaultTLSLost, provisioning.FaultTLSStalls, provisioning.FaultTLSDropped, provisioning.FaultSIPDropped}

// onSilence are the faults that rest on a connection to which nothing was answered, where one of these is the Reason.
var (
	onSilence      = []provisioning.Fault{provisioning.FaultSecondConnection, provisioning.FaultSecondSilent, provisioning.FaultAnsweredBefore, provisioning.FaultUneven}
	silenceReasons = []provisioning.Reason{provisioning.ConnectTimeout, provisioning.TLSTimeout, provisioning.SIPNoAnswer}
)

// onLossyWay is for a Registrar that seems to be behind a firewall, or to hang, where the questions to a name server get lost, too.
func onLossyWay(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	if !slices.Contains(dropped, t.Fault) && !(slices.Contains(onSilence, t.Fault) && slices.Contains(silenceReasons, t.Reason())) {
		return t
	}
	for i := range f.Quality {
		q := &f.Quality[i]
		if loss := discover.LossyServer(q); loss.Fault == provisioning.FaultDNSLossy && q.Lost() >= muchLost {
			return provisioning.FaultLossyWay.Met(t.With(loss.Facts).Facts)
		}
	}
	return t
}

// slowPlace is about a Registrar of the plan that is slow, or the way to it.
func slowPlace(f *Facts) provisioning.Trouble {
	for i := range f.Plan.Try {
		c := &f.Plan.Try[i]
		p, _ := f.place(c)
		for _, probe := range p.Probes {
			if t := signin.SlowWay(c, probe.Addr, probe.Connecting); probe.Connected && !t.None() {
				return t
			}
			if t := probe.SlowAnswer(c); !t.None() {
				return t
			}
		}
	}
	return provisioning.Trouble{}
}

// slow is about what takes long although all goes well in the end.
func slow(f *Facts) provisioning.Trouble {
	place := slowPlace(f)
	for i := range f.Quality {
		q := &f.Quality[i]
		switch t := discover.SlowServer(q); {
		case t.None():
		case place.Fault == provisioning.FaultSlowWay: // both, so it is on the way
			return provisioning.FaultSlowPath.Met(place.With(provisioning.Facts{"server": q.Server, "answers": t.Facts["ms"]}).Facts)
		default:
			return t
		}
	}
	for _, t := range []provisioning.Trouble{place, slowToAnswer(f)} {
		if !t.None() {
			return t
		}
	}
	if f.DHCP != nil && f.Policy.Asks(provisioning.DHCPTLS) {
		for i := range f.DHCP.Answers {
			a := &f.DHCP.Answers[i]
			if t := discover.SlowDHCP(a); !t.None() {
				return t
			}
		}
	}
	return provisioning.Trouble{}
}
