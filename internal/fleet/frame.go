package fleet

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"sync/atomic"
)

// Specification constants: the fixed header (MQTT 5 section 2.1).
const (
	typePublish = 3
	maxHeader   = 5 // bytes: the type, and at most four digits of the length
)

// intake is what is done with what the broker sends.
type intake struct {
	limit  int                                 // bytes of a packet at most
	buffer int                                 // bytes that are read at once
	take   func(first byte, body []byte) error // gets each PUBLISH, with the first byte of its header; nil: the reader gets it
}

// framed is a connection that gives no packet to its reader that is longer than the limit: the reader makes room for a packet as
// soon as it knows the length, which is whatever the other end says, up to 256 MiB (MQTT 5 section 1.5.5). What is published goes
// past the reader: of a hundred thousand devices it would take the client longer than all the rest.
type framed struct {
	net.Conn
	in *bufio.Reader
	intake

	taken atomic.Uint64 // how many PUBLISH have been taken
	left  int           // bytes of this packet that are still to come
}

func newFramed(conn net.Conn, i intake) *framed {
	return &framed{Conn: conn, in: bufio.NewReaderSize(conn, i.buffer), intake: i}
}

// Read reads what is not taken.
func (f *framed) Read(b []byte) (int, error) {
	for f.left == 0 {
		if err := f.begin(); err != nil {
			return 0, err
		}
	}
	n, err := f.in.Read(b[:min(len(b), f.left)])
	f.left -= n
	return n, err
}

// begin looks at the header of the next packet, and takes the packet if it is for take.
func (f *framed) begin() error {
	length, size := 0, 2
	for ; ; size++ {
		header, err := f.in.Peek(size)
		if err != nil {
			return err
		}
		digit := header[size-1]
		length |= int(digit&0x7f) << (7 * (size - 2))
		if length > f.limit || size == maxHeader && digit&0x80 != 0 {
			return fmt.Errorf("the broker sends a packet of more than %d bytes", f.limit)
		}
		if digit&0x80 == 0 {
			break
		}
	}
	header, err := f.in.Peek(size)
	if err != nil {
		return err
	}
	first := header[0]
	if first>>4 != typePublish || f.take == nil {
		f.left = size + length
		return nil
	}
	if _, err := f.in.Discard(size); err != nil {
		return err
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(f.in, body); err != nil {
		return err
	}
	if err := f.take(first, body); err != nil {
		return err
	}
	f.taken.Add(1)
	return nil
}
