package years

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"homeward/provisioning/wire"
)

// deadAfter is when a kernel ends a connection whose other end is gone (ADR 44).
const deadAfter = 9 * time.Second

// network is what one life of the device has of the network: the wire of the site, but for what the kernel of a device does, and
// with an end when the power is cut.
type network struct {
	mu     sync.Mutex
	open   map[*conn]bool
	dark   bool // the power is cut: nothing gets out any more
	secret []byte
	leak   string                       // where the password went in clear text
	alive  func(local, far string) bool // whether what is sent still arrives
}

// conn is a connection of the device.
type conn struct {
	net.Conn
	net  *network
	plan *time.Timer // of its end by the kernel; nil: none

	mu   sync.Mutex
	dead bool
}

// wire is the wire of the site, through this network.
func (n *network) wire(inner wire.Wire) wire.Wire {
	inner.Dial = n.dial(inner.Dial)
	return inner
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// dial dials through this network.
func (n *network) dial(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if n.isDark() {
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ENETUNREACH}
		}
		c, err := dial(ctx, network, address)
		if at, _ := netip.ParseAddrPort(address); err != nil || network != "tcp" || at.Port() == 53 {
			return c, err
		}
		mine := &conn{Conn: c, net: n}
		n.mu.Lock()
		n.open[mine] = true
		n.mu.Unlock()
		return mine, nil
	}
}

func (n *network) isDark() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dark
}

// cut is the end of the power: what the device still does reaches nobody.
func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dark = true
}

// leaked is where the password went in clear text; "": nowhere.
func (n *network) leaked() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.leak
}

// look plans the end of connections that have died.
func (n *network) look() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.open {
		dead := !n.alive(c.LocalAddr().String(), c.RemoteAddr().String())
		switch {
		case dead && c.plan == nil:
			c.plan = time.AfterFunc(deadAfter, c.die)
		case !dead && c.plan != nil && c.plan.Stop():
			c.plan = nil
		}
	}
}

// end stops what is planned.
func (n *network) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.open {
		if c.plan != nil {
			c.plan.Stop()
		}
	}
}

func (c *conn) die() {
	c.mu.Lock()
	c.dead = true
	c.mu.Unlock()
	c.Conn.Close()
}

func (c *conn) isDead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	switch {
	case c.net.isDark(), err != nil && c.isDead():
		return 0, &net.OpError{Op: "read", Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: syscall.ETIMEDOUT}
	default:
		return n, err
	}
}

func (c *conn) Write(b []byte) (int, error) {
	c.net.mu.Lock()
	dark := c.net.dark
	if bytes.Contains(b, c.net.secret) {
		c.net.leak = c.RemoteAddr().String()
	}
	c.net.mu.Unlock()
	switch {
	case dark:
		return len(b), nil
	case c.isDead():
		return 0, &net.OpError{Op: "write", Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: syscall.ETIMEDOUT}
	default:
		return c.Conn.Write(b)
	}
}

func (c *conn) Close() error {
	c.net.mu.Lock()
	delete(c.net.open, c)
	if c.plan != nil {
		c.plan.Stop()
	}
	dark := c.net.dark
	c.net.mu.Unlock()
	if dark {
		return c.SetReadDeadline(time.Now()) // the other end hears nothing of it
	}
	return c.Conn.Close()
}
