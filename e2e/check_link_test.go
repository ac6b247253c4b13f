//go:build linux

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// What is wrong with the link itself, and with what is right behind it.
const (
	far1, far2   = "10.98.0.53", "10.98.0.54"
	far6         = "2001:db8:1::53"
	rogueMAC     = "02:00:00:00:00:99"
	throughOther = "The device signs in over IPv4."
)

// linkRow is a site, and what check says of it.
type linkRow struct {
	name, verdict, reason string
	given                 []given
	says, not             []string // the summary
	node, detail          string   // a node, and what it says
	barred                string   // the summary, with the reason connect-unreachable, if what the gateway says after three seconds is heard in time
}

var linkRows = []linkRow{
	{name: "the gateway does not forward", verdict: "failed", reason: "connect-timeout", given: with(set(`dns_servers = ["` + far1 + `", "` + far2 + `"]`)),
		says: []string{"The gateway 10.0.0.1 on eth0 (MAC 02:00:00:00:00:01) answers, but nothing that was asked behind it does (10.98.0.53, 10.98.0.54); what stops the packets", "cannot be seen from here."},
		not:  []string{"too late", "No name server answers"}, node: "link.address.10.0.0.1", detail: "the MAC 02:00:00:00:00:01 answers (ARP)"},
	{name: "the line behind the gateway is dead, and it says so", verdict: "failed", reason: "connect-timeout", given: with(set(`dns_servers = ["`+far1+`", "`+far2+`"]`), deadLine),
		says: []string{"The gateway 10.0.0.1 on eth0 (MAC 02:00:00:00:00:01) answers, but nothing that was asked behind it does"}, not: []string{"too late", "no route"},
		barred: "The gateway 10.0.0.1 on eth0 (MAC 02:00:00:00:00:01), or a router behind it, says that 10.98.0.53, 10.98.0.54 cannot be reached."},
	{name: "the gateway has looked in vain for one host, which has two names", verdict: "failed", reason: "connect-unreachable",
		given: with(published(fe01), address(fe01.host, "10.98.0.2"), record("lyncdiscoverinternal A 10.98.0.2"), deadLine, afterMoreThanTwoSeconds),
		says:  []string{"The gateway 10.0.0.1 finds no host at the address of fe01.contoso.com:5061 (10.98.0.2): that host is off or unplugged, or its address is wrong."}, not: []string{"does not answer"},
		node: "registrar.fe01.contoso.com:5061/tls.10.98.0.2", detail: "connect: no route to host"},
	{name: "the gateway does not forward, and only the Registrars are behind it", verdict: "failed", reason: "connect-timeout",
		given: with(published(fe01, second), address(fe01.host, "10.98.0.2"), address(second.host, "10.98.0.3")),
		says:  []string{"nothing that was asked behind it does (10.98.0.2, 10.98.0.3);"}},
	{name: "the gateway does not forward, and one name server is behind it", verdict: "failed", reason: "dns-timeout", given: with(set(`dns_servers = ["` + far1 + `"]`)),
		says: []string{"No name server answers (10.98.0.53:53); the gateway 10.0.0.1 on the way there does."}, node: "link.address.10.0.0.1", detail: "the MAC 02:00:00:00:00:01 answers (ARP)"},
	{name: "the gateway does not forward, and nobody may ask who it is", verdict: "failed", reason: "connect-timeout", given: with(set(`dns_servers = ["`+far1+`", "`+far2+`"]`), onDevice(unprivileged), forgottenGateway),
		says: []string{"Nothing that was asked behind the gateway 10.0.0.1 on eth0 answers (10.98.0.53, 10.98.0.54); whether the gateway 10.0.0.1 itself does is not known."}, node: "link.address.10.0.0.1", detail: "it is not known who has it: operation not permitted"},
	{name: "a second device has the address of the gateway", verdict: "degraded", reason: "connect-timeout", given: with(published(fe01), rogue("10.0.0.1/24")),
		says: []string{"but more than one device on this link has the address 10.0.0.1 of the gateway: the MACs", "02:00:00:00:00:01", rogueMAC}},
	{name: "the address of the device is used twice", reason: "connect-timeout", given: with(published(fe01), rogue("10.0.0.90/24")),
		says: []string{"he address 10.0.0.90 of this device is used twice: another device on this link, with the MAC " + rogueMAC + ", has it, too"}},
	{name: "the address of the device is used twice, and nobody may ask", given: with(published(fe01), onDevice(unprivileged)), verdict: "ok",
		says: []string{isWell}, node: "link.address.10.0.0.90", detail: "it is not known who has it: operation not permitted"},
	{name: "the IPv6 address of the device is used twice", verdict: "degraded", reason: "connect-timeout", given: with(published(fe01), rogue("2001:db8::90/64"), twiceIPv6),
		says: []string{"but the address 2001:db8::90 of this device is used twice: the system (duplicate address detection) has found out that another device on this link has it, too"}},
	{name: "all is well", verdict: "ok", given: with(published(fe01)), says: []string{isWell}, node: "link.address.10.0.0.90", detail: "no other device has it (ARP)"},
	{name: "IPv6 leads nowhere", verdict: "degraded", reason: "connect-timeout", given: with(published(fe01), record("fe01 AAAA 2001:db8:1::11"), overIPv6("2001:db8::1")),
		says: []string{"fe01.contoso.com answers over IPv4 (10.0.0.11, ", " ms), but not over IPv6 (2001:db8:1::11). " + throughOther, "Look for what drops IPv6 on the way to fe01.contoso.com"}, not: []string{"is running"}},
	{name: "the router of IPv6 is dead", verdict: "degraded", reason: "connect-timeout", given: with(published(fe01), record("fe01 AAAA 2001:db8:1::11"), overIPv6("fe80::dead")),
		says: []string{"The IPv6 router fe80::dead does not answer: this device cannot reach what is behind it, such as fe01.contoso.com:5061 (2001:db8:1::11). " + throughOther, "router advertisements"},
		not:  []string{"subnet mask", "ARP"}},
	{name: "the router of IPv6 has no route", verdict: "degraded", reason: "connect-unreachable", given: with(published(fe01), record("fe01 AAAA 2001:db8:1::11"), overIPv6("2001:db8::1"), noRouteOverIPv6),
		says: []string{"fe01.contoso.com answers over IPv4 (10.0.0.11, ", " ms), but not over IPv6: the IPv6 router 2001:db8::1, or a router behind it, says that 2001:db8:1::11 cannot be reached. " + throughOther,
			"See whether the router 2001:db8::1 has a route to 2001:db8:1::11", "router advertisements"}},
	{name: "the device was put into the network of somebody's router since the last sign-in", verdict: "failed", reason: "connect-timeout", given: with(published(fe01), later(intoAnotherNetwork)),
		says: []string{"This device is in another network than the one where it was registered at ", " UTC: subnet 192.168.178.0/24 instead of 10.0.0.0/24; gateway 192.168.178.1 instead of 10.0.0.1; it is not known whether the former network is on this link, too.",
			"Check the VLAN of the switch port to which this device is connected, or the Wi-Fi network that it has joined."}},
	{name: "the device was put beside somebody's router, on the link of its network", verdict: "failed", reason: "connect-timeout",
		given: with(published(fe01), later(rogue("192.168.178.1/24"), ontoRogue)),
		says: []string{"gateway 192.168.178.1 instead of 10.0.0.1; something on this link has the address of the former gateway, 10.0.0.1 (MAC 02:00:00:00:00:01).",
			"Check the VLAN of the switch port to which this device is connected, or the Wi-Fi network that it has joined."}},
	{name: "a VPN was left on, and its two routes cover everything", verdict: "failed", reason: "dns-timeout", given: with(set(`dns_servers = ["`+far1+`"]`), tunnel("0.0.0.0/1", "128.0.0.0/1")),
		says: []string{"The way to DNS (10.98.0.53:53) leads through the tunnel tun0 of this device (a VPN?), and nothing answers through it: it has no carrier", "The problem is with this device.", "Stop the VPN"},
		not:  []string{"cable"}},
	{name: "the way to the Registrar alone leads into a VPN", verdict: "failed", reason: "connect-timeout", given: with(published(fe01), address(fe01.host, "10.98.0.2"), tunnel("10.98.0.0/24")),
		says: []string{"The way to fe01.contoso.com:5061 (10.98.0.2) leads through the tunnel tun0 of this device (a VPN?), and nothing answers through it", "The problem is with this device.", "Stop the VPN"},
		not:  []string{"that it is running, does not hang"}},
	{name: "the first name server answers over IPv4 only", verdict: "degraded", reason: "dns-timeout", given: with(published(fe01), overIPv6("2001:db8::1"), set(`dns_servers = ["[`+far6+`]:53", "10.0.0.53:53"]`)),
		says: []string{"the name server [" + far6 + "]:53 does not answer over IPv6, while 10.0.0.53:53 does over IPv4"}},
}

