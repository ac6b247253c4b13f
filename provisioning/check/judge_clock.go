package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// tolerated is how far two clocks may be apart before a sign-in is in danger: 5 minutes for Kerberos (MS-SIPAE).
const tolerated = 5 * time.Minute

// aDay is how far two clocks are apart when both times are told.
const aDay = 24 * time.Hour

// skew is how far another clock is ahead of ours.
type skew struct {
	ahead  time.Duration
	host   string        // whose clock; "": nobody has told the time
	sure   bool          // ours is wrong, if the two are far apart
	beyond *signin.Probe // the Registrar that tells a time at which its own certificate is not valid
}

// skewOf compares our clock with those of the Registrars that have proven their names. Failing them, with that of the time server
// nearest to us: time servers prove nothing, so that one alone does not make us wrong.
func skewOf(f *Facts) skew {
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			if date := probe.Greeting.Date; probe.Secured && !date.IsZero() {
				s := skew{ahead: date.Sub(f.Now).Round(time.Second), host: p.Host, sure: valid(probe, date)}
				if !s.sure {
					s.beyond = probe
				}
				return s
			}
		}
	}
	if s, ok := timeServer(f, 0); ok {
		return skew{ahead: s.Ahead.Round(time.Second), host: s.Name, sure: seconded(f, s)}
	}
	return skew{}
}

// valid says whether the certificate of a server is valid at a time, as far as its own dates go.
func valid(probe *signin.Probe, at time.Time) bool {
	return probe.TLS.NotAfter.IsZero() || !at.Before(probe.TLS.NotBefore) && !at.After(probe.TLS.NotAfter)
}

// longAgo is how far a certificate must be from valid by our clock to speak for another one: a certificate that has just been issued, or has just
// expired, speaks for neither. (Our choice.)
const longAgo = 7 * 24 * time.Hour

// seconded says whether something else agrees with a time server: another one, or a certificate that is by far not valid by our clock, and
// is by its.
func seconded(f *Facts, s TimeServer) bool {
	if slices.ContainsFunc(f.TimeServers, func(other TimeServer) bool {
		return other.Problem == "" && !other.is(&s) && (other.Ahead-s.Ahead).Abs() <= tolerated
	}) {
		return true
	}
	return slices.ContainsFunc(f.Places, func(p *Place) bool {
		return slices.ContainsFunc(p.Probes, func(probe *signin.Probe) bool {
			far := probe.TLS.NotBefore.Sub(f.Now) > longAgo || f.Now.Sub(probe.TLS.NotAfter) > longAgo
			return !probe.Secured && far && !valid(probe, f.Now) && valid(probe, f.Now.Add(s.Ahead))
		})
	})
}

// contradicts returns the host of a certificate that has been believed and is not valid at the time that a server tells; "": none.
func contradicts(f *Facts, s TimeServer) string {
	for _, p := range f.Places {
		if slices.ContainsFunc(p.Probes, func(probe *signin.Probe) bool { return probe.Secured && !valid(probe, f.Now.Add(s.Ahead)) }) {
			return p.Host
		}
	}
	return ""
}

// tooEarly says whether what a time server tells is before the build of this program. The time of the last registration is of our own clock,
// and says nothing where that is in doubt.
func tooEarly(f *Facts, s TimeServer) bool { return f.Now.Add(s.Ahead).Before(f.Policy.Built) }

// timeServer is the one whose clock is nearest to a clock that is so far ahead of ours; false: none tells a time that may be right.
func timeServer(f *Facts, ahead time.Duration) (nearest TimeServer, found bool) {
	for i := range f.TimeServers {
		s := &f.TimeServers[i]
		if s.Problem != "" || tooEarly(f, *s) || contradicts(f, *s) != "" {
			continue
		}
		if !found || (s.Ahead-ahead).Abs() < (nearest.Ahead-ahead).Abs() {
			nearest, found = *s, true
		}
	}
	return nearest, found
}

// confirmClock takes the advice to check the clock out of what was said of dates, where a Registrar or a time server has the same
// time: then it is the certificate that is wrong. Where one has another, it adds the advice, whatever the system says of the clock.
func confirmClock(f *Facts) {
	by, off := skewOf(f).host, !clockOff(f).None()
	switch {
	case off:
		by = ""
	case by == "":
		return
	default:
		by = "agrees with " + by
	}
	confirm := func(t *provisioning.Trouble) { *t = provisioning.Timed(*t, by) }
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			confirm(&probe.Trouble)
		}
	}
	if f.SignIn != nil {
		confirm(&f.SignIn.Trouble)
		for i := range f.SignIn.Attempts {
			confirm(&f.SignIn.Attempts[i].Trouble)
		}
	}
}

