//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"homeward/e2e/needs"
)

// clientOf is a program of a Debian that looks after the network of the device: what is installed for it, how it is started and
// ended, and what homeward then says.
type clientOf struct {
	name    string
	options options           // what the DHCP server says
	files   map[string]string // of the device
	start   string            // a shell script
	stop    string
	says    []asking
}

// asking is a command of homeward, and what it has to say.
type asking struct {
	command string
	want    []string
}

const (
	// linkFile has networkd ask as a Lync phone does.
	linkFile = "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n[DHCPv4]\nUseSIP=yes\nRequestOptions=120 43\nVendorClassIdentifier=MS-UC-Client\n"
	stub     = "rm -f /etc/resolv.conf; ln -s /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf; "
	direct   = "rm -f /etc/resolv.conf; ln -s /run/systemd/resolve/resolv.conf /etc/resolv.conf; "
	networkd = "systemctl start systemd-networkd; "
	resolved = "systemctl start systemd-resolved; "
	stopBoth = "systemctl stop systemd-resolved systemd-networkd.socket systemd-networkd"
	wired    = "[connection]\nid=eth0\nuuid=5d7a1c9e-8c1a-4c57-9d0b-1d2f3a4b5c6d\ntype=ethernet\ninterface-name=eth0\n[ipv4]\nmethod=auto\n[ipv6]\nmethod=disabled\n"
	nmConf   = "[main]\nplugins=keyfile\ndhcp=%s\ndns=default\nrc-manager=file\n[logging]\nlevel=INFO\n"
	nmFile   = "etc/NetworkManager/system-connections/eth0.nmconnection"
)

var (
	addresses = options{value120: []byte{1, 10, 0, 0, 12}, webServer: full.webServer}
	// networkdKeeps is what every version of networkd since 225 keeps: the addresses of option 120.
	networkdKeeps = asking{"plan --dhcp lease", []string{"10.0.0.12", "option 120 (lease /run/systemd/netif/leases/", "internal-tls"}}
	// asksItself is for a client that keeps nothing.
	asksItself  = asking{"plan", []string{"found      dhcp-tls", full.sipServer}}
	checksWell  = asking{"check", []string{isWell}}
	signsIn     = asking{"check", []string{"signs in to fe01.contoso.com:5061 over TLS (internal-tls)", "DHCP option 120 contains an IP address"}}
	nameServers = func(list string) asking { return asking{"check -v", []string{"name servers: " + list}} }
)

