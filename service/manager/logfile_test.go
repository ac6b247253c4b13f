package manager

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"homeward/e2e/needs"
)

func TestLogFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "homeward.log")
	line := append(bytes.Repeat([]byte("x"), 1023), '\n')
	for range 3 { // the daemon is started three times
		log, err := OpenLogFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for range logFileSize/len(line) - 12 {
			if n, err := log.Write(line); n != len(line) || err != nil {
				t.Fatal(n, err)
			}
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	now, before := size(t, path), size(t, path+".1")
	if want := int64(3*(logFileSize/len(line)-12)-2*(logFileSize/len(line))) * int64(len(line)); now != want || before != logFileSize {
		t.Errorf("%d bytes in the file and %d in the one before, want %d and %d", now, before, want, logFileSize)
	}
}

// A log that cannot be put aside is shortened: it never grows beyond its size.
func TestLogFileThatCannotBePutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "homeward.log")
	if err := os.MkdirAll(path+".1/in the way", 0o750); err != nil {
		t.Fatal(err)
	}
	log, err := OpenLogFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for range 3 {
		if _, err := log.Write(make([]byte, logFileSize*2/3)); err != nil {
			t.Fatal(err)
		}
	}
	if now := size(t, path); now != logFileSize*2/3 {
		t.Errorf("%d bytes, want those of the last line", now)
	}
}

// What somebody has put in the place of the log is not written to.
func TestMend06LogFileFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	path, elsewhere := filepath.Join(dir, "homeward.log"), filepath.Join(dir, "elsewhere")
	if err := os.WriteFile(elsewhere, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, path); err != nil {
		needs.Missing(t, "platform", err.Error()) // one where links need a privilege
	}
	if log, err := OpenLogFile(path); err == nil {
		log.Close()
		t.Error("it was opened")
	}
	if kept, err := os.ReadFile(elsewhere); string(kept) != "keep" || err != nil {
		t.Errorf("what the link leads to now holds %q, %v", kept, err)
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
