package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/provisioning"
	"homeward/service/control"
)

// entries are told one a second from noon on; one of a Reason with that as its cure.
func entries(told ...control.Entry) []control.Entry {
	for i := range told {
		told[i].At = time.Date(2026, 11, 20, 12, 0, i, 0, time.UTC)
		if told[i].Reason != "" {
			told[i].Hint = fmt.Sprintf("fix %s%s%s", told[i].Reason, told[i].Address, told[i].Query)
		}
	}
	return told
}

// TestMend137WhatProvesItOver: what a Registrar, or the way to it, failed for is not over because something else has failed since; only what has come
// further says so, and of what the device rests for that it is registered. Of two name servers the one that is well again is over.
func TestMend137WhatProvesItOver(t *testing.T) {
	attempt := func(reason provisioning.Reason) control.Entry {
		return control.Entry{Event: "attempt", Host: "fe01", Port: 5061, Transport: "tls", Reason: reason}
	}
	lost := attempt(provisioning.ConnectReset)
	lost.Event = "lost"
	rest := func(reason provisioning.Reason) control.Entry {
		return control.Entry{Event: "wait", Reason: reason, Explains: true}
	}
	lookup := func(step, query string, reason provisioning.Reason) control.Entry {
		e := control.Entry{Event: "lookup", Step: step, Query: query, Verdict: "found", Reason: reason}
		if reason != "" {
			e.Verdict = "failed"
		}
		return e
	}
	enrol := func(reason provisioning.Reason) control.Entry { return control.Entry{Event: "enrol", Reason: reason} }
	pace := func(event, address string, reason provisioning.Reason) control.Entry {
		return control.Entry{Event: event, Address: address, Fault: "dns.slow", Reason: reason}
	}
	registered := control.Entry{Event: "state", State: "registered"}
	const over = "over by now\n"
	for name, test := range map[string]struct {
		all  []control.Entry
		want string
	}{
		"a certificate, and then nothing listens": {entries(attempt(provisioning.TLSUntrusted), attempt(provisioning.ConnectRefused)),
			"what to do\n  connect-refused: fix connect-refused\n  tls-untrusted: fix tls-untrusted\n"},
		"nothing listens, and then a certificate": {entries(attempt(provisioning.ConnectRefused), attempt(provisioning.TLSUntrusted)),
			"what to do\n  tls-untrusted: fix tls-untrusted\n" + over + "  connect-refused fe01:5061 (tls-untrusted at 2026-11-20 12:00:01)\n"},
		"a certificate, and then another": {entries(attempt(provisioning.TLSUntrusted), attempt(provisioning.TLSExpired)),
			"what to do\n  tls-expired: fix tls-expired\n  tls-untrusted: fix tls-untrusted\n"},
		"a certificate, and then SIP": {entries(attempt(provisioning.TLSUntrusted), attempt(provisioning.SIPForbidden)),
			"what to do\n  sip-forbidden: fix sip-forbidden\n" + over + "  tls-untrusted fe01:5061 (sip-forbidden at 2026-11-20 12:00:01)\n"},
		"a certificate, a registration, and then nothing listens": {entries(attempt(provisioning.TLSUntrusted), attempt(""), attempt(provisioning.ConnectRefused)),
			"what to do\n  connect-refused: fix connect-refused\n" + over + "  tls-untrusted fe01:5061 (registered at 2026-11-20 12:00:01)\n"},
		"a refusal, and then a certificate": {entries(attempt(provisioning.SIPForbidden), attempt(provisioning.TLSUntrusted)),
			"what to do\n  tls-untrusted: fix tls-untrusted\n  sip-forbidden: fix sip-forbidden\n"},
		"a connection that was cut": {entries(lost, attempt(provisioning.ConnectRefused), attempt(provisioning.TLSUntrusted)),
			"what to do\n  tls-untrusted: fix tls-untrusted\n" + over + "  connect-refused fe01:5061 (tls-untrusted at 2026-11-20 12:00:02)\n  connect-reset fe01:5061 (tls-untrusted at 2026-11-20 12:00:02)\n"},
		"a connection that is cut, where nothing listened": {entries(attempt(provisioning.ConnectRefused), attempt(provisioning.ConnectReset), attempt(provisioning.ConnectTimeout)),
			"what to do\n  connect-timeout: fix connect-timeout\n  connect-reset: fix connect-reset\n" + over + "  connect-refused fe01:5061 (connect-reset at 2026-11-20 12:00:01)\n"},
		"rests for something else": {entries(rest(provisioning.TLSUntrusted), rest(provisioning.ConnectRefused)),
			"what to do\n  connect-refused: fix connect-refused\n  tls-untrusted: fix tls-untrusted\n"},
		"rests for two things, and is registered": {entries(rest(provisioning.TLSUntrusted), rest(provisioning.ConnectRefused), registered),
			over + "  connect-refused (registered at 2026-11-20 12:00:02)\n  tls-untrusted (registered at 2026-11-20 12:00:02)\n"},
		"rests since DNS is silent, which it is not any more": {entries(rest(provisioning.DNSTimeout), lookup("internal-tls", "", ""), rest(provisioning.ConnectRefused)),
			"what to do\n  connect-refused: fix connect-refused\n" + over + "  dns-timeout (answered at 2026-11-20 12:00:01)\n"},
		"DNS fails, and is silent then": {entries(lookup("internal-tls", "", provisioning.DNSServFail), lookup("internal-tls", "", provisioning.DNSTimeout)),
			"what to do\n  dns-timeout: fix dns-timeout\n  dns-servfail: fix dns-servfail\n"},
		"DNS fails, and refuses then": {entries(lookup("internal-tls", "", provisioning.DNSServFail), lookup("internal-tls", "", provisioning.DNSRefused)),
			"what to do\n  dns-refused: fix dns-refused\n" + over + "  dns-servfail (dns-refused at 2026-11-20 12:00:01)\n"},
		"DHCP is malformed, and silent then": {entries(lookup("dhcp-tls", "", provisioning.DHCPMalformed), lookup("dhcp-tls", "", provisioning.DHCPSilent)),
			"what to do\n  dhcp-silent: fix dhcp-silent\n  dhcp-malformed: fix dhcp-malformed\n"},
		"no certificate, for two reasons": {entries(enrol(provisioning.ConnectRefused), enrol(provisioning.EnrolFailed)),
			"what to do\n  enrol-failed: fix enrol-failed\n  connect-refused: fix connect-refused\n"},
		"one of two slow name servers": {entries(pace("pace", "10.0.0.53", provisioning.Slow), pace("pace", "10.0.0.54", provisioning.Slow), pace("well", "10.0.0.53", "")),
			"what to do\n  slow: fix slow10.0.0.54\n" + over + "  slow 10.0.0.53 (well again at 2026-11-20 12:00:02)\n"},
		"a slow name server that is not asked any more": {entries(pace("pace", "10.0.0.53", provisioning.Slow), control.Entry{Event: "well", Address: "10.0.0.53", Fault: "dns.slow", Verdict: "absent"}),
			over + "  slow 10.0.0.53 (no longer asked at 2026-11-20 12:00:01)\n"},
	} {
		var b bytes.Buffer
		if err := printHints(newPage(&b), control.Excerpt{Failures: true}.Of(test.all), test.all, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestMend254WhatHoldsNow: what to do begins with what status says of now, also where no failure tells of it; what the last search has not met again comes
// after that, and the link is back where a connection came about since.
func TestMend254WhatHoldsNow(t *testing.T) {
	attempt := func(host string, reason provisioning.Reason) control.Entry {
		return control.Entry{Event: "attempt", Host: host, Port: 5061, Transport: "tls", Reason: reason}
	}
	state := func(s provisioning.State) control.Entry { return control.Entry{Event: "state", State: s.String()} }
	rest := control.Entry{Event: "wait", Reason: provisioning.ConnectTimeout, What: "this device is in another network"}
	plug := attempt("fe01", provisioning.ConnectUnreachable)
	plug.Event, plug.Fault = "lost", string(provisioning.FaultLinkLost)
	loose := control.Entry{Event: "pace", Reason: provisioning.ConnectUnreachable, Fault: string(provisioning.FaultLinkLost)}
	silent := control.Entry{Event: "lookup", Step: "internal-tls", Query: "_sip", Verdict: "failed", Reason: provisioning.DNSTimeout}
	other := &provisioning.Status{State: provisioning.Resting, Reason: provisioning.ConnectTimeout, What: "this device is in another network", Hint: "check the VLAN"}
	link := *other
	link.Link = &provisioning.StoreState{Reason: provisioning.ConnectUnreachable, What: "eth0 has no carrier", Hint: "check the cable"}
	well := &provisioning.Status{State: provisioning.Registered}
	slow := &provisioning.Status{State: provisioning.Registered, Pace: []provisioning.Pace{{Reason: provisioning.ConnectUnreachable, Fault: loose.Fault, What: "the link was lost twice", Hint: "check the plug"}}}
	answers := &provisioning.Status{State: provisioning.Resting, Reason: provisioning.DNSTimeout, Hint: "fix dns-timeout_sip", Cycle: &provisioning.Cycle{Sources: []provisioning.Source{
		{Step: provisioning.InternalTLS, Source: "dns", Query: "_sip", Verdict: provisioning.Failed, Reason: provisioning.DNSTimeout, AnsweredAt: time.Date(2026, 11, 20, 12, 0, 9, 0, time.UTC)},
	}}}
	const another = "what to do\n  connect-timeout: this device is in another network\n    hint: "
	const before = "not met in the last search, and so perhaps over\n"
	for name, test := range map[string]struct {
		all  []control.Entry
		now  *provisioning.Status
		want string
	}{
		"status alone tells of it":                 {entries(attempt("fe01", provisioning.ConnectRefused)), other, another + "check the VLAN\n  connect-refused: fix connect-refused\n"},
		"nobody can be asked but the last rest":    {entries(attempt("fe01", provisioning.ConnectRefused), rest), nil, another + "fix connect-timeout\n  connect-refused: fix connect-refused\n"},
		"the link is why at the moment":            {entries(rest), &link, "what to do\n  connect-unreachable: eth0 has no carrier\n    hint: check the cable\n"},
		"one that was not tried again":             {entries(attempt("fe09", provisioning.ConnectRefused), state(provisioning.Discovering), attempt("fe01", provisioning.TLSExpired), rest), other, another + "check the VLAN\n  tls-expired: fix tls-expired\n" + before + "  connect-refused: fix connect-refused\n"},
		"that search goes on":                      {entries(attempt("fe09", provisioning.ConnectRefused), state(provisioning.Discovering), attempt("fe01", provisioning.TLSExpired)), nil, "what to do\n  tls-expired: fix tls-expired\n  connect-refused: fix connect-refused\n"},
		"a recall belongs to the search":           {entries(state(provisioning.Recalling), attempt("fe01", provisioning.ConnectRefused), state(provisioning.Discovering), attempt("fe02", ""), state(provisioning.Registered)), well, "what to do\n  connect-refused: fix connect-refused\n"},
		"a recall before a rest does not":          {entries(state(provisioning.Recalling), attempt("fe01", provisioning.ConnectRefused), control.Entry{Event: "wait"}, state(provisioning.Discovering), attempt("fe02", ""), state(provisioning.Registered)), well, before + "  connect-refused: fix connect-refused\n"},
		"the link is back":                         {entries(plug, attempt("fe02", "")), well, "over by now\n  connect-unreachable fe01:5061 (registered at 2026-11-20 12:00:01)\n"},
		"the link is not":                          {entries(plug, attempt("fe02", provisioning.ConnectTimeout)), nil, "what to do\n  connect-timeout: fix connect-timeout\n  connect-unreachable: fix connect-unreachable\n"},
		"a plug is loose no more":                  {entries(loose), well, "over by now\n  connect-unreachable\n"},
		"it is still":                              {entries(loose), slow, "what to do\n  connect-unreachable: the link was lost twice\n    hint: check the plug\n"},
		"DNS answers, as a rest notices":           {entries(silent), answers, "over by now\n  dns-timeout _sip (answered at 2026-11-20 12:00:09)\n"},
		"the store says so once, and it is so yet": {entries(control.Entry{Event: "store", Reason: "store-read-only"}, state(provisioning.Discovering), rest), other, another + "check the VLAN\n  store-read-only: fix store-read-only\n"},
	} {
		var b bytes.Buffer
		if err := printHints(newPage(&b), control.Excerpt{Failures: true}.Of(test.all), test.all, test.now); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestMend259StatusAndHistoryAgree: what is wrong now, and what to do about it, is the same in status and in history, in the same order.
func TestMend259StatusAndHistoryAgree(t *testing.T) {
	why := func(what string) *provisioning.StoreState {
		return &provisioning.StoreState{Reason: provisioning.ConnectTimeout, What: what, Hint: "fix " + what}
	}
	all := func(state provisioning.State) *provisioning.Status {
		s := &provisioning.Status{State: state, Registrar: &provisioning.Registrar{}, Fallback: &provisioning.Fallback{}, Better: &provisioning.Better{}, Certificate: &provisioning.Identity{}}
		s.Because(why("the rest").Why())
		s.Fallback.Reason, s.Fallback.What, s.Fallback.Hint = provisioning.ConnectTimeout, "the fallback", "fix the fallback"
		s.Better.Reason, s.Better.What, s.Better.Hint = provisioning.TLSUntrusted, "the better one", "fix the better one"
		s.Certificate.Because(why("the certificate").Why())
		s.Store = []provisioning.StoreState{*why("the store")}
		s.Pace = []provisioning.Pace{{Reason: provisioning.ConnectTimeout, What: "the pace", Hint: "fix the pace"}}
		return s
	}
	unplugged, resting, once, answered := all(provisioning.Registered), all(provisioning.Resting), all(provisioning.Registered), all(provisioning.Registered)
	link := why("the link")
	unplugged.Link = link
	once.Fallback.Hint, once.Store[0].Hint, once.Pace[0].Hint = once.Hint, once.Better.Hint, once.Better.Hint
	answered.Fallback.AnsweredAt, answered.Better.Answered = noon, true
	dns := &provisioning.Status{State: provisioning.Resting, Reason: provisioning.DNSTimeout, Hint: "fix DNS", Cycle: &provisioning.Cycle{Sources: []provisioning.Source{
		{Source: "dns", Query: "_sip", Verdict: provisioning.Failed, Reason: provisioning.DNSTimeout, Hint: "fix DNS", AnsweredAt: noon},
	}}}
	cures := func(printed, label string) (list []string) {
		for line := range strings.Lines(printed) {
			if rest, found := strings.CutPrefix(line, label); found {
				list = append(list, strings.TrimSpace(rest))
			}
		}
		return list
	}
	for name, test := range map[string]struct {
		now  *provisioning.Status
		want []string
	}{
		"all at once":         {all(provisioning.Registered), []string{"the rest", "the fallback", "the better one", "the certificate", "the store", "the pace"}},
		"resting":             {resting, []string{"the rest", "the fallback", "the certificate", "the store", "the pace"}},
		"the link is lost":    {unplugged, []string{"the link", "the fallback", "the better one", "the certificate", "the store", "the pace"}},
		"each is told once":   {once, []string{"the rest", "the better one", "the certificate"}},
		"what answers by now": {answered, []string{"the rest", "the certificate", "the store", "the pace"}},
		"DNS does":            {dns, nil},
		"nothing":             {&provisioning.Status{State: provisioning.Registered, Certificate: &provisioning.Identity{Subject: "CN=phone1"}}, nil},
	} {
		for i := range test.want {
			test.want[i] = "fix " + test.want[i]
		}
		var status, history bytes.Buffer
		if err := errors.Join(printStatus(newPage(&status), test.now, noon), printHints(newPage(&history), nil, nil, test.now)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, cures(status.String(), "  hint  ")); diff != "" {
			t.Errorf("%s: status (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(test.want, cures(history.String(), "    hint: ")); diff != "" {
			t.Errorf("%s: history (-want +got):\n%s", name, diff)
		}
	}
}

// BenchmarkHintsOfSilence is a long history of questions that DNS has left unanswered, each by itself, and has answered since.
func BenchmarkHintsOfSilence(b *testing.B) {
	var all []control.Entry
	for i := range 5000 {
		all = append(all, control.Entry{Event: "lookup", Step: "internal-tls", Query: fmt.Sprint(i), Verdict: "failed", Reason: provisioning.DNSTimeout, TookMS: 900})
	}
	all = append(entries(all...), entries(control.Entry{Event: "lookup", Step: "external-tls", Verdict: "found"})...)
	all[5000].At = all[4999].At.Add(time.Minute)
	for b.Loop() {
		if err := printHints(newPage(new(bytes.Buffer)), all[:5000], all, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// TestMend268ClockSetBack: what came before the clock was set back does not prove that what came after it is over.
func TestMend268ClockSetBack(t *testing.T) {
	all := entries(
		control.Entry{Event: "state", State: "discovering"}, control.Entry{Event: "attempt", Host: "fe01", Port: 5061, Transport: "tls"}, control.Entry{Event: "state", State: "registered"},
		control.Entry{Event: "attempt", Host: "fe01", Port: 5061, Transport: "tls", Reason: provisioning.ConnectRefused},
		control.Entry{Event: "wait", Reason: provisioning.ConnectUnreachable, Fault: string(provisioning.FaultNoCarrier)},
	)
	for i := range 3 {
		all[i].At = all[i].At.AddDate(10, 0, 0)
	}
	var b bytes.Buffer
	if err := printHints(newPage(&b), control.Excerpt{Failures: true}.Of(all), all, nil); err != nil {
		t.Fatal(err)
	}
	const want = "what to do\n  connect-unreachable: there is no route to the address\n    hint: fix connect-unreachable\n  connect-refused: fix connect-refused\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestMend286OneCureForEachFault: a stop of the daemon that got no answer is nothing to do, and what is to be done at several Registrars is told once.
func TestMend286OneCureForEachFault(t *testing.T) {
	attempt := func(host, fault string, reason provisioning.Reason) control.Entry {
		return control.Entry{Event: "attempt", Host: host, Port: 5061, Transport: "tls", Fault: fault, Reason: reason}
	}
	stop := attempt("fe01", "", provisioning.SIPNoAnswer)
	stop.Event = "unregister"
	told := entries(attempt("fe01", "tls.expired", provisioning.TLSExpired), attempt("fe02", "tls.expired", provisioning.TLSExpired), attempt("fe02", "tls.expired", provisioning.TLSExpired),
		attempt("fe03", "tls.expired-too", provisioning.TLSExpired), attempt("fe04", "tls.expired", provisioning.TLSExpired), stop)
	for i := range told {
		told[i].Hint += " on " + told[i].Host
	}
	now := &provisioning.Status{State: provisioning.Resting, Reason: provisioning.TLSExpired, Fault: "tls.expired", Hint: told[0].Hint}
	for want, now := range map[string]*provisioning.Status{
		"what to do\n  tls-expired: fix tls-expired on fe04; likewise for fe02:5061, fe01:5061\n  tls-expired: fix tls-expired on fe03\n": nil,
		"what to do\n  tls-expired: fix tls-expired on fe01; likewise for fe04:5061, fe02:5061\n  tls-expired: fix tls-expired on fe03\n": now,
	} {
		var b bytes.Buffer
		if err := printHints(newPage(&b), told, told, now); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
