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

	"homeward/internal/safefile"
)

// checkPrivate refuses a file that anybody but its owner can read, or that belongs to somebody else: neither to root nor
// to who reads it. Root, who looks at what the daemon does, may read what belongs to the daemon.
func checkPrivate(path string, info fs.FileInfo, who daemonUser) error {
	if mode := info.Mode().Perm(); mode&^0o600 != 0 {
		return &advised{fmt.Errorf("%s has mode %04o, and must have 0600 or 0400", path, mode), "run: chmod 0600 " + safefile.Quoted(path)}
	}
	owner, known := ownerOf(info)
	ours := os.Geteuid()
	if !known || owner == 0 || owner == ours {
		return nil
	}
	err := fmt.Errorf("%s belongs to %s, not to root or to the user of the daemon", path, userWords(owner))
	if ours != 0 {
		return err
	}
	daemon, by := who.find()
	switch {
	case by == "":
		return err
	case daemon == owner:
		return nil
	}
	err = fmt.Errorf("%w: %s %s", err, by, userWords(daemon))
	if by != byStateDir {
		return &advised{err, fmt.Sprintf("run: chown %s %s", safefile.UserName(daemon), safefile.Quoted(path))}
	}
	return &advised{err, fmt.Sprintf("if the daemon runs as %s, run: chown -R %[1]s %s; otherwise: chown USER %s, with the user as which it runs",
		safefile.UserName(owner), safefile.Quoted(who.stateDir), safefile.Quoted(path))}
}

// How the user of the daemon is known, in the words before the name.
const (
	byStateDir = "state_dir belongs to"
	byAccount  = "the user of the service is"
)

// find returns the user of the daemon, and how that is known; "": it is not. The daemon that is running, or its service, tells; where
// neither does, the owner of the directory of its state; where there is none yet, the user that is made for the service. A daemon
// that happens to run as root this time says nothing of the user for whom the files are.
func (d daemonUser) find() (uid int, by string) {
	if d.runsAs != nil {
		if uid, by = d.runsAs(d.runtimeDir); by != "" && uid != 0 {
			return uid, by
		}
	}
	info, err := os.Stat(d.stateDir)
	if err == nil {
		if uid, known := ownerOf(info); known {
			return uid, byStateDir
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return 0, ""
	}
	if uid, err = UserID("homeward"); err != nil {
		return 0, ""
	}
	return uid, byAccount
}

// UserID returns the number of a user.
func UserID(name string) (int, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return strconv.Atoi(name) // systemd takes a number, too
	}
	return strconv.Atoi(u.Uid)
}

// userWords is a user in a sentence.
func userWords(uid int) string {
	if name := safefile.UserName(uid); name != strconv.Itoa(uid) {
		return name
	}
	return "user " + strconv.Itoa(uid)
}

func ownerOf(info fs.FileInfo) (uid int, known bool) {
	at, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return int(at.Uid), true
}

func writableByAll(info fs.FileInfo) bool { return info.Mode().Perm()&0o002 != 0 }
