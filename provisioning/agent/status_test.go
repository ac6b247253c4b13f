package agent

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"homeward/cache"
	"homeward/provisioning"
)

// What a tech reads when the password is wrong: which credentials, refused by whom.
func TestStatusNamesRefusedCredentials(t *testing.T) {
	status := statusAfter(t, "lync-wrong-password")
	if status.Reason != provisioning.CredentialsResting {
		t.Errorf("reason: got %q, want %q", status.Reason, provisioning.CredentialsResting)
	}
	last := status.Cycle.Attempts[len(status.Cycle.Attempts)-1]
	if !strings.Contains(last.What, "dir01.contoso.com") {
		t.Errorf("it is not said who refuses: %s", last.What)
	}
	for _, want := range []string{`CONTOSO\phone1`, "password_file"} {
		if !strings.Contains(last.Hint, want) {
			t.Errorf("the hint does not name %s: %s", want, last.Hint)
		}
	}
}

// With DNS and DHCP dead after a restart, status carries the Registrar and the Media Relays with all addresses.
func TestStatusInAnOutage(t *testing.T) {
	status := statusAfter(t, "lync-outage-after-sign-in")
	if status.State != provisioning.Registered || !status.Degraded || status.Registrar.Host != "dir01.contoso.com" || len(status.Registrar.Addresses) != 1 {
		t.Errorf("got %v, degraded %v, %+v", status.State, status.Degraded, status.Registrar)
	}
	if len(status.MediaRelays) != 1 || len(status.MediaRelays[0].Addresses) != 2 {
		t.Errorf("media relays: %+v", status.MediaRelays)
	}
	if status.Reason != provisioning.DNSTimeout {
		t.Errorf("degraded because of %q, want %q", status.Reason, provisioning.DNSTimeout)
	}
}

// The record keeps by which step discovery had led to the Registrar, also where a Director has named that, or the device has recalled it since.
func TestMend116WhatHadLedThere(t *testing.T) {
	for scenario, want := range map[string]string{
		"lync-director-redirect": "internal-tls", "certificate-director": "internal-tls", "lync-outage-after-sign-in": "internal-tls", "T02-no-internal-tls-record": "dhcp-tls", "R10-lost-registrar-comes-back": "internal-tls",
	} {
		store := cache.Open(played(t, scenario).dir)
		record, _ := store.Load()
		if store.Close(); record.Network == nil || record.Network.Step != want {
			t.Errorf("%s: %+v, want %q, with the step %s", scenario, record.Network, want, record.Registrar.Step)
		}
	}
}

// Status says with what the device has signed in, and which server has taken its certificate without proving its name.
func TestStatusNamesTheWayIn(t *testing.T) {
	for scenario, want := range map[string][2]string{
		"certificate-edge":             {provisioning.ByCertificate, "fe01.contoso.com"}, // behind an Edge that has proven its own
		"certificate-without-password": {provisioning.ByCertificate, ""},
		"certificate-revoked":          {"ntlm", ""},
		"lync-wrong-password":          {"", ""},
	} {
		if s := statusAfter(t, scenario); s.Scheme != want[0] || s.Unproven != want[1] {
			t.Errorf("%s: signed in with %q, unproven %q, want %q", scenario, s.Scheme, s.Unproven, want)
		}
	}
}

// What DHCP servers do wrong is shown, though the device is registered and needs none of them.
func TestStatusNamesWhatDHCPDoesWrong(t *testing.T) {
	for scenario, want := range map[string]provisioning.Reason{"T19-option-120-malformed-unused": provisioning.DHCPMalformed, "attempt-dhcp-conflict": provisioning.DHCPConflict} {
		status := statusAfter(t, scenario)
		if last := status.Cycle.Sources[len(status.Cycle.Sources)-1]; status.State != provisioning.Registered || last.Reason != want || last.Detail == "" || last.What == "" || last.Hint == "" {
			t.Errorf("%s: %s, %+v", scenario, status.State, last)
		}
	}
}

