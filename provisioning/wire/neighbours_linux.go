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

// absent is the address to which the kernel sends what is for addr, be it addr itself or a gateway, if nobody answers there.
func absent(addr netip.Addr) netip.Addr {
	hop := nextHop(addr)
	if hop == (netip.Addr{}) || stateOf(hop)&(unix.NUD_INCOMPLETE|unix.NUD_FAILED) == 0 { // neither looking, nor has it looked in vain
		return netip.Addr{}
	}
	return hop
}

// near says whether the kernel sends what is for an address to itself, and not to a gateway, and whether it knows that a host has it.
func near(addr netip.Addr) (onLink, there bool) {
	onLink = nextHop(addr) == addr.WithZone("")
	return onLink, onLink && stateOf(addr)&unix.NUD_REACHABLE != 0
}

// stateOf is what the kernel knows of who has an address on a link (rtnetlink(7), RTM_GETNEIGH), in flags. It needs no privilege. What
// cannot be read says nothing.
func stateOf(addr netip.Addr) uint16 {
	family := unix.AF_INET
	if addr.Is6() {
		family = unix.AF_INET6
	}
	table, err := syscall.NetlinkRIB(unix.RTM_GETNEIGH, family)
	if err != nil {
		return 0
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		if m.Header.Type == unix.RTM_NEWNEIGH && addressIn(m.Data, neighbourHeader, unix.NDA_DST) == addr.WithZone("") {
			return binary.NativeEndian.Uint16(m.Data[neighbourState:])
		}
	}
	return 0
}

// nextHop is where the kernel sends what is for an address (rtnetlink(7), RTM_GETROUTE): to a gateway, or to the address itself.
// Zero: there is no way, or it is not known.
func nextHop(addr netip.Addr) netip.Addr {
	if addr.IsLinkLocalUnicast() {
		return addr.WithZone("")
	}
	family := byte(unix.AF_INET)
	if addr.Is6() {
		family = unix.AF_INET6
	}
	raw := addr.AsSlice()
	ask := make([]byte, unix.SizeofNlMsghdr+unix.SizeofRtMsg, 64)
	binary.NativeEndian.PutUint16(ask[4:], unix.RTM_GETROUTE)
	binary.NativeEndian.PutUint16(ask[6:], unix.NLM_F_REQUEST)
	ask[unix.SizeofNlMsghdr], ask[unix.SizeofNlMsghdr+1] = family, byte(addr.BitLen()) // rtm_family, rtm_dst_len
	ask = binary.NativeEndian.AppendUint16(ask, uint16(attributeHeader+len(raw)))
	ask = append(binary.NativeEndian.AppendUint16(ask, unix.RTA_DST), raw...)
	binary.NativeEndian.PutUint32(ask, uint32(len(ask)))
	answer := make([]byte, 4096)
	n, err := converse(ask, answer)
	if err != nil {
		return netip.Addr{}
	}
	messages, err := syscall.ParseNetlinkMessage(answer[:n])
	if err != nil || len(messages) == 0 || messages[0].Header.Type != unix.RTM_NEWROUTE {
		return netip.Addr{}
	}
	if gateway := addressIn(messages[0].Data, unix.SizeofRtMsg, unix.RTA_GATEWAY); gateway.IsValid() {
		return gateway
	}
	return addr.WithZone("")
}

// converse asks the kernel one thing and reads its answer, which it has at once.
func converse(ask, answer []byte) (int, error) {
	socket, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return 0, err
	}
	defer unix.Close(socket)
	if err := unix.Sendto(socket, ask, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, err
	}
	n, _, err := unix.Recvfrom(socket, answer, unix.MSG_DONTWAIT)
	return n, err
}

// addressIn is the address that an attribute of an entry holds, after a header of so many bytes; zero: it has none.
func addressIn(entry []byte, header int, attribute uint16) netip.Addr {
	if len(entry) < header {
		return netip.Addr{}
	}
	for attributes := entry[header:]; len(attributes) >= attributeHeader; {
		length := int(binary.NativeEndian.Uint16(attributes))
		if length < attributeHeader || length > len(attributes) {
			break
		}
		if binary.NativeEndian.Uint16(attributes[2:]) == attribute {
			addr, _ := netip.AddrFromSlice(attributes[attributeHeader:length])
			return addr
		}
		attributes = attributes[min(len(attributes), (length+3)&^3):]
	}
	return netip.Addr{}
}
