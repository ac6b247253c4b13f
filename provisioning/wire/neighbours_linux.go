package wire

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Specification constants: rtnetlink(7), struct ndmsg and nda_cacheinfo, in bytes.
const (
	neighbourHeader = 12
	neighbourState  = 8 // where the state stands
	attributeHeader = 4
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
	family := unix.AF_INET
	if addr.Is6() {
		family = unix.AF_INET6
	}
	table, err := syscall.NetlinkRIB(unix.RTM_GETNEIGH, family)
	if err != nil {
		return n
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return n
	}
	for _, m := range messages {
		if m.Header.Type != unix.RTM_NEWNEIGH || addressIn(m.Data, neighbourHeader, unix.NDA_DST) != addr.WithZone("") {
			continue
		}
		n.state, n.mac = binary.NativeEndian.Uint16(m.Data[neighbourState:]), attributeIn(m.Data, neighbourHeader, unix.NDA_LLADDR)
		if times := attributeIn(m.Data, neighbourHeader, unix.NDA_CACHEINFO); len(times) >= 4 {
			n.confirmed = time.Duration(binary.NativeEndian.Uint32(times)) * clockTick
		}
		break
	}
	return n
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
	addr, _ := netip.AddrFromSlice(attributeIn(entry, header, attribute))
	return addr
}

// attributeIn is what an attribute holds; nil: the entry has none.
func attributeIn(entry []byte, header int, attribute uint16) []byte {
	if len(entry) < header {
		return nil
	}
	for attributes := entry[header:]; len(attributes) >= attributeHeader; {
		length := int(binary.NativeEndian.Uint16(attributes))
		if length < attributeHeader || length > len(attributes) {
			break
		}
		if binary.NativeEndian.Uint16(attributes[2:]) == attribute {
			return attributes[attributeHeader:length]
		}
		attributes = attributes[min(len(attributes), (length+3)&^3):]
	}
	return nil
}