// A device at a lesser place says which better Registrar has failed, and when it looks at that again. Servers of one name or priority are no better ones,
// nor is a backup better than its primary, whatever has failed on the way.
func TestMend148WhatABetterRegistrarFailedFor(t *testing.T) {
	for scenario, want := range map[string]string{
		"T04-tcp-not-allowed-not-queried":       "internal-tls fe01.contoso.com connect-refused, looks at fe01.contoso.com",
		"T15-redirect-primary-dead":             "redirect pool01.contoso.com connect-timeout, looks at pool01.contoso.com",
		"T14-recall-fails-once-then-scratch":    "recall pool01.contoso.com connect-refused",
		"manual-servers":                        "manual lync.fabrikam.com connect-refused",
		"network-far-then-near":                 "internal-tls fe01.contoso.com connect-refused, looks at fe02.contoso.com",
		"mend-148-equals":                       "",
		"mend-148-the-lesser-one-is-lost":       "",
		"mend-148-the-way-to-the-primary-fails": "",
		"mend-148-signed-in-anew":               "internal-tls fe01.contoso.com connect-refused, looks at fe01.contoso.com",
		"lync-primary-dies-and-returns":         "",
		"edge-the-pool-inside-is-back":          "",
		"T13-success-from-last-good":            "", // says so itself
	} {
		s, got := statusAfter(t, scenario), ""
		if f := s.Fallback; f != nil {
			got = fmt.Sprintf("%s %s %s", f.Step, f.Host, f.Reason)
			if f.Hint == "" || f.At.IsZero() {
				t.Errorf("%s: %+v", scenario, f)
			}
		}
		if b := s.Better; b != nil {
			got += ", looks at " + b.Host
			if b.NextAt.IsZero() {
				t.Errorf("%s: %+v", scenario, b)
			}
		}
		if s.State != provisioning.Registered || got != want {
			t.Errorf("%s: %s, got %q, want %q", scenario, s.State, got, want)
		}
	}
}

// statusAfter plays a scenario and returns the status just before the end.
func statusAfter(t *testing.T, name string) provisioning.Status {
	t.Helper()
	return played(t, name).last
}

func played(t *testing.T, name string) *scenario {
	t.Helper()
	file := "testdata/scenarios/" + name + ".txtar"
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return playScenario(t, archive, file)
}

// While the password rests, status says who has refused it, when, and until when it rests, also after the network has come and gone; and where that is
// not known, that it was refused.
func TestMend168WhoHasRefusedThePassword(t *testing.T) {
	s := statusAfter(t, "network-keeps-the-password-at-rest")
	if s.Cycle.Attempts[0].Reason != provisioning.CredentialsResting {
		t.Fatalf("the last cycle: %v", s.Cycle.Attempts)
	}
	said := regexp.MustCompile(`^fe01.contoso.com refuses the user name phone1 or the password for the realm "contoso.com": 401 Unauthorized \(the daemon met this at 2000-01-01 00:00:[0-5][0-9] UTC\); to keep the account from being locked, the password is not used before 00:30:[0-5][0-9] UTC$`)
	if s.Reason != provisioning.CredentialsResting || s.Fault != string(provisioning.FaultPasswordRests) || !said.MatchString(s.What) {
		t.Errorf("after the network has come and gone: %s (%s) %s", s.Reason, s.Fault, s.What)
	}
	if want := "write the present password to password_file, or, if phone1 is misspelt, correct user in homeward.toml:10, then restart homeward"; !strings.HasPrefix(s.Hint, want) {
		t.Errorf("the hint: %s", s.Hint)
	}

	b := newBoard(provisioning.Policy{}, func(*provisioning.Event) {})
	b.beginCycle()
	b.resting(time.Date(2026, 11, 30, 18, 46, 21, 0, time.UTC), true, false, nil)
	s = b.snapshot(nil)
	const unknown = "user name or password was refused; to keep the account from being locked, the password is not used before 18:46:21 UTC"
	if s.What != unknown || !strings.HasPrefix(s.Hint, "write the present password to password_file") {
		t.Errorf("after a crash: %s; %s", s.What, s.Hint)
	}
}

// A Registrar that has dropped the device twice, and has no turn for a while, is a better one that has failed: what was seen is said, and when.
func TestMend169DroppedAndSetAside(t *testing.T) {
	s := statusAfter(t, "mend-18-the-next-takes-the-device")
	said := regexp.MustCompile("^2 times, soon after the Registrar had accepted the device, the last time at 00:00:02 UTC; not tried before 00:00:[0-9]{2} UTC$")
	if f := s.Fallback; f == nil || f.Host != "fe01.contoso.com" || f.Reason != provisioning.ConnectReset || !said.MatchString(f.Detail) {
		t.Errorf("the better Registrar: %+v", f)
	}
}

// The fingerprints of what a server sends that is not trusted stand with the attempt, and not in what the device rests for.
func TestMend170Fingerprints(t *testing.T) {
	s := statusAfter(t, "attempt-no-tcp-after-bad-certificate")
	attempt := s.Cycle.Attempts[0]
	if s.Fault != attempt.Fault || strings.Contains(s.What, "sha256:") || !strings.HasPrefix(attempt.What, s.What+"; it sends sha256:") {
		t.Errorf("%s: %s\n%s: %s", s.Fault, s.What, attempt.Fault, attempt.What)
	}
}

