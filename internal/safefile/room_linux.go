package safefile

import (
	"math"
	"os"
	"syscall"
)

// RoomIn is how much can still be stored in a directory by its owner, who is the user of the daemon: bytes, and files. What a file system keeps
// for root counts for root alone. Nothing is written. known: false where the file system does not tell, or is read-only.
func RoomIn(dir string) (bytes, files uint64, known bool) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil || fs.Blocks == 0 || fs.Flags&readOnly != 0 {
		return 0, 0, false
	}
	blocks := fs.Bavail
	if at, err := os.Stat(dir); err == nil {
		if of, ok := at.Sys().(*syscall.Stat_t); ok && of.Uid == 0 {
			blocks = fs.Bfree
		}
	}
	files = fs.Ffree
	if fs.Files == 0 { // it makes them as they are needed
		files = math.MaxUint64
	}
	return blocks * uint64(fs.Bsize), files, true //nolint:gosec // a size of blocks is not negative
}

// readOnly is ST_RDONLY of statfs(2).
const readOnly = 1
