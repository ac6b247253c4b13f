package years

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// image is what a disk holds: the files of a directory, by their paths below it.
type image map[string][]byte

// read takes an image of a directory. A file that is gone meanwhile was never there.
func read(dir string) (image, error) {
	all := image{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil || d.IsDir():
			return err
		}
		name, _ := filepath.Rel(dir, path)
		data, err := os.ReadFile(path)
		if err == nil {
			all[name] = data
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return all, err
}

// write makes a directory that holds an image, and nothing else.
func (i image) write(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	for name, data := range i {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (i image) clone() image {
	c := image{}
	for name, data := range i {
		c[name] = bytes.Clone(data)
	}
	return c
}

// sector and page are how much of a file a disk writes at once, and how much bbolt does.
const (
	sector = 512
	page   = 4096
	metas  = 2 * page // the first two pages of a database of bbolt say which of the others count
)

// The files of the store, in the order in which they are written.
const (
	database   = "homeward.db"
	secondCopy = "last-good.json"
)

// torn is what the disk may hold when the power is cut while it goes from one image to the next: a database has its pages
// before its meta page, since they are flushed in between; whatever is replaced has its old content or its new one; and a file
// that was not finished lies beside it. The database is written before the second copy.
func torn(r *rand.Rand, before, after image) (between image, how string) {
	between = after.clone()
	changed := slices.DeleteFunc(slices.Sorted(maps.Keys(after)), func(name string) bool { return bytes.Equal(before[name], after[name]) })
	if len(changed) == 0 {
		return between, "nothing was being written"
	}
	at := r.IntN(len(changed)) // those after it are as before
	for n, name := range changed {
		switch {
		case n < at:
		case n > at, before[name] == nil && name != database:
			put(between, name, before[name])
		case name == database && before[name] != nil:
			between[name] = half(r, before[name], after[name])
		default:
			put(between, name, before[name])
			between[name+map[bool]string{true: ".tmp", false: ".new"}[name == database || name == secondCopy]] = after[name][:r.IntN(len(after[name])+1)]
		}
	}
	return between, "in the middle of " + changed[at]
}

func put(i image, name string, data []byte) {
	if i[name] = data; data == nil {
		delete(i, name)
	}
}

// half is a database between two transactions: some of the new pages, or all of them and a part of the meta page.
func half(r *rand.Rand, before, after []byte) []byte {
	b := make([]byte, max(len(before), len(after)))
	copy(b, before)
	all := r.IntN(2) == 0
	for at := metas; at < len(after); at += page {
		if all || r.IntN(2) == 0 {
			copy(b[at:min(at+page, len(b))], after[at:])
		}
	}
	if all { // the meta page comes sector by sector; its content is in the first
		for at := 0; at < metas; at += sector {
			if r.IntN(2) == 0 {
				copy(b[at:at+sector], after[at:])
			}
		}
	}
	return b
}

// damage spoils files as worn flash, a tech or a bug may, and says which.
func damage(r *rand.Rand, i image) string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(i)), func(name string) bool { return len(i[name]) == 0 })
	if len(names) == 0 {
		return "nothing to damage"
	}
	spoiled := []string{names[r.IntN(len(names))]}
	if r.IntN(4) == 0 {
		spoiled = names
	}
	for _, name := range spoiled {
		i[name] = spoil(r, i[name])
	}
	return strings.Join(spoiled, ", ")
}

func spoil(r *rand.Rand, b []byte) []byte {
	at := r.IntN(len(b))
	switch r.IntN(5) {
	case 0:
		b[at] ^= 1 << r.IntN(8)
	case 1:
		b = b[:at]
	case 2:
		clear(b[at:min(at+page, len(b))])
	case 3:
		for n := range b[at:min(at+sector, len(b))] {
			b[at+n] = byte(r.Uint32())
		}
	default:
		b = nil
	}
	return b
}
