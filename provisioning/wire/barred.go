package wire

import (
	"errors"
	"net/netip"
)

// Barred is what an error of Dial may be: somebody has said by ICMP that there is no way. The code is that of IPv4, also over IPv6.
type Barred interface {
	error
	Barred() (by netip.Addr, code byte)
}

// Codes of what is unreachable (RFC 792, RFC 1812 section 5.2.7.1): what a router does not find, or a rule rejects. (Specification constants.)
const (
	NetUnreachable  = 0
	HostUnreachable = 1
	PortUnreachable = 3
	NetProhibited   = 9
	HostProhibited  = 10
	Prohibited      = 13
)

// Rejects says whether an error is that somebody rejects a connection, by a rule: no router looks for the port.
func Rejects(err error) bool {
	var barred Barred
	if !errors.As(err, &barred) {
		return false
	}
	_, code := barred.Barred()
	return code > HostUnreachable
}
