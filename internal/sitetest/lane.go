package sitetest

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// lane is one direction of a simulated connection: what was sent and is not read
// yet. It holds any amount, as a kernel's buffers seem to: with net.Pipe alone two
// ends that write first would wait for each other for ever. Waiting is a
// sync.Cond, which a bubble of testing/synctest counts as idle.
type lane struct {
	mu       sync.Mutex
	wake     *sync.Cond
	queue    []parcel  // in the order of due
	end      error     // what a reader gets after the queue
	deadline time.Time // of reading
}

type parcel struct {
	data []byte
	from net.Addr  // of a datagram
	err  error     // instead of data
	due  time.Time // not to be read before
}

func newLane() *lane {
	l := new(lane)
	l.wake = sync.NewCond(&l.mu)
	return l
}

func (l *lane) put(p parcel) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.end == nil:
	case errors.Is(l.end, io.EOF):
		return net.ErrClosed // by the writer
	case errors.Is(l.end, net.ErrClosed):
		return syscall.EPIPE // by the reader
	default:
		return l.end
	}
	i := len(l.queue)
	for i > 0 && p.due.Before(l.queue[i-1].due) {
		i--
	}
	l.queue = slices.Insert(l.queue, i, p)
	l.wake.Broadcast()
	return nil
}

// finish ends the lane: io.EOF by its writer, net.ErrClosed by its reader, or a
// reset. Only io.EOF leaves what was sent before to be read.
func (l *lane) finish(end error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end == nil || errors.Is(l.end, io.EOF) || errors.Is(end, net.ErrClosed) {
		if !errors.Is(end, io.EOF) {
			l.queue, l.end = nil, end
		} else if l.end == nil {
			l.end = end
		}
	}
	l.wake.Broadcast()
}

// get waits for the first parcel that is due and reads it: a datagram whole, a
// stream (rest) as far as b is long.
func (l *lane) get(b []byte, rest bool) (int, net.Addr, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		next, now := l.deadline, time.Now()
		if !next.IsZero() && !now.Before(next) {
			return 0, nil, os.ErrDeadlineExceeded
		}
		if len(l.queue) > 0 {
			p := &l.queue[0]
			if !now.Before(p.due) {
				n := copy(b, p.data)
				from, err := p.from, p.err
				if p.data = p.data[n:]; !rest || len(p.data) == 0 {
					l.queue = l.queue[1:]
				}
				return n, from, err
			}
			if next.IsZero() || p.due.Before(next) {
				next = p.due
			}
		} else if l.end != nil {
			return 0, nil, l.end
		}
		l.wait(next)
	}
}

// now reads the first datagram that is due, if there is one.
func (l *lane) now(b []byte) (int, netip.AddrPort) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 || time.Now().Before(l.queue[0].due) {
		return 0, netip.AddrPort{}
	}
	p := l.queue[0]
	l.queue = l.queue[1:]
	return copy(b, p.data), p.from.(*net.UDPAddr).AddrPort()
}

// wait returns when something changed, or at next (zero: never). l.mu is held.
func (l *lane) wait(next time.Time) {
	if !next.IsZero() {
		defer time.AfterFunc(time.Until(next), func() {
			l.mu.Lock() // so that it cannot happen between AfterFunc and Wait
			defer l.mu.Unlock()
			l.wake.Broadcast()
		}).Stop()
	}
	l.wake.Wait()
}

func (l *lane) setDeadline(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadline = t
	l.wake.Broadcast()
}

// packetSize is that of what comes at a rate. (Our choice.)
const packetSize = 500

// stream is one end of a simulated TCP connection.
type stream struct {
	in, out       *lane
	lag           time.Duration // until what is written can be read
	rate          int           // bytes in a second; 0: any number
	free          time.Time     // from when on more can follow, at that rate
	local, remote net.Addr
	loses         func() bool // whether what is written is lost now; nil: never
	small         bool        // its packets are
}

// Acknowledged implements wire.Telling.
func (c *stream) Acknowledged() bool { return c.loses == nil || !c.loses() }

