package service

import (
	"net"
	"slices"
	"sync"
)

// maxCrowd is our choice: more than scrape at the same time, and few of the descriptors that a service has.
const maxCrowd = 16

// crowd is a listener that keeps the newest connections: the oldest makes room. What is asked here is answered in no time, so
// that the oldest is one that asks nothing.
type crowd struct {
	net.Listener
	mu   sync.Mutex
	open []*member // oldest first
}

// member is a connection of a crowd.
type member struct {
	net.Conn
	crowd *crowd
}

func (c *crowd) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	m := &member{conn, c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) == maxCrowd {
		c.open[0].Conn.Close()
		c.open = slices.Delete(c.open, 0, 1)
	}
	c.open = append(c.open, m)
	return m, nil
}

// Close leaves the crowd. A member that had to make room has left it already.
func (m *member) Close() error {
	c := m.crowd
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = slices.DeleteFunc(c.open, func(other *member) bool { return other == m })
	return m.Conn.Close()
}
