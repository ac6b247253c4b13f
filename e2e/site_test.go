//go:build linux

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"homeward/e2e/needs"
)

// The site of every test: one Ethernet segment, its bridge held by the tests themselves.
const (
	bridgeAddr = "10.0.0.1"
	dnsAddr    = "10.0.0.53"
	dhcpAddr   = "10.0.0.67"
)

// site is one Ethernet segment with four machines on it, each a network namespace.
type site struct {
	dns, dhcp, registrar, device *host
	ca                           *authority // signs the certificates of its Registrars
}

// host is a machine on the segment, with one interface named eth0.
type host struct {
	name string
	addr string // its first address; "" when it begins without
}

// newSite builds the segment; it is gone when the test ends. The device has no address yet: that is what its
// DHCP client is for.
func newSite(t testing.TB) *site {
	t.Helper()
	if testing.Short() {
		t.Skip("left out by -short")
	}
	if reason := os.Getenv(envSkip); reason != "" {
		needs.Missing(t, "namespaces", reason)
	}
	program(t, "ip")
	mustIP(t, "link", "add", "br0", "address", "02:00:00:00:00:01", "type", "bridge")
	t.Cleanup(func() { mustIP(t, "link", "del", "br0") })
	mustIP(t, "address", "add", bridgeAddr+"/24", "dev", "br0")
	mustIP(t, "link", "set", "br0", "up")
	var registrars []string
	for _, p := range places() {
		if !slices.Contains(registrars, p.addr) {
			registrars = append(registrars, p.addr)
		}
	}
	return &site{
		dns:       newHost(t, "dns", dnsAddr),
		dhcp:      newHost(t, "dhcp", dhcpAddr),
		registrar: newHost(t, "registrar", registrars...),
		device:    newHost(t, "device"),
		ca:        newAuthority(t, t.TempDir()),
	}
}

// newHost plugs a machine into the bridge.
func newHost(t testing.TB, name string, addrs ...string) *host {
	t.Helper()
	mustIP(t, "netns", "add", name)
	t.Cleanup(func() { mustIP(t, "netns", "del", name) })
	port := "port-" + name
	mustIP(t, "link", "add", port, "master", "br0", "up", "type", "veth", "peer", "name", "eth0", "netns", name)
	t.Cleanup(func() { mustIP(t, "link", "del", port) }) // At once; the kernel takes its time with a namespace.
	mustIP(t, "-n", name, "link", "set", "lo", "up")
	mustIP(t, "-n", name, "link", "set", "eth0", "up")
	for _, addr := range addrs {
		mustIP(t, "-n", name, "address", "add", addr+"/24", "dev", "eth0")
	}
	return &host{name: name, addr: strings.Join(addrs[:min(1, len(addrs))], "")}
}

// command prepares argv to run on the machine.
func (h *host) command(ctx context.Context, argv ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", h.name}, argv...)...)
}

// run runs argv on the machine to its end and returns what it printed.
func (h *host) run(t testing.TB, argv ...string) string {
	t.Helper()
	lookUp(t, argv)
	out, err := h.command(context.Background(), argv...).CombinedOutput() // The test's own is over when its clean-up runs.
	if err != nil {
		t.Fatalf("%s: %s: %v\n%s", h.name, strings.Join(argv, " "), err, out)
	}
	return string(out)
}

// Faults of a host, as packet filter rules; those of a Registrar follow place.match.
const (
	silentDNS = "meta l4proto { tcp, udp } th dport 53 drop"
	closedDNS = "meta l4proto { tcp, udp } th dport 53 reject"
	blackHole = " drop"
	refuses   = " reject with tcp reset"
	noRoute   = " reject with icmp type host-unreachable"       // what a router on the way would say
	resets    = " tcp flags & psh == psh reject with tcp reset" // accepts the connection, then resets it at the first byte
)

// fault gives the machine packet filter rules for what arrives, such as "udp dport 53 drop", until heal.
func (h *host) fault(t testing.TB, rules ...string) {
	t.Helper()
	h.run(t, "nft", "add table inet fault; add chain inet fault input { type filter hook input priority 0; }")
	for _, rule := range rules {
		h.run(t, "nft", "add rule inet fault input "+rule)
	}
}

// heal takes all faults away, if there are any.
func (h *host) heal(t testing.TB) {
	t.Helper()
	h.run(t, "nft", "add table inet fault; delete table inet fault")
}

// unplug takes the machine's cable out; DHCP servers read packets before any filter sees them.
func (h *host) unplug(t testing.TB) {
	t.Helper()
	mustIP(t, "link", "set", "port-"+h.name, "down")
}

// plug puts the cable back.
func (h *host) plug(t testing.TB) {
	t.Helper()
	mustIP(t, "link", "set", "port-"+h.name, "up")
}

func mustIP(t testing.TB, args ...string) {
	t.Helper()
	if err := ipCommand(args...); err != nil {
		t.Fatal(err)
	}
}

func ipCommand(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}