// clientRoots are what a device may have of Debian 12 and 13.
var clientRoots = []struct {
	root    []string
	clients []clientOf
}{
	{[]string{"bookworm", "systemd-sysv", "libpam-systemd", "systemd-resolved", "network-manager", "connman", "isc-dhcp-client"}, []clientOf{
		{"networkd 252, and the stub of resolved", addresses, map[string]string{"etc/systemd/network/eth0.network": linkFile}, stub + networkd + resolved, stopBoth,
			[]asking{networkdKeeps, nameServers("127.0.0.53:53"), signsIn}},
		{"networkd 252, and the servers that resolved knows", addresses, map[string]string{"etc/systemd/network/eth0.network": linkFile}, direct + networkd + resolved, stopBoth,
			[]asking{networkdKeeps, nameServers("10.0.0.53:53"), signsIn}},
		{"the stub of resolved 252 without a server to ask", addresses, map[string]string{
			"etc/systemd/network/eth0.network": linkFile + "UseDNS=no\n", "etc/systemd/resolved.conf": "[Resolve]\nFallbackDNS=\n"}, stub + networkd + resolved, stopBoth,
			[]asking{{"check --dhcp off", []string{"the resolver on this device itself, 127.0.0.53:53, refuses the query (REFUSED): it has no name server to ask", "The problem is with this device."}}}},
		{"the stub of resolved 252, and its name server is dead", addresses, map[string]string{
			"etc/systemd/network/eth0.network": linkFile + "UseDNS=no\n", "etc/systemd/resolved.conf": "[Resolve]\nDNS=10.0.0.98\nFallbackDNS=\n"}, stub + networkd + resolved, stopBoth,
			[]asking{{"check --dhcp off", []string{"No host answers at the address of the name server 10.0.0.98:53, which is in the subnet of this device"}}}},
		{"the client of NetworkManager 1.42", full, map[string]string{nmFile: wired, "etc/NetworkManager/NetworkManager.conf": fmt.Sprintf(nmConf, "internal")},
			"rm -f /etc/resolv.conf; systemctl start NetworkManager", "systemctl stop NetworkManager",
			[]asking{{"plan --dhcp lease", []string{"dhcp-no-lease"}}, asksItself, nameServers("10.0.0.53:53"), checksWell}},
		{"NetworkManager 1.42 with dhclient", full, map[string]string{nmFile: wired, "etc/NetworkManager/NetworkManager.conf": fmt.Sprintf(nmConf, "dhclient"),
			"etc/dhcp/dhclient.conf": "option sip-servers code 120 = string;\nalso request sip-servers;\n"},
			"rm -f /etc/resolv.conf; systemctl start NetworkManager", "systemctl stop NetworkManager",
			[]asking{{"plan --dhcp lease", []string{full.sipServer, "option 120 (lease /var/lib/NetworkManager/dhclient-"}}, checksWell}},
		{"ConnMan 1.41, and its proxy for DNS", full, nil, "rm -f /etc/resolv.conf; ln -s /run/connman/resolv.conf /etc/resolv.conf; systemctl start connman", "systemctl stop connman",
			[]asking{asksItself, nameServers("[::1]:53, 127.0.0.1:53"), checksWell}},
	}},
	{[]string{"trixie", "systemd-sysv", "dbus", "libpam-systemd", "systemd-resolved", "network-manager", "dhcpcd-base"}, []clientOf{
		{"networkd 257, and the stub of resolved", addresses, map[string]string{"etc/systemd/network/eth0.network": linkFile}, stub + networkd + resolved, stopBoth,
			[]asking{networkdKeeps, nameServers("127.0.0.53:53"), signsIn}},
		{"the stub of resolved 257 without a server to ask", addresses, map[string]string{
			"etc/systemd/network/eth0.network": linkFile + "UseDNS=no\n", "etc/systemd/resolved.conf": "[Resolve]\nFallbackDNS=\n"}, stub + networkd + resolved, stopBoth,
			[]asking{{"check --dhcp off", []string{"the resolver on this device itself, 127.0.0.53:53, refuses the query (REFUSED): it has no name server to ask", "The problem is with this device."}}}},
		{"the client of NetworkManager 1.52", full, map[string]string{nmFile: wired, "etc/NetworkManager/NetworkManager.conf": fmt.Sprintf(nmConf, "internal")},
			"rm -f /etc/resolv.conf; systemctl start NetworkManager", "systemctl stop NetworkManager",
			[]asking{{"plan --dhcp lease", []string{"dhcp-no-lease"}}, asksItself, checksWell}},
		{"dhcpcd 10", full, map[string]string{"etc/dhcpcd.conf": "option sip_server\noption routers\nnoipv6\nnoarp\nnohook resolv.conf\n"},
			"rm -f /etc/resolv.conf; echo nameserver 10.0.0.53 >/etc/resolv.conf; systemd-run --unit=dhcpcd dhcpcd -B eth0", "systemctl stop dhcpcd",
			[]asking{{"plan --dhcp lease", []string{full.sipServer, "option 120 (lease /var/lib/dhcpcd/eth0.lease"}}, nameServers("10.0.0.53:53"), checksWell}},
	}},
}

