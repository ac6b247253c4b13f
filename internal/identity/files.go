package identity

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"github.com/homeward-agent/homeward/internal/safefile"
)

// Our choices.
const (
	maxFile = 64 << 10 // a key of 16384 bits has 13 KiB

	keyFile, certificateFile, detailsFile = "key.pem", "cert.pem", "identity.json"
	provenFile, refusedFile               = "proven", "refused" // empty: that they are there says all

	unborn, dying = "new-", "old-" // directories that are not whole: what a power cut has left
)

// generation is the number of a directory that holds one pair; false: it is no such directory.
func generation(name string) (int, bool) {
	n, err := strconv.Atoi(name)
	return n, err == nil && n > 0 && strconv.Itoa(n) == name
}

// create writes a new file for the owner of the directory alone, down to the disk.
func create(path string, data []byte) error {
	f, err := safefile.Open(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	giveAway(f, filepath.Dir(path))
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// createDir makes a directory for the owner of the one it is in alone.
func createDir(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	f, err := safefile.Dir(path)
	if err != nil {
		return err
	}
	giveAway(f, filepath.Dir(path))
	return f.Close()
}

// read reads one of our files. What others could have read or written is not ours any more.
func read(path string) ([]byte, error) {
	f, err := safefile.Open(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := private(f); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = errors.New("is too large")
	}
	return data, err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// syncDir makes renames in a directory durable, where the system has a way to ask for it.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = errors.Join(d.Sync(), d.Close())
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
