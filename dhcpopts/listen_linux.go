package dhcpopts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	socket "github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Specification constants.
const clientPort = 68 // RFC 2131 section 4.1

// Listen opens the socket on which DHCP is asked on the interface iface; "" is the first one of [Links]. It is a packet socket with a filter: it binds no port, so a DHCP client may own port 68; it needs
// CAP_NET_RAW and no other privilege; and other traffic does not wake it. Close it after the query.
//
// The error is fs.ErrPermission without CAP_NET_RAW, [ErrNoInterface], [ErrNoRoute], [ErrDown], [ErrNoAddress], or
// errors.ErrUnsupported where there are no packet sockets.
//
// On loopback (a bench, not a device) a server must be bound to 0.0.0.0 or 255.255.255.255 to hear the
// question, as everywhere; it may answer from any loopback address.
func Listen(ctx context.Context, iface string) (Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ifi, err := findInterface(iface, false)
	if err != nil {
		return nil, err
	}
	c, err := listenOn(ifi)
	if err != nil {
		return nil, fmt.Errorf("listen for DHCP on %s: %w", ifi.Name, err)
	}
	return c, nil
}

// packetConn is the UDP face of one packet socket.
type packetConn struct {
	datagrams
	out net.PacketConn // what is written: datagrams from our own address; the same socket

	name string
	addr netip.Addr
	hw   net.HardwareAddr
}

// datagrams reads what a packet socket receives as datagrams.
type datagrams struct {
	net.PacketConn        // IP packets with what DHCP sends: the filter of the socket says so
	server, client uint16 // ports
	packet         func([]byte) (packet, bool)
	piles          piles
}

// open opens the packet socket of an interface for one version of IP.
func open(ifi *net.Interface, version int, let []bpf.Instruction) (net.PacketConn, error) {
	filter, err := bpf.Assemble(let)
	if err != nil {
		return nil, fmt.Errorf("assemble filter: %w", err)
	}
	sock, err := socket.Listen(ifi, socket.Datagram, version, &socket.Config{Filter: filter})
	if errors.Is(err, unix.EAFNOSUPPORT) { // not in this kernel, or taken by RestrictAddressFamilies=
		return nil, fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	if err != nil {
		return nil, err // not a conn that is nil
	}
	return sock, nil
}

// ReadFrom returns the payload of the next datagram to the client port, and who sent it. The error is [*Dropped] for another one.
func (d *datagrams) ReadFrom(b []byte) (int, net.Addr, error) {
	payload, from, err := d.next()
	return copy(b, payload), net.UDPAddrFromAddrPort(from), err
}

func (d *datagrams) next() (payload []byte, from netip.AddrPort, err error) {
	buf := make([]byte, 1<<16)
	for {
		n, _, err := d.PacketConn.ReadFrom(buf)
		if err != nil {
			return nil, netip.AddrPort{}, err
		}
		p, ok := d.packet(buf[:n])
		if !ok {
			return nil, netip.AddrPort{}, &Dropped{From: p.from, Why: Damaged, Count: 1}
		}
		data, whole := d.piles.take(p)
		if !whole {
			continue
		}
		fromPort, toPort, payload, ok := readUDP(data)
		switch {
		case len(data) < udpHeader:
			return nil, netip.AddrPort{}, &Dropped{From: p.from, Why: Damaged, Count: 1}
		case fromPort != d.server && toPort != d.client || toPort == d.server: // a fragment of something else; between relays and servers
		case !ok:
			return nil, netip.AddrPort{}, &Dropped{From: p.from, Why: Damaged, Count: 1}
		case toPort != d.client:
			return nil, netip.AddrPort{}, &Dropped{From: p.from, Why: OtherPort, Port: toPort, Count: 1}
		default:
			return payload, netip.AddrPortFrom(p.from, fromPort), nil
		}
	}
}

// Unfinished counts the messages of which a fragment is missing.
func (d *datagrams) Unfinished() []Dropped { return d.piles.unfinished(d.server, d.client) }

// WriteTo broadcasts the payload b on the link.
func (c *packetConn) WriteTo(b []byte, to net.Addr) (int, error) { return c.out.WriteTo(b, to) }

// Interface implements [Conn].
func (c *packetConn) Interface() (string, netip.Addr, net.HardwareAddr) { return c.name, c.addr, c.hw }

func listenOn(ifi *net.Interface) (*packetConn, error) {
	addrs, err := ifi.Addrs()
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	addr, ok := sourceAddr(addrs)
	if !ok {
		return nil, ErrNoAddress
	}
	sock, err := open(ifi, unix.ETH_P_IP, answersOnly())
	if err != nil {
		return nil, err
	}
	// The kernel refuses an own address as source of what arrives, and on loopback what leaves arrives.
	from := net.IPv4zero
	if !addr.IsLoopback() {
		from = addr.AsSlice()
	}
	c := &packetConn{
		datagrams: datagrams{PacketConn: sock, server: serverPort, client: clientPort, packet: readPacket4},
		out:       nclient4.NewBroadcastUDPConn(sock, &net.UDPAddr{IP: from, Port: clientPort}),
		name:      ifi.Name, addr: addr, hw: ifi.HardwareAddr,
	}
	const ethernet = 6 // bytes; what has no such address (loopback, tunnels) asks with zeros
	if len(c.hw) != ethernet {
		c.hw = make(net.HardwareAddr, ethernet)
	}
	return c, nil
}

// answersOnly is the socket's filter. It sees packets from the IP header on (packet(7), SOCK_DGRAM): what goes to the client
// port or comes from that of a server, and all fragments, of which only the first one tells its ports.
func answersOnly() []bpf.Instruction {
	const fragment = 0x3fff // RFC 791 section 3.1: more fragments, offset
	drop, accept := bpf.RetConstant{Val: 0}, bpf.RetConstant{Val: 1<<16 - 1}
	return []bpf.Instruction{
		// To us, all, or a group. Not what we send (loopback shows it twice), nor what passes by or belongs
		// to a VLAN that has no interface here.
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: unix.PACKET_MULTICAST, SkipTrue: 1},
		drop,
		bpf.LoadAbsolute{Off: 9, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protoUDP, SkipTrue: 1},
		drop,
		bpf.LoadAbsolute{Off: 6, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: fragment, SkipTrue: 1},
		accept,
		bpf.LoadMemShift{Off: 0}, // X = length of the IP header
		bpf.LoadIndirect{Off: 0, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: serverPort, SkipTrue: 1},
		accept,
		bpf.LoadIndirect{Off: 2, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: clientPort, SkipTrue: 1},
		drop,
		accept,
	}
}

// sourceAddr chooses the address that answers are sent to: the first IPv4 address, which is the one the
// lease gave; one that the device made up itself (RFC 3927) only if there is no other.
func sourceAddr(addrs []net.Addr) (addr netip.Addr, ok bool) {
	for _, a := range addrs {
		n, isNet := a.(*net.IPNet)
		if !isNet || n.IP.To4() == nil {
			continue
		}
		if ip := netip.AddrFrom4([4]byte(n.IP.To4())); !addr.IsValid() || addr.IsLinkLocalUnicast() && !ip.IsLinkLocalUnicast() {
			addr = ip
		}
	}
	return addr, addr.IsValid()
}
