package wire

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limitUnacknowledged limits how long sent data, and probes, may stay unacknowledged. A kernel that refuses leaves the keep-alive of
// the socket, which is enough to work.
func limitUnacknowledged(fd uintptr, limit time.Duration) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(limit.Milliseconds()))
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
