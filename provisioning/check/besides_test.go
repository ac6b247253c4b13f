package check

import (
	"strings"
	"testing"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// Every Registrar that fails is named, but for the one that the verdict is about, and those that refuse the same account.
func TestBesidesRegistrars(t *testing.T) {
	on := func(host string, result Result, reason provisioning.Reason) Check {
		return Check{ID: "registrar." + host, Result: result, Reason: reason, From: "below"}
	}
	facts := provisioning.Facts{"host": "fe01"}
	all := []Check{
		on("fe01", Bad, provisioning.ConnectRefused), on("fe02", Bad, provisioning.ConnectRefused),
		{ID: "registrar.fe02:5061/tls.10.0.0.6", Under: "registrar.fe02", Result: Bad, Reason: provisioning.ConnectRefused},
		on("fe03", Bad, provisioning.SIPForbidden), on("fe04", Good, ""), {ID: "registrar.fe05", Result: Skipped, Needs: "link"},
		on("fe06", Warn, provisioning.ConnectTimeout), on("fe07", Warn, provisioning.TLSNotYetValid),
		{ID: "dns", Result: Bad, Reason: provisioning.DNSRefused},
	}
	for _, test := range []struct {
		name    string
		verdict provisioning.Trouble
		want    string
	}{
		{"one refuses", provisioning.FaultRefused.Met(facts), "registrar.fe02 registrar.fe03 registrar.fe06 registrar.fe07 dns"},
		{"the account", provisioning.FaultForbidden.Met(facts), "registrar.fe02 registrar.fe06 registrar.fe07 dns"},
		{"large packets", provisioning.FaultAllLoseLarge.Because(provisioning.FaultTLSLost.Met(facts), nil), "registrar.fe02 registrar.fe03 registrar.fe06 registrar.fe07 dns"},
		{"all alike", provisioning.FaultAlike.Because(provisioning.FaultRefused.Met(facts), nil), "registrar.fe03 registrar.fe06 registrar.fe07 dns"},
		{"packets get lost", provisioning.FaultOwnAddressTwice.Met(nil), "registrar.fe01 registrar.fe02 registrar.fe03 registrar.fe07 dns"},
		{"the clock", provisioning.FaultClockBehind.Met(nil), "registrar.fe01 registrar.fe02 registrar.fe03 registrar.fe06 dns"},
		{"a cause, and a word about another", provisioning.FaultDHCPStranger.Because(provisioning.DNSRefused.Met(""), nil).Also(provisioning.FaultLastGoodSilent, provisioning.Facts{"host": "fe06"}),
			"registrar.fe01 registrar.fe02 registrar.fe03 registrar.fe07"},
	} {
		r := Report{Checks: all, Fault: string(test.verdict.Fault), Reason: test.verdict.Reason()}
		if got := strings.Join(besides(&r, test.verdict), " "); got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.want)
		}
	}
}

// Beside a daemon a check asks for no registration. That the Registrar lists none of the daemon is known from its status.
func TestDaemonIsNotListed(t *testing.T) {
	step := provisioning.InternalTLS
	r := &provisioning.Registrar{Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}, Step: &step}
	f := &Facts{SignIn: &signin.SignedIn{Registrar: r}}
	for fault, want := range map[string]Verdict{string(provisioning.FaultUnlisted): Degraded, string(provisioning.FaultSlowWay): OK} {
		f.Daemon = Daemon{State: provisioning.Registered, At: &provisioning.Status{Registrar: r, Pace: []provisioning.Pace{{Fault: fault}}}}
		if got := judge(f); got.Verdict != want || want == Degraded && got.Fault != fault {
			t.Errorf("%s: the verdict is %s, %s", fault, got.Verdict, got.Summary)
		}
	}
}
