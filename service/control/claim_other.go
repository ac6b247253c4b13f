//go:build !unix || solaris || aix

package control

import (
	"errors"
	"os"
)

// lock is not possible here.
func lock(*os.File) error { return errors.ErrUnsupported }
