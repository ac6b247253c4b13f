package dhcpopts

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"time"
)

// Conn carries the UDP payloads of DHCP on one interface: what is written goes to the servers of the link,
// what is read was sent to the client port. [Listen] makes a real one; a simulated site makes its own.
// Reading must honour SetReadDeadline with an error that is os.ErrDeadlineExceeded. Of what came for DHCP and is no datagram to
// the client port ReadFrom returns [*Dropped]: it is counted, and reading goes on.
type Conn interface {
	net.PacketConn

	// Interface returns the interface's name, the IPv4 address on it that answers go to, and its
	// hardware address, which is six zero bytes where there is none.
	Interface() (name string, addr netip.Addr, hw net.HardwareAddr)
}

// Answer is what one server said.
type Answer struct {
	Server netip.Addr    // option 54, or the address the answer came from
	Link   string        // the interface that it came on, where whoever asked has asked on several; else ""
	Took   time.Duration // since the question was first sent
	Type   string        // "ack"; "nak", which carries no options; "unusable", of which Problem says why
	SIP    SIPServers    // option 120; Raw is nil when it was not sent
	Vendor VendorOption  // option 43; Raw is nil when it was not sent

	NTP, Routers, NameServers []netip.Addr // options 42, 3 and 6, if the Question asks for them; the first default gateway of option 121 counts more (RFC 3442)
	Routes                    []Route      // options 121 and 249, likewise; one without a destination stands for what is not read, such as option 33
	MaskBits                  int          // the ones of option 1, likewise; 0: not sent, or no mask
	Domains                   []string     // options 15 and 119, likewise: at most 9

	Problem string // what is wrong with the answer as a whole, or ""; what stands before the fault is used
}

// Unusable is the Type of an answer to our question of which nothing can be used.
const Unusable = "unusable"

// same tells whether b is a again: sent twice by the server, or through two relays.
func (a Answer) same(b Answer) bool {
	return a.Server == b.Server && a.Type == b.Type &&
		bytes.Equal(a.SIP.Raw, b.SIP.Raw) && bytes.Equal(a.Vendor.Raw, b.Vendor.Raw) && slices.Equal(a.NTP, b.NTP) &&
		slices.Equal(a.Routers, b.Routers) && slices.Equal(a.NameServers, b.NameServers) && a.MaskBits == b.MaskBits && slices.Equal(a.Routes, b.Routes) &&
		slices.Equal(a.Domains, b.Domains)
}
