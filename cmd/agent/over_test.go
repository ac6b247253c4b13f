package main

import (
	"bytes"
	"fmt"
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
	const over = "over by now (what to do if it comes back)\n"
	for name, test := range map[string]struct {
		all  []control.Entry
		want string
	}{
		"a certificate, and then nothing listens": {entries(attempt(provisioning.TLSUntrusted), attempt(provisioning.ConnectRefused)),
			"what to do\n  connect-refused: fix connect-refused\n  tls-untrusted: fix tls-untrusted\n"},
		"nothing listens, and then a certificate": {entries(attempt(provisioning.ConnectRefused), attempt(provisioning.TLSUntrusted)),
			"what to do\n  tls-untrusted: fix tls-untrusted\n" + over + "  connect-refused (tls-untrusted at 2026-11-20 12:00:01): fix connect-refused\n"},
		"a certificate, and then another": {entries(attempt(provisioning.TLSUntrusted), attempt(provisioning.TLSExpired)),
			"what to do\n  tls-expired: fix tls-expired\n  tls-untrusted: fix tls-untrusted\n"},
		"a certificate, and then SIP": {entries(attempt(provisioning.TLSUntrusted), attempt(provisioning.SIPForbidden)),
			"what to do\n  sip-forbidden: fix sip-forbidden\n" + over + "  tls-untrusted (sip-forbidden at 2026-11-20 12:00:01): fix tls-untrusted\n"},
		"a certificate, a registration, and then nothing listens": {entries(attempt(provisioning.TLSUntrusted), attempt(""), attempt(provisioning.ConnectRefused)),
			"what to do\n  connect-refused: fix connect-refused\n" + over + "  tls-untrusted (registered at 2026-11-20 12:00:01): fix tls-untrusted\n"},
		"a refusal, and then a certificate": {entries(attempt(provisioning.SIPForbidden), attempt(provisioning.TLSUntrusted)),
			"what to do\n  tls-untrusted: fix tls-untrusted\n  sip-forbidden: fix sip-forbidden\n"},
		"a connection that was cut": {entries(lost, attempt(provisioning.ConnectRefused), attempt(provisioning.TLSUntrusted)),
			"what to do\n  tls-untrusted: fix tls-untrusted\n" + over + "  connect-refused (tls-untrusted at 2026-11-20 12:00:02): fix connect-refused\n  connect-reset (tls-untrusted at 2026-11-20 12:00:02): fix connect-reset\n"},
		"a connection that is cut, where nothing listened": {entries(attempt(provisioning.ConnectRefused), attempt(provisioning.ConnectReset), attempt(provisioning.ConnectTimeout)),
			"what to do\n  connect-timeout: fix connect-timeout\n  connect-reset: fix connect-reset\n" + over + "  connect-refused (connect-reset at 2026-11-20 12:00:01): fix connect-refused\n"},
		"rests for something else": {entries(rest(provisioning.TLSUntrusted), rest(provisioning.ConnectRefused)),
			"what to do\n  connect-refused: fix connect-refused\n  tls-untrusted: fix tls-untrusted\n"},
		"rests for two things, and is registered": {entries(rest(provisioning.TLSUntrusted), rest(provisioning.ConnectRefused), registered),
			over + "  connect-refused (registered at 2026-11-20 12:00:02): fix connect-refused\n  tls-untrusted (registered at 2026-11-20 12:00:02): fix tls-untrusted\n"},
		"rests since DNS is silent, which it is not any more": {entries(rest(provisioning.DNSTimeout), lookup("internal-tls", "", ""), rest(provisioning.ConnectRefused)),
			"what to do\n  connect-refused: fix connect-refused\n" + over + "  dns-timeout (answered at 2026-11-20 12:00:01): fix dns-timeout\n"},
		"DNS fails, and is silent then": {entries(lookup("internal-tls", "", provisioning.DNSServFail), lookup("internal-tls", "", provisioning.DNSTimeout)),
			"what to do\n  dns-timeout: fix dns-timeout\n  dns-servfail: fix dns-servfail\n"},
		"DNS fails, and refuses then": {entries(lookup("internal-tls", "", provisioning.DNSServFail), lookup("internal-tls", "", provisioning.DNSRefused)),
			"what to do\n  dns-refused: fix dns-refused\n" + over + "  dns-servfail (dns-refused at 2026-11-20 12:00:01): fix dns-servfail\n"},
		"DHCP is malformed, and silent then": {entries(lookup("dhcp-tls", "", provisioning.DHCPMalformed), lookup("dhcp-tls", "", provisioning.DHCPSilent)),
			"what to do\n  dhcp-silent: fix dhcp-silent\n  dhcp-malformed: fix dhcp-malformed\n"},
		"no certificate, for two reasons": {entries(enrol(provisioning.ConnectRefused), enrol(provisioning.EnrolFailed)),
			"what to do\n  enrol-failed: fix enrol-failed\n  connect-refused: fix connect-refused\n"},
		"one of two slow name servers": {entries(pace("pace", "10.0.0.53", provisioning.Slow), pace("pace", "10.0.0.54", provisioning.Slow), pace("well", "10.0.0.53", "")),
			"what to do\n  slow: fix slow10.0.0.54\n" + over + "  slow (well again at 2026-11-20 12:00:02): fix slow10.0.0.53\n"},
		"a slow name server that is not asked any more": {entries(pace("pace", "10.0.0.53", provisioning.Slow), control.Entry{Event: "well", Address: "10.0.0.53", Fault: "dns.slow", Verdict: "absent"}),
			over + "  slow (no longer asked at 2026-11-20 12:00:01): fix slow10.0.0.53\n"},
	} {
		var b bytes.Buffer
		if err := printHints(newPage(&b), control.Excerpt{Failures: true}.Of(test.all), test.all); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
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
		if err := printHints(newPage(new(bytes.Buffer)), all[:5000], all); err != nil {
			b.Fatal(err)
		}
	}
}
