package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// lockWait is our choice: long enough for a tech's command to finish reading.
const lockWait = time.Second

// ErrLocked says that another process is using the database; last-good.json beside it can be read.
var ErrLocked = errors.New("in use by another process")

// errUnmappable is the state of every file on JFFS2, the flash of many small devices.
var errUnmappable = errors.New("this file system cannot map a file into memory")

// readDatabase returns the sealed record in the database at path, whose bytes it never changes. The
// pages are checked while bbolt holds the lock for reading, and before it follows any of them.
func readDatabase(open opener, path string) (sealed []byte, err error) {
	err = safely(func() error {
		b, err := openBolt(path, open.regular(maxDatabase), true)
		if err != nil {
			return err
		}
		image, err := open.read(path, maxDatabase)
		if err == nil {
			err = sound(image)
		}
		if err == nil {
			err = b.View(func(tx *bbolt.Tx) error {
				sealed = append(sealed, tx.Bucket([]byte(bucketName)).Get([]byte(recordKey))...)
				return nil
			})
		}
		// Not deferred: after a panic bbolt holds its own locks, and Close would wait for ever.
		return errors.Join(err, b.Close())
	})
	return sealed, err
}

// updateDatabase writes sealed into the sound database at path, in one transaction. The whole record
// is one value: writing it drops every older entry. With nothing to write it changes no byte, and
// says whether it could.
func updateDatabase(open opener, path string, sealed []byte, write bool) error {
	return safely(func() error {
		b, err := openBolt(path, open.regular(maxDatabase), false)
		if err != nil {
			return err
		}
		if write {
			err = b.Update(func(tx *bbolt.Tx) error { return put(tx, sealed) })
		}
		return errors.Join(err, b.Close()) // not deferred, as above
	})
}

// createDatabase puts a database with sealed in it in the place of path, whole or not at all: bbolt's
// first write of a new file is the one that a power cut can spoil.
func createDatabase(open opener, path string, sealed []byte) error {
	tmp := path + ".tmp"
	defer os.RemoveAll(tmp)
	os.RemoveAll(tmp)
	err := safely(func() error {
		exclusive := func(name string, flag int, perm os.FileMode) (*os.File, error) {
			return open(name, flag|os.O_EXCL, perm)
		}
		b, err := openBolt(tmp, exclusive, false)
		if err != nil {
			return err
		}
		err = b.Update(func(tx *bbolt.Tx) error { return put(tx, sealed) })
		return errors.Join(err, b.Close())
	})
	if err != nil {
		return err
	}
	return publish(open, tmp, path)
}

func put(tx *bbolt.Tx, sealed []byte) error {
	b, err := tx.CreateBucketIfNotExists([]byte(bucketName))
	if err != nil {
		return err
	}
	return b.Put([]byte(recordKey), sealed)
}

// openBolt sorts the errors of opening: what is not a fault of the system is a finding about the file.
func openBolt(path string, open opener, readOnly bool) (*bbolt.DB, error) {
	b, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:  lockWait,
		PageSize: pageSize,
		MaxSize:  maxDatabase,
		ReadOnly: readOnly,
		// The array hands out the lowest page first, which keeps the file at its smallest. The list is
		// kept on disk (NoFreelistSync stays false): rebuilding it panics in a goroutine of bbolt's own.
		FreelistType: bbolt.FreelistArrayType,
		NoStatistics: true,
		OpenFile:     open,
	})
	var errno syscall.Errno
	var pathErr *fs.PathError
	switch {
	case err == nil && b.Info().PageSize != pageSize:
		return nil, errors.Join(damage("its pages have another size"), b.Close())
	case err == nil:
		return b, nil
	case errors.Is(err, berrors.ErrTimeout):
		return nil, ErrLocked
	case errors.As(err, &pathErr):
		return nil, err
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENODEV), errors.Is(err, errors.ErrUnsupported):
		return nil, fmt.Errorf("%w (%w)", errUnmappable, err)
	case errors.As(err, &errno):
		return nil, err
	}
	return nil, damage(err.Error())
}