// clockOff is about a clock that shows what others contradict.
func clockOff(f *Facts) provisioning.Trouble {
	s := skewOf(f)
	setRight := s.sure && s.ahead.Abs() <= tolerated && !f.Now.Before(f.Policy.Built) // it was ahead at the last registration
	if f.Now.Before(f.ClockFloor) && !setRight {
		return setClock(f, provisioning.FaultClockPassed.Met(provisioning.Facts{"now": f.Now, "passed": f.ClockFloor}))
	}
	facts := provisioning.BothTimes(provisioning.Facts{"host": s.host, "span": provisioning.Apart(s.ahead.Abs())}, f.Now, s.ahead)
	switch {
	case s.host == "" || s.ahead.Abs() <= tolerated:
		return provisioning.Trouble{}
	case s.beyond != nil:
		facts["begins"], facts["ends"] = s.beyond.TLS.NotBefore, s.beyond.TLS.NotAfter
		return provisioning.FaultClockEither.Met(facts)
	case !s.sure:
		return provisioning.FaultClockEither.Met(facts)
	case s.ahead > 0:
		return setClock(f, provisioning.FaultClockBehind.Met(facts))
	default:
		return setClock(f, provisioning.FaultClockAhead.Met(facts))
	}
}

// clockWrong is clockOff where it is sure that the clock of this device is the one that is wrong.
func clockWrong(f *Facts) provisioning.Trouble {
	t := clockOff(f)
	if t.Fault == provisioning.FaultClockEither {
		return provisioning.Trouble{}
	}
	return t
}

// setClock adds by what the clock can be set.
func setClock(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	ahead := skewOf(f).ahead
	if s, ok := timeServer(f, ahead); ok && (s.Ahead-ahead).Abs() <= tolerated {
		return t.With(provisioning.Facts{"server": s.Name, "source": s.Source})
	}
	return t.With(provisioning.Facts{"record": f.timeRecord()})
}

// timeApart is how far the clocks of the time servers are apart.
func timeApart(f *Facts) (apart time.Duration) {
	for i := range f.TimeServers {
		a := &f.TimeServers[i]
		for i := range f.TimeServers {
			b := &f.TimeServers[i]
			if a.Problem == "" && b.Problem == "" {
				apart = max(apart, a.Ahead-b.Ahead)
			}
		}
	}
	return apart.Round(time.Second)
}

// serversApart is about time servers of which one at least misleads phones that set their clocks by it.
func serversApart(f *Facts) provisioning.Trouble {
	apart := timeApart(f)
	if apart <= tolerated {
		return provisioning.Trouble{}
	}
	facts := provisioning.Facts{"span": provisioning.Apart(apart)}
	for name, source := range map[string]string{"dhcp": option42, "dns": f.timeRecord()} {
		if servers := timeServers(f, source); servers != "" {
			facts[name] = source + " names " + servers
		}
	}
	if apart >= aDay {
		facts["now"] = f.Now
	}
	return provisioning.FaultTimeServersApart.Met(facts)
}

// serverOff is about a time server whose time is wrong for certain: a certificate that has been believed is not valid then, it is before the build
// of this program, or a Registrar that has proven its name has the time of this device. A phone that has no battery for its clock believes the
// server.
func serverOff(f *Facts) provisioning.Trouble {
	if t := clockOff(f); !t.None() {
		return provisioning.Trouble{}
	}
	ours := skewOf(f)
	agreed := ours.sure && slices.ContainsFunc(f.Places, func(p *Place) bool { return p.Host == ours.host })
	for i := range f.TimeServers {
		s := &f.TimeServers[i]
		host := contradicts(f, *s)
		if s.Problem != "" || s.Ahead.Abs() <= tolerated || !agreed && host == "" && !tooEarly(f, *s) {
			continue
		}
		facts := provisioning.Facts{"server": s.Name, "source": s.Source, "span": provisioning.Apart(s.Ahead.Abs().Round(time.Second)), "direction": "ahead"}
		if s.Ahead < 0 {
			facts["direction"] = "behind"
		}
		if host != "" {
			facts["of"] = host
		}
		return provisioning.FaultTimeServerOff.Met(provisioning.BothTimes(facts, f.Now, s.Ahead))
	}
	return provisioning.Trouble{}
}

// timeServers are those that a source names, with what each says.
func timeServers(f *Facts, source string) string {
	var said []string
	for i := range f.TimeServers {
		s := &f.TimeServers[i]
		if s.Source != source {
			continue
		}
		what := s.Problem
		switch {
		case what != "":
		case s.Ahead.Abs() < time.Second:
			what = "within 1s"
		case s.Ahead > 0:
			what = provisioning.Apart(s.Ahead.Round(time.Second)) + " ahead"
		default:
			what = provisioning.Apart(-s.Ahead.Round(time.Second)) + " behind"
		}
		if s.Problem == "" && s.Ahead.Abs() >= aDay {
			what += ", at " + f.Now.Add(s.Ahead).UTC().Format("2006-01-02 15:04 UTC")
		}
		if host := contradicts(f, *s); s.Problem == "" && host != "" {
			what += ", which is wrong"
		}
		said = append(said, fmt.Sprintf("%s (%s)", s.Name, what))
	}
	return strings.Join(said, ", ")
}
