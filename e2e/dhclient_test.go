//go:build linux

package e2e

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
)

// lease is the device's own DHCP client: dhclient, which holds UDP port 68 for as long as it runs.
type lease struct {
	*process
	host *host
	file string // dhclient.leases
	addr netip.Addr
}

// startDhclient runs the system's DHCP client on the device and waits for its address.
func startDhclient(t testing.TB, h *host) *lease {
	t.Helper()
	dir := t.TempDir()
	script := write(t, dir, "script", `#!/bin/sh
case $reason in BOUND|RENEW|REBIND|REBOOT)
	ip address replace $new_ip_address/24 dev $interface
	ip route replace default via $new_routers
esac
`)
	if err := os.Chmod(script, 0o700); err != nil {
		t.Fatal(err)
	}
	l := &lease{host: h, file: dir + "/leases"}
	l.process = start(t, h, "dhclient", "-4", "-d", "-cf", "/dev/null", "-sf", script, "-lf", l.file, "-pf", dir+"/pid", "eth0")
	eventually(t, "dhclient has a lease", func() (err error) {
		l.addr, err = l.address(t)
		return err
	})
	eventually(t, "dhclient has written its lease", contains(t, l.log, "bound to "+l.addr.String()))
	return l
}

// address returns the device's address as the kernel has it.
func (l *lease) address(t testing.TB) (netip.Addr, error) {
	t.Helper()
	if err := l.running(); err != nil {
		return netip.Addr{}, err
	}
	fields := strings.Fields(l.host.run(t, "ip", "-4", "-brief", "address", "show", "dev", "eth0"))
	if len(fields) < 3 { // eth0@if2 UP 10.0.0.100/24
		return netip.Addr{}, fmt.Errorf("eth0 has no address")
	}
	p, err := netip.ParsePrefix(fields[2])
	return p.Addr(), err
}
