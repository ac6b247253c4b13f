package cache

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"homeward/internal/safefile"
)

// keptAside is how many damaged files are kept for those who want to know why. (Our choice.)
const keptAside = 2

// writeSecondCopy puts last-good.json in its place, whole or not at all.
func writeSecondCopy(open opener, path string, sealed []byte) error {
	tmp := path + ".tmp"
	defer os.RemoveAll(tmp)
	os.RemoveAll(tmp)
	f, err := open(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(sealed)
	// The service runs with a umask of 077, and techs read this file by their group. A file system
	// without modes refuses, and loses nothing.
	_ = f.Chmod(0o640)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return publish(open, tmp, path)
}

// publish gives a finished file its name. After it, the file is on the disk under that name.
func publish(open opener, tmp, path string) error {
	f, err := open(tmp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return safefile.SyncDir(filepath.Dir(path))
}

// setAside renames what is at path to path.damaged-N and returns the new name. The two newest are
// kept, each cut to the size of the largest database.
func setAside(open opener, path string) (string, error) {
	numbers := asideNumbers(path)
	next := 1
	if len(numbers) > 0 {
		next = numbers[len(numbers)-1] + 1
	}
	aside := asideName(path, next)
	if err := os.Rename(path, aside); err != nil {
		return "", err
	}
	if f, err := open(aside, os.O_WRONLY, 0); err == nil {
		if info, err := f.Stat(); err == nil && info.Size() > maxDatabase {
			_ = f.Truncate(maxDatabase)
		}
		f.Close()
	}
	for len(numbers) >= keptAside {
		_ = os.RemoveAll(asideName(path, numbers[0]))
		numbers = numbers[1:]
	}
	return aside, safefile.SyncDir(filepath.Dir(path))
}

func asideName(path string, n int) string { return path + ".damaged-" + strconv.Itoa(n) }

// asideNumbers returns the numbers of the files set aside earlier, in rising order.
func asideNumbers(path string) (numbers []int) {
	entries, _ := os.ReadDir(filepath.Dir(path)) // the rename that follows meets the same fault
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".damaged-")
		if n, err := strconv.Atoi(digits); ok && err == nil && n > 0 && n < 1<<30 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers
}
