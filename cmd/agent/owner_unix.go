//go:build unix

package main

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkPrivate refuses a file that anybody but its owner can read, or that belongs to somebody else.
func checkPrivate(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&^0o600 != 0 {
		return fmt.Errorf("%s has mode %04o; run: chmod 0600 %s", path, mode, path)
	}
	if at, ok := info.Sys().(*syscall.Stat_t); ok && at.Uid != 0 && int(at.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d, not to root or to the user of the daemon", path, at.Uid)
	}
	return nil
}

func writableByAll(info fs.FileInfo) bool { return info.Mode().Perm()&0o002 != 0 }
