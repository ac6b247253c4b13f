//go:build unix

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// checkPrivate refuses a file that anybody but its owner can read, or that belongs to somebody else: neither to root nor
// to who reads it. Root, who looks at what the daemon does, may read what belongs to the daemon.
func checkPrivate(path string, info fs.FileInfo, stateDir string) error {
	if mode := info.Mode().Perm(); mode&^0o600 != 0 {
		return fmt.Errorf("%s has mode %04o; run: chmod 0600 %s", path, mode, path)
	}
	owner, known := ownerOf(info)
	switch ours := os.Geteuid(); {
	case !known, owner == 0, owner == ours:
		return nil
	case ours == 0:
		if daemon, known := userOfDaemon(stateDir); known && owner == daemon {
			return nil
		}
	}
	return fmt.Errorf("%s belongs to user %d, not to root or to the user of the daemon", path, owner)
}

// userOfDaemon is the owner of the directory of its state; where there is none yet, the user that is made for the service.
func userOfDaemon(stateDir string) (uid int, known bool) {
	info, err := os.Stat(stateDir)
	if err == nil {
		return ownerOf(info)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return 0, false
	}
	u, err := user.Lookup("homeward")
	if err != nil {
		return 0, false
	}
	uid, err = strconv.Atoi(u.Uid)
	return uid, err == nil
}

func ownerOf(info fs.FileInfo) (uid int, known bool) {
	at, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return int(at.Uid), true
}

func writableByAll(info fs.FileInfo) bool { return info.Mode().Perm()&0o002 != 0 }
