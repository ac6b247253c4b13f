//go:build unix

package srv

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"homeward/internal/safefile"
)

// Nobody waits for a pipe that somebody has put in the place of resolv.conf.
func TestMend10ResolvConfThatIsAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if servers, err := resolversIn(path); !errors.Is(err, safefile.ErrNotRegular) {
		t.Errorf("got %v, %v", servers, err)
	}
}
