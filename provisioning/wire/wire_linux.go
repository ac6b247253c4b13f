package wire

import (
	"context"
	"net"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unacknowledgedLimit is how long sent data may stay unacknowledged before the kernel declares the connection
// dead (RFC 5482). Without it a black-holed Registrar that answers no pings is noticed after 15 minutes.
const unacknowledgedLimit = 30 * time.Second

func unacknowledgedTimeout(_ context.Context, network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	// A kernel that refuses leaves the keep-alive of the socket, which is enough to work.
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unacknowledgedLimit.Milliseconds()))
	})
}

// lossOf asks the kernel what it knows of a connection that is still open.
func lossOf(conn net.Conn) Loss {
	system, ok := conn.(syscall.Conn)
	if !ok {
		return NoLoss
	}
	raw, err := system.SyscallConn()
	if err != nil {
		return NoLoss
	}
	loss := NoLoss
	_ = raw.Control(func(fd uintptr) { // closed already: nothing is known
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		switch {
		case err != nil:
		case info.Rcv_ooopack > 0:
			loss = ReceivedGap
		case info.Unacked > 0 && info.Total_retrans > 0:
			loss = SentUnacknowledged
		}
	})
	return loss
}
