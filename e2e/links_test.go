//go:build linux

package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// linkSite is a device whose default route leads over something else than its socket in the wall.
type linkSite struct {
	name   string
	device []string // commands of ip(8) on the device
	link   string   // on which DHCP is asked
	detail string   // of the node "link"
}

// TestLinks: whatever the default route leads over, DHCP is asked where there is DHCP, and the device signs in.
func TestLinks(t *testing.T) {
	const addressed = "address add 10.0.0.90/24 dev "
	for _, l := range []linkSite{
		{name: "a bridge", link: "br-lan", detail: "br-lan 10.0.0.90/24", device: []string{
			"link add br-lan type bridge", "link set eth0 master br-lan", "link set br-lan up", addressed + "br-lan", "route add default via 10.0.0.1 dev br-lan"}},
		{name: "a tap of a VPN, and a route of its own", link: "eth0", detail: "eth0 10.0.0.90/24", device: []string{
			addressed + "eth0", "route add default via 10.0.0.1 dev eth0", "tuntap add tap0 mode tap", "address add 10.8.0.2/24 dev tap0", "link set tap0 up",
			"route add 10.9.0.0/16 dev tap0"}},
		{name: "a VPN, and a bridge below it", link: "br-lan", detail: "br-lan 10.0.0.90/24; the default route leads through wg0, which has no DHCP", device: []string{
			"link add br-lan type bridge", "link set eth0 master br-lan", "link set br-lan up", addressed + "br-lan",
			"tuntap add wg0 mode tun", "address add 10.8.0.2/24 dev wg0", "link set wg0 up", "route add default dev wg0"}},
		{name: "a VPN, and two links below it", link: "eth0, wlan0", detail: "eth0 10.0.0.90/24; the default route leads through tun0, which has no DHCP", device: []string{
			addressed + "eth0", "link add wlan0 type veth peer name air0", "link set air0 up", "link set wlan0 up", "address add 192.168.7.2/24 dev wlan0",
			"tuntap add tun0 mode tun", "address add 10.8.0.2/24 dev tun0", "link set tun0 up", "route add default dev tun0"}},
		{name: "two links, and the one with the lower metric", link: "eth0", detail: "eth0 10.0.0.90/24", device: []string{
			addressed + "eth0", "route add default via 10.0.0.1 dev eth0 metric 100",
			"link add wlan0 type veth peer name air0", "link set air0 up", "link set wlan0 up", "address add 192.168.7.2/24 dev wlan0", "route add default via 192.168.7.1 dev wlan0 metric 600"}},
		{name: "a default route in two halves, as VPNs have it", link: "eth0", detail: "eth0 10.0.0.90/24", device: []string{
			addressed + "eth0", "route add default via 10.0.0.1 dev eth0", "tuntap add tun0 mode tun", "address add 10.8.0.2/24 dev tun0", "link set tun0 up",
			"route add 0.0.0.0/1 dev tun0", "route add 128.0.0.0/1 dev tun0"}},
	} {
		t.Run(l.name, func(t *testing.T) { l.isSeen(t) })
	}
}

// linkLocal are the addresses that no row can know.
var linkLocal = regexp.MustCompile(`, fe80::[0-9a-f:]+/64`)

func (l linkSite) isSeen(t *testing.T) {
	s := newSite(t)
	for _, command := range l.device {
		s.device.run(t, append([]string{"ip"}, strings.Fields(command)...)...)
	}
	startNamed(t, s.dns, zoneWith())
	startKamailio(t, s, settings{})
	startKea(t, s.dhcp, full)
	d := newDevice(t, s)
	text, code := d.run(t, "dhcp")
	shows(t, text, "asked on "+l.link, dhcpAddr+" ", "a Lync phone is told: "+full.sipServer)
	if code != 0 {
		t.Errorf("dhcp: exit code %d", code)
	}
	r := d.check(t)
	shows(t, strings.Join(r.Summary, "\n"), "signs in to pool.contoso.com:5061 over TLS (dhcp-tls)")
	for _, c := range r.Checks {
		if c.ID == "link" && linkLocal.ReplaceAllString(c.Detail, "") != l.detail {
			t.Errorf("the link is %q, want %q", c.Detail, l.detail)
		}
	}
	r.hasTimes(t)
	d.boot(t)
	if got := d.awaitRegistered(t).Registrar; got.Step != "dhcp-tls" || got.Via != "option 120" {
		t.Errorf("uses %s via %s", got, got.Via)
	}
}
