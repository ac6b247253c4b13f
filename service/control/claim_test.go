//go:build unix && !solaris && !aix

package control

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

func TestClaim(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.lock")
	first, err := Claim(path)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := os.Stat(path); err != nil || at.Mode().Perm() != claimMode {
		t.Errorf("mode %v, want %o; err %v", at.Mode(), claimMode, err)
	}
	if _, err := Claim(path); !errors.Is(err, ErrRunning) {
		t.Errorf("a second claim: %v", err)
	}
	first.Close()
	again, err := Claim(path)
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	again.Close()
	if _, err := Claim(filepath.Join(path, "below-a-file")); err == nil || errors.Is(err, ErrRunning) {
		t.Errorf("no such place: %v", err)
	}
}

// Of all that start together over the socket of a dead daemon, one lives, and it has the socket.
func TestOneOfManyLives(t *testing.T) {
	path := socketIn(t)
	leaveSocket(t, path)
	var living atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			claim, err := Claim(filepath.Join(filepath.Dir(path), "control.lock"))
			if err != nil {
				if !errors.Is(err, ErrRunning) {
					t.Error(err)
				}
				return
			}
			t.Cleanup(func() { claim.Close() })
			l, err := Listen(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { l.Close() })
			living.Add(1)
		})
	}
	all.Wait()
	if living.Load() != 1 {
		t.Errorf("%d daemons live, want 1", living.Load())
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
}
