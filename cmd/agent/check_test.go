package main

import (
	"bytes"
	"strings"
	"testing"

	"homeward/provisioning"
	"homeward/provisioning/check"
)

// What is wrong besides is said once, and does not contradict that all is well.
func TestWrongBesides(t *testing.T) {
	nak := []check.Check{
		{ID: "dhcp", Title: "DHCP", Result: check.Warn, Reason: provisioning.DHCPRefused},
		{ID: "dhcp.10.0.0.67", Under: "dhcp", Title: "answer of 10.0.0.67", Result: check.Warn, Reason: provisioning.DHCPRefused},
	}
	for _, test := range []struct {
		verdict check.Verdict
		want    string
	}{
		{check.OK, "Not in the way of this sign-in, but should be fixed (details below): DHCP (dhcp-refused).\n"},
		{check.Degraded, "Other problems (details below): DHCP (dhcp-refused).\n"},
	} {
		var out bytes.Buffer
		if err := printReport(newPage(&out), &check.Report{Verdict: test.verdict, Besides: []string{"dhcp"}, Checks: nak}, true); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(out.String(), string(test.verdict)+"\n"+test.want) {
			t.Errorf("%s: got %q, want %q at its beginning", test.verdict, out.String(), test.want)
		}
	}
}

// What is wrong below a source is said once: in its own line, and by its own name.
func TestWrongBelow(t *testing.T) {
	slow := check.Check{ID: "dns.server.10.0.0.53:53", Under: "dns", Title: "name server 10.0.0.53:53", Result: check.Warn,
		Reason: provisioning.Slow, What: "the name server takes 300 ms", TookMS: 300}
	top := check.Check{ID: "dns", Title: "DNS", Result: check.Warn, Reason: slow.Reason, What: slow.What, From: slow.ID, TookMS: 301}
	var out bytes.Buffer
	if err := printReport(newPage(&out), &check.Report{Verdict: check.Degraded, Besides: []string{slow.ID}, Checks: []check.Check{top, slow}}, false); err != nil {
		t.Fatal(err)
	}
	const want = `degraded
Other problems (details below): name server 10.0.0.53:53 (slow).

warn     DNS (301 ms)
warn       name server 10.0.0.53:53 (300 ms)
             slow: the name server takes 300 ms

homeward check -v shows every line.
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// What else may help stands below the summary, a line each; what was looked at is not said to be skipped.
func TestOtherwiseAndUnused(t *testing.T) {
	r := check.Report{Verdict: check.Failed, Summary: []string{"It refuses.", "Start it."}, Otherwise: []string{"Look for a firewall.", "Ask."}, Checks: []check.Check{
		{ID: "registrar.fe01", Title: "Registrar fe01", Result: check.Skipped, Reason: provisioning.ConnectRefused, What: "it refuses", TookMS: 3},
		{ID: "dns.external-tls", Title: "SRV record", Result: check.Skipped, Reason: provisioning.DNSNoRecord, TookMS: 3},
		{ID: "dns.external-tcp", Title: "SRV record for TCP", Result: check.Skipped, Reason: provisioning.TransportPolicy},
		{ID: "sign-in", Title: "sign-in", Result: check.Skipped, Needs: "link"},
	}}
	var out bytes.Buffer
	if err := printReport(newPage(&out), &r, true); err != nil {
		t.Fatal(err)
	}
	const want = `failed
It refuses.
Which side is at fault is not known.
Start it.
If that does not help:
  - Look for a firewall.
  - Ask.

unused   Registrar fe01 (3 ms)
           connect-refused: it refuses
none     SRV record (3 ms)
           dns-no-record: the DNS record does not exist
skipped  SRV record for TCP
           transport-policy: plain TCP is not allowed here
skipped  sign-in
           not tested, because of: link
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// What is wrong besides is told with what to do about it, once: what is not told of it stands in the nodes below.
func TestMend270WhatToDoBesides(t *testing.T) {
	r := check.Report{Verdict: check.OK, Summary: []string{"All is well."}, Besides: []string{"dhcp", "dhcp.web"}, Checks: []check.Check{
		{ID: "dhcp", Title: "DHCP", Result: check.Warn, Reason: provisioning.DHCPNoInterface, What: "the interface does not exist", Hint: "correct the setting interface", From: "dhcp.web"},
		{ID: "dhcp.web", Under: "dhcp", Title: "web service", Result: check.Warn, Reason: provisioning.DHCPNoInterface, What: "the interface does not exist", Hint: "correct the setting interface"},
		{ID: "link", Title: "link", Result: check.Warn, Reason: provisioning.ConnectRefused, What: "told above", Hint: "told above, too"},
	}}
	var out bytes.Buffer
	if err := printReport(newPage(&out), &r, false); err != nil {
		t.Fatal(err)
	}
	const want = "  hint: correct the setting interface\n"
	if got := out.String(); strings.Count(got, "hint: ") != 1 || !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant one line%s", got, want)
	}
}

// Where it is not known whether anything is at fault, no side is asked after.
func TestMend135NothingMayBeAtFault(t *testing.T) {
	for _, test := range []struct {
		fault provisioning.Fault
		asks  bool
	}{
		{provisioning.FaultSecondConnection, false}, {provisioning.FaultSecondRefused, false}, {provisioning.FaultNoQueryBeside, false}, {provisioning.FaultAlike, true}, {"", true},
	} {
		var out bytes.Buffer
		if err := printReport(newPage(&out), &check.Report{Verdict: check.Degraded, Fault: string(test.fault), Summary: []string{"It refuses."}}, true); err != nil {
			t.Fatal(err)
		}
		if asks := strings.Contains(out.String(), "at fault"); asks != test.asks {
			t.Errorf("%s: got %q, with the side: want %v", test.fault, out.String(), test.asks)
		}
	}
}

// A summary is told to its end, however long the names in it are.
func TestSummaryIsNotCut(t *testing.T) {
	long := "Fe01" + strings.Repeat(".a-long-label", 16) + " does not answer (" + strings.Repeat("10.0.0.5, ", 16) + "and nobody else): this is the end."
	var out bytes.Buffer
	node := check.Check{ID: "dns", Title: "DNS", Result: check.Bad, Detail: long}
	if err := printReport(newPage(&out), &check.Report{Verdict: check.Failed, Summary: []string{long, long}, Checks: []check.Check{node}}, true); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), long); got != 3 {
		t.Errorf("it stands there %d times, want 3:\n%s", got, out.String())
	}
}

// What another node was not tested for has a line of its own.
func TestWhatOthersNeedIsShown(t *testing.T) {
	checks := []check.Check{
		{ID: "sign-in", Title: "sign-in as sip:phone1@contoso.com", Result: check.Skipped, Reason: provisioning.SIPCredentials, What: "fe01 refuses the password"},
		{ID: "home", Title: "home pool", Result: check.Skipped, Needs: "sign-in"},
	}
	var out bytes.Buffer
	if err := printReport(newPage(&out), &check.Report{Verdict: check.Failed, Checks: checks}, false); err != nil {
		t.Fatal(err)
	}
	const want = `failed

skipped  sign-in as sip:phone1@contoso.com
           sip-credentials: fe01 refuses the password
skipped  home pool: not tested, because of: sign-in as sip:phone1@contoso.com

homeward check -v shows every line.
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