// TestDHCPClientsRoot: what the DHCP clients and resolvers of Debian 12 and 13 write, as they write it themselves. Each Debian is
// booted once.
func TestDHCPClientsRoot(t *testing.T) {
	for _, debian := range clientRoots {
		t.Run(debian.root[0], func(t *testing.T) {
			s := newSite(t)
			startNamed(t, s.dns, zoneWith(fe01))
			startKamailio(t, s, settings{})
			a := newClientsOf(t, s, debian.root)
			for _, c := range debian.clients {
				t.Run(c.name, func(t *testing.T) { c.isRead(t, s, a) })
			}
		})
	}
}

// newClientsOf boots a Debian with homeward and its configuration, on which nobody looks after the network.
func newClientsOf(t testing.TB, s *site, wanted []string) *appliance {
	t.Helper()
	canBoot(t)
	if reason := os.Getenv(envBroken); reason != "" {
		t.Fatal(reason)
	}
	root, err := debianRoot(t, wanted)
	if err != nil {
		needs.Missing(t, "network", err.Error())
	}
	a := &appliance{host: s.device, root: root, init: systemdInit}
	for path, text := range map[string]string{
		"etc/homeward/site-root.pem": read(t, s.ca.file), "etc/homeward/password": password + "\n", "usr/bin/homeward": read(t, os.Getenv(envBinary)),
		"etc/homeward/homeward.toml": fmt.Sprintf("sip_address = %q\npassword_file = \"/etc/homeward/password\"\n", "sip:"+sipUser+"@"+sipDomain) +
			"roots = [\"/etc/homeward/site-root.pem\"]\ncredentials_over_tcp = true\n",
	} {
		a.install(t, path, text)
	}
	for path, mode := range map[string]os.FileMode{"etc/homeward/password": 0o600, "usr/bin/homeward": 0o755} {
		if err := os.Chmod(filepath.Join(root, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, links := range []string{"NetworkManager*", "connman*", "systemd-networkd*", "systemd-resolved*", "networkd*"} { // started one after another
		enabled, _ := filepath.Glob(filepath.Join(root, "etc/systemd/system/*.wants", links))
		for _, link := range enabled {
			if err := os.Remove(link); err != nil {
				t.Fatal(err)
			}
		}
	}
	a.boot(t)
	return a
}

// isRead starts the client, waits for the network, and asks homeward.
func (c clientOf) isRead(t *testing.T, s *site, a *appliance) {
	startKea(t, s.dhcp, c.options)
	for path, text := range c.files {
		at := filepath.Join(a.root, path)
		a.install(t, path, text)
		if path == nmFile {
			if err := os.Chmod(at, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		t.Cleanup(func() { os.Remove(at) })
	}
	t.Cleanup(func() {
		a.try("sh", "-c", c.stop)
		mustIP(t, "-n", s.device.name, "address", "flush", "dev", "eth0") // not every Debian has ip(8)
		if out, _ := a.try("journalctl", "--no-pager", "--boot", "--lines=60"); t.Failed() {
			t.Logf("--- the journal:\n%s", out)
		}
	})
	a.run(t, "sh", "-c", c.start)
	eventually(t, "the device has an address, a default route and name servers", func() error {
		resolv, _ := a.try("cat", "/etc/resolv.conf")
		if routes := s.device.run(t, "ip", "-4", "route", "show", "default"); routes == "" || !strings.Contains(resolv, "nameserver") {
			return fmt.Errorf("routes %s, resolv.conf %s", routes, resolv)
		}
		return nil
	})
	for _, ask := range c.says {
		eventually(t, "homeward "+ask.command+" says so", func() error { // resolvers take a while to learn what they may ask
			out, _ := a.try("sh", "-c", "homeward "+ask.command+" 2>&1")
			for _, want := range ask.want {
				if !strings.Contains(strings.ToLower(out), strings.ToLower(want)) {
					return fmt.Errorf("lacks %q:\n%s", want, out)
				}
			}
			return nil
		})
	}
}
