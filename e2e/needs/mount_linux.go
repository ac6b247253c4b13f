package needs

import (
	"os"
	"syscall"
	"testing"
)

// Mounted returns a directory that has a file system in memory of its own, with the options of tmpfs(5) such as "size=64k".
func Mounted(t *testing.T, options string) string {
	t.Helper()
	if os.Getuid() != 0 {
		Missing(t, "root", "")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		Missing(t, "loop", err.Error())
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}
