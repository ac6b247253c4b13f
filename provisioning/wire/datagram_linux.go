package wire

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// datagram is a connected UDP socket that can tell what others send to its port (Overhearing). Read gives what the other end
// sends, and nothing else: the system passes over all others, and tells nobody. Whoever needs to know has a second socket of
// the same address and port, which gets what the connected one does not.
type datagram struct {
	*net.UDPConn
	mu     sync.Mutex
	beside *net.UDPConn // the second socket; nil: there is none
	begun  bool
	closed bool
}

// overhearing is a connection that can tell who answers in place of the server that was asked, where there can be one.
func overhearing(conn net.Conn) net.Conn {
	if udp, ok := conn.(*net.UDPConn); ok {
		return &datagram{UDPConn: udp}
	}
	return conn
}

// HearRouters has Read tell what routers say of what is sent, too (ip(7), ipv6(7)).
func (d *datagram) HearRouters() {
	if raw, err := d.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { hearRouters(int(fd), 1) })
	}
}

// Overheard implements Overhearing.
func (d *datagram) Overheard(b []byte) (n int, from netip.AddrPort) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.begun && !d.closed {
		d.begun, d.beside = true, besideOf(d.UDPConn)
		return 0, netip.AddrPort{}
	}
	if d.beside == nil {
		return 0, netip.AddrPort{}
	}
	raw, err := d.beside.SyscallConn()
	if err != nil {
		return 0, netip.AddrPort{}
	}
	_ = raw.Read(func(fd uintptr) bool { // nothing there is nothing heard
		size, sender, err := unix.Recvfrom(int(fd), b, unix.MSG_DONTWAIT)
		switch sender := sender.(type) {
		case *unix.SockaddrInet4:
			n, from = size, netip.AddrPortFrom(netip.AddrFrom4(sender.Addr), uint16(sender.Port))
		case *unix.SockaddrInet6:
			n, from = size, netip.AddrPortFrom(netip.AddrFrom16(sender.Addr).Unmap(), uint16(sender.Port))
		}
		if err != nil {
			n = 0
		}
		return true
	})
	return n, from
}

// besideOf opens a second socket of the same address and port; nil: the system refuses. SO_REUSEADDR is set only now, so that no
// two questions get one port; SO_REUSEPORT would give the connected socket what others send.
func besideOf(conn *net.UDPConn) *net.UDPConn {
	share := func(c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
	}
	raw, err := conn.SyscallConn()
	if err != nil || share(raw) != nil {
		return nil
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return share(c) }}
	beside, err := config.ListenPacket(context.Background(), "udp", conn.LocalAddr().String())
	if err != nil {
		return nil
	}
	return beside.(*net.UDPConn)
}

// Close closes both.
func (d *datagram) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed = true; d.beside != nil {
		d.beside.Close()
	}
	return d.UDPConn.Close()
}
