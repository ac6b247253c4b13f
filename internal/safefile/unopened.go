package safefile

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
)

// Quoted is a path as an argument of a command that is to be pasted into a shell: as it is, where that is safe.
func Quoted(path string) string {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	if path != "" && !strings.ContainsFunc(path, needsQuotes) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// needsQuotes says whether a character may mean something to a shell.
func needsQuotes(r rune) bool {
	return (r|0x20 < 'a' || r|0x20 > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("/._-+,:@%=", r)
}

// Unopened puts an error of opening a file into words: the name of a system call says nothing to a tech.
func Unopened(path string, err error) error { return &unopenedError{path, err} }

type unopenedError struct {
	path string
	err  error
}

func (u *unopenedError) Unwrap() error { return u.err }

func (u *unopenedError) Error() string {
	switch {
	case errors.Is(u.err, fs.ErrNotExist):
		return "there is no file " + u.path
	case errors.Is(u.err, fs.ErrPermission):
		return u.path + " cannot be read by this user"
	}
	var trouble syscall.Errno
	if errors.As(u.err, &trouble) {
		return u.path + " cannot be read: " + trouble.Error()
	}
	return u.err.Error()
}