// TestCheckLink: the verdict is about the gateway, or about who has whose address, and not about what cannot be reached because of it.
func TestCheckLink(t *testing.T) { checkLinks(t, linkRows) }

// checkLinks has check look at each site.
func checkLinks(t *testing.T, rows []linkRow) {
	t.Helper()
	common := newScene(t)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			d := fault{given: row.given}.arrange(t, common)
			r := d.check(t)
			said := r.said()
			t.Logf("check is %s after %d ms: %s\n%s", r.Verdict, r.TookMS, r.Reason, said)
			if row.barred != "" && r.Reason == "connect-unreachable" {
				row.reason, row.says = r.Reason, []string{row.barred}
			}
			if r.Reason != row.reason || row.verdict != "" && r.Verdict != row.verdict {
				t.Errorf("want %s: %s", row.verdict, row.reason)
			}
			if row.reason != "" && !r.shows(row.reason) {
				t.Error("no check shows the reason")
			}
			shows(t, said, row.says...)
			for _, text := range row.not {
				if strings.Contains(said, text) {
					t.Errorf("it says %q", text)
				}
			}
			for _, c := range r.Checks {
				if c.Detail = linkLocal.ReplaceAllString(c.Detail, ""); c.ID == row.node && c.Detail != row.detail {
					t.Errorf("%s is %s: %q, want %q", c.ID, c.Result, c.Detail, row.detail)
				}
			}
		})
	}
}

