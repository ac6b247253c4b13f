package place

import (
	"fmt"
	"net/netip"
	"slices"
)

// forbidden4 are the IPv4 addresses that are no other host's (RFC 6890): this network, link-local, multicast, and what is
// reserved, with broadcast in it. Loopback has a rule of its own.
var forbidden4 = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("240.0.0.0/4"),
}

// allowed6 are the IPv6 addresses that may be another host's: global unicast, unique local, and NAT64 (RFC 4291, 4193,
// 6052, 8215). All else is refused: link-local too, which means nothing without the link.
var allowed6 = []netip.Prefix{
	netip.MustParsePrefix("2000::/3"), netip.MustParsePrefix("fc00::/7"), nat64, nat64Local,
}

// Prefixes of addresses that hold an IPv4 address.
var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")   // RFC 6052, in the last 32 bits
	nat64Local = netip.MustParsePrefix("64:ff9b:1::/48") // RFC 8215, there as well as a rule
	sixToFour  = netip.MustParsePrefix("2002::/16")      // RFC 3056, after the prefix
)

// CheckAddress says whether a packet may go to an address that the network has named, as literal or in an answer of DNS.
// loopback: this device may be meant. An IPv4 address inside another is judged for itself.
func CheckAddress(addr netip.Addr, loopback bool) error {
	if addr.Zone() != "" || !classAllowed(addr.Unmap(), loopback) {
		return fmt.Errorf("address %s cannot be a destination", addr)
	}
	return nil
}

func classAllowed(addr netip.Addr, loopback bool) bool {
	within := func(p netip.Prefix) bool { return p.Contains(addr) }
	switch {
	case !addr.IsValid():
		return false
	case addr.IsLoopback():
		return loopback
	case addr.Is4():
		return !slices.ContainsFunc(forbidden4, within)
	case !slices.ContainsFunc(allowed6, within):
		return false
	}
	b := addr.As16()
	switch {
	case within(nat64), within(nat64Local):
		return classAllowed(netip.AddrFrom4([4]byte(b[12:])), false)
	case within(sixToFour):
		return classAllowed(netip.AddrFrom4([4]byte(b[2:])), false)
	default:
		return true
	}
}

// httpsPort is the Access Edge's (TechNet dd637123), and no other service would be in its place.
const httpsPort = 443

// foreignPorts are ports above the privileged ones at which other services listen: those that browsers do not call
// (Fetch, "bad port") but for SIP's own, and those of data bases, caches, consoles and containers, which take text from
// anybody inside.
var foreignPorts = []uint16{
	1719, 1720, 1723, 2049, 3659, 4045, 4190, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
	1433, 1521, 2375, 2376, 2379, 2380, 3306, 3389, 5432, 5672, 5900, 5984, 5985, 5986, 6379, 6443, 8086, 9092, 9100, 9200, 9300, 10250, 11211, 27017,
}

// CheckPort says whether a port that the network has named can be a Registrar's or a Media Relay's: none of the privileged
// ones but 443, and none at which another service is at home.
func CheckPort(port uint16) error {
	if port < 1024 && port != httpsPort || slices.Contains(foreignPorts, port) {
		return fmt.Errorf("port %d belongs to another service", port)
	}
	return nil
}