// What is slow, lossy or dead is named with its number, although the device is registered.
func TestStatusNamesWhatIsSlow(t *testing.T) {
	for scenario, want := range map[string][]string{
		"pace-all-is-slow": {
			"the connection to fe01.contoso.com:5061 (10.0.0.5) is slow: connecting takes 300 ms",
			"the DHCP server 10.0.0.67 takes 3000 ms to answer; a phone that depends on DHCP may give up earlier",
			"the name server 10.0.0.53:53 does not answer, while 10.0.0.54:53 does: each look-up may have to wait for the dead one",
			"the name server 10.0.0.54:53 takes 300 ms to answer",
		},
		"pace-lossy": {
			"4 of 40 queries to the name server 10.0.0.53:53 were not answered (10 %)",
			"the DHCP server 10.0.0.67 takes 3000 ms to answer; a phone that depends on DHCP may give up earlier",
		},
		"pace-certificates-end-soon": {
			"the certificate of pool01.contoso.com ends on 2000-01-03 00:00 UTC (2 days left)",
			"the certificate with which this device signs in ends on 2000-01-03 00:00 UTC (2 days left), and no newer one has come",
		},
		"status-what-is-wrong-in-band": {
			"the clock of this device is 10m slow compared with pool01.contoso.com",
			"the media relay edge02-int.contoso.com does not answer",
		},
		"status-not-listed": {
			"the answer of pool01.contoso.com:5061 lists no registration of this device, although RFC 3261 demands it: perhaps something in front of the Registrar answers in its place",
		},
		"status-nothing-in-band": {
			"nothing was learned in band from pool01.contoso.com, neither its pool nor its media relays: the Registrar cannot serve requests now: in-band provisioning: answered 503 Service Unavailable",
		},
		"lync-relay-busy": {
			"the media relay service refused to give credentials: no media relays: 200 Server Busy",
		},
		"losses-idle-connection-closed": {
			"the connection to fe01.contoso.com:5061 was lost 3 times in the last hour, each time after 15 s without traffic: something on the path, or the Registrar itself, closes idle connections",
		},
	} {
		var got []string
		for _, pace := range statusAfter(t, scenario).Pace {
			got = append(got, pace.What)
			if pace.Hint == "" || pace.Reason == "" || pace.What == "" {
				t.Errorf("%s: %+v", scenario, pace)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", scenario, got, want)
		}
	}
}

// A Registrar that restarts drops one more connection as it ends: what was met since comes first, and that is told as earlier, with its time.
func TestMend285DroppedAsItRestarts(t *testing.T) {
	s := statusAfter(t, "mend-285-dropped-as-it-restarts")
	if s.State != provisioning.Resting || s.Reason != provisioning.TLSName {
		t.Errorf("%s, because of %s, want %s", s.State, s.Reason, provisioning.TLSName)
	}
	for _, a := range s.Cycle.Attempts {
		if earlier := a.Reason == provisioning.ConnectReset; a.Earlier != earlier || a.At.IsZero() {
			t.Errorf("%s %s: earlier %v, at %v", a.Host, a.Reason, a.Earlier, a.At)
		}
	}
}

// A name server that takes 3 s for each answer is slow, and not silent: why last good serves, and what was not answered, say so, and what to do
// begins with that server, since connecting takes no time.
func TestMend314LateIsNotSilent(t *testing.T) {
	s := statusAfter(t, "mend-314-late-is-not-silent")
	const what = "the name server 10.0.0.53:53 takes 3000 ms to answer"
	const hint = "look at 10.0.0.53:53: at its load, and at the forwarders that it asks"
	if !s.Degraded || s.What != what || s.Reason != provisioning.DNSTimeout || !strings.HasPrefix(s.Hint, hint) {
		t.Errorf("%v %s %q %q", s.Degraded, s.Reason, s.What, s.Hint)
	}
	if len(s.Pace) != 1 || s.Pace[0].Reason != provisioning.Slow || !strings.HasPrefix(s.Pace[0].Hint, hint) {
		t.Errorf("%+v", s.Pace)
	}
	late := 0
	for _, source := range s.Cycle.Sources {
		if source.Reason != "" && source.What == what {
			late++
		}
		if source.TookMS > s.Cycle.TookMS {
			t.Errorf("the cycle took %d ms, and %s alone %d", s.Cycle.TookMS, source.Step, source.TookMS)
		}
	}
	if late == 0 {
		t.Errorf("%+v", s.Cycle.Sources)
	}
}

// A daemon tries a Registrar at one port: it does not say that the host is dead, but how to see whether it is.
func TestMend327OnePortWasTried(t *testing.T) {
	s := statusAfter(t, "mend-327-one-port-was-tried")
	for _, a := range s.Cycle.Attempts {
		if a.Host == "pool01.contoso.com" && a.Fault == string(provisioning.FaultFiltered) {
			if strings.Contains(a.What, "at all") || !strings.Contains(a.What, "its service") || !strings.Contains(a.Hint, "homeward check tells") {
				t.Errorf("%q, %q", a.What, a.Hint)
			}
			return
		}
	}
	t.Errorf("%+v", s.Cycle.Attempts)
}
