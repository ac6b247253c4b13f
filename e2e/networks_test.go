//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// startKea6 answers Information-requests from h with Kea: names are option 21, addrs option 22.
func startKea6(t testing.TB, h *host, names, addrs string) *process {
	t.Helper()
	type m = map[string]any
	data := []m{}
	for name, value := range map[string]string{"sip-server-dns": names, "sip-server-addr": addrs} {
		if value != "" {
			data = append(data, m{"name": name, "data": value})
		}
	}
	dir := t.TempDir()
	config, err := json.Marshal(m{"Dhcp6": m{
		"interfaces-config": m{"interfaces": []string{"eth0"}},
		"lease-database":    m{"type": "memfile", "persist": false},
		"data-directory":    dir,
		"subnet6":           []m{{"id": 1, "subnet": "2001:db8::/64", "interface": "eth0"}},
		"option-data":       data,
		"loggers":           []m{{"name": "kea-dhcp6", "severity": "DEBUG", "debuglevel": 40, "output_options": []m{{"output": "stdout", "flush": true}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the link-local address is no longer tentative", func() error { // Kea opens its socket once
		if addrs := h.run(t, "ip", "-6", "address", "show", "dev", "eth0", "tentative"); addrs != "" {
			return fmt.Errorf("addresses %s", addrs)
		}
		return nil
	})
	p := start(t, h, "env", "KEA_LOCKFILE_DIR=none", "KEA_PIDFILE_DIR="+dir, "kea-dhcp6", "-c", write(t, dir, "kea.json", string(config)))
	eventually(t, "Kea serves DHCPv6", contains(t, p.log, "DHCP6_STARTED"))
	return p
}

// sixth gives machines of the site an address of IPv6, and takes none of IPv4 away.
func (s *site) sixth(t testing.TB) {
	t.Helper()
	for i, h := range []*host{s.dns, s.dhcp, s.registrar} {
		mustIP(t, "-n", h.name, "address", "add", fmt.Sprintf("2001:db8::%d/64", []int{53, 67, 11}[i]), "dev", "eth0", "nodad")
	}
}

// advertises has a router on the DHCP machine tell the device its prefix, and waits until it has an address (RFC 4861).
func (s *site) advertises(t testing.TB) {
	t.Helper()
	conf := "interface eth0 { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvOtherConfigFlag on; prefix 2001:db8::/64 { }; };\n"
	dir := t.TempDir()
	s.dhcp.run(t, "sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
	start(t, s.dhcp, "radvd", "--nodaemon", "--logmethod", "stderr", "--pidfile", dir+"/pid", "--config", write(t, dir, "radvd.conf", conf))
	eventually(t, "the device has an address by router advertisement", func() error {
		if addrs := s.device.run(t, "ip", "-6", "address", "show", "dev", "eth0", "scope", "global", "-tentative"); !strings.Contains(addrs, "2001:db8:") {
			return fmt.Errorf("addresses %q", addrs)
		}
		if routes := s.device.run(t, "ip", "-6", "route", "show", "default"); !strings.Contains(routes, "proto ra") {
			return fmt.Errorf("routes %q", routes)
		}
		return nil
	})
}

// TestIPv6Only: a network with router advertisements, DHCPv6 and no IPv4. The name of the Registrar comes by DHCPv6; that no
// DHCPINFORM was answered is not told, as none was sent.
func TestIPv6Only(t *testing.T) {
	for _, test := range []struct {
		name         string
		names, addrs string // by DHCPv6
		silent       bool   // no DHCPv6 at all
		dhcp, check  []string
		code         int
	}{
		{name: "Kea names the Registrar", names: full.sipServer, dhcp: []string{"option 21      " + full.sipServer, "this device is told: " + full.sipServer}},
		{name: "Kea gives an address", addrs: "2001:db8::11", dhcp: []string{"2001:db8::11"}},
		{name: "Kea names nobody", dhcp: []string{"the DHCPv6 answer names no Registrar (option 21 missing)"},
			check: []string{"there is no SRV record, and the DHCPv6 answer names no Registrar (option 21 missing)", ", or set option 21 of DHCPv6"}},
		{name: "nobody answers", silent: true, code: 4, dhcp: []string{"no DHCPv6 server answered the Information-request"},
			check: []string{"there is no SRV record, and no DHCPv6 server answered the Information-request (DHCP over IPv4 was not asked: ", ", or set option 21 of DHCPv6"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			s.sixth(t)
			s.advertises(t)
			if !test.silent {
				startKea6(t, s.dhcp, test.names, test.addrs)
			}
			startUnboundWith(t, s.dns, []string{"interface: 2001:db8::53", "local-zone: " + sipDomain + ". static", `local-data: "fe02.contoso.com. 60 A 10.0.0.21"`})
			d := newDevice(t, s, `dns_servers = ["[2001:db8::53]:53"]`)
			text, code := d.run(t, "dhcp")
			if shows(t, text, test.dhcp...); code != test.code || strings.Contains(text, "DHCPINFORM") {
				t.Errorf("dhcp: exit code %d, want %d\n%s", code, test.code, text)
			}
			if test.check != nil {
				shows(t, d.check(t).said(), test.check...)
			}
		})
	}
}

// TestNAT64: the device has IPv6 only, and the Registrar IPv4 only. DNS64 (RFC 6147) makes an address for it, and NAT64
// (RFC 6146) the way; the device signs in.
func TestNAT64(t *testing.T) {
	const prefix = "2001:db8:64::"
	s := newSite(t)
	s.sixth(t)
	behind, gateway := newHost(t, "dns2", "10.0.0.54"), newHost(t, "nat64", "10.0.0.64")
	startNamed(t, behind, zoneWith(fe01))
	startUnboundWith(t, s.dns, []string{"interface: 2001:db8::53", `module-config: "dns64 iterator"`, "dns64-prefix: " + prefix + "/96", "stub-zone:", "name: " + sipDomain, "stub-addr: " + behind.addr})
	startKamailio(t, s, settings{})
	dir := t.TempDir()
	conf := write(t, dir, "tayga.conf", fmt.Sprintf("tun-device nat64\nipv4-addr 10.0.1.1\nprefix %s/96\ndynamic-pool 10.0.1.0/24\ndata-dir %s\n", prefix, dir))
	mustIP(t, "-n", gateway.name, "address", "add", "2001:db8::64/64", "dev", "eth0", "nodad")
	gateway.run(t, "tayga", "--config", conf, "--mktun")
	gateway.run(t, "sh", "-ec", "ip link set nat64 up; ip route add 10.0.1.0/24 dev nat64; ip route add "+prefix+"/96 dev nat64; "+
		"echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
	start(t, gateway, "tayga", "--config", conf, "--nodetach")
	mustIP(t, "-n", s.registrar.name, "route", "add", "10.0.1.0/24", "via", gateway.addr)
	mustIP(t, "-n", s.device.name, "address", "add", "2001:db8::90/64", "dev", "eth0", "nodad")
	mustIP(t, "-n", s.device.name, "-6", "route", "add", "default", "via", "2001:db8::64")
	d := newDevice(t, s, `dns_servers = ["[2001:db8::53]:53"]`, `dhcp = "off"`)
	r := d.check(t)
	if shows(t, strings.Join(r.Summary, "\n"), isWell); r.Verdict != "ok" {
		t.Errorf("check is %s, %s", r.Verdict, r.Reason)
	}
	d.boot(t)
	if got := d.awaitRegistered(t).Registrar; got.Address != prefix+"a00:b" {
		t.Errorf("uses %s", got)
	}
}

// TestMend50AddressesOfNoUse: the device is registered when the addresses of its Registrar in DNS become of no use to it. A renewal goes over the
// connection that it has; after a restart it registers through last good; and check, status and plan say what is wrong with the name.
func TestMend50AddressesOfNoUse(t *testing.T) {
	for _, test := range []struct {
		name    string
		records []string
		reason  string
		want    []string
	}{
		{name: "IPv6 alone, and the device has none", records: []string{"fe01 AAAA 2001:db8::11"}, reason: "connect-unreachable",
			want: []string{"fe01.contoso.com resolves only to IPv6 (2001:db8::11), and this device has no IPv6 address"}},
		{name: "what a DNS filter answers", records: []string{"fe01 A 0.0.0.0", "fe01 AAAA ::"}, reason: "address-not-allowed",
			want: []string{"the name server 10.0.0.53:53 gives fe01.contoso.com the address 0.0.0.0", "a DNS filter that blocks fe01.contoso.com may answer so"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			plugIn(t, s)
			server := startNamed(t, s.dns, zoneWith(fe01))
			r := startKamailio(t, s, settings{})
			d := newDevice(t, s, fmt.Sprintf(`dns_servers = ["%s:53"]`, dnsAddr), `dhcp = "off"`)
			d.boot(t)
			d.awaitRegistered(t)
			d.awaitCommitted(t)

			server.stop(t)
			z := zoneWith(fe01)
			delete(z.addrs, fe01.host)
			z.more = test.records
			startNamed(t, s.dns, z)
			beside := d.check(t)
			if shows(t, beside.said(), append(test.want, "The problem is with DNS.")...); beside.Verdict != "degraded" {
				t.Errorf("beside the daemon check is %s", beside.Verdict)
			}
			d.shutDown(t, r)
			d.boot(t)
			if during := d.awaitDegraded(t); during.Registrar.Address != fe01.addr || during.Reason != test.reason {
				t.Errorf("uses %s because of %q, want %s because of %q", during.Registrar, during.Reason, fe01.addr, test.reason)
			}
			for _, command := range []string{"status", "plan"} {
				text, _ := d.run(t, command)
				shows(t, text, test.want[0])
			}
			if test.reason != "connect-unreachable" {
				return
			}
			mustIP(t, "-n", s.device.name, "address", "add", "2001:db8::90/64", "dev", "eth0", "nodad")
			text, _ := d.run(t, "plan")
			shows(t, text, "2001:db8::11")
			if strings.Contains(text, "no IPv6 address") {
				t.Errorf("it has one now:\n%s", text)
			}
		})
	}
}

// TestDualStack: both versions of IP lead to the site, and what is wrong with one of them is told of that one.
func TestDualStack(t *testing.T) {
	const throughIPv4 = "The device signs in over IPv4"
	for _, test := range []struct {
		name  string
		more  []string // records
		dhcp6 string   // what DHCPv6 names
		want  []string
	}{
		{name: "IPv4 alone leads to the Registrar", want: []string{isWell}},
		{name: "the Registrar does not listen on IPv6", more: []string{"fe01 AAAA 2001:db8::11"},
			want: []string{"fe01.contoso.com:5061 (2001:db8::11) refuses the connection", throughIPv4}},
		{name: "nobody has the IPv6 address", more: []string{"fe01 AAAA 2001:db8::dead"},
			want: []string{throughIPv4, "Nobody answers at 2001:db8::dead, which is one of the addresses of fe01.contoso.com"}},
		{name: "DHCPv6 names another Registrar than DHCP", dhcp6: second.host, want: []string{isWell}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			plugIn(t, s)
			s.sixth(t)
			mustIP(t, "-n", s.device.name, "address", "add", "2001:db8::90/64", "dev", "eth0", "nodad")
			mustIP(t, "-n", s.device.name, "-6", "route", "add", "default", "via", "2001:db8::1")
			startKea(t, s.dhcp, full)
			if test.dhcp6 != "" {
				startKea6(t, s.dhcp, test.dhcp6, "")
			}
			z := zoneWith(fe01)
			z.more = test.more
			startNamed(t, s.dns, z)
			startKamailio(t, s, settings{})
			d := newDevice(t, s)
			shows(t, strings.Join(d.check(t).Summary, "\n"), test.want...)
			if text, _ := d.run(t, "dhcp"); test.dhcp6 != "" {
				shows(t, text, dhcpAddr+" answered", "answered by DHCPv6", "option 21      "+test.dhcp6)
			}
			d.boot(t)
			d.awaitRegistered(t)
		})
	}
}

// TestDHCPInFragments: an answer that is longer than a packet of the link of its server. It is read; and where a part of it is
// lost, that is told, and not silence.
func TestDHCPInFragments(t *testing.T) {
	for name, lost := range map[string]bool{"all of them come": false, "one of them is lost": true} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			plugIn(t, s)
			startNamed(t, s.dns, zoneWith())
			startKamailio(t, s, settings{})
			mustIP(t, "-n", s.dhcp.name, "link", "set", "eth0", "mtu", "600")
			lines := []string{"port=0", "log-dhcp", "no-ping", "dhcp-leasefile=" + t.TempDir() + "/leases", "dhcp-range=10.0.0.100,10.0.0.199,255.255.255.0,1h",
				"dhcp-option=option:sip-server," + full.sipServer}
			for i := range 4 {
				lines = append(lines, fmt.Sprintf("dhcp-option-force=%d,%q", 224+i, strings.Repeat("x", 200)))
			}
			p := startDnsmasq(t, s.dhcp, lines)
			eventually(t, "dnsmasq serves DHCP", contains(t, p.log, "DHCP, IP range"))
			if lost {
				run := func(rule string) { runTool(t, exec.Command("nft", rule)) } // where the bridge is
				run("add table bridge parts; add chain bridge parts forward { type filter hook forward priority 0; }")
				t.Cleanup(func() { run("delete table bridge parts") })
				run("add rule bridge parts forward ip frag-off & 0x1fff != 0 drop")
			}
			d := newDevice(t, s)
			text, _ := d.run(t, "dhcp")
			summary := strings.Join(d.check(t).Summary, "\n")
			if !lost {
				shows(t, text, dhcpAddr+" answered", "a Lync phone is told: "+full.sipServer)
				shows(t, summary, "signs in to pool.contoso.com:5061 over TLS (dhcp-tls)")
				return
			}
			shows(t, text, dhcpAddr, "in fragments of which some are missing")
			shows(t, summary, "Messages came from the DHCP server 10.0.0.67, but none of them could be read: they were in fragments of which some are missing")
		})
	}
}

// TestSlowDHCP: a DHCP server that takes three seconds is not silent. Where it alone names the Registrar the device signs in; check
// and status say how slow it is.
func TestSlowDHCP(t *testing.T) {
	for name, published := range map[string][]place{"it alone names the Registrar": nil, "DNS names the Registrar": {fe01}} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			plugIn(t, s)
			startNamed(t, s.dns, zoneWith(published...))
			startKamailio(t, s, settings{})
			startSlowDHCP(t, s.dhcp)
			d := newDevice(t, s)
			r := d.check(t)
			slow := []string{"the DHCP server 10.0.0.67 takes 3", " ms to answer"}
			if shows(t, strings.Join(r.Summary, "\n"), slow...); r.Reason != "slow" {
				t.Errorf("the reason is %q", r.Reason)
			}
			d.boot(t)
			d.awaitRegistered(t)
			eventually(t, "status tells that DHCP is slow", func() error {
				if status, _ := d.run(t, "status"); !strings.Contains(status, slow[0]) {
					return fmt.Errorf("status %s", status)
				}
				return nil
			})
		})
	}
}
