//go:build !linux

package dhcpopts

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

// Listen returns an error that is errors.ErrUnsupported: asking beside the system's own DHCP client takes a
// packet socket, which this system does not have.
func Listen(_ context.Context, _ string) (Conn, error) {
	return nil, fmt.Errorf("listen for DHCP on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// Links is not known here, but for the one named.
func Links(iface string, _ bool) ([]string, error) {
	if iface != "" {
		return []string{iface}, nil
	}
	return nil, fmt.Errorf("read routes on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// DefaultInterface is not known here.
func DefaultInterface() (string, error) {
	return "", fmt.Errorf("read routes on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
