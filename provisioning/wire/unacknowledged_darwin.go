package wire

import (
	"time"

	"golang.org/x/sys/unix"
)

// limitUnacknowledged limits how long sent data may stay unacknowledged; probes are counted. A kernel that refuses leaves them.
func limitUnacknowledged(fd uintptr, limit time.Duration) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_RXT_CONNDROPTIME, int(limit.Seconds()))
}
