package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Specification constant: sun_path of sockaddr_un, with its final NUL (unix(7)).
const maxPath = 108

// Our choices.
const (
	maxClients = 16
	socketMode = 0o660 // the group of the daemon may read; writing asks for more (peer credentials)
	probeLimit = time.Second
)

// ErrRunning says that a daemon is listening on the socket already.
var ErrRunning = errors.New("another homeward is running")

// Listen opens the control socket. A file that a dead daemon left is replaced; a live daemon is ErrRunning;
// anything else at that path is left alone and refused. Between the look and the replacement another daemon
// could come; whoever calls it holds a Claim.
func Listen(ctx context.Context, path string) (net.Listener, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	if err := os.Chmod(path, socketMode); err != nil {
		l.Close()
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	return &limitListener{Listener: l, slots: make(chan struct{}, maxClients), closed: make(chan struct{})}, nil
}

func checkPath(path string) error {
	if len(path) >= maxPath {
		return fmt.Errorf("control socket %s: the path has %d bytes, %d are possible; choose a shorter runtime_dir", path, len(path), maxPath-1)
	}
	return nil
}

// removeStale removes the socket of a daemon that is gone. Whether it is gone is asked, not guessed.
func removeStale(ctx context.Context, path string) error {
	at, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the control socket: %w", err)
	}
	if at.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is not a socket; move it away, homeward does not remove it", path)
	}
	dialer := net.Dialer{Timeout: probeLimit}
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err == nil {
		conn.Close()
		return fmt.Errorf("%w (it listens on %s)", ErrRunning, path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("look at the control socket: %w", err)
	}
	return os.Remove(path)
}

// limitListener accepts at most maxClients connections at a time; the kernel's queue holds the rest.
type limitListener struct {
	net.Listener
	slots  chan struct{}
	once   sync.Once
	closed chan struct{}
}

func (l *limitListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitConn{Conn: conn, release: sync.OnceFunc(func() { <-l.slots })}, nil
}

func (l *limitListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitConn struct {
	net.Conn
	release func()
}

func (c *limitConn) Close() error {
	err := c.Conn.Close()
	c.release()
	return err
}
