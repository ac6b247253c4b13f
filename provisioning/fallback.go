package provisioning

import (
	"net/netip"
	"slices"
	"time"
)

// Missed is the first of the Registrars before the one in use that have failed in this cycle, or had no turn in it since they had failed before; nil:
// none has. Addresses of one name are equals, and so are SRV records of one priority. For one of the home pair only the primary counts, whichever
// way led there.
func (c *Cycle) Missed(used *Candidate, home []Registrar) *Fallback {
	at := slices.IndexFunc(home, func(r Registrar) bool { return r.Endpoint == used.Endpoint })
	var first *Attempt
	for i := range c.Attempts {
		switch a := &c.Attempts[i]; {
		case a.Result != "failed" && !a.waits() || a.Step == LastGood || a.Endpoint() == used.Endpoint:
		case at >= 0:
			if at > 0 && first == nil && a.Endpoint() == home[0].Endpoint {
				first = a
			}
		case a.before(used.Step, used.Rank) && (first == nil || a.Step < Recall && a.before(first.Step, first.rank)):
			first = a
		}
	}
	if first == nil {
		return nil
	}
	missed := *first
	why, _ := c.blamed(&missed)
	missed.Reason, missed.Fault, missed.What, missed.Detail, missed.Hint = why.Reason, why.Fault, why.What, why.Detail, why.Hint
	return &Fallback{missed, c.StartedAt}
}

// Unusable is what the sources before the one in use name, and devices do not use: a name outside the SIP domain, or one without an address.
func (c *Cycle) Unusable(used *Candidate) (found []Trouble) {
	for i := range c.Attempts {
		a := &c.Attempts[i]
		named := a.Result == "skipped" && (a.Reason == NameNotAllowed || a.Reason == NoAddress)
		if named && used.Step < Recall && a.Step < used.Step && !a.Trouble.None() && !Stale(a.Trouble) {
			found = append(found, a.Trouble)
		}
	}
	return found
}

// Stale says of a name that DNS lacks whether it may be that of a former server, as Memory.Known has it.
func Stale(t Trouble) bool { return t.Facts["leads"] != nil }

// before says whether an attempt went to a better place than those of a step and a rank. What a Registrar has named comes before all steps.
func (a *Attempt) before(step Step, rank int) bool {
	if step >= Recall || a.Step >= Recall {
		return a.Step >= Recall
	}
	return a.Step < step || a.Step == step && a.rank < rank
}

// Looked notes when a place took a connection, on those attempts to it that failed for want of one; zero: it did not.
func (c *Cycle) Looked(place Endpoint, addr netip.Addr, at time.Time) {
	for i := range c.Attempts {
		a := &c.Attempts[i]
		if a.Endpoint() == place && a.Address == addr && (a.Reason.IsConnect() || a.Reason.InTLS()) {
			a.AnsweredAt = at
		}
	}
}

// Asked notes at a time what came of asking again what DNS had not answered in this cycle.
func (c *Cycle) Asked(again *Source, at time.Time) {
	if c == nil {
		return
	}
	for i := range c.Sources {
		switch s := &c.Sources[i]; {
		case s.Step != again.Step || !Unanswered(s.Reason):
		case Unanswered(again.Reason):
			s.AnsweredAt = time.Time{}
		case s.AnsweredAt.IsZero():
			s.AnsweredAt = at
		}
	}
}

// AnsweredSince is since when everything is answered that DNS had not answered in this cycle; zero: there is something that is not, or there was nothing.
func (c *Cycle) AnsweredSince() (since time.Time) {
	if slices.ContainsFunc(c.Attempts, func(a Attempt) bool { return Unanswered(a.Reason) }) { // the address of a name, that is
		return since
	}
	for i := range c.Sources {
		s := &c.Sources[i]
		if !Unanswered(s.Reason) {
			continue
		}
		if s.AnsweredAt.IsZero() {
			return time.Time{}
		}
		if s.AnsweredAt.After(since) {
			since = s.AnsweredAt
		}
	}
	return since
}
