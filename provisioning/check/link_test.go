package check

import (
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeward/provisioning/wire"
)

// What the system says of its interfaces, and what of that is the link.
func TestLinkOf(t *testing.T) {
	at := func(texts ...string) (list []netip.Prefix) {
		for _, text := range texts {
			list = append(list, netip.MustParsePrefix(text))
		}
		return list
	}
	const works = net.FlagUp | net.FlagRunning
	const noDefaultYet = "this device has no default route; whether DHCP names a router is not known"
	lo := card{"lo", works | net.FlagLoopback, at("127.0.0.1/8", "::1/128")}
	eth0 := card{"eth0", works, at("10.0.0.21/24", "fe80::21/64")}
	wlan0 := card{"wlan0", works, at("10.0.1.7/24")}
	for name, test := range map[string]struct {
		used    string
		noRoute bool
		cards   []card
		want    Link
		says    string // the trouble
	}{
		"all is well": {"eth0", false, []card{lo, eth0}, Link{Addrs: eth0.addrs}, ""},
		"another beside it": {"eth0", false, []card{lo, eth0, wlan0, {"eth1", works, nil}},
			Link{Addrs: eth0.addrs, Others: []string{"wlan0 10.0.1.7/24"}}, ""},
		"the other has two addresses": {"wlan0", false, []card{lo, eth0, wlan0},
			Link{Addrs: wlan0.addrs, Others: []string{"eth0 10.0.0.21/24, fe80::21/64"}}, ""},
		"switched off":     {"eth0", false, []card{lo, {"eth0", 0, nil}}, Link{Down: true}, "this device is not on the network: eth0 is switched off"},
		"no cable":         {"eth0", false, []card{lo, {"eth0", net.FlagUp, nil}}, Link{NoCarrier: true}, "this device is not on the network: eth0 has no carrier (no cable, or nothing at its other end)"},
		"no such one":      {"eth7", false, []card{lo, eth0}, Link{Lack: NoInterface, Others: []string{"eth0 10.0.0.21/24, fe80::21/64"}}, "this device is not on the network: there is no interface eth7; it has lo, eth0"},
		"no default route": {"", true, []card{lo, wlan0}, Link{Interface: "wlan0", Lack: NoDefaultRoute, Addrs: wlan0.addrs}, noDefaultYet},
		"no default route, and two have addresses": {"", true, []card{lo, eth0, wlan0}, Link{Lack: NoDefaultRoute, Others: []string{"eth0 10.0.0.21/24, fe80::21/64", "wlan0 10.0.1.7/24"}}, noDefaultYet},
		"switched off, which has removed the default route": {"", true, []card{lo, {"eth0", 0, at("10.0.0.21/24")}}, Link{Interface: "eth0", Lack: NoDefaultRoute, Down: true, Addrs: at("10.0.0.21/24")},
			"this device is not on the network: eth0 is switched off"},
		"only an address of its own making": {"", true, []card{lo, {"eth1", works, at("fe80::22/64")}, {"eth0", works, at("169.254.9.9/16", "fe80::21/64")}},
			Link{Interface: "eth0", Addrs: at("169.254.9.9/16", "fe80::21/64"), Others: []string{"eth1 fe80::22/64"}},
			"this device is not on the network: eth0 has only a self-assigned address, 169.254.9.9/16, and none from DHCP"},
		"one of its own making beside another": {"", true, []card{lo, {"eth0", works, at("169.254.9.9/16")}, wlan0},
			Link{Interface: "wlan0", Lack: NoDefaultRoute, Addrs: wlan0.addrs, Others: []string{"eth0 169.254.9.9/16"}}, noDefaultYet},
		"mend 167: only what IPv6 makes up": {"", true, []card{lo, {"eth0", works, at("fe80::21/64")}, {"eth1", net.FlagUp, nil}}, Link{Interface: "eth0", Addrs: at("fe80::21/64"), Unplugged: []string{"eth1"}},
			"this device is not on the network: eth0 has no address of IPv4, only fe80::21/64, which it has made itself, and none from DHCP"},
		"only what IPv6 makes up, on two": {"", true, []card{lo, {"eth0", works, at("fe80::21/64")}, {"eth1", works, at("fe80::22/64")}},
			Link{Lack: NothingHasAddress, Others: []string{"eth0 fe80::21/64", "eth1 fe80::22/64"}}, "this device is not on the network: no interface has an address that others can answer to"},
		"one has a carrier and no address": {"", true, []card{lo, {"eth0", works, nil}}, Link{Interface: "eth0"}, "this device is not on the network: eth0 has no address"},
		"nothing has an address":           {"", true, []card{lo, {"eth0", works, nil}, {"eth1", works, nil}}, Link{Lack: NothingHasAddress}, "this device is not on the network: no interface has an address that others can answer to"},
		"nothing has an address, since there is no cable": {"", true, []card{lo, {"eth0", net.FlagUp, nil}, {"eth1", 0, nil}}, Link{Lack: NothingHasAddress, Unplugged: []string{"eth0"}},
			"this device is not on the network: no interface has an address that others can answer to; eth0 has no carrier (no cable, or nothing at its other end)"},
		"not known which": {"", false, []card{lo, eth0}, Link{Others: []string{"eth0 10.0.0.21/24, fe80::21/64"}}, ""},
	} {
		test.want.Interface = test.want.Interface + test.used
		for _, c := range test.cards {
			test.want.Interfaces = append(test.want.Interfaces, c.name)
		}
		got := linkOf(test.used, test.noRoute, test.cards)
		if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if says := got.trouble().What(); says != test.says {
			t.Errorf("%s: it says %q", name, says)
		}
	}
}

