package srv

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Our choices.
const (
	maxTargets = 16 // more Registrars than a device could try before its user gives up
	maxAddrs   = 16 // per host name, both families together

	// A resolver that knows the internal view may be slower than one that knows only the Internet and says "absent". So long
	// the servers listed after that one have to disagree.
	disagreement = 300 * time.Millisecond
	// Those listed before it have this part of the time of the look-up: resolv.conf(5) asks the next one only when the one
	// before has not answered. What is left is for what comes after: the addresses of the host.
	turnShare = 0.75
	// Some servers drop AAAA questions. Longer than two resends, so that lost datagrams do not cost a family.
	familyGrace = 400 * time.Millisecond
	// A server that has not answered for so long is asked whether it lives, and one that was asked for SRV records for addresses besides.
	alsoAfter = 300 * time.Millisecond
)

// Resolver asks name servers. Its zero value has nobody to ask. It may be used by many goroutines; each look-up opens its
// own connections and closes them before it returns.
type Resolver struct {
	// Servers are all asked at the same time. That there is nothing counts from a server only when those listed before it have
	// spoken, or had their time; and their order breaks ties between servers that say as much as each other.
	Servers []netip.AddrPort
	// Dial opens a connected socket: "udp", where one Write is one query and one Read is one answer, or "tcp". It returns
	// when its context ends. One that is Overhearing shows who answers in place of a server.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Absent returns who on a link of this device does not answer when an address was just asked, that address or the gateway on the
	// way there: which of that and the end of the time comes first is chance. Zero: nobody is missing. Nil: it is not known.
	Absent func(netip.Addr) netip.Addr
	// Detour says by which route what is for an address goes where that is not the default route, or "". Nil: it is not known.
	Detour func(netip.Addr) string
	// NoDefault says whether there is no way to an address since this device has no default route. Nil: it is not known.
	NoDefault func(netip.Addr) bool
	// Usable says why an address that a server gave is of no use, or nil. Without it every address is used.
	Usable func(server netip.AddrPort, addr netip.Addr) error
	// Unvalidated asks servers to answer what they cannot validate by DNSSEC, too (RFC 4035 section 3.2.2, the bit CD).
	Unvalidated bool
	// Lacks says whether this device has nothing of the version of IP of an address. Addresses without any of the other version count
	// as none then. Nil: it is not known.
	Lacks func(netip.Addr) bool
	// TCP asks over TCP alone.
	TCP bool
	// Pace is what is known of the servers. Nil: nothing, and nothing is remembered.
	Pace *Pace

	alone bool // asks servers not to ask others (RFC 1035 section 4.1.1, the bit RD)
}

// Overhearing is a connected datagram socket that can tell what others than its other end send to its port. Nothing of that is an
// answer, since anybody can send it (RFC 5452 section 9.1).
type Overhearing interface {
	// Overheard returns the next such datagram, and who sent it. It does not wait: n is 0 if there is none. They are kept from
	// its first call on.
	Overheard(b []byte) (n int, from netip.AddrPort)
}

// HearingRouters is a connected datagram socket that tells what routers say of what it sends from then on: that a host or a network cannot be
// reached. Systems keep that to themselves otherwise, since it may pass (RFC 1122 section 3.2.2.1).
type HearingRouters interface{ HearRouters() }

// Target is the useful part of one SRV record: a host name (lower case, no final dot) and a port (never 0), with the
// priority and weight it was published with. Source: RFC 2782.
type Target struct {
	Host                   string
	Port, Priority, Weight uint16
	// Hint is a Usable address that the same answer holds for Host besides, in its additional section (RFC 2782): one of several
	// perhaps, and perhaps an old one. What counts is what Addrs says. Zero: there is none.
	Hint netip.Addr
}