// newStreams gives both ends of a connection whose answers take rtt.
func newStreams(client, far netip.AddrPort, rtt time.Duration) (ours, theirs *stream) {
	up, down := newLane(), newLane()
	c, f := net.TCPAddrFromAddrPort(client), net.TCPAddrFromAddrPort(far)
	return &stream{in: down, out: up, local: c, remote: f}, &stream{in: up, out: down, lag: rtt, local: f, remote: c}
}

func (c *stream) fail(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

func (c *stream) Read(b []byte) (int, error) {
	n, _, err := c.in.get(b, true)
	return n, c.fail("read", err)
}

func (c *stream) Write(b []byte) (int, error) {
	for rest := b; ; {
		due, piece := time.Now(), rest
		if c.rate > 0 {
			if piece = rest[:min(len(rest), packetSize)]; due.Before(c.free) {
				due = c.free
			}
			due = due.Add(packetSize * time.Second / time.Duration(c.rate))
			c.free = due
		}
		if err := c.out.put(parcel{data: slices.Clone(piece), due: due.Add(c.lag)}); err != nil {
			return 0, c.fail("write", err)
		}
		if rest = rest[len(piece):]; len(rest) == 0 {
			return len(b), nil
		}
	}
}

func (c *stream) Close() error {
	c.out.finish(io.EOF)
	c.in.finish(net.ErrClosed)
	return nil
}

// reset ends the connection as a TCP reset does, at both ends.
func (c *stream) reset() {
	c.out.finish(syscall.ECONNRESET)
	c.in.finish(syscall.ECONNRESET)
}

func (c *stream) LocalAddr() net.Addr                { return c.local }
func (c *stream) RemoteAddr() net.Addr               { return c.remote }
func (c *stream) SetDeadline(t time.Time) error      { return c.SetReadDeadline(t) }
func (c *stream) SetReadDeadline(t time.Time) error  { c.in.setDeadline(t); return nil }
func (c *stream) SetWriteDeadline(t time.Time) error { return nil } // writing never waits

// datagrams is the client's end of a simulated UDP socket: what it sends goes to
// far at once, which puts its answers into the lane.
type datagrams struct {
	*lane
	local, remote net.Addr // remote is nil for a socket that is not connected
	far           func(packet []byte, answers *lane)
	others        *lane // what others send to its port; nil: nothing
}

// Overheard implements srv.Overhearing, with what has come since the socket was opened.
func (d *datagrams) Overheard(b []byte) (int, netip.AddrPort) {
	if d.others == nil {
		return 0, netip.AddrPort{}
	}
	return d.others.now(b)
}

func (d *datagrams) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := d.get(b, false)
	if err != nil {
		err = &net.OpError{Op: "read", Net: "udp", Source: d.local, Addr: d.remote, Err: err}
	}
	return n, from, err
}

func (d *datagrams) WriteTo(b []byte, _ net.Addr) (int, error) {
	d.mu.Lock()
	end := d.end
	d.mu.Unlock()
	if end != nil {
		return 0, &net.OpError{Op: "write", Net: "udp", Source: d.local, Addr: d.remote, Err: end}
	}
	d.far(slices.Clone(b), d.lane)
	return len(b), nil
}

func (d *datagrams) Read(b []byte) (int, error) {
	n, _, err := d.ReadFrom(b)
	return n, err
}

func (d *datagrams) Write(b []byte) (int, error)        { return d.WriteTo(b, d.remote) }
func (d *datagrams) Close() error                       { d.finish(net.ErrClosed); return nil }
func (d *datagrams) LocalAddr() net.Addr                { return d.local }
func (d *datagrams) RemoteAddr() net.Addr               { return d.remote }
func (d *datagrams) SetDeadline(t time.Time) error      { return d.SetReadDeadline(t) }
func (d *datagrams) SetReadDeadline(t time.Time) error  { d.setDeadline(t); return nil }
func (d *datagrams) SetWriteDeadline(t time.Time) error { return nil } // writing never waits

func errRefused(op string) error {
	return os.NewSyscallError(op, syscall.ECONNREFUSED)
}
