package check

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"

	"homeward/cache"
	"homeward/provisioning"
	"homeward/provisioning/agent"
)

// TestMend253GatewayTwice: where two devices have the address of the gateway, the daemon says so as a check does, if nobody behind it answers or
// connections are cut; where one has it, or nobody may look, or the Registrar is not behind it, it says nothing of that.
func TestMend253GatewayTwice(t *testing.T) {
	const site = `
-- zone --
_sipinternaltls._tcp SRV 0 0 5061 fe01
fe01 A %[1]s
-- registrars --
%[1]s:5061 tls fe01.contoso.com %s
-- homeward.toml --
dhcp = "off"
-- device --
link eth0 10.0.0.21/24
neighbour 10.0.0.1 %s
`
	const one, two = "02:00:00:00:00:01", "02:00:00:00:00:01 02:00:00:00:00:99"
	for name, test := range map[string]struct {
		at, registrar, gateway string
		paced, rests           bool
	}{
		"nobody answers":                    {"10.98.0.2", "blackhole", two, true, true},
		"each connection is cut":            {"10.98.0.2", "reset", two, true, true},
		"connections are cut":               {"10.98.0.2", "accept idle=15s", two, true, false},
		"one has it, and nobody answers":    {"10.98.0.2", "blackhole", one, false, false},
		"one has it, and they are cut":      {"10.98.0.2", "accept idle=15s", one, false, false},
		"nobody may look":                   {"10.98.0.2", "blackhole", two + " unasked", false, false},
		"the Registrar is not behind it":    {"10.0.0.5", "blackhole", two, false, false},
		"nothing is cut, and nobody looks":  {"10.98.0.2", "accept", two, false, false},
		"a Registrar that refuses the user": {"10.98.0.2", "status 403", two, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				served, o := deviceAt(t, txtar.Parse(fmt.Appendf(nil, site, test.at, test.registrar, test.gateway)), "a site.txtar")
				defer served.Close()
				a := agent.New(o.Policy, o.Wire, cache.InMemory(o.Record), func(*provisioning.Event) {})
				stop := runs(t, a)
				time.Sleep(25 * time.Second)
				s := a.Status()
				stop()
				of := func(p provisioning.Pace) bool { return p.Fault == string(provisioning.FaultAddressTwice) }
				const want = "more than one device on this link has the address 10.0.0.1 of the gateway: the MACs 02:00:00:00:00:01 and 02:00:00:00:00:99 answer for it (ARP); which of them is the gateway is not known, and what is sent to it may arrive at the wrong one"
				if slices.ContainsFunc(s.Pace, of) != test.paced || (s.What == want) != test.rests || test.rests && s.Hint == "" {
					t.Errorf("%s, %q, %+v", s.State, s.What, s.Pace)
				}
			})
		})
	}
}
