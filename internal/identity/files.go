package identity

import (
	"errors"
	"io"
	"os"
	"strconv"

	"homeward/internal/safefile"
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
	f, err := safefile.Create(path, os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// read reads one of our files. What others could have read or written is not ours any more.
func read(path string) ([]byte, error) {
	f, err := safefile.Open(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := safefile.Private(f, 0o077); err != nil {
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
