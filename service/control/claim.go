package control

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// claimMode keeps others out: whoever can open the file can hold its lock.
const claimMode = 0o600

// Claim makes this process the only daemon that uses the control socket and what is beside it, for as long as
// the claim is not closed. path is a file of its own, made if it is not there and never removed: a lock on a
// removed file would keep nobody out. Another daemon's claim is ErrRunning. Where the system has no such locks
// (flock(2)), everybody gets the claim, and Listen alone decides.
func Claim(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, claimMode)
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

// errHeld says that another process has the lock.
var errHeld = errors.New("the lock is held")
