//go:build linux

package e2e

import (
	"strings"
	"testing"
)

// What is wrong with the routes of the device, where all else is well: the name server is in its subnet, unless a row says otherwise.
const (
	detour       = "10.98.0.0/28 via 10.0.0.199"
	farRegistrar = "10.98.0.2"
	deadDetour   = "The route of this device to 10.98.0.0/28 leads through 10.0.0.199, which does not answer, although the default gateway 10.0.0.1 does: this device cannot reach what is behind it, such as fe01.contoso.com:5061 (10.98.0.2)."
)

var routeRows = []linkRow{
	{name: "a route is left over", verdict: "failed", reason: "connect-timeout", given: with(published(fe01), address(fe01.host, farRegistrar), dhcpSaysNothing, routes(detour)),
		says: []string{deadDetour, "The problem is with this device.", "Remove this route from this device, or have it renew its DHCP lease: DHCP (10.0.0.67) does not give this route when it is asked as a Lync phone asks."}, not: []string{"Correct the gateway"}},
	{name: "DHCP gives the route", verdict: "failed", reason: "connect-timeout",
		given: with(published(fe01), address(fe01.host, farRegistrar), dhcpSays(startDnsmasqDHCP, options{routes: "10.98.0.0/28,10.0.0.199,0.0.0.0/0,10.0.0.1"}), routes(detour)),
		says:  []string{deadDetour, "The problem is with the DHCP server.", "Correct option 121 of the DHCP server 10.0.0.67, which gives this route, and have this device renew its lease."}, not: []string{"Remove this"}},
	{name: "nobody knows where the route comes from", verdict: "failed", reason: "connect-timeout", given: with(published(fe01), address(fe01.host, farRegistrar), routes("10.98.0.2/32 via 10.0.0.199")),
		says: []string{"The route of this device to 10.98.0.2/32 leads through 10.0.0.199, which does not answer", "Remove this route; if it comes by DHCP (option 121 or 249), correct it there."}, not: []string{"The problem is with"}},
	{name: "a rule leads to another table of routes", verdict: "failed", reason: "connect-timeout",
		given: with(published(fe01), address(fe01.host, farRegistrar), dhcpSaysNothing, routes("default via 10.0.0.199 table 100"), rule("to 10.98.0.0/28 lookup 100")),
		says:  []string{"The default route of this device in the routing table 100 leads through 10.0.0.199, which does not answer"}, not: []string{"The problem is with"}},
	{name: "a route is left over, and the name server is behind it", verdict: "failed", reason: "dns-timeout", given: with(set(`dns_servers = ["`+far1+`"]`), dhcpSaysNothing, routes("10.98.0.48/28 via 10.0.0.199")),
		says: []string{"The route of this device to 10.98.0.48/28 leads through 10.0.0.199, which does not answer"}},
	{name: "a route of IPv6 is left over", verdict: "degraded", reason: "connect-timeout",
		given: with(published(fe01), record("fe01 AAAA 2001:db8:1::11"), overIPv6("2001:db8::1"), routes("2001:db8:1::/64 via fe80::dead dev eth0 proto ra")),
		says:  []string{"The route of this device to 2001:db8:1::/64 leads through fe80::dead, which does not answer", throughOther, "Remove this route; if a router announces it (router advertisements), correct it there."}},
	{name: "a route forbids it", verdict: "failed", reason: "connect-unreachable", given: with(published(fe01), address(fe01.host, farRegistrar), routes("prohibit 10.98.0.0/28")),
		says: []string{`This device sends nothing to fe01.contoso.com:5061 (10.98.0.2): its routing says "prohibit 10.98.0.0/28".`, "The problem is with this device."}},
	{name: "a route swallows it", verdict: "failed", reason: "connect-unreachable", given: with(published(fe01), address(fe01.host, farRegistrar), routes("blackhole 10.98.0.2")),
		says: []string{`This device sends nothing to fe01.contoso.com:5061 (10.98.0.2): its routing says "blackhole 10.98.0.2/32".`}},
	{name: "a rule forbids it", verdict: "failed", reason: "connect-unreachable", given: with(published(fe01), address(fe01.host, farRegistrar), rule("to 10.98.0.0/28 prohibit")),
		says: []string{`This device sends nothing to fe01.contoso.com:5061 (10.98.0.2): its routing says "prohibit".`}},
}

