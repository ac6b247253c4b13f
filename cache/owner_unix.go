//go:build unix

package cache

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/homeward-agent/homeward/internal/safefile"
)

// openOwned is safefile.Open, but what root makes gets the owner of the directory: the daemon, under a user of its own, must
// be able to read what a tech has made by hand. A file system without owners refuses, and loses nothing.
func openOwned(name string, flag int, perm os.FileMode) (*os.File, error) {
	f, err := safefile.Open(name, flag, perm)
	if err != nil || flag&os.O_EXCL == 0 || os.Geteuid() != 0 {
		return f, err
	}
	if dir, err := os.Stat(filepath.Dir(name)); err == nil {
		if of, ok := dir.Sys().(*syscall.Stat_t); ok {
			_ = f.Chown(int(of.Uid), int(of.Gid))
		}
	}
	return f, nil
}

// denied says what to do about a file that may not be opened, if it belongs to somebody else.
func denied(path string, err error) error {
	info, statErr := os.Lstat(path)
	if statErr != nil {
		return err
	}
	if of, ok := info.Sys().(*syscall.Stat_t); ok && int(of.Uid) != os.Geteuid() {
		return fmt.Errorf("%s (it belongs to user %d; run: chown %d %s)", bare(err).Error(), of.Uid, os.Geteuid(), path)
	}
	return err
}
