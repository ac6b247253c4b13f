package main

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"homeward/provisioning"
	"homeward/service/control"
)

// printHints says once what to do about each of the failures: first what is wrong now, then what stands as well, then what was not met again in the last
// search; and at the end, without a cure, what is over, and what came when instead. Each has the latest first. all tells what else has happened, and now how
// the daemon stands; nil: that is not known.
func printHints(p *page, failures, all []control.Entry, now *provisioning.Status) error {
	past := newPast(append(slices.Clip(sinceSetBack(all)), byNow(now)...))
	var cures cures
	current := past.present(now)
	for i := range current {
		why := &current[i]
		if why.Hint == "" || p.hinted[why.Hint] {
			continue
		}
		p.hinted[why.Hint] = true
		c := &cure{heading: toDo, reason: why.Reason, fault: why.Fault, hint: why.Hint}
		i := slices.IndexFunc(failures, func(e control.Entry) bool { return e.Hint == why.Hint })
		if i >= 0 { // which tells the rest
			c.at = whereabouts(&failures[i])
		} else {
			c.told = because(why)
		}
		cures.add(c)
	}
	if now != nil && now.Link != nil {
		p.hinted[now.Hint] = true // as in status
	}
	for rank, heading := range []string{toDo, "not met in the last search, and so perhaps over", "over by now"} {
		for i := len(failures) - 1; i >= 0; i-- {
			e := &failures[i]
			if e.Hint == "" || p.hinted[e.Hint] || e.Follows || e.Event == string(provisioning.Unregistered) { // the last: the daemon was told to stop
				continue
			}
			of, came := past.rank(e, now)
			if of != rank {
				continue
			}
			p.hinted[e.Hint] = true
			c := &cure{heading: heading, reason: e.Reason, fault: e.Fault, hint: e.Hint, at: whereabouts(e)}
			if of == isOver {
				c.told, c.hint, c.fault = fields(printable(string(e.Reason)), printable(e.Query), cmp.Or(hostPort(e.Host, e.Port), printable(e.Address)))+instead(e, came), "", ""
			}
			cures.add(c)
		}
	}
	return cures.print(p)
}

const toDo = "what to do"

// cure is what to do about a failure.
type cure struct {
	heading, told string // "": the list of failures tells it
	reason        provisioning.Reason
	fault, hint   string
	at            string   // what it is about; "": that is not known
	likewise      []string // the others of which the same is so
}

// cures are those that are told, in their order.
type cures []*cure

// add adds a cure; one for the same fault elsewhere is not told again: only where else it is to be done.
func (list *cures) add(c *cure) {
	for _, other := range *list {
		if c.told == "" && c.fault != "" && c.at != "" && other.at != "" && other.heading == c.heading && other.reason == c.reason && other.fault == c.fault {
			if c.at != other.at && !slices.Contains(other.likewise, c.at) {
				other.likewise = append(other.likewise, c.at)
			}
			return
		}
	}
	*list = append(*list, c)
}

// print prints them under their headings.
func (list cures) print(p *page) error {
	headed := ""
	for _, c := range list {
		if c.heading != headed {
			p.printf("%s\n", c.heading)
		}
		headed = c.heading
		what := inFull(c.hint)
		if len(c.likewise) > 0 {
			what += "; likewise for " + printable(strings.Join(c.likewise, ", "))
		}
		switch {
		case c.hint == "":
			p.printf("  %s\n", c.told)
		case c.told != "":
			p.printf("  %s\n    hint: %s\n", c.told, what)
		default:
			p.printf("  %s: %s\n", printable(string(c.reason)), what)
		}
	}
	return p.err
}

// whereabouts is the place or the question that an entry is about; "": neither.
func whereabouts(e *control.Entry) string {
	if e.Host == "" {
		return e.Query
	}
	return provisioning.Endpoint{Host: e.Host, Port: e.Port}.HostPort()
}

// sinceSetBack is what has come since the clock was set back last: with what came before, times cannot be compared, so that it proves nothing over.
func sinceSetBack(all []control.Entry) []control.Entry {
	const back = time.Minute // by less, entries may be told out of order (our choice)
	for i := len(all) - 1; i > 0; i-- {
		if all[i].At.Add(back).Before(all[i-1].At) {
			return all[i:]
		}
	}
	return all
}

// How a failure stands.
const (
	stands = iota
	notMet // in the last search, and nothing proves that it is over
	isOver
	retold // as it is now
)

