package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"homeward/internal/safefile"
)

// opener has the shape of os.OpenFile, and opens regular files alone (safefile.Open); tests replace it by a disk that fails.
type opener func(name string, flag int, perm os.FileMode) (*os.File, error)

// openOwned is safefile.Open, but what root makes gets the owner of the directory: the daemon, under a user of its own, must
// be able to read what a tech has made by hand.
func openOwned(name string, flag int, perm os.FileMode) (*os.File, error) {
	f, err := safefile.Open(name, flag, perm)
	if err == nil && flag&os.O_EXCL != 0 {
		safefile.GiveAway(f, filepath.Dir(name))
	}
	return f, err
}

// regular returns an opener for a file that exists. It refuses what could block, lead elsewhere or
// exhaust memory: pipes, devices, links, giants. It never creates: bbolt asks for that, and would
// leave a file that a power cut makes unusable.
func (open opener) regular(limit int64) opener {
	return func(name string, flag int, perm os.FileMode) (*os.File, error) {
		f, err := open(name, flag&^os.O_CREATE, perm)
		if errors.Is(err, safefile.ErrNotRegular) {
			return nil, damage("it " + safefile.ErrNotRegular.Error())
		}
		if err != nil {
			return nil, err
		}
		info, err := f.Stat()
		switch {
		case err != nil:
		case info.Size() > limit:
			err = damage(fmt.Sprintf("it has %d bytes, which is too large", info.Size()))
		case info.Size() == 0:
			err = damage("it is empty")
		default:
			return f, nil
		}
		f.Close()
		return nil, err
	}
}

// read returns the bytes of a regular file.
func (open opener) read(path string, limit int64) ([]byte, error) {
	f, err := open.regular(limit)(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all bytes.Buffer
	if info, err := f.Stat(); err == nil {
		all.Grow(int(min(info.Size(), limit)) + bytes.MinRead) // at once: a start waits for it
	}
	_, err = all.ReadFrom(io.LimitReader(f, limit))
	return all.Bytes(), err
}

// bare leaves out the path, which the sentence around it names already.
func bare(err error) error {
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	switch {
	case errors.As(err, &pathErr):
		return pathErr.Err
	case errors.As(err, &linkErr):
		return linkErr.Err
	}
	return err
}
