//go:build linux

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// startDnsmasqDNS serves the zone from h. It knows no other server: names of other domains are refused, and a name of one
// label does not exist.
func startDnsmasqDNS(t testing.TB, h *host, z zone) *process {
	t.Helper()
	lines := []string{"log-queries", "no-resolv", "no-hosts", "local=/" + sipDomain + "/", "domain-needed"}
	for _, s := range z.srv {
		lines = append(lines, fmt.Sprintf("srv-host=%s,%s,%d,%d,%d", s.name, s.target, s.port, s.priority, s.weight))
	}
	for _, name := range slices.Sorted(maps.Keys(z.addrs)) {
		lines = append(lines, fmt.Sprintf("host-record=%s,%s", name, z.addrs[name]))
	}
	p := startDnsmasq(t, h, lines)
	waitDNS(t, h, p, "NOERROR")
	return p
}

// startRefusingDNS answers every query with REFUSED.
func startRefusingDNS(t testing.TB, h *host) *process {
	t.Helper()
	p := startDnsmasq(t, h, []string{"log-queries", "no-resolv", "no-hosts"})
	waitDNS(t, h, p, "REFUSED")
	return p
}

// startDnsmasqDHCP leases addresses from h and hands out the options. Two facts about it: sub-options of 43 go to
// clients whose option 60 matches the vendor class; and only quotes, which only a file can hold, keep it from
// sending the port 443 as a binary number.
func startDnsmasqDHCP(t testing.TB, h *host, o options) *process {
	t.Helper()
	lines := []string{
		"port=0", "log-dhcp", "dhcp-authoritative",
		"no-ping", // Otherwise an address is offered three seconds late.
		"dhcp-leasefile=" + t.TempDir() + "/leases",
		"dhcp-range=10.0.0.100,10.0.0.199,255.255.255.0,1h",
		"dhcp-option=option:router" + map[bool]string{false: "," + bridgeAddr}[o.noRouter],
		"dhcp-option=option:dns-server," + dnsAddr,
	}
	if o.sipServer != "" {
		lines = append(lines, "dhcp-option=option:sip-server,"+o.sipServer)
	}
	if o.routes != "" {
		lines = append(lines, "dhcp-option=121,"+o.routes)
	}
	if o.domain != "" {
		lines = append(lines, "dhcp-option=option:domain-name,"+o.domain)
	}
	for code, value := range o.subOptions() {
		lines = append(lines, fmt.Sprintf("dhcp-option=vendor:%s,%d,%q", o.vendor(), code, value))
	}
	p := startDnsmasq(t, h, lines)
	waitDHCP(t, p)
	return p
}

// startDnsmasq starts it with nothing read from the system; no-daemon also keeps it from changing its user, which
// a user namespace does not allow.
func startDnsmasq(t testing.TB, h *host, lines []string) *process {
	t.Helper()
	lines = append(lines, "no-daemon", "log-facility=-", "pid-file=", "interface=eth0", "bind-interfaces")
	return start(t, h, "dnsmasq", "--conf-file="+write(t, t.TempDir(), "dnsmasq.conf", strings.Join(lines, "\n")+"\n"))
}
