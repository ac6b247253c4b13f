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
