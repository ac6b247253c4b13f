package dhcpopts

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"

	socket "github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Listen6 is [Listen] for DHCPv6: the packet socket binds no port, so a DHCP client may own 546. The question leaves from
// port 546 of the link-local address, since some servers answer to the port that a question came from. The error is
// [ErrNoAddress] when there is no such address.
func Listen6(ctx context.Context, iface string) (Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ifi, err := findInterface(iface, true)
	if err != nil {
		return nil, err
	}
	c, err := listen6On(ifi)
	if err != nil {
		return nil, fmt.Errorf("listen for DHCPv6 on %s: %w", ifi.Name, err)
	}
	return c, nil
}

// packetConn6 is the UDP face of one packet socket.
type packetConn6 struct {
	datagrams
	ifi  *net.Interface
	addr netip.Addr
}

func listen6On(ifi *net.Interface) (*packetConn6, error) {
	addrs, err := ifi.Addrs()
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	addr, ok := linkLocal(addrs)
	if !ok {
		return nil, fmt.Errorf("link-local IPv6: %w", ErrNoAddress)
	}
	sock, err := open(ifi, unix.ETH_P_IPV6, answers6Only())
	if err != nil {
		return nil, err
	}
	return &packetConn6{datagrams{PacketConn: sock, server: serverPort6, client: clientPort6, packet: readPacket6}, ifi, addr}, nil
}

// linkLocal returns the link-local address, which an interface with IPv6 has (RFC 4291 section 2.1).
func linkLocal(addrs []net.Addr) (netip.Addr, bool) {
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(n.IP); ok && addr.Is6() && !addr.Is4In6() && addr.IsLinkLocalUnicast() {
				return addr, true
			}
		}
	}
	return netip.Addr{}, false
}

// WriteTo sends the payload b to a group.
func (c *packetConn6) WriteTo(b []byte, to net.Addr) (int, error) {
	group := to.(*net.UDPAddr).AddrPort()
	address := group.Addr().As16()
	ethernet := net.HardwareAddr{0x33, 0x33, address[12], address[13], address[14], address[15]} // RFC 2464 section 7
	p := datagram6(netip.AddrPortFrom(c.addr, clientPort6), group, b)
	if _, err := c.PacketConn.WriteTo(p, &socket.Addr{HardwareAddr: ethernet}); err != nil {
		return 0, err
	}
	return len(b), nil
}

// datagram6 is an IPv6 packet that carries a payload over UDP.
func datagram6(from, to netip.AddrPort, payload []byte) []byte {
	length := uint16(udpHeader + len(payload))
	p := []byte{6 << 4, 0, 0, 0}
	p = binary.BigEndian.AppendUint16(p, length)
	p = append(p, protoUDP, 1) // one hop
	p = slices.Concat(p, from.Addr().AsSlice(), to.Addr().AsSlice())
	for _, field := range []uint16{from.Port(), to.Port(), length, 0} {
		p = binary.BigEndian.AppendUint16(p, field)
	}
	p = append(p, payload...)
	binary.BigEndian.PutUint16(p[ip6Header+6:], checksum6(p))
	return p
}

// checksum6 is that of the UDP in an IPv6 packet (RFC 8200 section 8.1).
func checksum6(p []byte) uint16 {
	sum := uint32(len(p)-ip6Header) + protoUDP
	summed := p[8:] // addresses and data
	for ; len(summed) > 1; summed = summed[2:] {
		sum += uint32(binary.BigEndian.Uint16(summed))
	}
	if len(summed) > 0 {
		sum += uint32(summed[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	if sum == 0xffff {
		return 0xffff // 0 is for none
	}
	return ^uint16(sum)
}

// Interface implements [Conn].
func (c *packetConn6) Interface() (string, netip.Addr, net.HardwareAddr) {
	return c.ifi.Name, c.addr, c.ifi.HardwareAddr
}

// answers6Only is the socket's filter; see answersOnly.
func answers6Only() []bpf.Instruction {
	drop, accept := bpf.RetConstant{Val: 0}, bpf.RetConstant{Val: 1<<16 - 1}
	return []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: unix.PACKET_MULTICAST, SkipTrue: 1},
		drop,
		bpf.LoadAbsolute{Off: nextHeader, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protoPart, SkipTrue: 4},
		bpf.LoadAbsolute{Off: ip6Header, Size: 1}, // a fragment: of what
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protoUDP, SkipTrue: 1},
		drop,
		accept,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protoUDP, SkipTrue: 1},
		drop,
		bpf.LoadAbsolute{Off: ip6Header, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: serverPort6, SkipTrue: 1},
		accept,
		bpf.LoadAbsolute{Off: ip6Header + 2, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: clientPort6, SkipTrue: 1},
		drop,
		accept,
	}
}
