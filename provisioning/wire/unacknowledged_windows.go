package wire

import (
	"time"

	"golang.org/x/sys/windows"
)

// limitUnacknowledged limits how long sent data may stay unacknowledged; probes are counted. A system that refuses leaves them.
func limitUnacknowledged(fd uintptr, limit time.Duration) {
	_ = windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_TCP, windows.TCP_MAXRT, int(limit.Seconds()))
}
