package safefile

import (
	"errors"
	"io/fs"
	"syscall"
)

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
