package check

import (
	"testing"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// A name server that could not be asked is told, whichever of the questions shows it.
func TestDNSDead(t *testing.T) {
	dns := func(v provisioning.Verdict, noServer bool) provisioning.Finding {
		return provisioning.Finding{Source: provisioning.Source{Source: "dns", Verdict: v, Reason: provisioning.DNSTimeout}, NoServer: noServer}
	}
	refused, silent, found := dns(provisioning.Failed, true), dns(provisioning.Failed, false), dns(provisioning.Found, false)
	for _, test := range []struct {
		name       string
		found      []provisioning.Finding
		dead, said bool
	}{
		{"the first", []provisioning.Finding{refused, silent, silent}, true, true},
		{"one in between", []provisioning.Finding{silent, refused, silent}, true, true},
		{"none", []provisioning.Finding{silent, silent}, true, false},
		{"one is answered", []provisioning.Finding{refused, found, refused}, false, false},
	} {
		dead := (&Facts{Found: test.found}).dnsDead()
		if (dead.Reason != "") != test.dead || dead.NoServer != test.said {
			t.Errorf("%s: dead: %t, told by a server that could not be asked: %t", test.name, dead.Reason != "", dead.NoServer)
		}
	}
}

// Without a name server nothing can be found, unless all servers are configured as addresses: then none is missed.
func TestNoNameServer(t *testing.T) {
	byAddress, byName := provisioning.ManualServer{Host: "10.0.0.5"}, provisioning.ManualServer{Host: "fe01.contoso.com"}
	for _, test := range []struct {
		manual []provisioning.ManualServer
		missed bool
	}{
		{nil, true}, {[]provisioning.ManualServer{byName}, true}, {[]provisioning.ManualServer{byAddress}, false},
		{[]provisioning.ManualServer{byAddress, byName}, true},
	} {
		f := &Facts{}
		f.Policy.Manual = test.manual
		if got := noPlan(f).Fault == provisioning.FaultNoNameServer; got != test.missed {
			t.Errorf("configured %v: a name server is missed: %t", test.manual, got)
		}
	}
}

// That a Registrar has just answered says nothing where the gateway does not answer any more.
func TestMend183NotWithASilentGateway(t *testing.T) {
	probe := &signin.Probe{}
	probe.Greeting.Code, probe.Greeting.Phrase = 401, "Unauthorized"
	for fault, want := range map[provisioning.Fault]provisioning.Fault{
		provisioning.FaultNoGateway: provisioning.FaultNoGateway, provisioning.FaultDeadRoute: provisioning.FaultDeadRoute, provisioning.FaultFiltered: provisioning.FaultAnsweredBefore,
	} {
		if got := answeredBefore(probe, fault.Met(nil)).Fault; got != want {
			t.Errorf("%s: %s, want %s", fault, got, want)
		}
	}
}
