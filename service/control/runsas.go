package control

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
)

// RunsAs returns the user of the daemon that listens, as the kernel has recorded it; not known: none does, the system does not
// say, or somebody else could have put the socket there.
func (c *Client) RunsAs(ctx context.Context) (uid int, known bool) {
	conn, err := c.dial(ctx)
	if err != nil {
		return 0, false
	}
	defer conn.Close()
	uid, err = peerUID(conn)
	return uid, err == nil && closedTo(filepath.Dir(c.socket), uid)
}

// closedTo says whether nobody but root, and a user to whom root has given it, can have put something into a directory: it is open to
// no others, and neither are those above it, which are root's. In one with the sticky bit others cannot replace what is root's.
func closedTo(dir string, uid int) bool {
	if real, err := filepath.EvalSymlinks(dir); err != nil || real != filepath.Clean(dir) || !filepath.IsAbs(real) {
		return false // whose the links are is not looked at
	}
	sticky := false // the entry below is root's
	for first := true; ; first = false {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() {
			return false
		}
		owner, known := ownerOf(info)
		switch others := info.Mode().Perm()&0o022 != 0; {
		case !known, owner != 0 && (!first || owner != uid):
			return false
		case others && (!sticky || info.Mode()&fs.ModeSticky == 0):
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
		sticky, dir = owner == 0, filepath.Dir(dir)
	}
}
