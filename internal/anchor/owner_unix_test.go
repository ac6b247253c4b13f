//go:build unix

package anchor

import (
	"os"
	"testing"
)

// A file that somebody else can have written trusts nobody.
func TestWhatOthersCanWriteIsNotBelieved(t *testing.T) {
	t.Run("a link", func(t *testing.T) {
		notBelieved(t, func(path string) error {
			if err := os.Rename(path, path+".real"); err != nil {
				return err
			}
			return os.Symlink(path+".real", path)
		})
	})
	t.Run("others can write", func(t *testing.T) {
		notBelieved(t, func(path string) error { return os.Chmod(path, 0o666) })
	})
}

// Nothing is kept behind a link that stands for the directory.
func TestNothingIsKeptBehindALink(t *testing.T) {
	victim := t.TempDir()
	s := In(t.TempDir())
	if err := os.Symlink(victim, s.dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Keep(root); err == nil {
		t.Error("kept")
	}
	if left, err := os.ReadDir(victim); len(left) > 0 || err != nil {
		t.Errorf("behind the link: %v, %v", left, err)
	}
}
