package wire

import (
	"encoding/binary"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// Specification constants: rtnetlink(7), struct ndmsg, in bytes.
const (
	neighbourHeader = 12
	neighbourState  = 8 // where the state stands
	attributeHeader = 4
)

// absent says whether the kernel is looking, or has looked in vain, for who has an address on a link (rtnetlink(7),
// RTM_GETNEIGH). It needs no privilege. What cannot be read says nothing.
func absent(addr netip.Addr) bool {
	family := unix.AF_INET
	if addr.Is6() {
		family = unix.AF_INET6
	}
	table, err := syscall.NetlinkRIB(unix.RTM_GETNEIGH, family)
	if err != nil {
		return false
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return false
	}
	for _, m := range messages {
		if m.Header.Type == unix.RTM_NEWNEIGH && neighbourAt(m.Data) == addr.WithZone("") {
			return binary.NativeEndian.Uint16(m.Data[neighbourState:])&(unix.NUD_INCOMPLETE|unix.NUD_FAILED) != 0
		}
	}
	return false
}

// neighbourAt is the address of an entry; zero: it has none.
func neighbourAt(entry []byte) netip.Addr {
	if len(entry) < neighbourHeader {
		return netip.Addr{}
	}
	for attributes := entry[neighbourHeader:]; len(attributes) >= attributeHeader; {
		length := int(binary.NativeEndian.Uint16(attributes))
		if length < attributeHeader || length > len(attributes) {
			break
		}
		if binary.NativeEndian.Uint16(attributes[2:]) == unix.NDA_DST {
			addr, _ := netip.AddrFromSlice(attributes[attributeHeader:length])
			return addr
		}
		attributes = attributes[min(len(attributes), (length+3)&^3):]
	}
	return netip.Addr{}
}