// rank is how a failure stands, and what proves that it is over, if that is an entry.
func (s *past) rank(e *control.Entry, now *provisioning.Status) (rank int, proof *control.Entry) {
	proof = s.over(e)
	paced := func(p provisioning.Pace) bool { return p.Fault == e.Fault }
	switch kind := provisioning.EventKind(e.Event); {
	case proof != nil:
		return isOver, proof
	case kind == provisioning.Paced && now != nil && now.State == provisioning.Registered:
		if slices.ContainsFunc(now.Pace, paced) {
			return retold, nil
		}
		return isOver, nil
	case slices.Contains(ofSearch, kind) && e.Latest().Before(s.began):
		return notMet, nil
	default:
		return stands, nil
	}
}

// ofSearch are the events that each search for a Registrar tells anew, and the loss that it begins with.
var ofSearch = []provisioning.EventKind{provisioning.LookedUp, provisioning.Attempted, provisioning.Redirected, provisioning.Skipped, provisioning.Lost, provisioning.Waiting, provisioning.Conflict, provisioning.NotCertified}

// present is what is wrong now, as status has it; if that is not known, what the device rested for at last.
func (s *past) present(now *provisioning.Status) []provisioning.Why {
	switch {
	case now != nil:
		return present(now)
	case s.rests != nil:
		return []provisioning.Why{{Reason: s.rests.Reason, Fault: s.rests.Fault, What: s.rests.What, Detail: s.rests.Detail, Hint: s.rests.Hint}}
	default:
		return nil
	}
}

// byNow are those that status alone tells, as entries: to what DNS had not answered, while the device rests.
func byNow(now *provisioning.Status) (list []control.Entry) {
	if now == nil || now.Cycle == nil {
		return nil
	}
	for i := range now.Cycle.Sources {
		s := &now.Cycle.Sources[i]
		if !s.AnsweredAt.IsZero() {
			list = append(list, control.Entry{At: s.AnsweredAt, Event: string(provisioning.LookedUp), Step: s.Step.String(), Query: s.Query})
		}
	}
	return list
}

// instead is what has come in the place of a failure, and when: " (answered at 2026-11-20 12:00:00)".
func instead(e, came *control.Entry) string {
	if came == nil {
		return ""
	}
	at := came.At
	if !at.After(e.Latest()) {
		at = came.Latest()
	}
	word := string(came.Reason)
	switch kind := provisioning.EventKind(came.Event); {
	case kind == provisioning.LookedUp && came.Verdict != provisioning.Failed.String():
		word = "answered"
	case word != "":
	case kind == provisioning.Enrolled:
		word = "received"
	case kind == provisioning.Refreshed:
		word = "renewed"
	case kind == provisioning.Well && came.Verdict != "":
		word = "no longer asked"
	case kind == provisioning.Well:
		word = "well again"
	default:
		word = "registered"
	}
	return fmt.Sprintf(" (%s at %s)", printable(word), moment(at))
}

// past is what has happened, which tells whether a failure is over.
type past struct {
	last    map[string]*control.Entry // the last of each subject that has come so far
	answers []*control.Entry          // of DNS
	until   []time.Time               // when one of these, or of those before it, came last
	rests   *control.Entry            // of that for which the device rests; nil: it does not
	began   time.Time                 // the last search that has ended; zero: that is not known
	linked  *control.Entry            // the last that has shown that the device is on its network
}

// How far an entry has come: what has come further than another proves that what that one failed for is over.
const (
	nowhere   = 'a' + iota // nothing is known to have come about
	connected              // a connection
	begun                  // TLS, which failed
	spoken                 // SIP; of a question: it was answered
	done                   // nothing has failed
)

func newPast(all []control.Entry) *past {
	s := &past{last: map[string]*control.Entry{}}
	var stood, until, ended time.Time
	begun := map[string]time.Time{} // each of the states in which a search begins, the last time
	for i := range all {
		e := &all[i]
		far, _ := came(e)
		at, of := e.Latest(), subject(e)+string(far)
		if before := s.last[of]; before == nil || !before.Latest().After(at) {
			s.last[of] = e
		}
		if asksDNS(e) && e.Reason != provisioning.DNSTimeout {
			if at.After(until) {
				until = at
			}
			s.answers, s.until = append(s.answers, e), append(s.until, until)
		}
		waits, registered := e.Event == string(provisioning.Waiting), e.State == provisioning.Registered.String()
		changed := e.Event == string(provisioning.StateChanged)
		switch {
		case changed && !registered && at.After(begun[e.State]):
			begun[e.State] = at
		case (waits || changed && registered) && at.After(ended):
			ended = at
		}
		if connects := e.Event == string(provisioning.Attempted) && far >= connected; (connects || changed && registered) && (s.linked == nil || at.After(s.linked.Latest())) {
			s.linked = e
		}
		if (waits || registered) && !stood.After(at) {
			stood, s.rests = at, e
			if !waits {
				s.rests = nil
			}
		}
	}
	s.began = lastSearch(begun, all)
	if ended.Before(s.began) { // what it meets is not told yet
		s.began = time.Time{}
	}
	return s
}

