//go:build linux

package e2e

import (
	"encoding/hex"
	"strings"
	"testing"
)

// shows compares what homeward says with what it has to say.
func shows(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("lacks %q:\n%s", w, text)
		}
	}
}

// A real server with an option that was entered wrong: people are told what it was meant to say.
func TestField14OptionsEnteredWrong(t *testing.T) {
	for name, c := range map[string]struct {
		o    options
		want []string
	}{
		"14 option 120 as digits": {options{value120: []byte(hex.EncodeToString(full.option120())), webServer: full.webServer},
			[]string{"it says pool.contoso.com", "homeward dhcp encode --registrar pool.contoso.com", "a Lync phone is told: nothing"}},
		"15 option 43 as digits": {options{sipServer: full.sipServer, value43: []byte(hex.EncodeToString(full.option43()))},
			[]string{"read as digits, it says https://" + full.webServer + ":443", "--registrar pool.contoso.com --web " + full.webServer, "dhcp-malformed"}},
		"15 option 43 with its code and length": {options{sipServer: full.sipServer, value43: append([]byte{43, byte(len(full.option43()))}, full.option43()...)},
			[]string{"the option's own code and length stand in front", "--web " + full.webServer, "dhcp-malformed"}},
		"15 option 43 as a URL": {options{sipServer: full.sipServer, value43: []byte("https://" + full.webServer + "/CertProv/CertProvisioningService.svc")},
			[]string{"a URL was entered as text", "--web " + full.webServer, "dhcp-malformed"}},
		"16 option 120 as the text of an address": {options{value120: []byte("\x0110.0.0.12"), webServer: full.webServer},
			[]string{`the address was entered as text: "10.0.0.12"`, "a Lync phone is told: nothing"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			plugIn(t, s)
			startKea(t, s.dhcp, c.o)
			text, code := newDevice(t, s).run(t, "dhcp")
			shows(t, text, c.want...)
			want := 0
			if c.o.sipServer == "" {
				want = 4 // nothing leads to a Registrar
			}
			if code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
		})
	}
}

// A network with IPv6 only, and a real server of DHCPv6.
func TestField19NetworkOfIPv6Only(t *testing.T) {
	s := newSite(t)
	for addr, h := range map[string]*host{"2001:db8::67": s.dhcp, "2001:db8::90": s.device} {
		mustIP(t, "-n", h.name, "address", "add", addr+"/64", "dev", "eth0", "nodad")
	}
	mustIP(t, "-n", s.device.name, "-6", "route", "add", "default", "via", "2001:db8::1")
	startDnsmasq(t, s.dhcp, []string{"port=0", "log-dhcp", "dhcp-leasefile=" + t.TempDir() + "/leases",
		"dhcp-range=2001:db8::,static", "dhcp-option=option6:sip-server-domain," + full.sipServer})
	d := newDevice(t, s)
	text, code := d.run(t, "dhcp")
	shows(t, text, "asked on eth0", "answered by DHCPv6", "option 21      "+full.sipServer, "this device is told: "+full.sipServer)
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	text, _ = d.run(t, "plan")
	shows(t, text, "dhcp option 21 (fe80::")
}

// A VPN takes the default route: DHCP is asked on the link below it.
func TestField20VPNTakesTheDefaultRoute(t *testing.T) {
	s := newSite(t)
	plugIn(t, s)
	startKea(t, s.dhcp, full)
	s.device.run(t, "ip", "tuntap", "add", "wg0", "mode", "tun")
	for _, command := range []string{"link set wg0 up", "address add 10.8.0.2/24 dev wg0", "route replace default dev wg0"} {
		s.device.run(t, append([]string{"ip"}, strings.Fields(command)...)...)
	}
	d := newDevice(t, s)
	text, _ := d.run(t, "dhcp")
	shows(t, text, "asked on eth0", dhcpAddr+" answered", "a Lync phone is told: "+full.sipServer)
	text, _ = d.run(t, "plan")
	shows(t, text, "found      dhcp-tls")
}
