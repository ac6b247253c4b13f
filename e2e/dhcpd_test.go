//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// startDhcpd leases addresses from h and hands out the options with ISC dhcpd. Its class statements hold for
// DHCPINFORM as well as for leases.
func startDhcpd(t testing.TB, h *host, o options) *process {
	t.Helper()
	raw := func(code int, value []byte) string {
		if value == nil {
			return ""
		}
		return fmt.Sprintf("option raw-%d %s;", code, strings.ReplaceAll(fmt.Sprintf("% x", value), " ", ":"))
	}
	everybody, phones := raw(120, o.option120()), raw(43, o.option43())
	if o.classOnly {
		everybody, phones = "", everybody+phones
	}
	return runDhcpd(t, h, fmt.Sprintf(`authoritative;
ping-check false; # Otherwise an address is offered a second late.
option raw-120 code 120 = string;
option raw-43 code 43 = string;
class "phones" {
	match if option vendor-class-identifier = %q;
	%s
}
subnet 10.0.0.0 netmask 255.255.255.0 {
	range 10.0.0.100 10.0.0.199;
	option routers %s;
	option domain-name-servers %s;
	%s
}
`, o.vendor(), phones, bridgeAddr, dnsAddr, everybody))
}

// runDhcpd runs ISC dhcpd on h with a configuration.
func runDhcpd(t testing.TB, h *host, config string) *process {
	t.Helper()
	dir := t.TempDir()
	p := start(t, h, "dhcpd", "-4", "-f", "-d", "--no-pid", "-cf", write(t, dir, "dhcpd.conf", config), "-lf", write(t, dir, "leases", ""), "eth0")
	waitDHCP(t, p)
	return p
}
