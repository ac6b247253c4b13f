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
	maxClients    = 16
	keptClients   = 8 // besides them, for root and the daemon's own user
	probeLimit    = time.Second
	turnAwayLimit = 100 * time.Millisecond // the buffer of a new connection has room for the words
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
	l, err := bind(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	return &limitListener{l, whoCalls, newPlaces(maxClients, keptClients)}, nil
}

func checkPath(path string) error {
	if len(path) >= maxPath {
		return fmt.Errorf("control socket %s: the path has %d bytes, the limit is %d; choose a shorter runtime_dir", path, len(path), maxPath-1)
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
		return fmt.Errorf("%s is not a socket; move it away, because homeward does not remove it", path)
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

// places are how many may be there at a time. Some are kept for those who are trusted: whoever may ask at all could
// take all others, and hold them.
type places struct{ everybody, kept chan struct{} }

func newPlaces(everybody, kept int) places {
	return places{make(chan struct{}, everybody), make(chan struct{}, kept)}
}

// take returns what gives the place back; not ok: there is none.
func (p places) take(from caller) (leave func(), ok bool) {
	all := []chan struct{}{p.everybody}
	if from.trusted() {
		all = []chan struct{}{p.kept, p.everybody}
	}
	for _, some := range all {
		select {
		case some <- struct{}{}:
			return sync.OnceFunc(func() { <-some }), true
		default:
		}
	}
	return nil, false
}

// limitListener accepts whoever comes, and turns those away for whom there is no place: nobody stands in a queue before
// root.
type limitListener struct {
	net.Listener
	who    func(net.Conn) caller
	places places
}

func (l *limitListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := l.who(conn)
		if leave, ok := l.places.take(from); ok {
			return &limitConn{conn, from, leave}, nil
		}
		turnAway(conn)
	}
}

// turnAway answers before anything was asked, and hangs up.
func turnAway(conn net.Conn) {
	defer conn.Close()
	if conn.SetWriteDeadline(time.Now().Add(turnAwayLimit)) != nil {
		return
	}
	const body = `{"error":"too many callers at the same time"}` + "\n"
	fmt.Fprintf(conn, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

type limitConn struct {
	net.Conn
	from  caller
	leave func()
}

func (c *limitConn) Close() error {
	err := c.Conn.Close()
	c.leave()
	return err
}
