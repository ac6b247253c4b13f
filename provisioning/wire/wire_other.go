//go:build !linux

package wire

import (
	"context"
	"net"
	"net/netip"
	"syscall"
)

// unacknowledgedTimeout does nothing here: the keep-alive of the socket has to do.
func unacknowledgedTimeout(context.Context, string, string, syscall.RawConn) error { return nil }

// absent is not known here.
var absent func(netip.Addr) bool

// lossOf knows nothing here.
func lossOf(net.Conn) Loss { return NoLoss }
