package dhcpopts

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Specification constants: RFC 8200 section 3 and RFC 768, in bytes from the start of a packet.
const (
	nextHeader6 = 6
	source6     = 8
	udp6        = 40 // an IPv6 header without extensions, which DHCPv6 has no use for
	udpHeader   = 8
)

// Listen6 is [Listen] for DHCPv6. Servers answer to port 546, which a DHCP client may own: a packet socket with a
// filter hears the answers, beside it, with CAP_NET_RAW and no other privilege. The question is an ordinary datagram
// from the link-local address. The error is [ErrNoAddress] when there is none.
func Listen6(ctx context.Context, iface string) (Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ifi, err := findInterface(iface)
	if err != nil {
		return nil, err
	}
	c, err := listen6On(ifi)
	if err != nil {
		return nil, fmt.Errorf("listen for DHCPv6 on %s: %w", ifi.Name, err)
	}
	return c, nil
}

// packetConn6 hears answers on one socket and asks on another.
type packetConn6 struct {
	net.PacketConn                // what is read: IPv6 packets to the client port
	out            net.PacketConn // what is written
	ifi            *net.Interface
	addr           netip.Addr
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
	filter, err := bpf.Assemble(answers6Only())
	if err != nil {
		return nil, fmt.Errorf("assemble filter: %w", err)
	}
	in, err := packet.Listen(ifi, packet.Datagram, unix.ETH_P_IPV6, &packet.Config{Filter: filter})
	if errors.Is(err, unix.EAFNOSUPPORT) { // see Listen
		return nil, fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	if err != nil {
		return nil, err
	}
	out, err := net.ListenUDP("udp6", &net.UDPAddr{IP: addr.AsSlice(), Zone: ifi.Name})
	if err != nil { // an address that is still looked for in the neighbourhood cannot be used
		in.Close()
		return nil, err
	}
	return &packetConn6{in, out, ifi, addr}, nil
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

// ReadFrom returns the payload of the next datagram; packets whose lengths lie are passed over.
func (c *packetConn6) ReadFrom(b []byte) (int, net.Addr, error) {
	buf := make([]byte, udp6+udpHeader+len(b))
	for {
		n, _, err := c.PacketConn.ReadFrom(buf)
		if err != nil {
			return 0, nil, err
		}
		if payload, from, ok := datagram6(buf[:n]); ok {
			return copy(b, payload), &net.UDPAddr{IP: from.AsSlice(), Port: serverPort6, Zone: c.ifi.Name}, nil
		}
	}
}

// datagram6 returns what an IPv6 packet carries over UDP, and who sent it.
func datagram6(packet []byte) (payload []byte, from netip.Addr, ok bool) {
	if len(packet) < udp6+udpHeader || packet[0]>>4 != 6 || packet[nextHeader6] != unix.IPPROTO_UDP {
		return nil, netip.Addr{}, false
	}
	length := int(binary.BigEndian.Uint16(packet[udp6+4:]))
	if length < udpHeader || udp6+length > len(packet) {
		return nil, netip.Addr{}, false
	}
	return packet[udp6+udpHeader : udp6+length], netip.AddrFrom16([16]byte(packet[source6:])), true
}

// WriteTo sends the payload b.
func (c *packetConn6) WriteTo(b []byte, to net.Addr) (int, error) { return c.out.WriteTo(b, to) }

// Close closes both sockets.
func (c *packetConn6) Close() error { return errors.Join(c.PacketConn.Close(), c.out.Close()) }

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
		bpf.LoadAbsolute{Off: nextHeader6, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_UDP, SkipTrue: 1},
		drop,
		bpf.LoadAbsolute{Off: udp6 + 2, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: clientPort6, SkipTrue: 1},
		drop,
		accept,
	}
}
