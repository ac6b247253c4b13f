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

// Nothing is taken away behind a link, and one in the place of a pair is a fault.
func TestLinksAreNotFollowed(t *testing.T) {
	state, victim := t.TempDir(), t.TempDir()
	for _, name := range []string{"2024", "old-backups", "new-notes"} {
		if err := os.Mkdir(filepath.Join(victim, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := In(state)
	if err := os.Symlink(victim, s.dir); err != nil {
		t.Fatal(err)
	}
	if had, err := s.Forget(); had || err == nil {
		t.Errorf("forgotten behind a link: %v, %v", had, err)
	}
	if err := s.Save(good(t)); err == nil {
		t.Error("saved behind a link")
	}
	if _, err := s.Load(phone1, time.Now()); kindOf(t, err) != Unreadable {
		t.Errorf("read behind a link: %v", err)
	}
	if left, err := os.ReadDir(victim); len(left) != 3 || err != nil {
		t.Errorf("of 3 directories %v are left, %v", left, err)
	}

	if err := os.Remove(s.dir); err != nil {
		t.Fatal(err)
	}
	save(t, s, good(t))
	at := filepath.Join(s.dir, "1")
	if err := os.Rename(at, filepath.Join(victim, "1")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(victim, "1"), at); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(phone1, time.Now()); kindOf(t, err) != Damaged {
		t.Errorf("a link in the place of a pair: %v", err)
	}
	save(t, s, good(t)) // under another number
	if _, err := s.Load(phone1, time.Now()); err != nil {
		t.Error(err)
	}
}

// What is known of the tries to get a certificate outlasts the process, behind no link.
func TestTriesAreKept(t *testing.T) {
	state := t.TempDir()
	s := In(state)
	if got, err := s.Asked(); got != (Asked{}) || err != nil {
		t.Errorf("before the first: %+v, %v", got, err)
	}
	want := Asked{Version: format, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Failures: 6}
	for range 2 {
		if err := s.NoteAsked(want); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := In(state).Asked(); got != want || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := s.Load(phone1, time.Now()); kindOf(t, err) != Absent {
		t.Errorf("it is no pair: %v", err)
	}
	for _, wrong := range []Asked{{Failures: -1}, {Seconds: -1}, {Seconds: 3601}} {
		if err := s.NoteAsked(wrong); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Asked(); err == nil {
			t.Errorf("a count that cannot be: %+v", got)
		}
	}
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), s.dir); err != nil {
		t.Fatal(err)
	}
	if err := s.NoteAsked(want); err == nil {
		t.Error("kept behind a link")
	}
}
