//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// leaseClients are DHCP clients that ask for option 120 and keep it, with where they do; run is the device's runtime_dir.
var leaseClients = []struct {
	name  string
	start func(t testing.TB, h *host, run string) (file string)
}{
	{"dhclient", leaseDhclient},
	{"dhcpcd with our hook", func(t testing.TB, h *host, run string) string {
		leaseDhcpcd(t, h, run)
		return hookFile(t, run, "dhcpcd")
	}},
	{"udhcpc with our hook", leaseUdhcpc},
}

// leaseDhclient runs dhclient as Debian configures it, with a name for option 120 in dhclient.conf, which it has none for.
func leaseDhclient(t testing.TB, h *host, _ string) string {
	t.Helper()
	const conf, file = "/etc/dhcp/dhclient.conf", "/var/lib/dhcp/dhclient.eth0.leases"
	program(t, "dhclient")
	dir := t.TempDir()
	ours := write(t, dir, "conf", "option sip-servers code 120 = string;\nalso request sip-servers;\n")
	if err := os.Chmod(ours, 0o644); err != nil {
		t.Fatal(err)
	}
	mount(t, ours, conf, "", syscall.MS_BIND)
	mount(t, "tmpfs", filepath.Dir(file), "tmpfs", 0)
	script := executable(t, dir, `case $reason in BOUND) ip address replace $new_ip_address/24 dev $interface; ip route replace default via $new_routers;; esac`)
	p := start(t, h, "dhclient", "-4", "-d", "-cf", conf, "-sf", script, "-lf", file, "-pf", dir+"/pid", "eth0")
	eventually(t, "dhclient has written its lease", contains(t, p.log, "bound to "))
	return file
}

// leaseDhcpcd runs dhcpcd, which configures the interface itself. Its lease is for root alone; our hook is its script.
func leaseDhcpcd(t testing.TB, h *host, run string) string {
	t.Helper()
	const file = "/var/lib/dhcpcd/eth0.lease"
	program(t, "dhcpcd")
	mount(t, "tmpfs", filepath.Dir(file), "tmpfs", 0)
	dir := t.TempDir()
	conf := write(t, dir, "conf", "option sip_server\noption routers\n")
	script := executable(t, dir, "HOMEWARD_RUNTIME_DIR="+run+" exec "+hook(t)+" dhcpcd") // it has an environment of dhcpcd's own
	start(t, h, "dhcpcd", "-4", "-B", "-f", conf, "--noarp", "--script", script, "eth0")
	eventually(t, "dhcpcd has a lease", func() error {
		if _, err := os.Stat(file); err != nil {
			return err
		}
		if routes := h.run(t, "ip", "-4", "route", "show", "default"); routes == "" {
			return fmt.Errorf("no default route")
		}
		return nil
	})
	return file
}

// leaseUdhcpc runs udhcpc, which keeps nothing: the hook in its script tells us.
func leaseUdhcpc(t testing.TB, h *host, run string) string {
	t.Helper()
	program(t, "busybox")
	script := executable(t, t.TempDir(), `case $1 in bound) ip address replace $ip/24 dev $interface; ip route replace default via $router;; esac
exec `+hook(t)+` udhcpc "$1"`)
	start(t, h, "env", "HOMEWARD_RUNTIME_DIR="+run, "busybox", "udhcpc", "-f", "-i", "eth0", "-s", script, "-O", "120")
	return hookFile(t, run, "udhcpc")
}

