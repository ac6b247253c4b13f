package safefile

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"
)

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
