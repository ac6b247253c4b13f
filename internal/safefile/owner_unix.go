//go:build unix

package safefile

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// GiveAway gives what root has just made the owner of dir: the daemon, under a user of its own, must be able to use what a
// tech has made by hand. A file system without owners refuses, and loses nothing.
func GiveAway(f *os.File, dir string) {
	if os.Geteuid() != 0 {
		return
	}
	if at, err := os.Stat(dir); err == nil {
		if of, ok := at.Sys().(*syscall.Stat_t); ok {
			_ = f.Chown(int(of.Uid), int(of.Gid))
		}
	}
}

// Private refuses a file with which others than its owner may do one of these things: 0o077 is anything, 0o022 is to write it.
func Private(f *os.File, others fs.FileMode) error {
	at, err := f.Stat()
	if err == nil && at.Mode().Perm()&others != 0 {
		err = fmt.Errorf("%s has mode %04o, which lets others in", f.Name(), at.Mode().Perm())
	}
	return err
}

// UserName is a user as chown takes it: its name, or its number where it has none.
func UserName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

// OfAnother says whether a directory belongs to another user than this one, who is not root: to whom, and who this one is.
func OfAnother(dir string) (owner, us string, other bool) {
	ours := os.Geteuid()
	at, err := os.Stat(dir)
	if err != nil || ours == 0 {
		return "", "", false
	}
	of, ok := at.Sys().(*syscall.Stat_t)
	if !ok || int(of.Uid) == ours {
		return "", "", false
	}
	return UserName(int(of.Uid)), UserName(ours), true
}
