//go:build !unix

package config

import "io/fs"

// checkPrivate cannot judge access lists; the directory of the file must be closed to others.
func checkPrivate(_ string, _ fs.FileInfo, _ string) error { return nil }

func writableByAll(fs.FileInfo) bool { return false }
