//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var deviceFaults = []fault{
	{"no address", with(published(fe01), unplugged), "connect-unreachable", `
This device is not on the network: eth0 has no address.
Check that the DHCP server of this network runs and has addresses left, and the switch port of this device (802.1X, port security, VLAN).`},
	{"no default route", with(published(fe01), noDefaultRoute), "", `
All is well: sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls).`},
	{"no default route, and only DHCP leads on", with(dhcpSays(startKea, full), noDefaultRoute), "", `
All is well: sip:phone1@contoso.com signs in to pool.contoso.com:5061 over TLS (dhcp-tls).`},
	{"no default route, two links, and only DHCP leads on", with(dhcpSays(startKea, full), noDefaultRoute, secondLink), "dhcp-no-network", `
Nothing names a Registrar for contoso.com: there is no SRV record, and there is no network on which to ask DHCP: there is no default route.
The problem is with this device.
Restore the default route, or set the setting interface to the port that is connected to the phone network, such as eth0.`},
	{"the gateway is wrong, and the Registrar is behind it", with(published(fe01), address(fe01.host, "10.98.0.2"), wrongGateway), "connect-timeout", `
The gateway 10.0.0.199 does not answer, although 10.0.0.53, in the same subnet, does: this device cannot reach what is behind it, such as fe01.contoso.com:5061 (10.98.0.2).
Check that 10.0.0.199 is running and connected to this network.
- Check the switch port of this device (802.1X, port security or a limit of MAC addresses, VLAN), and that 10.0.0.199 is running and connected to the same switch (its uplink).
- If 10.0.0.199 is the wrong gateway of this device, or its subnet mask is wrong, correct that.`},
	{"no password is configured", with(published(fe01), unset("password_file")), "sip-auth-not-supported", `
fe01.contoso.com asks for a password, but none is configured.
The problem is with this device.
Set password_file.`},
	{"no CAP_NET_RAW, and only DHCP leads on", with(dhcpSays(startKea, full), onDevice(unprivileged)), "dhcp-not-permitted", `
Nothing names a Registrar for contoso.com: there is no SRV record, and DHCP cannot be asked from here: listen for DHCP on eth0: operation not permitted.
The problem is with this device.
Run as the service or as root, or grant CAP_NET_RAW.`},
	{"the site's root certificate is not configured", with(published(fe01), unset("roots")), "tls-untrusted", `
The certificate of fe01.contoso.com:5061 (10.0.0.11) is issued by CN=e2e root, which this device does not know, and the server sends no intermediate certificate; roots is not set on this device (…).
If CN=e2e root belongs to this site, ask the administrator of the Registrar, not over this network, for the root certificate and its fingerprint; if they match, install it and add its path to the setting roots.
- If CN=e2e root is not an authority of this site, a firewall or proxy on the way opens TLS: exempt port 5061 from TLS inspection.
- If this device already has that root, configure the server to send its intermediate certificates.
- Ask the site, not over this network, for the fingerprint of CN=fe01.contoso.com; if it is …, set trust_bootstrap = "pin" and trust_pins = ["…"], or run homeward trust accept with it.`},
	{"last good has a new certificate for another name, and DHCP leads on", with(poolAlone, dhcpSays(startKea, full), later(poolRenamed)), "tls-name", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) is not for pool01.contoso.com, but for pool02.contoso.com (issued by CN=e2e root). This device was registered there at …. The device signs in to pool.contoso.com:5061 instead, which DHCP option 120 names.
The problem is with the Registrar.
Choose the certificate that contains pool01.contoso.com on the server, or issue one.
- If pool02.contoso.com is a name of this Registrar, let the SRV record _sipinternaltls._tcp.contoso.com name it.`},
	{"last good has a new certificate for another name, and DNS leads elsewhere by now", with(poolAlone, later(poolRenamed, dnsNowNames(fe01))), "tls-name", `
sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls), but if DNS and DHCP failed now, the device could not sign in: it would fall back on pool01.contoso.com, and the certificate of pool01.contoso.com:5061 (10.0.0.20) is not for pool01.contoso.com, but for pool02.contoso.com (issued by CN=e2e root); this device was registered there at ….
The problem is with the Registrar.
Restart homeward so that it registers again, or fix pool01.contoso.com: choose the certificate that contains pool01.contoso.com on the server, or issue one.
- If pool02.contoso.com is a name of this Registrar, use it instead.`},
	{"last good is dead, and so are DNS and DHCP", with(published(fe01), dhcpSaysNothing, later(dnsDies, dhcpDies, the(fe01, refuses))), "dns-timeout", `
No name server answers (10.0.0.53:53), although 10.0.0.11, in the same subnet, can be reached. The last good Registrar fe01.contoso.com does not answer either.
Check that the name server and its forwarders run, and that it does not hang.
- Look for a firewall, on the way, on the server itself or on this device, that drops port 53.
- Set dns_servers to a name server that works.`},
	{"last good is alive, and DNS and DHCP are dead", with(published(fe01), dhcpSaysNothing, later(dnsDies, dhcpDies)), "dns-timeout", `
The device signs in to fe01.contoso.com, the last Registrar that worked, because nothing else leads to one: no name server answers (10.0.0.53:53), although 10.0.0.11, in the same subnet, can be reached.
Check that the name server and its forwarders run, and that it does not hang.
- Look for a firewall, on the way, on the server itself or on this device, that drops port 53.
- Set dns_servers to a name server that works.`},
	{"TLS is gone from a site that had it", with(published(fe01, at("internal-tcp")), later(the(fe01, refuses))), "connect-refused", `
