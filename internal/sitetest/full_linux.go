package sitetest

import (
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// Our choices.
const (
	fillers    = 4
	fillerWait = 50 * time.Millisecond
)

// fillQueue makes a listener a black hole: with a backlog of zero and connections
// nobody accepts, the kernel drops every further SYN.
func fillQueue(l *net.TCPListener) ([]io.Closer, error) {
	raw, err := l.SyscallConn()
	if err != nil {
		return nil, err
	}
	var listenErr error
	if err := raw.Control(func(fd uintptr) { listenErr = syscall.Listen(int(fd), 0) }); err != nil {
		return nil, err
	}
	if listenErr != nil {
		return nil, fmt.Errorf("shorten the queue: %w", listenErr)
	}
	var held []io.Closer
	for range fillers {
		c, err := net.DialTimeout("tcp", l.Addr().String(), fillerWait)
		if err != nil {
			return held, nil // full
		}
		held = append(held, c)
	}
	return held, fmt.Errorf("the queue of %s does not fill", l.Addr())
}
