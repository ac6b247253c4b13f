package safefile

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
)

// MakeDir makes a directory for the owner of the one it is in alone. One that is there already is fine.
func MakeDir(path string) error {
	if err := os.Mkdir(path, 0o700); errors.Is(err, os.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	d, err := Dir(path)
	if err != nil {
		return err
	}
	GiveAway(d, filepath.Dir(path))
	return d.Close()
}

// Hold opens a directory, which no link leads to, and returns a path to what is open: whoever may write where it stands could put
// a link in its place meanwhile, and root must not obey that. Systems without /proc have the name alone.
func Hold(name string) (dir *os.File, path string, err error) {
	dir, err = Dir(name)
	if err != nil {
		return nil, "", err
	}
	path = "/proc/self/fd/" + strconv.Itoa(int(dir.Fd()))
	if at, err := os.Stat(path); err != nil || !at.IsDir() {
		path = name
	}
	return dir, path, nil
}

// SyncDir makes renames in a directory durable, where the system has a way to ask for it.
func SyncDir(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	err = errors.Join(d.Sync(), d.Close())
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