var defaultRows = []linkRow{
	{name: "of two default routes the one that is used is dead", verdict: "failed", reason: "connect-timeout",
		given: with(published(fe01), address(fe01.host, farRegistrar), dhcpSaysNothing, noDefaultRoute, routes("default via 10.0.0.199 metric 50", "default via 10.0.0.1 metric 100")),
		says: []string{"The gateway 10.0.0.199 does not answer", "This device uses its default route through 10.0.0.199 (eth0 metric 50), by which nobody has answered, and not its other one, through 10.0.0.1 (eth0 metric 100); that gateway answers (MAC 02:00:00:00:00:01).",
			"The problem is with this device.", "Correct the gateway of this device: DHCP gives 10.0.0.1; if it has its address by DHCP, have it renew its lease; if the default route through 10.0.0.1 is the right one, remove the other, or give it a higher metric."}},
	{name: "the default route of a second network is used, and leads nowhere", verdict: "failed", reason: "dns-timeout",
		given: with(set(`dns_servers = ["`+far1+`"]`), noDefaultRoute, secondLink, routes("default via 10.0.0.1 metric 50", "default via 10.77.0.1 dev second0 metric 100")),
		says:  []string{"This device uses its default route through 10.0.0.1 (eth0 metric 50), by which nobody has answered, and not its other one, through 10.77.0.1 (second0 metric 100)."}, not: []string{"The problem is with"}},
	{name: "there is a second default route, and all is well", verdict: "ok", given: with(published(fe01), noDefaultRoute, secondLink, routes("default via 10.0.0.1 metric 50", "default via 10.77.0.1 dev second0 metric 100")),
		says: []string{isWell}},
	{name: "there is a second default route, and nothing is asked through either", verdict: "failed", reason: "connect-timeout",
		given: with(published(fe01), address(fe01.host, "10.0.0.198"), noDefaultRoute, secondLink, routes("default via 10.0.0.1 metric 50", "default via 10.77.0.1 dev second0 metric 100")),
		says:  []string{"No host answers at the address of fe01.contoso.com:5061"}, not: []string{"default route"}},
}

// noWayOut is what a device says that has no default route, and needs one.
const noWayOut = "This device has no default route, so it cannot reach the name server 10.98.0.53:53"

// routerRows are devices without a default route, and what DHCP says to that. The name server is on another network.
var routerRows = []linkRow{
	{name: "DHCP names no router", verdict: "failed", reason: "connect-unreachable",
		given: with(set(`dns_servers = ["`+far1+`"]`), dhcpSays(startDnsmasqDHCP, options{noRouter: true}), noDefaultRoute),
		says:  []string{noWayOut + ", and DHCP (10.0.0.67, on eth0) names no router (option 3).", "The problem is with the DHCP server.", "Add the router (option 3) to the scope of this network on the DHCP server 10.0.0.67"}, not: []string{"not on the network", "with the network"}},
	{name: "DHCP names no router, and the Registrar is on another network", verdict: "failed", reason: "connect-unreachable",
		given: with(published(fe01), address(fe01.host, farRegistrar), dhcpSays(startKea, options{noRouter: true}), noDefaultRoute),
		says:  []string{"This device has no default route, so it cannot reach fe01.contoso.com:5061 (10.98.0.2), and DHCP (10.0.0.67, on eth0) names no router (option 3)."}},
	{name: "DHCP names a router", verdict: "failed", reason: "connect-unreachable", given: with(set(`dns_servers = ["`+far1+`"]`), dhcpSaysNothing, noDefaultRoute),
		says: []string{noWayOut + ", although DHCP (10.0.0.67, on eth0) names the router 10.0.0.1 (option 3): the DHCP client of this device has not installed that route, or it was removed.", "The problem is with this device."}},
	{name: "DHCP sends routes, and no default route among them", verdict: "failed", reason: "connect-unreachable",
		given: with(set(`dns_servers = ["`+far1+`"]`), dhcpSays(startDnsmasqDHCP, options{routes: "10.97.0.0/24,10.0.0.1"}), noDefaultRoute),
		says: []string{noWayOut + "; DHCP (10.0.0.67, on eth0) sends routes (option 121) without a default route, and a client that takes them ignores option 3, which names 10.0.0.1 (RFC 3442).",
			"Add a default route (0.0.0.0/0 through 10.0.0.1) to option 121 of the DHCP server 10.0.0.67"}},
	{name: "DHCP does not answer", verdict: "failed", reason: "connect-unreachable", given: with(set(`dns_servers = ["`+far1+`"]`), dhcpIsSilent, noDefaultRoute),
		says: []string{noWayOut + "; whether DHCP names a router is not known: DHCP does not answer."}, not: []string{"The problem is with"}},
	{name: "DHCP is not asked", verdict: "failed", reason: "connect-unreachable", given: with(set(`dns_servers = ["`+far1+`"]`), noDefaultRoute),
		says: []string{noWayOut + "; whether DHCP names a router is not known: DHCP was not asked."}, not: []string{"The problem is with"}},
}

// dhcpOnSecond has DHCP asked on another interface than that by which the device reaches its name server and the default route.
var dhcpOnSecond = set(`interface = "second0"`)

