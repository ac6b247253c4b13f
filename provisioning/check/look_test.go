package check

import (
	"net/netip"
	"testing"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// A Registrar that refuses strangers, and takes the device, is as it should be.
func TestProveReady(t *testing.T) {
	addr := netip.MustParseAddr("10.0.0.5")
	c := provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}, Addrs: []netip.Addr{addr}}
	refuses := &signin.Probe{Addr: addr, Connected: true, Secured: true, Answered: true, Trouble: provisioning.SIPUnavailable.Met("")}
	f := &Facts{Places: []*Place{{Candidate: c, Probes: []*signin.Probe{refuses}}}, Plan: provisioning.Plan{Try: []provisioning.Candidate{c}}}
	taken := provisioning.Attempt{Host: c.Host, Port: c.Port, Address: addr, Result: "ok"}
	f.SignIn = &signin.SignedIn{Registrar: &provisioning.Registrar{Endpoint: c.Endpoint}, Attempts: []provisioning.Attempt{taken}}
	if r := judge(f); r.Verdict != Degraded {
		t.Fatalf("before: %+v", r)
	}
	(&looker{Facts: f}).proveReady(taken)
	if r := judge(f); r.Verdict != OK {
		t.Errorf("after: %+v", r)
	}
}