// tunnel has the device have a tunnel, and routes into it.
func tunnel(routes ...string) given {
	return func(t testing.TB, c *scene) {
		device := c.site.device
		device.run(t, "ip", "tuntap", "add", "tun0", "mode", "tun")
		t.Cleanup(func() { mustIP(t, "-n", device.name, "link", "del", "tun0") })
		mustIP(t, "-n", device.name, "address", "add", "10.8.0.2/24", "dev", "tun0")
		mustIP(t, "-n", device.name, "link", "set", "tun0", "up")
		for _, to := range routes {
			mustIP(t, "-n", device.name, "route", "add", to, "dev", "tun0")
		}
	}
}

// ontoRogue gives the device an address and the gateway of a network whose router is on its link.
func ontoRogue(t testing.TB, c *scene) {
	device := c.site.device.name
	mustIP(t, "-n", device, "address", "flush", "dev", "eth0")
	t.Cleanup(func() {
		mustIP(t, "-n", device, "address", "flush", "dev", "eth0")
		plugIn(t, c.site)
	})
	mustIP(t, "-n", device, "address", "add", "192.168.178.90/24", "dev", "eth0")
	mustIP(t, "-n", device, "route", "replace", "default", "via", "192.168.178.1")
}

// intoAnotherNetwork gives the device an address and a gateway of another network.
func intoAnotherNetwork(t testing.TB, c *scene) {
	mustIP(t, "address", "add", "192.168.178.1/24", "dev", "br0")
	t.Cleanup(func() {
		mustIP(t, "address", "del", "192.168.178.1/24", "dev", "br0")
		mustIP(t, "-n", c.site.device.name, "address", "flush", "dev", "eth0")
		plugIn(t, c.site)
	})
	mustIP(t, "-n", c.site.device.name, "address", "flush", "dev", "eth0")
	mustIP(t, "-n", c.site.device.name, "address", "add", "192.168.178.90/24", "dev", "eth0")
	mustIP(t, "-n", c.site.device.name, "route", "replace", "default", "via", "192.168.178.1")
}

