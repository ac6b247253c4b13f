package discover

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"homeward/cache"
	"homeward/dhcpopts"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// Where a device is, and who has put it there, is what the system tells; a lease of another address says nothing of this one.
func TestMend114Here(t *testing.T) {
	addr := netip.MustParseAddr
	next := func(hop string) func(netip.Addr) (netip.Addr, net.HardwareAddr, time.Duration) {
		gateway := addr(hop)
		return func(to netip.Addr) (netip.Addr, net.HardwareAddr, time.Duration) {
			switch {
			case to == gateway:
				return gateway, net.HardwareAddr{2, 0, 0, 0, 0, 0x99}, 0
			case to.Is4() == gateway.Is4():
				return gateway, nil, 0
			default:
				return netip.Addr{}, nil, 0
			}
		}
	}
	on := func(prefix string) func(netip.Addr) *wire.Route {
		return func(netip.Addr) *wire.Route { return &wire.Route{To: netip.MustParsePrefix(prefix)} }
	}
	own := func() []netip.Addr { return []netip.Addr{addr("192.168.178.23")} }
	servers := func(list ...string) func() ([]netip.AddrPort, error) {
		return func() (all []netip.AddrPort, err error) {
			for _, s := range list {
				all = append(all, netip.MustParseAddrPort(s))
			}
			return all, nil
		}
	}
	leases := func(all ...dhcpopts.Lease) func(string, string) ([]dhcpopts.Lease, error) {
		return func(string, string) ([]dhcpopts.Lease, error) { return all, errors.New("one file cannot be read") }
	}
	old := dhcpopts.Lease{Addr: addr("10.0.0.90"), Server: addr("10.0.0.67")}
	for name, row := range map[string]struct {
		w      wire.Wire
		want   provisioning.Network
		lessor string
	}{
		"a router of somebody": {
			wire.Wire{Next: next("192.168.178.1"), Route: on("192.168.178.0/24"), Own: own, Resolvers: servers("192.168.178.1:53"), Leases: leases(old, dhcpopts.Lease{Addr: own()[0], Server: addr("192.168.178.1")})},
			provisioning.Network{Subnet: "192.168.178.0/24", Gateway: "192.168.178.1", NameServers: "192.168.178.1:53", DHCPServer: "192.168.178.1"}, "192.168.178.1 (MAC 02:00:00:00:00:99)",
		},
		"a DHCP server behind a relay, and name servers in any order": {
			wire.Wire{Next: next("192.168.178.1"), Route: on("192.168.178.0/24"), Own: own, Resolvers: servers("10.0.0.54:53", "10.0.0.53:53"), Leases: leases(dhcpopts.Lease{Addr: own()[0], Server: addr("172.16.0.67")})},
			provisioning.Network{Subnet: "192.168.178.0/24", Gateway: "192.168.178.1", NameServers: "10.0.0.53:53, 10.0.0.54:53", DHCPServer: "172.16.0.67"}, "172.16.0.67",
		},
		"IPv6 only, and a lease of before": {
			wire.Wire{Next: next("fe80::1"), Route: on("fe80::/64"), Own: own, Resolvers: servers("[2001:db8::53]:53"), Leases: leases(old)},
			provisioning.Network{Subnet: "fe80::/64", Gateway: "fe80::1", NameServers: "[2001:db8::53]:53"}, "",
		},
		"a tunnel": {
			wire.Wire{Next: next("10.8.0.5"), Route: on("10.8.0.5/32"), Own: own, Resolvers: servers("10.0.0.53:53"), Leases: leases(old)},
			provisioning.Network{NameServers: "10.0.0.53:53"}, "",
		},
		"mend 195: a tunnel with a network of its own": {
			wire.Wire{Next: next("10.8.0.1"), Route: func(netip.Addr) *wire.Route {
				return &wire.Route{To: netip.MustParsePrefix("10.8.0.0/24"), Tunnel: true}
			}, Own: own, Resolvers: servers("10.0.0.53:53"), Leases: leases(old)},
			provisioning.Network{NameServers: "10.0.0.53:53"}, "",
		},
		"a resolver on the device, whose name servers are known": {
			wire.Wire{Resolvers: servers("127.0.0.53:53"), Upstreams: func([]netip.AddrPort) []netip.AddrPort {
				return []netip.AddrPort{netip.MustParseAddrPort("10.0.0.53:53")}
			}},
			provisioning.Network{NameServers: "10.0.0.53:53"}, "",
		},
		"a system that tells nothing": {wire.Wire{}, provisioning.Network{}, ""},
	} {
		here := Here(&provisioning.Policy{ReadLease: true}, &row.w, nil, nil)
		if *here.Network != row.want || here.Lessor != row.lessor {
			t.Errorf("%s: %+v by %q", name, *here.Network, here.Lessor)
		}
	}
}

