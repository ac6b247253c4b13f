package safefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Create makes a file, which belongs to the owner of its directory. It never opens one that is there: somebody could have
// put a link there.
func Create(path string, flag int, mode fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, flag|os.O_CREATE|os.O_EXCL, mode)
	if err == nil {
		GiveAway(f, filepath.Dir(path))
	}
	return f, err
}

// Replace replaces a file as a whole: whoever reads it sees the old content or the new, also after a power
// cut.
func Replace(path string, data []byte, mode fs.FileMode) (err error) {
	temporary := path + ".new"
	os.Remove(temporary) // left by a power cut
	f, err := Create(temporary, os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(temporary)
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil { // the umask has had its say
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// Keep replaces a file of a directory which no link leads to. After it, the new content is on the disk.
func Keep(dir, name string, data []byte, mode fs.FileMode) error {
	held, path, err := Hold(dir)
	if err != nil {
		return err
	}
	defer held.Close()
	return errors.Join(Replace(filepath.Join(path, name), data, mode), SyncDir(path))
}
