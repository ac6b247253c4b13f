package wire

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Specification constants: ip(7), struct sock_extended_err, and the sockaddr_in or sockaddr_in6 after it, in bytes; RFC 792, RFC 4443.
const (
	errorOrigin, errorType, errorCode = 4, 5, 6
	errorSender                       = 16
	sender4, sender6                  = errorSender + 4, errorSender + 8

	unreachable4, unreachable6 = 3, 1
)

// hearRouters has a socket keep what is said by ICMP of what it sends, or no longer. The option of the other version of IP is refused.
func hearRouters(fd, on int) {
	_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_RECVERR, on)
	_ = unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_RECVERR, on)
}

// routers is who says something by ICMP of a connection while it is made: of TCP, Linux keeps that since 5.8.
type routers struct{ fd int } // another one of the socket, which stays open when connecting has failed; 0: none

// hear begins, before the socket connects.
func (r *routers) hear(fd uintptr) {
	hearRouters(int(fd), 1)
	if another, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, int(fd)); err == nil {
		r.close()
		r.fd = another
	}
}

func (r *routers) close() {
	if r.fd != 0 {
		_ = unix.Close(r.fd)
	}
}

// said ends it, and adds to the error of a connection that was not made who has said so.
func (r *routers) said(err error) error {
	if r.fd == 0 {
		return err
	}
	defer r.close()
	if err == nil {
		hearRouters(r.fd, 0) // what is said of a connection that stands may pass
		return nil
	}
	control := make([]byte, 128)
	if _, n, _, _, failed := unix.Recvmsg(r.fd, nil, control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT); failed != nil || n == 0 {
		return err
	}
	said := control[unix.CmsgLen(0):] // what was not written is zero, and no sender
	b := &barred{error: err, code: said[errorCode]}
	switch uint16(said[errorOrigin])<<8 | uint16(said[errorType]) {
	case unix.SO_EE_ORIGIN_ICMP<<8 | unreachable4:
		b.by, _ = netip.AddrFromSlice(said[sender4 : sender4+4])
		return b
	case unix.SO_EE_ORIGIN_ICMP6<<8 | unreachable6:
		b.by, _ = netip.AddrFromSlice(said[sender6 : sender6+16])
		switch b.code {
		case 0: // it is the same
		case 3:
			b.code = HostUnreachable
		case 4:
			b.code = PortUnreachable
		default:
			b.code = Prohibited
		}
		return b
	}
	return err
}

// barred implements Barred.
type barred struct {
	error
	by   netip.Addr
	code byte
}

func (b *barred) Unwrap() error { return b.error }

// Barred implements Barred.
func (b *barred) Barred() (netip.Addr, byte) { return b.by, b.code }
