//go:build !linux

package dhcpopts

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

// Listen6 returns an error that is errors.ErrUnsupported, as [Listen] does.
func Listen6(_ context.Context, _ string) (Conn, error) {
	return nil, fmt.Errorf("listen for DHCPv6 on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
