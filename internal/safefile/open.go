package safefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrNotRegular says that a link, a pipe, a device or a directory is where a file should be. The text goes on behind a name.
var ErrNotRegular = errors.New("is not a regular file")

// errLinked says that what root would write to is known by another name, too. It may be anybody's.
var errLinked = errors.New("has more than one name")

// Open is os.OpenFile for regular files alone. It follows no link at the end of the path, and waits for nobody.
func Open(name string, flag int, perm fs.FileMode) (*os.File, error) {
	if flag&os.O_EXCL != 0 { // opens nothing that is there
		return os.OpenFile(name, flag, perm)
	}
	before, err := os.Lstat(name)
	if err != nil && (!errors.Is(err, fs.ErrNotExist) || flag&os.O_CREATE == 0) {
		return nil, err
	}
	if err == nil && !before.Mode().IsRegular() {
		return nil, fmt.Errorf("%s %w", name, ErrNotRegular)
	}
	f, err := os.OpenFile(name, flag|noLink|noWait, perm)
	if err != nil {
		return nil, err
	}
	return checked(f, flag, before)
}

// Follow opens a regular file for reading that may be named by a link: where people, or the system, say which one.
func Follow(name string) (*os.File, error) {
	at, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !at.Mode().IsRegular() { // not opened: a device may do something then
		return nil, fmt.Errorf("%s %w", name, ErrNotRegular)
	}
	f, err := os.OpenFile(name, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, err
	}
	return checked(f, os.O_RDONLY, nil)
}

// Dir opens a directory, which no link leads to.
func Dir(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|noLink|onlyDir, 0)
	if err != nil {
		return nil, err
	}
	if at, err := f.Stat(); err != nil || !at.IsDir() {
		f.Close()
		return nil, fmt.Errorf("%s is not a directory", name)
	}
	return f, nil
}

// checked returns an open file if it is what it must be, whatever was there before it was opened. Where a link cannot be
// refused it must still be that, as far as it is known.
func checked(f *os.File, flag int, before fs.FileInfo) (*os.File, error) {
	at, err := f.Stat()
	switch {
	case err != nil:
	case !at.Mode().IsRegular(), noLink == 0 && before != nil && !os.SameFile(before, at):
		err = fmt.Errorf("%s %w", f.Name(), ErrNotRegular)
	case flag&(os.O_WRONLY|os.O_RDWR) != 0 && os.Geteuid() == 0 && names(at) > 1:
		err = fmt.Errorf("%s %w", f.Name(), errLinked)
	default:
		return f, nil
	}
	f.Close()
	return nil, err
}
