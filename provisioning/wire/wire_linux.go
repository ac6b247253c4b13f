package wire

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// clockKept asks the kernel: what sets its clock by a time server tells it so, and of what has not been told for long it says that it is not (adjtimex(2)).
func clockKept() bool {
	state, err := unix.Adjtimex(new(unix.Timex))
	return err == nil && state != unix.TIME_ERROR
}

// limitUnacknowledged limits how long sent data, and probes, may stay unacknowledged. A kernel that refuses leaves the keep-alive of
// the socket, which is enough to work.
func limitUnacknowledged(fd uintptr, limit time.Duration) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(limit.Milliseconds()))
}

// limitSegments limits the size of segments: of those that are sent, and by what is announced of those that come (tcp(7), TCP_MAXSEG).
func limitSegments(fd uintptr, size int) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, size)
}

// lossOf asks the kernel what it knows of a connection that is still open.
func lossOf(conn net.Conn) Loss {
	info := infoOf(conn)
	switch {
	case info == nil:
		return NoLoss
	case info.Rcv_ooopack > 0:
		return ReceivedGap
	case info.Unacked > 0 && info.Total_retrans > 0:
		return SentUnacknowledged
	case info.Unacked == 0 && info.Notsent_bytes == 0 && info.Data_segs_out > 0:
		return Acknowledged
	}
	return NoLoss
}

// sinceAcknowledged asks it how long ago an acknowledgement came.
func sinceAcknowledged(conn net.Conn) time.Duration {
	info := infoOf(conn)
	if info == nil {
		return 0
	}
	return time.Duration(info.Last_ack_recv) * time.Millisecond
}

// infoOf is what the kernel knows of a connection; nil: nothing.
func infoOf(conn net.Conn) (info *unix.TCPInfo) {
	system, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := system.SyscallConn()
	if err != nil {
		return nil
	}
	_ = raw.Control(func(fd uintptr) { // closed already: nothing is known
		if got, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			info = got
		}
	})
	return info
}
