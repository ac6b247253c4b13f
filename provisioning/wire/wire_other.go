//go:build !linux

package wire

import (
	"net"
	"net/netip"
)

// absent is not known here.
var absent func(netip.Addr) bool

// lossOf knows nothing here.
func lossOf(net.Conn) Loss { return NoLoss }