// What keeps a device off the network is judged by the interface in use, whatever the one is like on which DHCP is asked.
func TestMend98OffNetworkByTheLinkInUse(t *testing.T) {
	at := func(text string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(text)} }
	const works = net.FlagUp | net.FlagRunning
	eth0, wlan0 := card{"eth0", net.FlagUp, at("192.0.2.5/24")}, card{"wlan0", works, at("10.0.1.7/24")}
	const noCarrier = "this device is not on the network: eth0 has no carrier (no cable, or nothing at its other end)"
	for name, test := range map[string]struct {
		asked, through, by string
		cards              []card
		says               string
	}{
		"the adapter named is pulled, and another interface is in use":      {"usb0", "", "wlan0", []card{eth0, wlan0}, ""},
		"the adapter named is pulled, and the other one has no carrier":     {"usb0", "", "eth0", []card{eth0, wlan0}, noCarrier},
		"the adapter named is pulled, and nothing leads there":              {"usb0", "", "", []card{eth0, wlan0}, "this device is not on the network: there is no interface usb0; it has eth0, wlan0"},
		"a tunnel over another interface":                                   {"eth0", "wg0", "wg0", []card{eth0, wlan0, {"wg0", works, at("10.9.0.2/32")}}, ""},
		"a tunnel that has no address of its own":                           {"eth0", "wg0", "wg0", []card{eth0, wlan0, {"wg0", works, nil}}, ""},
		"a tunnel that is switched off":                                     {"eth0", "wg0", "wg0", []card{eth0, wlan0, {"wg0", 0, nil}}, "this device is not on the network: wg0 is switched off"},
		"the interface on which DHCP is asked, and it is the one in use":    {"eth0", "", "eth0", []card{eth0, wlan0}, noCarrier},
		"the interface in use has no address, and no other has one, either": {"usb0", "", "eth0", []card{{"eth0", works, nil}}, "this device is not on the network: eth0 has no address"},
	} {
		l := linkOf(test.asked, false, test.cards)
		l.Through, l.Of = test.through, func(name string) *Link { other := linkOf(name, false, test.cards); return &other }
		w := wire.Wire{Route: func(netip.Addr) *wire.Route { return &wire.Route{Interface: test.by} }}
		if says := l.keepsOff(&w, []netip.AddrPort{netip.MustParseAddrPort("10.5.0.1:5061")}).What(); says != test.says {
			t.Errorf("%s: it says %q", name, says)
		}
	}
}

// What the default route leads through instead is told beside a link that works, and not beside one that does not.
func TestLinkTellsOfTunnel(t *testing.T) {
	l := Link{Interface: "eth0", Through: "tun0", Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.21/24")}}
	node := func(l Link) Check {
		b := branch{facts: &Facts{Options: Options{Link: l}}}
		b.link()
		return b.checks[0]
	}
	if got, want := node(l).Detail, "eth0 10.0.0.21/24; the default route leads through tun0, which has no DHCP"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	l.Down = true
	if got := node(l); got.Result != Bad || got.Detail != "" {
		t.Errorf("switched off: %+v", got)
	}
	if got := node(Link{Interface: "eth0", Addrs: l.Addrs}).Detail; got != "eth0 10.0.0.21/24" {
		t.Errorf("without a tunnel it says %q", got)
	}
}

// The system of this machine can be read, and has a loopback interface.
func TestSystemLink(t *testing.T) {
	all, err := net.Interfaces()
	if err != nil || len(all) == 0 {
		t.Fatal("no interface can be read here:", err)
	}
	l := SystemLink(all[0].Name)
	if l.Interface != all[0].Name || l.Lack != Nothing || len(l.Interfaces) != len(all) {
		t.Errorf("%+v", l)
	}
	addrs, err := all[0].Addrs()
	if err != nil || len(addrs) != len(l.Addrs) {
		t.Errorf("%s has %v (%v), and is said to have %v", l.Interface, addrs, err, l.Addrs)
	}
	if l := SystemLink("no-such-interface"); l.Lack != NoInterface {
		t.Errorf("an interface that is not there: %+v", l)
	}
}
