//go:build unix

package safefile

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// What was opened stays what it was, whatever takes its place.
func TestHold(t *testing.T) {
	top, victim := t.TempDir(), t.TempDir()
	name := filepath.Join(top, "held")
	if err := MakeDir(name); err != nil {
		t.Fatal(err)
	}
	if err := MakeDir(name); err != nil {
		t.Errorf("it is there already: %v", err)
	}
	dir, path, err := Hold(name)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := os.Rename(name, name+".real"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, name); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" {
		if err := Replace(filepath.Join(path, "file"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(name+".real", "file")); err != nil {
			t.Errorf("not in what was opened: %v", err)
		}
	}
	if left, err := os.ReadDir(victim); len(left) > 0 || err != nil {
		t.Errorf("behind the link: %v, %v", left, err)
	}
	if dir, _, err := Hold(name); err == nil {
		dir.Close()
		t.Error("a link was held")
	}
}

func TestPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Replace(path, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Private(f, 0o022); err != nil {
		t.Errorf("others cannot write it: %v", err)
	}
	if err := Private(f, 0o077); err == nil {
		t.Error("others can read it")
	}
}
