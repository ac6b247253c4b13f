package safefile

import (
	"errors"
	"io/fs"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestMend127Quoted: a shell takes what is quoted as one word, and as that path.
func TestMend127Quoted(t *testing.T) {
	for path, want := range map[string]string{
		"/var/lib/homeward/last-good.json": "/var/lib/homeward/last-good.json",
		"/run/user/1000/a_b+c,d:e@f%g=1":   "/run/user/1000/a_b+c,d:e@f%g=1",
		"/etc/my phone/password":           "'/etc/my phone/password'",
		"/etc/a; rm -rf x":                 "'/etc/a; rm -rf x'",
		"/etc/$(reboot)`x`&|<>*?[]{}~#!\\": "'/etc/$(reboot)`x`&|<>*?[]{}~#!\\'",
		"/etc/it's":                        `'/etc/it'\''s'`,
		"/etc/a\nb":                        "'/etc/a\nb'",
		"/etc/Straße":                      "'/etc/Straße'",
		"~/password":                       "'~/password'",
		"-R":                               "./-R",
		"":                                 "''",
	} {
		got := Quoted(path)
		if got != want {
			t.Errorf("%q: %s, want %s", path, got, want)
		}
		if runtime.GOOS == "windows" {
			continue
		}
		out, err := exec.Command("/bin/sh", "-c", `printf "%s|" `+got).Output()
		if want := strings.Replace(path, "-R", "./-R", 1) + "|"; err != nil || string(out) != want {
			t.Errorf("a shell takes %s as %q, %v", got, out, err)
		}
	}
}

// What a system call says is put into words that name the file.
func TestUnopened(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{&fs.PathError{Op: "open", Path: "/x", Err: syscall.ENOENT}, "there is no file /x"},
		{&fs.PathError{Op: "open", Path: "/x", Err: syscall.EACCES}, "/x cannot be read by this user"},
		{&fs.PathError{Op: "read", Path: "/x", Err: syscall.EIO}, "/x cannot be read: " + syscall.EIO.Error()},
		{ErrNotRegular, ErrNotRegular.Error()},
	} {
		err := Unopened("/x", test.err)
		if err.Error() != test.want || !errors.Is(err, test.err) {
			t.Errorf("%v: got %v, want %s", test.err, err, test.want)
		}
	}
}