// interfaceRows are devices with two interfaces.
var interfaceRows = []linkRow{
	{name: "the other interface, on which DHCP is asked, has no carrier", verdict: "failed", reason: "dns-timeout", given: with(set(`dns_servers = ["`+far1+`"]`), secondLink, secondUnplugged, dhcpOnSecond, dhcpIsSilent),
		says: []string{"No name server answers (10.98.0.53:53)"}, not: []string{"second0", "DHCP does not answer"}, node: "link", detail: "eth0 10.0.0.90/24; DHCP is asked on second0, which has no carrier"},
	{name: "DHCP is asked on another interface, and all is well", verdict: "ok", given: with(published(fe01), secondLink, dhcpOnSecond),
		says: []string{isWell}, node: "link", detail: "eth0 10.0.0.90/24; DHCP is asked on second0, which has 10.77.0.2/24"},
	{name: "the interface by which the Registrar is reached has no carrier", verdict: "failed", reason: "connect-unreachable",
		given: with(published(fe01), address(fe01.host, "10.77.0.3"), secondLink, secondUnplugged),
		says:  []string{"The interface second0, by which this device reaches fe01.contoso.com:5061, has no carrier (no cable, or nothing at its other end).", "Check the cable and the switch port of second0."}},
}

var knownRows = []linkRow{
	{name: "the Registrar in the subnet is gone", verdict: "failed", reason: "connect-timeout", given: with(published(fe01), address(fe01.host, "10.0.0.198"), known("10.0.0.198")),
		says: []string{"No host answers at the address of fe01.contoso.com:5061 (10.0.0.198), which is in the subnet of this device"}, node: "link.address.10.0.0.198", detail: "nobody answers (ARP)"},
	{name: "the gateway is gone", verdict: "failed", reason: "connect-timeout", given: with(published(fe01), address(fe01.host, farRegistrar), wrongGateway, known("10.0.0.199")),
		says: []string{"The gateway 10.0.0.199 does not answer"}},
	{name: "the router of a route is gone", verdict: "failed", reason: "connect-timeout", given: with(published(fe01), address(fe01.host, farRegistrar), dhcpSaysNothing, routes(detour), known("10.0.0.199")),
		says: []string{deadDetour}},
	{name: "the name server in the subnet is gone", verdict: "failed", reason: "dns-timeout", given: with(set(`dns_servers = ["10.0.0.198"]`), known("10.0.0.198")),
		says: []string{"No host answers at the address of the name server 10.0.0.198:53"}},
}

// TestMend37CheckRoutes: a route that leads through a router that does not answer is told as such, and not as a wrong gateway.
func TestMend37CheckRoutes(t *testing.T) { checkLinks(t, routeRows) }

// TestMend38CheckDefaultRoutes: where nobody answers through the default route that is used, the other one is told.
func TestMend38CheckDefaultRoutes(t *testing.T) { checkLinks(t, defaultRows) }

// TestMend73CheckNoDefaultRoute: where a device has no default route, check says what DHCP has to do with that.
func TestMend73CheckNoDefaultRoute(t *testing.T) { checkLinks(t, routerRows) }

// TestMend87CheckInterfaces: of several interfaces that is told by which a destination is reached.
func TestMend87CheckInterfaces(t *testing.T) { checkLinks(t, interfaceRows) }

// TestMend39CheckKnownHosts: a host that the system has known, and that is gone, is told as exactly as one that it has never known.
func TestMend39CheckKnownHosts(t *testing.T) { checkLinks(t, knownRows) }

// routes gives the device routes.
func routes(all ...string) given { return routing("route", all...) }

// rule gives the device a rule of routing.
func rule(text string) given { return routing("rule", text) }

// routing adds entries to a table of the device, by the commands of ip.
func routing(table string, entries ...string) given {
	return func(t testing.TB, c *scene) {
		for _, entry := range entries {
			words := append([]string{"-n", c.site.device.name, table, "add"}, strings.Fields(entry)...)
			mustIP(t, words...)
			t.Cleanup(func() {
				words[3] = "del"
				mustIP(t, words...)
			})
		}
	}
}

// known has the system of the device know a host that is gone.
func known(addr string) given {
	return func(t testing.TB, c *scene) {
		mustIP(t, "-n", c.site.device.name, "neighbour", "replace", addr, "lladdr", "02:00:00:00:00:98", "dev", "eth0", "nud", "stale")
		t.Cleanup(func() { mustIP(t, "-n", c.site.device.name, "neighbour", "flush", "to", addr) })
	}
}

// secondUnplugged takes out the cable of the second link.
func secondUnplugged(t testing.TB, c *scene) {
	mustIP(t, "-n", c.site.device.name, "link", "set", "second1", "down")
}
