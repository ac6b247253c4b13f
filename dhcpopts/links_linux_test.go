package dhcpopts

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"homeward/e2e/needs"
	"homeward/e2e/netns"
)

func TestDefaultRoute6(t *testing.T) {
	const (
		all  = "00000000000000000000000000000000"
		gate = " " + "fd990000000000000000000000000001"
		rest = " 00000001 00000000 "
	)
	for _, test := range []struct{ name, table, want string }{
		{"one default route", all + " 00 " + all + " 00" + gate + " 00000400" + rest + "00000003     eth0\n", "eth0"},
		{"the lowest metric wins", all + " 00 " + all + " 00" + gate + " 00000400" + rest + "00000003 wlan0\n" +
			all + " 00 " + all + " 00" + gate + " 00000064" + rest + "00000003 eth0\n", "eth0"},
		{"what the kernel rejects", all + " 00 " + all + " 00 " + all + " ffffffff" + rest + "00200200       lo\n", ""},
		{"a default route for some sources", all + " 00 fd99000000000000" + strings.Repeat("0", 16) + " 40" + gate + " 00000400" + rest + "00000003 eth1\n", ""},
		{"a network", "fd99000000000000" + strings.Repeat("0", 16) + " 40 " + all + " 00 " + all + " 00000100" + rest + "00000001 eth0\n", ""},
		{"no route", "", ""},
	} {
		if got, err := defaultRoute6(strings.NewReader(test.table)); got != test.want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", test.name, got, err, test.want)
		}
	}
}

// askedOn compares the links of both versions.
func askedOn(t *testing.T, want ...string) {
	t.Helper()
	for _, six := range []bool{false, true} {
		if got, err := Links("", six); err != nil || !slices.Equal(got, want) {
			t.Errorf("IPv6 %v: asked on %v, %v, want %v", six, got, err, want)
		}
	}
}

// A network of one version of IP: DHCP is asked on the link of the default route that there is.
func TestField19DefaultRouteOfIPv6(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0); err != nil {
		needs.Missing(t, "ipv6", err.Error())
	}
	run(t, "ip link add eth0 type veth peer name site0")
	run(t, "ip link set eth0 up")
	run(t, "ip link set site0 up")
	run(t, "ip addr add fd99::50/64 dev eth0")
	run(t, "ip route add default via fd99::1")
	askedOn(t, "eth0")
	if _, err := Listen(t.Context(), ""); !errors.Is(err, ErrNoAddress) {
		t.Errorf("DHCP without an address of IPv4: %v", err)
	}
	c, err := Listen6(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if name, _, _ := c.Interface(); name != "eth0" {
		t.Errorf("DHCPv6 is asked on %s", name)
	}
}

// A tunnel has no DHCP, be the default route as it may: DHCP is asked on the links that have it.
func TestField20DefaultRouteIntoATunnel(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	run(t, "ip link add eth0 type veth peer name site0")
	run(t, "ip link set eth0 up")
	run(t, "ip link set site0 up")
	run(t, "ip addr add 10.99.0.50/24 dev eth0")
	run(t, "ip route add default via 10.99.0.1 metric 100")
	askedOn(t, "eth0")

	run(t, "ip tuntap add wg0 mode tun") // no broadcasts, no ARP
	run(t, "ip addr add 10.8.0.2/24 dev wg0")
	run(t, "ip link set wg0 up")
	run(t, "ip route add default dev wg0")
	askedOn(t, "eth0")
	if name, err := DefaultInterface(); name != "wg0" || err != nil {
		t.Errorf("the default route leads through %s, %v", name, err)
	}

	run(t, "ip link add wlan0 type veth peer name site1") // a second link
	run(t, "ip addr add 10.98.0.50/24 dev wlan0")
	askedOn(t, "eth0")
	run(t, "ip link set wlan0 up")
	askedOn(t, "eth0", "wlan0")
	run(t, "ip link add br0 type bridge") // a bridge that nobody uses
	run(t, "ip link set br0 up")
	askedOn(t, "eth0", "wlan0")

	run(t, "ip addr add 10.97.0.50/24 dev br0") // a default route that leads into a link
	run(t, "ip route del default dev wg0")
	run(t, "ip route add default via 10.97.0.1 dev br0")
	askedOn(t, "br0")

	run(t, "ip route replace default dev wg0")
	for _, link := range []string{"br0", "eth0", "wlan0"} {
		run(t, "ip link del "+link)
	}
	if _, err := Links("", false); !errors.Is(err, ErrNoRoute) || !strings.Contains(err.Error(), "but through wg0, which can have no DHCP") {
		t.Errorf("nothing but a tunnel: %v", err)
	}
	if got, err := Links("wg0", false); err != nil || !slices.Equal(got, []string{"wg0"}) {
		t.Errorf("what is configured: %v, %v", got, err)
	}
}

// Without a default route DHCP is asked on the only link with an address; of several nobody knows which one is meant.
func TestLinksWithoutADefaultRoute(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	nowhere := func(why string) {
		t.Helper()
		for _, six := range []bool{false, true} {
			if links, err := Links("", six); !errors.Is(err, ErrNoRoute) {
				t.Errorf("%s: asked on %v, %v", why, links, err)
			}
		}
	}
	nowhere("only loopback")
	run(t, "ip link add eth0 type veth peer name site0")
	run(t, "ip link set eth0 up")
	run(t, "ip link set site0 up")
	nowhere("no address but what a link makes up")
	run(t, "ip addr add 10.99.0.50/24 dev eth0")
	askedOn(t, "eth0")
	c, err := Listen(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	run(t, "ip tuntap add wg0 mode tun") // can have no DHCP
	run(t, "ip addr add 10.8.0.2/24 dev wg0")
	run(t, "ip link set wg0 up")
	askedOn(t, "eth0")
	run(t, "ip addr add 10.98.0.50/24 dev site0")
	nowhere("two links")
	if got, err := Links("site0", false); err != nil || !slices.Equal(got, []string{"site0"}) {
		t.Errorf("what is configured: %v, %v", got, err)
	}
}
