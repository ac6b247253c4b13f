//go:build unix

package safefile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"homeward/e2e/needs"
)

// What is no regular file is neither read nor waited for, and a link leads to nothing: not when it is written, and not when it
// is read, but where it was named.
func TestMend06OnlyRegularFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(
		os.WriteFile(at("file"), []byte("text"), 0o600), os.Symlink(at("file"), at("link")), os.Symlink(at("nowhere"), at("dangling")),
		os.Symlink(os.DevNull, at("to a device")), syscall.Mkfifo(at("pipe"), 0o600), os.Symlink(at("pipe"), at("to a pipe")), os.Mkdir(at("directory"), 0o700), os.Symlink(at("directory"), at("to a directory")),
	); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name           string
		opens, follows bool
	}{
		{"file", true, true}, {"link", false, true}, {"dangling", false, false}, {"to a device", false, false}, {"pipe", false, false},
		{"to a pipe", false, false}, {"directory", false, false}, {"to a directory", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND, os.O_RDWR | os.O_CREATE} {
				f, err := Open(at(test.name), flag, 0o600)
				if (err == nil) != test.opens || err != nil && !errors.Is(err, ErrNotRegular) {
					t.Errorf("Open with flags %x: %v", flag, err)
				}
				f.Close()
			}
			f, err := Follow(at(test.name))
			if text, _ := io.ReadAll(f); (err == nil) != test.follows || test.follows && string(text) != "text" {
				t.Errorf("Follow: %q, %v", text, err)
			}
			f.Close()
			d, err := Dir(at(test.name))
			if _, unread := d.Readdirnames(-1); (err == nil) != (test.name == "directory") || err == nil && unread != nil {
				t.Errorf("Dir: %v, %v", err, unread)
			}
			d.Close()
		})
	}
	if _, err := os.Lstat(at("nowhere")); err == nil {
		t.Error("a file was made through a link")
	}
	f, err := Open(at("new"), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Error(err)
	}
	f.Close()
}

// What was looked at and exchanged before it was opened is found out, too.
func TestMend06ExchangedMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|noLink|noWait, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checked(f, os.O_RDONLY, nil); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a pipe: %v", err)
	}
}

// A second name is as good as a link: the daemon's user can give one of its files to another file, where the system lets it.
func TestMend06RootWritesToNoFileOfTwoNames(t *testing.T) {
	if os.Geteuid() != 0 {
		needs.Missing(t, "root", "")
	}
	dir := t.TempDir()
	if err := errors.Join(os.WriteFile(dir+"/one", nil, 0o600), os.Link(dir+"/one", dir+"/two")); err != nil {
		t.Fatal(err)
	}
	if f, err := Open(dir+"/two", os.O_WRONLY, 0); err == nil {
		f.Close()
		t.Error("it was opened to be written")
	}
	f, err := Open(dir+"/two", os.O_RDONLY, 0)
	if err != nil {
		t.Errorf("to be read: %v", err)
	}
	f.Close()
}
