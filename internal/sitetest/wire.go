package sitetest

import (
	"context"
	"net"
	"net/netip"
	"time"

	"homeward/dhcpopts"
)

// Wire is what a device touches of the site. It has the fields of
// wire.Wire and converts to it.
type Wire struct {
	Dial          func(ctx context.Context, network, address string) (net.Conn, error)
	Links         func(iface string, six bool) ([]string, error) // nil
	Listen        func(ctx context.Context, iface string) (dhcpopts.Conn, error)
	Listen6       func(ctx context.Context, iface string) (dhcpopts.Conn, error)
	Leases        func(iface, hooks string) ([]dhcpopts.Lease, error)
	Resolvers     func() ([]netip.AddrPort, error)
	Upstreams     func(resolvers []netip.AddrPort) []netip.AddrPort // nil
	Search        func() []string                                   // nil
	Own           func() []netip.Addr                               // nil in the live world
	Lasting       func() []netip.Prefix
	Lacks         func(netip.Addr) bool                                                                       // nil in the live world
	Absent        func(netip.Addr) netip.Addr                                                                 // nil in the live world
	Near          func(netip.Addr) (onLink, there bool)                                                       // nil in the live world
	Next          func(netip.Addr) (hop netip.Addr, mac net.HardwareAddr, ago time.Duration)                  // nil
	Route         func(netip.Addr) *dhcpopts.Route                                                            // nil
	Routes        func() []*dhcpopts.Route                                                                    // nil
	Holders       func(ctx context.Context, iface string, sender, addr netip.Addr) (macs []string, err error) // nil
	Awake         func()                                                                                      // nil
	LinkLost      func() (iface string, at []time.Time)                                                       // nil in the live world
	CarrierLosses func(iface string) uint32                                                                   // nil
	ClockKept     func() bool                                                                                 // nil
	Changes       <-chan string                                                                               // what the change "network" did; nil in the live world
}

// Live is a site on loopback.
type Live struct {
	Wire       // the network of this machine; Resolvers are the site's name servers
	DHCP error // nil: DHCPINFORM is answered on lo; else why not, and Wire.Listen gives the socket of the world in memory
}
