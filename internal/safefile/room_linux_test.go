package safefile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"homeward/e2e/needs"
)

// A file system says how much there is left, of bytes and of files.
func TestMend112RoomIn(t *testing.T) {
	dir := needs.Mounted(t, "size=256k,nr_inodes=4")
	room := func(wantBytes, wantFiles uint64) {
		t.Helper()
		if bytes, files, known := RoomIn(dir); bytes != wantBytes || files != wantFiles || !known {
			t.Errorf("room for %d bytes, %d files, known: %v; want %d, %d", bytes, files, known, wantBytes, wantFiles)
		}
	}
	room(256<<10, 3)
	if err := os.WriteFile(filepath.Join(dir, "a"), make([]byte, 128<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	room(128<<10, 2)
	err := errors.Join(os.WriteFile(filepath.Join(dir, "b"), make([]byte, 128<<10), 0o600), os.WriteFile(filepath.Join(dir, "c"), nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	room(0, 0)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if _, _, known := RoomIn(dir); known {
		t.Error("it is known of one that is read-only, which is another fault")
	}
	if _, _, known := RoomIn(filepath.Join(dir, "none")); known {
		t.Error("it is known of a directory that does not exist")
	}
}
