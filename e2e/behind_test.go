//go:build linux

package e2e

import (
	"os"
	"strings"
	"testing"
)

// TestMend75BehindOneGateway: the name server and the Registrar are behind one gateway, and the line there dies, or the gateway does. Status,
// history and check tell one fault, that of the gateway, and what to do about that alone.
func TestMend75BehindOneGateway(t *testing.T) {
	const far, lastGood = "10.98.0.2", "he last good Registrar fe01.contoso.com does not answer either"
	for _, c := range []struct {
		name       string
		cut        func(testing.TB)
		says, cure string
	}{
		{"the line behind the gateway is dead", deadEnd, "he gateway 10.0.0.1 on eth0 (MAC 02:00:00:00:00:01) answers, but nothing that was asked behind it does (10.98.0.2, 10.98.0.53)", "ee whether other devices in this subnet reach 10.98.0.2, 10.98.0.53"},
		{"the gateway rejects what goes there", rejectsAll, "he gateway 10.0.0.1 on eth0 (MAC 02:00:00:00:00:01), or a router behind it, says that 10.98.0.2", "ee whether 10.0.0.1, and each router behind it on the way to 10.98.0.2"},
		{"the gateway is dead", noGateway, "he gateway 10.0.0.1 does not answer: this device cannot ask DNS (10.98.0.53:53)", "heck the switch port of this device"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			s.dns = newFar(t, far1, far)
			s.registrar = s.dns
			behind := []place{fe01}
			behind[0].addr = far
			z := zoneWith(behind...)
			z.addrs[fe01.host] = far
			startNamed(t, s.dns, z)
			startKamailio(t, s, settings{places: behind})
			plugIn(t, s)
			d := newDevice(t, s, `dhcp = "off"`, `dns_servers = ["`+far1+`"]`)
			d.boot(t)
			d.awaitRegistered(t)
			d.awaitCommitted(t)
			c.cut(t)
			d.await(t, "resting", func(s status) bool { return s.State == "resting" })
			for _, command := range []string{"status", "history --failures", "check"} {
				out, _ := d.run(t, strings.Fields(command)...)
				t.Logf("homeward %s\n%s", command, out)
				shows(t, out, c.says, c.cure)
				if command == "status" && strings.Count(out, "follows from the reason above") != 3 { // at once: the next cycle is not far
					t.Error("status does not mark the two look-ups and the attempt at last good as consequences")
				}
				named := strings.Contains(c.says, far) || command == "check" // which leaves out what follows
				if strings.Contains(out, lastGood) == named {                // it is said once that it does not answer
					t.Errorf("%s: the last good Registrar", command)
				}
				for _, other := range []string{"look at the zone", "fe01.contoso.com is running"} {
					if strings.Contains(out, other) {
						t.Errorf("%s advises: %s", command, other)
					}
				}
			}
		})
	}
}

// deadEnd has the gateway forward nothing any more, without a word.
func deadEnd(t testing.TB) {
	route := []string{"blackhole", "10.98.0.0/25"}
	mustIP(t, append([]string{"route", "add"}, route...)...)
	t.Cleanup(func() { mustIP(t, append([]string{"route", "del"}, route...)...) })
}

// rejectsAll has the gateway say of all that is behind it, as often as it is asked, that there is no way.
func rejectsAll(t testing.TB) {
	const limit = "/proc/sys/net/ipv4/icmp_ratelimit"
	before := read(t, limit)
	if err := os.WriteFile(limit, []byte("0"), 0); err != nil {
		t.Fatal(err)
	}
	nft(t, "add table ip front; add chain ip front passing { type filter hook forward priority 0; }; add rule ip front passing ip daddr 10.98.0.0/24 reject with icmp type net-unreachable")
	t.Cleanup(func() {
		nft(t, "delete table ip front")
		if err := os.WriteFile(limit, []byte(before), 0); err != nil {
			t.Error(err)
		}
	})
}

// noGateway has nobody answer at the address of the gateway.
func noGateway(t testing.TB) { mustIP(t, "address", "del", bridgeAddr+"/24", "dev", "br0") }

// newFar is a machine with these addresses, on a line behind the gateway of the segment, which forwards.
func newFar(t testing.TB, addrs ...string) *host {
	t.Helper()
	const setting = "/proc/sys/net/ipv4/ip_forward"
	before := read(t, setting)
	if err := os.WriteFile(setting, []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(setting, []byte(before), 0); err != nil {
			t.Error(err)
		}
	})
	mustIP(t, "netns", "add", "far")
	t.Cleanup(func() { mustIP(t, "netns", "del", "far") })
	mustIP(t, "link", "add", "line0", "up", "type", "veth", "peer", "name", "eth0", "netns", "far")
	t.Cleanup(func() { mustIP(t, "link", "del", "line0") })
	mustIP(t, "address", "add", "10.98.0.1/24", "dev", "line0")
	mustIP(t, "-n", "far", "link", "set", "lo", "up")
	mustIP(t, "-n", "far", "link", "set", "eth0", "up")
	for _, addr := range addrs {
		mustIP(t, "-n", "far", "address", "add", addr+"/24", "dev", "eth0")
	}
	mustIP(t, "-n", "far", "route", "add", "default", "via", "10.98.0.1")
	return &host{name: "far", addr: addrs[0]}
}
