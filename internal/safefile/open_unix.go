//go:build unix

package safefile

import (
	"io/fs"
	"syscall"
)

const (
	noLink = syscall.O_NOFOLLOW
	noWait = syscall.O_NONBLOCK | syscall.O_NOCTTY

	onlyDir = syscall.O_DIRECTORY
)

// names is how many names a file has.
func names(at fs.FileInfo) uint64 {
	of, ok := at.Sys().(*syscall.Stat_t)
	if !ok {
		return 1
	}
	return uint64(of.Nlink)
}
