package wire

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Specification constants: rtnetlink(7), struct ndmsg and nda_cacheinfo, in bytes.
const (
	neighbourHeader = 12
	neighbourState  = 8                 // where the state stands
	clockTick       = time.Second / 100 // time(7), USER_HZ
)

// absent is the address to which the kernel sends what is for addr, be it addr itself or a gateway, if nobody answers there.
func absent(addr netip.Addr) netip.Addr {
	hop := nextHop(addr)
	if hop == (netip.Addr{}) || neighbourAt(hop).state&(unix.NUD_INCOMPLETE|unix.NUD_FAILED) == 0 { // neither looking, nor has it looked in vain
		return netip.Addr{}
	}
	return hop
}

// near says whether the kernel sends what is for an address to itself, and not to a gateway, and whether it knows that a host has it.
func near(addr netip.Addr) (onLink, there bool) {
	onLink = nextHop(addr) == addr.WithZone("")
	return onLink, onLink && neighbourAt(addr).state&unix.NUD_REACHABLE != 0
}

// next is where the kernel sends what is for an address, and what it knows of who is there.
func next(addr netip.Addr) (hop netip.Addr, mac net.HardwareAddr, ago time.Duration) {
	hop = nextHop(addr)
	n := neighbourAt(hop)
	if n.state&(unix.NUD_REACHABLE|unix.NUD_STALE|unix.NUD_DELAY|unix.NUD_PROBE) == 0 {
		return hop, nil, 0
	}
	return hop, n.mac, n.confirmed
}

// neighbour is what the kernel knows of who has an address on a link; zero: nothing.
type neighbour struct {
	state     uint16 // in flags
	mac       net.HardwareAddr
	confirmed time.Duration // since it last knew that this one is there
}

// neighbourAt asks the kernel (rtnetlink(7), RTM_GETNEIGH). It needs no privilege. What cannot be read says nothing.
func neighbourAt(addr netip.Addr) (n neighbour) {
	family := byte(unix.AF_INET)
	if addr.Is6() {
		family = unix.AF_INET6
	}
	list(unix.RTM_GETNEIGH, family, func(entry []byte) {
		if len(entry) < neighbourHeader || addressIn(entry, neighbourHeader, unix.NDA_DST) != addr.WithZone("") || n.state != 0 {
			return
		}
		n.state, n.mac = binary.NativeEndian.Uint16(entry[neighbourState:]), attributeIn(entry, neighbourHeader, unix.NDA_LLADDR)
		if times := attributeIn(entry, neighbourHeader, unix.NDA_CACHEINFO); len(times) >= 4 {
			n.confirmed = time.Duration(binary.NativeEndian.Uint32(times)) * clockTick
		}
	})
	return n
}
