//go:build unix

package identity

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestFilesAreTheOwnersAlone(t *testing.T) {
	s := In(t.TempDir())
	save(t, s, good(t))
	err := filepath.WalkDir(s.dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at, err := os.Lstat(path)
		if err == nil && at.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, at.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(s.dir, "1", keyFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(phone1, time.Now()); kindOf(t, err) != Damaged {
		t.Errorf("a key that all can read: %v", err)
	}
	if err := os.Remove(filepath.Join(s.dir, "1", keyFile)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(s.dir, "1", keyFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(phone1, time.Now()); kindOf(t, err) != Damaged {
		t.Errorf("a link in place of the key: %v", err)
	}
}