// A tunnel says nothing of the network below it, nor does the router of the other version of IP.
func TestMend190ATunnelIsNoNetwork(t *testing.T) {
	w := wire.Wire{
		Next: func(to netip.Addr) (netip.Addr, net.HardwareAddr, time.Duration) {
			if to.Is4() {
				return netip.MustParseAddr("10.8.0.5"), nil, 0
			}
			return netip.MustParseAddr("fe80::1"), nil, 0
		},
		Route: func(to netip.Addr) *wire.Route { return &wire.Route{To: netip.PrefixFrom(to, to.BitLen())} },
	}
	if n := Network(&provisioning.Policy{}, &w); *n != (provisioning.Network{}) {
		t.Errorf("%+v", *n)
	}
}

// TestMend261WhoHasTheFormerAddress: what answers for the former gateway is told only where that of now is known not to answer for everybody.
func TestMend261WhoHasTheFormerAddress(t *testing.T) {
	const theirs, other = "02:00:00:00:00:99", "02:00:00:00:00:01"
	was := provisioning.Network{Subnet: "10.0.0.0/24", Gateway: "10.0.0.1"}
	policy := provisioning.Policy{SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}}
	memory := policy.Memory(cache.InMemory(cache.Record{SIPAddress: "sip:phone1@contoso.com", Registrar: cache.Registrar{Host: "pool01.contoso.com", Port: 5061}, Network: &was}))
	for _, row := range []struct {
		now  string
		macs map[string][]string
		want provisioning.Left
	}{
		{"10.99.0.1", map[string][]string{"10.99.0.1": {theirs}}, provisioning.Left{Gateway: was.Gateway}},
		{"10.99.0.1", map[string][]string{"10.99.0.1": {theirs}, was.Gateway: {other}}, provisioning.Left{Gateway: was.Gateway, MAC: other}},
		{"10.99.0.1", map[string][]string{"10.99.0.1": {theirs}, was.Gateway: {theirs}}, provisioning.Left{}},
		{"fe80::1", map[string][]string{was.Gateway: {theirs}}, provisioning.Left{}},
	} {
		gateway := netip.MustParseAddr(row.now)
		w := wire.Wire{
			Next: func(to netip.Addr) (netip.Addr, net.HardwareAddr, time.Duration) {
				if to.Is4() == gateway.Is4() {
					return gateway, nil, 0
				}
				return netip.Addr{}, nil, 0
			},
			Route: func(netip.Addr) *wire.Route {
				return &wire.Route{To: netip.PrefixFrom(gateway, 24).Masked(), Interface: "eth0"}
			},
			Holders: func(_ context.Context, _ string, _, addr netip.Addr) ([]string, error) {
				return row.macs[addr.String()], nil
			},
		}
		if got := Left(t.Context(), &policy, &w, memory); got != row.want {
			t.Errorf("%s, %v: %+v, want %+v", row.now, row.macs, got, row.want)
		}
	}
}

// TestMend339WhatIsOnTheLinks: which subnets a device has on its links, with what it lacks there, and by which interface its default route leads.
func TestMend339WhatIsOnTheLinks(t *testing.T) {
	routes := []*wire.Route{
		{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("172.16.30.1"), Interface: "wlan0"},
		{To: netip.MustParsePrefix("10.20.0.0/24"), Interface: "eth0", Down: true},
		{To: netip.MustParsePrefix("10.99.0.0/24"), Via: netip.MustParseAddr("10.20.0.1"), Interface: "eth0"},
		{To: netip.MustParsePrefix("172.16.30.0/24"), Interface: "wlan0"},
		{To: netip.MustParsePrefix("10.8.0.0/24"), Interface: "wg0", Tunnel: true},
		{To: netip.MustParsePrefix("2001:db8::/64"), Interface: "eth0"},
	}
	w := wire.Wire{
		Route: func(netip.Addr) *wire.Route { return routes[0] }, Routes: func() []*wire.Route { return routes },
		Own: func() []netip.Addr {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("10.20.0.143"), netip.MustParseAddr("172.16.30.60"), netip.MustParseAddr("10.8.0.2"), netip.MustParseAddr("2001:db8::5")}
		},
	}
	want := []provisioning.OnLink{
		{Interface: "eth0", Own: netip.MustParsePrefix("10.20.0.143/24"), Down: true}, {Interface: "wlan0", Own: netip.MustParsePrefix("172.16.30.60/24"), Routed: true},
	}
	if got, by := links(&w); !slices.Equal(got, want) || by != "wlan0" {
		t.Errorf("got %+v by %s", got, by)
	}
}
