//go:build !linux

package wire

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// absent is not known here.
var absent func(netip.Addr) netip.Addr

// overhearing leaves a connection as it is: its system tells of nobody else.
func overhearing(conn net.Conn) net.Conn { return conn }

// routers say nothing here.
type routers struct{}

func (*routers) hear(uintptr) {}

func (*routers) said(err error) error { return err }

// near is not known here.
var near func(netip.Addr) (onLink, there bool)

// next is not known here.
var next func(netip.Addr) (netip.Addr, net.HardwareAddr, time.Duration)

// source is not known here.
func source(netip.Addr) netip.Addr { return netip.Addr{} }

// route is not known here.
var route func(netip.Addr) *Route

// routes are not known here.
var routes func() []*Route

// holders are not known here.
var holders func(context.Context, string, netip.Addr, netip.Addr) ([]string, error)

// lasting is not known here.
var lasting func() []netip.Prefix

// carrierLosses are not known here.
var carrierLosses func(string) uint32

// clockKept is not known here.
var clockKept func() bool

// limitSegments does nothing here.
func limitSegments(uintptr, int) {}

// lossOf knows nothing here.
func lossOf(net.Conn) Loss { return NoLoss }

// sinceAcknowledged knows nothing here.
func sinceAcknowledged(net.Conn) time.Duration { return 0 }
