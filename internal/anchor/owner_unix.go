//go:build unix

package anchor

import (
	"fmt"
	"os"
	"syscall"
)

// giveAway gives what root has just made the owner of dir: the daemon, under a user of its own, must be able to use what a
// tech has accepted. A file system without owners refuses, and loses nothing.
func giveAway(f *os.File, dir string) {
	if os.Geteuid() != 0 {
		return
	}
	if at, err := os.Stat(dir); err == nil {
		if of, ok := at.Sys().(*syscall.Stat_t); ok {
			_ = f.Chown(int(of.Uid), int(of.Gid))
		}
	}
}

// private refuses a file that others than its owner may write.
func private(f *os.File) error {
	at, err := f.Stat()
	if err == nil && at.Mode().Perm()&0o022 != 0 {
		err = fmt.Errorf("%s has mode %04o, others can change it", f.Name(), at.Mode().Perm())
	}
	return err
}
