package check

import (
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"

	"homeward/provisioning"
	"homeward/provisioning/signin"
	"homeward/provisioning/wire"
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
	(&looker{Facts: f}).proveReady(&taken)
	if r := judge(f); r.Verdict != OK {
		t.Errorf("after: %+v", r)
	}
}

// TestMend99JudgedWithoutTheSystem: what a check says comes from what it has seen, and not from what the routes of the system are by then.
func TestMend99JudgedWithoutTheSystem(t *testing.T) {
	files, err := filepath.Glob("testdata/mend-73-*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sites: %v", err)
	}
	beyond := 0
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			site, o := deviceAt(t, archive, file)
			defer site.Close()
			o.Progress = func(string) {}
			f := look(t.Context(), o)
			next := f.Wire.Next
			f.Wire.Next = func(addr netip.Addr) (netip.Addr, net.HardwareAddr, time.Duration) {
				t.Errorf("%s: the system is asked for the way to %s", file, addr)
				return next(addr)
			}
			f.Wire.Route = func(addr netip.Addr) *wire.Route {
				t.Errorf("%s: the system is asked for the route to %s", file, addr)
				return nil
			}
			if r := judge(f); strings.Contains(strings.Join(r.Summary, " "), "the name server") {
				beyond++
			}
		})
	}
	if beyond == 0 {
		t.Error("no site is judged by that")
	}
}
