package main

import (
	"fmt"
	"sort"
	"time"

	"homeward/provisioning"
	"homeward/service/control"
)

// printHints says once what to do about each of the failures: first that for which the device rests, then what stands as well, and then what
// is over, and what came when instead, each the latest first. all tells what else has happened.
func printHints(p *page, failures, all []control.Entry) error {
	past := newPast(all)
	heading := ""
	for rank, now := range []string{"what to do", "what to do", "over by now (what to do if it comes back)"} {
		for i := len(failures) - 1; i >= 0; i-- {
			e := &failures[i]
			if e.Hint == "" || p.hinted[e.Hint] || e.Follows || rank == 0 && e.Hint != past.rests {
				continue
			}
			came := past.over(e)
			if (came != nil) != (rank == 2) {
				continue
			}
			if now != heading {
				heading = now
				p.printf("%s\n", heading)
			}
			p.hinted[e.Hint] = true
			p.printf("  %s%s: %s\n", printable(string(e.Reason)), instead(e, came), inFull(e.Hint))
		}
	}
	return p.err
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
	rests   string                    // what to do about that for which the device rests; "": it does not
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
	var stood, until time.Time
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
		waits := e.Event == string(provisioning.Waiting)
		if (waits || e.State == provisioning.Registered.String()) && !stood.After(at) {
			stood, s.rests = at, e.Hint
			if !waits {
				s.rests = ""
			}
		}
	}
	return s
}

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