// lastSearch is when the last search began: with a recall, unless the device has rested since.
func lastSearch(begun map[string]time.Time, all []control.Entry) time.Time {
	recall, discovery := begun[provisioning.Recalling.String()], begun[provisioning.Discovering.String()]
	between := func(e control.Entry) bool {
		return e.Event == string(provisioning.Waiting) && (recall.Before(e.At) && e.At.Before(discovery) || recall.Before(e.Latest()) && e.Latest().Before(discovery))
	}
	if recall.IsZero() || recall.Before(discovery) && slices.ContainsFunc(all, between) {
		return discovery
	}
	return recall
}

// offNetwork are the faults of a device that reaches nobody: any connection proves that they are over.
var offNetwork = []provisioning.Fault{provisioning.FaultLinkLost, provisioning.FaultNoCarrier, provisioning.FaultNoOwnAddress, provisioning.FaultSwitchedOff, provisioning.FaultNothingHasAddress, provisioning.FaultOnlySelfMadeAddress, provisioning.FaultNoInterface}

// over is what proves that a failure is over, the last of it; nil: nothing does.
func (s *past) over(e *control.Entry) (proof *control.Entry) {
	of := subject(e)
	for _, far := came(e); far <= done; far++ {
		x := s.last[of+string(far)]
		if x != nil && !x.Latest().Before(e.Latest()) && outcome(x) != outcome(e) && (proof == nil || !x.Latest().Before(proof.Latest())) {
			proof = x
		}
	}
	if proof == nil && e.Reason == provisioning.DNSTimeout && (asksDNS(e) || e.Event == string(provisioning.Waiting)) {
		proof = s.dnsAnswered(e)
	}
	if proof == nil && s.linked != nil && s.linked.Latest().After(e.Latest()) && slices.Contains(offNetwork, provisioning.Fault(e.Fault)) {
		proof = s.linked
	}
	return proof
}

// dnsAnswered is the first that DNS has answered since nobody answered a question of it; nil: nothing, or others were answered at that time, so that it is
// about that question.
func (s *past) dnsAnswered(e *control.Entry) *control.Entry {
	at := e.Latest()
	n := sort.Search(len(s.answers), func(i int) bool { return s.answers[i].At.After(at) })
	if n == len(s.answers) || n > 0 && !s.until[n-1].Before(at.Add(-time.Duration(e.TookMS+1)*time.Millisecond)) {
		return nil
	}
	return s.answers[n]
}

// came is how far an entry has come, and how far something must have come to prove that what it failed for is over. What a Registrar itself says is over
// when the device is registered there, as is that for which it rests; an answer to a question is when there is another.
func came(e *control.Entry) (far, enough rune) {
	far, enough = nowhere, done
	switch kind := provisioning.EventKind(e.Event); {
	case kind == provisioning.LookedUp:
		if enough = spoken; e.Reason != provisioning.DNSTimeout && e.Reason != provisioning.DHCPSilent && !e.Reason.IsDHCPUnasked() {
			far = spoken
		}
	case e.Reason == "":
		far = done
	case kind != provisioning.Attempted && kind != provisioning.Lost:
	case e.Reason.InTLS():
		far, enough = begun, spoken
	case e.Reason == provisioning.ConnectReset:
		far, enough = connected, begun
	case e.Reason.IsConnect():
		enough = connected
	case e.Reason.IsSIP():
		far = spoken
	}
	if e.Event == string(provisioning.Lost) {
		far = nowhere
	}
	return far, enough
}

// asksDNS says whether an entry is about a question to DNS.
func asksDNS(e *control.Entry) bool {
	return e.Event == string(provisioning.LookedUp) && e.Step != provisioning.DHCPTLS.String() && e.Step != provisioning.DHCPTCP.String()
}

// subject is what an entry is about: a question, a place, or whether the device is registered. What is about none of them is a subject of its own.
func subject(e *control.Entry) string {
	text := e.Step + " " + e.Query
	switch provisioning.EventKind(e.Event) {
	case provisioning.LookedUp:
	case provisioning.Attempted, provisioning.Lost:
		text = hostPort(e.Host, e.Port) + " " + e.Address + " " + e.Transport
	case provisioning.Waiting:
		text = provisioning.Registered.String()
	case provisioning.Enrolled, provisioning.Refreshed:
		text = e.Event
	case provisioning.Paced, provisioning.Well:
		text = string(provisioning.Paced) + e.Address + " " + e.Fault
	default:
		if text += e.Event + e.Host + outcome(e); e.Event == string(provisioning.StateChanged) {
			text = e.State
		}
	}
	return text
}

// outcome is what an entry has come to; of what went well that is nothing.
func outcome(e *control.Entry) string { return string(e.Reason) + " " + e.Fault }