// rogue plugs in another device, which has an address of somebody else.
func rogue(addr string) given {
	return func(t testing.TB, _ *scene) {
		h := newHost(t, "rogue")
		mustIP(t, "-n", h.name, "link", "set", "eth0", "address", rogueMAC)
		mustIP(t, "-n", h.name, "address", "add", addr, "dev", "eth0", "nodad")
	}
}

// deadLine has the gateway forward, into a line at whose other end is nobody: it says that hosts are unreachable.
func deadLine(t testing.TB, _ *scene) {
	setting := "/proc/sys/net/ipv4/ip_forward"
	before, err := os.ReadFile(setting)
	if err == nil {
		err = os.WriteFile(setting, []byte("1"), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	mustIP(t, "link", "add", "line0", "type", "veth", "peer", "name", "line1")
	mustIP(t, "link", "set", "line1", "up")
	mustIP(t, "link", "set", "line0", "up")
	mustIP(t, "address", "add", "10.98.0.1/24", "dev", "line0")
	t.Cleanup(func() {
		mustIP(t, "link", "del", "line0")
		if err := os.WriteFile(setting, before, 0); err != nil {
			t.Error(err)
		}
	})
}

// afterMoreThanTwoSeconds has the gateway look for that long until it says so: a Registrar is given up after two.
func afterMoreThanTwoSeconds(t testing.TB, _ *scene) {
	if err := os.WriteFile("/proc/sys/net/ipv4/neigh/line0/retrans_time_ms", []byte("750"), 0); err != nil {
		t.Fatal(err)
	}
}

// forgottenGateway has the device know its gateway for good, so that the system has no word of whether it answers.
func forgottenGateway(t testing.TB, c *scene) {
	mustIP(t, "-n", c.site.device.name, "neighbour", "replace", bridgeAddr, "lladdr", "02:00:00:00:00:01", "dev", "eth0", "nud", "permanent")
	t.Cleanup(func() { mustIP(t, "-n", c.site.device.name, "neighbour", "del", bridgeAddr, "dev", "eth0") })
}

// overIPv6 gives the device an address of IPv6, and such a router; that of the bridge answers and does not forward.
func overIPv6(router string) given {
	return func(t testing.TB, c *scene) {
		device := c.site.device.name
		mustIP(t, "address", "add", "2001:db8::1/64", "dev", "br0", "nodad")
		mustIP(t, "-6", "route", "add", "blackhole", "2001:db8:1::/64") // else it would say that it does not forward
		mustIP(t, "-n", device, "address", "add", "2001:db8::90/64", "dev", "eth0", "nodad")
		mustIP(t, "-n", device, "-6", "route", "add", "default", "via", router, "dev", "eth0")
		t.Cleanup(func() {
			mustIP(t, "-n", device, "-6", "route", "del", "default")
			mustIP(t, "-n", device, "address", "del", "2001:db8::90/64", "dev", "eth0")
			mustIP(t, "-6", "route", "del", "blackhole", "2001:db8:1::/64")
			mustIP(t, "address", "del", "2001:db8::1/64", "dev", "br0")
		})
	}
}

// noRouteOverIPv6 has the router of IPv6 say that it does not know the way.
func noRouteOverIPv6(t testing.TB, _ *scene) {
	mustIP(t, "-6", "route", "del", "blackhole", "2001:db8:1::/64")
	t.Cleanup(func() { mustIP(t, "-6", "route", "add", "blackhole", "2001:db8:1::/64") })
}

// twiceIPv6 has the system of the device find out that another one has its address.
func twiceIPv6(t testing.TB, c *scene) {
	device := c.site.device
	device.run(t, "sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_dad")
	mustIP(t, "-n", device.name, "address", "add", "2001:db8::90/64", "dev", "eth0")
	t.Cleanup(func() { mustIP(t, "-n", device.name, "address", "del", "2001:db8::90/64", "dev", "eth0") })
	eventually(t, "the system has looked for another one", func() error {
		if text := device.run(t, "ip", "-6", "address", "show", "dev", "eth0"); !strings.Contains(text, "dadfailed") {
			return fmt.Errorf("addresses %s", text)
		}
		return nil
	})
}
