//go:build !unix

package config

import (
	"errors"
	"io/fs"
)

// checkPrivate cannot judge access lists; the directory of the file must be closed to others.
func checkPrivate(_ string, _ fs.FileInfo, _ daemonUser) error { return nil }

// UserID does not exist here: users have no numbers.
func UserID(string) (int, error) { return 0, errors.ErrUnsupported }

func writableByAll(fs.FileInfo) bool { return false }
