package control

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"homeward/internal/safefile"
)

// MakeDir makes the directory of the control socket if it is not there. Made by root, it belongs to the owner of like, the
// user of the daemon, who could not use what is in it otherwise.
func MakeDir(dir, like string) error {
	_, err := os.Stat(dir)
	missing := errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(dir, dirMode); err != nil || !missing {
		return err
	}
	if f, err := safefile.Dir(dir); err == nil {
		safefile.GiveAway(f, like)
		f.Close()
	}
	return nil
}

// Claim makes this process the only daemon that uses the control socket and what is beside it, for as long as
// the claim is not closed. path is a file of its own, made if it is not there and never removed: a lock on a
// removed file would keep nobody out. Another daemon's claim is ErrRunning. Where the system has no such locks
// (flock(2)), everybody gets the claim, and Listen alone decides.
func Claim(path string) (io.Closer, error) {
	f, err := safefile.Create(path, os.O_RDWR, claimMode)
	if errors.Is(err, fs.ErrExist) {
		f, err = safefile.Open(path, os.O_RDWR, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("claim the control socket: %w", err)
	}
	switch err := lock(f); {
	case err == nil, errors.Is(err, errors.ErrUnsupported):
		return f, nil
	case errors.Is(err, errHeld):
		f.Close()
		return nil, fmt.Errorf("%w (it holds %s)", ErrRunning, path)
	default:
		f.Close()
		return nil, fmt.Errorf("claim the control socket: lock %s: %w", path, err)
	}
}
