package dhcpopts

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Specification constants: options that hold routes.
const (
	optionStatic    = 33  // RFC 2132 section 5.8
	optionClassless = 121 // RFC 3442
	optionMSRoutes  = 249 // the same, for older versions of Windows (MS-DHCPE section 2.2.8)
)

// Route is a way to a network: one that a DHCP server gives, or one that this device has.
type Route struct {
	To     netip.Prefix // what it leads to, perhaps with bits behind its length; zero: not known
	Via    netip.Addr   // the gateway; zero: none, or not known
	Option uint8        // in which it was given; 0: this device has it

	// What follows is of one that this device has.

	Interface string // "": not known
	Down      bool   // that has no carrier
	Tunnel    bool   // that is a tunnel, such as of a VPN, which another link of this device carries
	Metric    uint32 // the lowest counts
	Table     uint32 // 0: the main one; a rule leads to another one (Linux: ip rule)
	Refuses   string // why nothing is sent there, as the system says it: "unreachable 10.0.0.0/8", or "prohibit"; "": it is no such route
}

// Detour says whether it is another one than a default route of the main table, by which all else goes. One that is not known is none.
func (r *Route) Detour() bool {
	return r != nil && r.To.IsValid() && (r.To.Bits() > 0 || r.Table != 0)
}

// String is what a tech calls it.
func (r *Route) String() string {
	text := "the default route of this device"
	if r.To.Bits() > 0 {
		text = "the route of this device to " + r.To.String()
	}
	if r.Table != 0 {
		text += fmt.Sprintf(" in the routing table %d", r.Table)
	}
	return text
}

// routesIn are those that an answer gives. Those of option 33, which is older than networks without classes, are not read.
func routesIn(options dhcpv4.Options) (all []Route) {
	for _, option := range []uint8{optionClassless, optionMSRoutes} {
		for rest := options[option]; len(rest) > 0; { // the bits, as many bytes as they fill, the gateway
			bits, size := int(rest[0]), (int(rest[0])+7)/8
			if size > net.IPv4len || len(rest) < 1+size+net.IPv4len {
				all = append(all, Route{Option: option})
				break
			}
			var to, via [net.IPv4len]byte
			copy(to[:], rest[1:1+size])
			copy(via[:], rest[1+size:])
			r := Route{To: netip.PrefixFrom(netip.AddrFrom4(to), bits), Option: option}
			if gateway := netip.AddrFrom4(via); !gateway.IsUnspecified() { // else it is on the link (RFC 3442)
				r.Via = gateway
			}
			all = append(all, r)
			rest = rest[1+size+net.IPv4len:]
		}
	}
	if options[optionStatic] != nil {
		all = append(all, Route{Option: optionStatic})
	}
	return all
}
