package fleet

import (
	"bufio"
	"fmt"
	"net"
	"sync/atomic"
)

const typePublish = 3 // MQTT 5 section 2.1.2

// framed is a connection that gives no packet to its reader that is longer than limit: the reader makes room for a packet as
// soon as it knows the length, which is whatever the other end says, up to 256 MiB (MQTT 5 section 1.5.5).
type framed struct {
	net.Conn
	in    *bufio.Reader
	limit int

	publishes atomic.Uint64 // how many PUBLISH have begun

	left   int // bytes of this packet that are still to come
	digits int // of its length that have come; -1: nothing of the packet has come
	length int
}

func newFramed(conn net.Conn, limit, buffer int) *framed {
	return &framed{Conn: conn, in: bufio.NewReaderSize(conn, buffer), limit: limit, digits: -1}
}

// Read follows the packets in what it reads.
func (f *framed) Read(b []byte) (int, error) {
	n, err := f.in.Read(b)
	for i := 0; i < n; {
		switch {
		case f.left > 0:
			skip := min(f.left, n-i)
			f.left -= skip
			i += skip
			continue
		case f.digits < 0: // type and flags
			f.digits, f.length = 0, 0
			if b[i]>>4 == typePublish {
				f.publishes.Add(1)
			}
		default:
			f.length |= int(b[i]&0x7f) << (7 * f.digits)
			f.digits++
			if f.length > f.limit || f.digits > 4 {
				return 0, fmt.Errorf("the broker sends a packet of more than %d bytes", f.limit)
			}
			if b[i]&0x80 == 0 {
				f.left, f.digits = f.length, -1
			}
		}
		i++
	}
	return n, err
}
