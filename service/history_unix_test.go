//go:build unix

package service

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Root, who runs the daemon by hand, reads and writes nothing but the history, whatever the daemon's user has put in its place.
func TestMend06HistoryFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	elsewhere, file := filepath.Join(dir, "elsewhere"), filepath.Join(dir, "history.jsonl")
	if err := errors.Join(os.WriteFile(elsewhere, []byte("keep\n"), 0o600), os.Symlink(elsewhere, file)); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadHistory(file); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
		t.Errorf("read: %v", err)
	}
	s := openStory(file)
	outageOf(s, 1)
	s.save(0)
	if s.failedAt.IsZero() {
		t.Error("it counts as written")
	}
	if kept, err := os.ReadFile(elsewhere); string(kept) != "keep\n" || err != nil {
		t.Errorf("what the link leads to now holds %q, %v", kept, err)
	}
}

// A pipe in its place does not make the daemon wait.
func TestMend10HistoryThatIsAPipe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openStory(file)
	outageOf(s, 1)
	s.save(0)
	if s.failedAt.IsZero() {
		t.Error("it counts as written")
	}
}
