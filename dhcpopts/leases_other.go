//go:build !linux

package dhcpopts

import (
	"errors"
	"fmt"
	"runtime"
)

// ReadLeases returns an error that is errors.ErrUnsupported: where DHCP clients keep their leases is known for
// Linux only.
func ReadLeases(_, _ string) ([]Lease, error) {
	return nil, fmt.Errorf("read DHCP leases on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
