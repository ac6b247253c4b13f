// Package wire is the seam: everything that the daemon touches on the network. It is the only package that tests replace.
//
// Read netlink_linux.go first, then route.go, routes_linux.go, neighbours_linux.go, loss.go, barred.go, routers_linux.go, datagram_linux.go, arp_linux.go, wire_linux.go, wire.go.
package wire
