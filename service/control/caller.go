package control

import (
	"net"
	"os"
)

// caller is who is at the other end of a connection.
type caller struct {
	uid int
	err error // why it is not known
}

// trusted says whether a caller is root, or the daemon's own user.
func (c caller) trusted() bool { return c.err == nil && (c.uid == 0 || c.uid == os.Geteuid()) }

func whoCalls(conn net.Conn) caller {
	uid, err := peerUID(conn)
	return caller{uid, err}
}