fe01.contoso.com:5061 (10.0.0.11) refuses the connection: nothing listens on this port, or a firewall on that host rejects it. This device was registered there at ….
The problem is with the Registrar.
Start the Registrar service on fe01.contoso.com; see what has changed since ….
- Look for a firewall on that host that rejects connections to port 5061.`},
	{"everything is dead", with(published(deviceOrder...), dnsIsSilent, dhcpIsSilent), "dns-timeout", `
No name server answers (10.0.0.53:53).
Check the VLAN and the gateway of this device, since DHCP does not answer either.
- Check that the name server and its forwarders run, and that nothing drops port 53 on the way.
- Set dns_servers to a name server that works.`},
}

// unplugged takes the address of the device's interface away.
func unplugged(t testing.TB, c *scene) {
	mustIP(t, "-n", c.site.device.name, "address", "flush", "dev", "eth0")
	t.Cleanup(func() { plugIn(t, c.site) })
}

func noDefaultRoute(t testing.TB, c *scene) {
	mustIP(t, "-n", c.site.device.name, "route", "del", "default")
	t.Cleanup(func() { plugIn(t, c.site) })
}

// secondLink gives the device another link with an address.
func secondLink(t testing.TB, c *scene) {
	mustIP(t, "-n", c.site.device.name, "link", "add", "second0", "type", "veth", "peer", "name", "second1")
	t.Cleanup(func() { mustIP(t, "-n", c.site.device.name, "link", "del", "second0") })
	mustIP(t, "-n", c.site.device.name, "link", "set", "second1", "up")
	mustIP(t, "-n", c.site.device.name, "link", "set", "second0", "up")
	mustIP(t, "-n", c.site.device.name, "address", "add", "10.77.0.2/24", "dev", "second0")
}

// wrongGateway gives the device a gateway that nobody is.
func wrongGateway(t testing.TB, c *scene) {
	mustIP(t, "-n", c.site.device.name, "route", "replace", "default", "via", "10.0.0.199")
	t.Cleanup(func() { plugIn(t, c.site) })
}

// unprivileged starts homeward without the right to open packet sockets.
func unprivileged(t testing.TB, d *device) {
	program(t, "setpriv")
	d.through = []string{"setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"}
}

// TestCheckSparesThePassword: beside a daemon that rests because a Registrar has refused its password, or asks for a pause, check looks
// and does not sign in.
func TestCheckSparesThePassword(t *testing.T) {
	common := newScene(t)
	for _, test := range []struct {
		name, reason string
		given        []given
	}{
		{"a refused password", "sip-credentials", with(published(fe01), onDevice(wrongPassword))},
		{"Retry-After", "sip-unavailable", with(says(fe01, "503 Service Unavailable", "Retry-After: 300"))},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := fault{given: test.given}.arrange(t, common)
			d.boot(t)
			d.await(t, "resting", func(s status) bool { return s.State == "resting" && s.Reason == test.reason })
			refused := strings.Count(common.registrars.output(t), "refused credentials")
			r := d.check(t)
			if said := strings.Join(r.Summary, "\n"); r.Verdict != "failed" || r.Reason != test.reason || !strings.Contains(said, "and this check did not sign in either") {
				t.Errorf("check is %s because of %q, and says\n%s", r.Verdict, r.Reason, said)
			}
			if n := strings.Count(common.registrars.output(t), "refused credentials") - refused; n != 0 {
				t.Errorf("the password was tried %d times more", n)
			}
		})
	}
}

func dnsDies(t testing.TB, c *scene) { c.dns.fault(t, silentDNS) }

func dhcpDies(t testing.TB, c *scene) {
	c.dhcp.unplug(t)
	t.Cleanup(func() { c.dhcp.plug(t) })
}

// poolAlone has internal TLS lead to a Registrar that is a process of its own.
func poolAlone(t testing.TB, c *scene) {
	published(pool01)(t, c)
	r := startKamailio(t, c.site, settings{places: []place{pool01}})
	c.alone = r
}

// poolRenamed gives it a certificate for another name.
func poolRenamed(t testing.TB, c *scene) {
	c.alone.stop(t)
	startKamailio(t, c.site, settings{places: []place{pool01}, names: map[string]string{pool01.host: "pool02.contoso.com"}})
}

// TestMend80PasswordFile: the file of the password is empty, only a line end, gone, or open to others. Check says so, and what the rest
// of the site is like; the exit code is that of a configuration that cannot be used.
func TestMend80PasswordFile(t *testing.T) {
	d := fault{given: with(published(fe01))}.arrange(t, newScene(t))
	file := filepath.Join(d.dir, "password")
	for _, row := range []struct {
		does    func() error
		problem string
		do      string
	}{
		{func() error { return os.WriteFile(file, nil, 0o600) }, file + " is empty", "Write the password to " + file + " again"},
		{func() error { return os.WriteFile(file, []byte("\n"), 0o600) }, file + " is empty", "Write the password to " + file + " again"},
		{func() error { return os.Chmod(file, 0o644) }, file + " has mode 0644, and must have 0600 or 0400", "Run: chmod 0600 " + file},
		{func() error { return os.Remove(file) }, "there is no file " + file, "Write the password to " + file + ", with mode 0600, or correct the setting password_file"},
	} {
		if err := row.does(); err != nil {
			t.Fatal(err)
		}
		out, code := d.run(t, "check")
		t.Log(out)
		if code != 2 {
			t.Errorf("check ends with %d", code)
		}
		for _, want := range []string{
			"failed\n", "This device has no password to sign in with, and homeward cannot start: " + row.problem + " (password_file, ",
			"\nThe problem is with this device.\n" + row.do + ", then run homeward check again.\n", "\nok       Registrar fe01.contoso.com",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("check does not say %q", want)
			}
		}
	}
}
