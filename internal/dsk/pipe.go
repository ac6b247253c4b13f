package dsk

import (
	"io"
	"net"
	"sync"
	"time"
)

// pipe is the connection that a handshake runs over: what it reads is fed to it, what it writes is collected. It waits for
// nothing but a Read that finds nothing to read.
type pipe struct {
	mu      sync.Mutex
	changed sync.Cond
	in, out []byte
	starved bool // Read waits
	ended   bool // nothing more is fed, or nothing more is read
}

func newPipe() *pipe {
	p := new(pipe)
	p.changed.L = &p.mu
	return p
}

// Read returns what was fed, and waits for it.
func (p *pipe) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.in) == 0 && !p.ended {
		p.starved = true
		p.changed.Broadcast()
		p.changed.Wait()
	}
	if len(p.in) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.in)
	p.in = p.in[n:]
	return n, nil
}

// Write collects.
func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return 0, io.ErrClosedPipe
	}
	p.out = append(p.out, b...)
	return len(b), nil
}

// Close ends the reading.
func (p *pipe) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.changed.Broadcast()
	return nil
}

// turn feeds, waits until the other side wants more or has closed, and returns what it has written.
func (p *pipe) turn(fed []byte) (written []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.in, p.starved = append(p.in, fed...), false
	p.changed.Broadcast()
	for !p.ended && !p.starved {
		p.changed.Wait()
	}
	written, p.out = p.out, nil
	return written
}

// The rest of a net.Conn, of which a handshake without a deadline needs nothing.

func (p *pipe) LocalAddr() net.Addr              { return nowhere{} }
func (p *pipe) RemoteAddr() net.Addr             { return nowhere{} }
func (p *pipe) SetDeadline(time.Time) error      { return nil }
func (p *pipe) SetReadDeadline(time.Time) error  { return nil }
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }

type nowhere struct{}

func (nowhere) Network() string { return "sip" }
func (nowhere) String() string  { return "inside SIP" }
