//go:build unix && !solaris && !aix

package control

import (
	"errors"
	"os"
	"syscall"
)

// lock takes the lock of a file at once or not at all. It ends with the process, however that ends.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errHeld
	}
	return err
}
