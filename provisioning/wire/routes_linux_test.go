package wire

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"homeward/e2e/netns"
)

// The route that leads to an address is told as it stands in the table and also where nothing is sent by it; what is
// not known is not told.
func TestRoute(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	configure(t,
		"link add here0 type veth peer name there0", "link set there0 up", "link set here0 up", "address add 10.9.0.1/24 dev here0", "address add 2001:db8:9::1/64 dev here0 nodad",
		"route add default via 10.9.0.2 metric 50", "route add default via 10.9.0.3 metric 100", "route add default via 2001:db8:9::2 metric 70",
		"route add 192.0.2.0/28 via 10.9.0.4 proto dhcp metric 9", "route add 192.0.2.1/32 via 10.9.0.5", "route add 192.0.2.32/28 nexthop via 10.9.0.6 nexthop via 10.9.0.6 weight 2",
		"route add 192.0.2.48/28 via inet6 fe80::9 dev here0", "route add 2001:db8:a::/48 via fe80::4 dev here0 proto ra",
		"route add unreachable 192.0.2.64/28", "route add blackhole 192.0.2.80/28", "route add prohibit 192.0.2.96/28", "route add unreachable 2001:db8:b::/48",
		"route add 192.0.2.112/28 via 10.9.0.7 table 100", "rule add to 192.0.2.112/28 lookup 100", "rule add to 192.0.2.128/28 prohibit", "rule add to 192.0.2.144/28 blackhole",
	)
	for addr, want := range map[string]string{
		"198.51.100.1": "0.0.0.0/0 10.9.0.2 here0 50 0 ", "10.9.0.9": "10.9.0.0/24 invalid IP here0 0 0 ",
		"192.0.2.2": "192.0.2.0/28 10.9.0.4 here0 9 0 ", "192.0.2.1": "192.0.2.1/32 10.9.0.5 here0 0 0 ",
		"192.0.2.33": "192.0.2.32/28 10.9.0.6  0 0 ", "192.0.2.49": "192.0.2.48/28 fe80::9 here0 0 0 ",
		"2001:db8:a::1": "2001:db8:a::/48 fe80::4 here0 1024 0 ", "2001:db8:c::1": "::/0 2001:db8:9::2 here0 70 0 ",
		"192.0.2.65": "192.0.2.64/28 invalid IP  0 0 unreachable 192.0.2.64/28", "192.0.2.81": "192.0.2.80/28 invalid IP  0 0 blackhole 192.0.2.80/28",
		"192.0.2.97": "192.0.2.96/28 invalid IP  0 0 prohibit 192.0.2.96/28", "2001:db8:b::1": "2001:db8:b::/48 invalid IP lo 1024 0 unreachable 2001:db8:b::/48",
		"192.0.2.113": "192.0.2.112/28 10.9.0.7 here0 0 100 ", "192.0.2.129": "invalid Prefix invalid IP  0 0 prohibit", "192.0.2.145": "invalid Prefix invalid IP  0 0 ",
	} {
		r := System().Route(netip.MustParseAddr(addr))
		if r == nil {
			r = &Route{}
		}
		if got := fmt.Sprint(r.To, " ", r.Via, " ", r.Interface, " ", r.Metric, " ", r.Table, " ", r.Refuses); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	var all []string
	for _, r := range System().Routes() {
		if r.To.Bits() > 0 {
			continue
		}
		all = append(all, fmt.Sprint(r.To, " ", r.Via, " ", r.Interface, " ", r.Metric))
	}
	if want := []string{"0.0.0.0/0 10.9.0.2 here0 50", "0.0.0.0/0 10.9.0.3 here0 100", "::/0 2001:db8:9::2 here0 70"}; !slices.Equal(all, want) {
		t.Errorf("default routes %q, want %q", all, want)
	}
	if hop, _, _ := System().Next(netip.MustParseAddr("192.0.2.49")); hop.String() != "fe80::9" {
		t.Errorf("IPv4 over a gateway of IPv6: next is %s", hop)
	}
	for to, want := range map[string]string{"198.51.100.1": "10.9.0.1", "2001:db8:c::1": "2001:db8:9::1", "192.0.2.81": "invalid IP"} {
		if from := source(netip.MustParseAddr(to)); from.String() != want {
			t.Errorf("to %s it sends from %s, want %s", to, from, want)
		}
	}
}

// The kernel counts how often a link was lost, however soon it was back.
func TestMend183CarrierLosses(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	configure(t, "link add plug0 type veth peer name port0", "link set port0 up", "link set plug0 up")
	before := System().CarrierLosses("plug0")
	configure(t, "link set port0 down", "link set port0 up", "link set port0 down", "link set port0 up")
	if lost := System().CarrierLosses("plug0") - before; lost != 2 {
		t.Errorf("lost %d times", lost)
	}
	if n := System().CarrierLosses("none0"); n != 0 {
		t.Errorf("%d of an interface that is not there", n)
	}
}

// TestMend195TunnelsAreSeen: a route into a tunnel is known for one, while there is a link that carries that.
func TestMend195TunnelsAreSeen(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	configure(t,
		"link add here0 type veth peer name there0", "link set there0 up", "link set here0 up", "address add 10.9.0.1/24 dev here0", "route add default via 10.9.0.2",
		"tuntap add wg0 mode tun", "address add 10.8.0.1/24 dev wg0", "link set wg0 up", "route add 192.0.2.0/28 dev wg0", "route add 192.0.2.16/28 via 10.8.0.2",
		"tuntap add tap0 mode tap", "address add 10.7.0.1/24 dev tap0", "link set tap0 up", "route add 192.0.2.32/28 dev tap0",
	)
	tunnel := func(addr string) bool { return System().Route(netip.MustParseAddr(addr)).Tunnel }
	for addr, want := range map[string]bool{"192.0.2.1": true, "192.0.2.17": true, "10.8.0.9": true, "192.0.2.33": false, "198.51.100.1": false, "10.9.0.9": false, "127.0.0.1": false} {
		if tunnel(addr) != want {
			t.Errorf("%s: want %t", addr, want)
		}
	}
	configure(t, "link set there0 down")
	if tunnel("192.0.2.1") {
		t.Error("nothing carries it")
	}
}
