//go:build unix

package cache

import (
	"fmt"
	"os"
	"syscall"

	"homeward/internal/safefile"
)

// longestDenied is how long a path may be in a command of a Note, whose text has it twice, and is cut at 256 bytes where it is shown.
const longestDenied = 80

// denied says what to do about a file that may not be opened, if it belongs to somebody else.
func denied(path string, err error) error {
	info, statErr := os.Lstat(path)
	if statErr != nil {
		return err
	}
	if of, ok := info.Sys().(*syscall.Stat_t); ok && int(of.Uid) != os.Geteuid() {
		return fmt.Errorf("%s (it belongs to user %d; run: chown %d %s)", bare(err).Error(), of.Uid, os.Geteuid(), safefile.QuotedWithin(path, longestDenied))
	}
	return err
}