func hook(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../packaging/hooks/homeward-dhcp-hook")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// hookFile waits until our hook has written for a client, and returns where.
func hookFile(t testing.TB, run, client string) string {
	t.Helper()
	file := run + "-dhcp/eth0." + client + ".env"
	eventually(t, "the hook has written", func() error {
		_, err := os.Stat(file)
		return err
	})
	return file
}

// executable writes a shell script.
func executable(t testing.TB, dir, text string) string {
	t.Helper()
	path := write(t, dir, "script", "#!/bin/sh\n"+text+"\n")
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// mount covers a place of the file system until the test ends. Hosts started before do not see it.
func mount(t testing.TB, source, target, kind string, flags uintptr) {
	t.Helper()
	if err := syscall.Mount(source, target, kind, flags, ""); err != nil {
		t.Fatalf("mount on %s: %v", target, err)
	}
	t.Cleanup(func() { syscall.Unmount(target, syscall.MNT_DETACH) })
}

// asked is how a question by DHCPINFORM shows in the log of a DHCP server.
var asked = map[string]string{"dnsmasq": "DHCPINFORM(eth0)", "Kea": ":68 to 255.255.255.255:67", "ISC": "DHCPINFORM from "}

// TestLease: with dhcp = "lease" the device registers with what its DHCP client keeps, and asks nothing by DHCP.
func TestLease(t *testing.T) {
	for _, server := range dhcpServers {
		for _, client := range leaseClients {
			t.Run(server.name+" and "+client.name, func(t *testing.T) {
				s := newSite(t)
				startDnsmasqDNS(t, s.dns, zoneWith())
				dhcp := server.start(t, s.dhcp, full)
				startKamailio(t, s, settings{})
				d := newDevice(t, s, `dhcp = "lease"`)
				file := client.start(t, s.device, d.dir+"/run")
				before := len(dhcp.output(t)) // the client has asked, and the site was, whether it is up
				d.boot(t)
				got := d.awaitRegistered(t)
				if got.Registrar.String() != at("dhcp-tls").String() || got.Registrar.Via != "option 120 (lease "+file+")" {
					t.Errorf("uses %s via %s, want %s via %s", got.Registrar, got.Registrar.Via, at("dhcp-tls"), file)
				}
				question := func() bool { return strings.Contains(dhcp.output(t)[before:], asked[server.name]) }
				if question() {
					t.Error("the server was asked")
				}
				if out, code := d.run(t, "plan", "--dhcp", "inform"); code != 0 {
					t.Errorf("plan: exit code %d\n%s", code, out)
				}
				if !question() {
					t.Error("a question does not show in the server's log: the test sees nothing")
				}
			})
		}
	}
}

// TestLeaseOfDhcpcd: root reads the lease itself.
func TestLeaseOfDhcpcd(t *testing.T) {
	s := newSite(t)
	startDnsmasqDNS(t, s.dns, zoneWith())
	startKea(t, s.dhcp, full)
	file := leaseDhcpcd(t, s.device, t.TempDir())
	var plan struct{ Try []struct{ Via string } }
	newDevice(t, s, `dhcp = "lease"`).json(t, &plan, "plan", "--json")
	if want := "option 120 (lease " + file + ")"; len(plan.Try) == 0 || plan.Try[0].Via != want {
		t.Errorf("plan %+v, want via %s", plan.Try, want)
	}
}

// TestLeaseWhenSilent: nobody answers DHCPINFORM any more; the lease goes on naming the Registrar.
func TestLeaseWhenSilent(t *testing.T) {
	s := newSite(t)
	startDnsmasqDNS(t, s.dns, zoneWith())
	startDnsmasqDHCP(t, s.dhcp, full)
	startKamailio(t, s, settings{})
	d := newDevice(t, s)
	file := leaseDhclient(t, s.device, "")
	s.dhcp.unplug(t)
	d.boot(t)
	if got, want := d.awaitRegistered(t).Registrar, "option 120 (lease "+file+")"; got.Step != "dhcp-tls" || got.Via != want {
		t.Errorf("uses %s via %s, want %s", got, got.Via, want)
	}
}

// TestDHCPv6: a server of DHCPv6 names the Registrar; that of DHCPv4 does not.
func TestDHCPv6(t *testing.T) {
	s := newSite(t)
	startDnsmasqDNS(t, s.dns, zoneWith())
	startDnsmasqDHCP(t, s.dhcp, options{})
	mustIP(t, "-n", s.dhcp.name, "address", "add", "2001:db8::67/64", "dev", "eth0", "nodad")
	startDnsmasq(t, s.dhcp, []string{"port=0", "log-dhcp", "dhcp-leasefile=" + t.TempDir() + "/leases",
		"dhcp-range=2001:db8::,static", "dhcp-option=option6:sip-server-domain," + full.sipServer})
	startKamailio(t, s, settings{})
	startDhclient(t, s.device)
	d := newDevice(t, s)
	d.boot(t)
	got := d.awaitRegistered(t).Registrar // by the look-ups while it rests, if the link had no IPv6 yet
	if got.String() != at("dhcp-tls").String() || !strings.HasPrefix(got.Via, "option 21 (fe80::") {
		t.Errorf("uses %s via %s", got, got.Via)
	}
}
