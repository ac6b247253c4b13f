package wire

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"homeward/dhcpopts"
	"homeward/internal/srv"
)

// Wire is everything the agent touches outside its own process. Tests replace it, and nothing else.
type Wire struct {
	// Dial opens a stream ("tcp") or a connected datagram socket ("udp", which may be Overhearing) to an address such as
	// "10.0.0.5:5061".
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Links returns the interfaces on which DHCP, or DHCPv6, is asked; iface is the one configured, or "". Nil: that one.
	Links func(iface string, six bool) ([]string, error)
	// Listen opens the socket on which DHCP is asked; iface "" is for the wire to choose.
	Listen func(ctx context.Context, iface string) (dhcpopts.Conn, error)
	// Listen6 opens the socket on which DHCPv6 is asked.
	Listen6 func(ctx context.Context, iface string) (dhcpopts.Conn, error)
	// Leases returns what the system's DHCP client keeps; hooks is a directory it may be told in besides.
	Leases func(iface, hooks string) ([]dhcpopts.Lease, error)
	// Resolvers returns the name servers the system is configured with now.
	Resolvers func() ([]netip.AddrPort, error)
	// Upstreams returns the name servers that these resolvers on this machine ask, as far as the system tells. Nil: it is not known.
	Upstreams func(resolvers []netip.AddrPort) []netip.AddrPort
	// Search returns the domains of the system's search list, which look-ups do not use. Nil: it is not known.
	Search func() []string
	// Own returns the addresses of this device. Nil: they are not known.
	Own func() []netip.Addr
	// Lasting returns the addresses of IPv4 of this device, with their subnets, of which the system knows no end, as of one that was set by hand; one
	// from DHCP mostly has one. Nil: that is not known.
	Lasting func() []netip.Prefix
	// Lacks says whether this device has nothing of the version of IP of an address: no address but link-local ones, while it has one of
	// the other version, and the way to the address leads not to a link, but through a router, or there is none. Nil: it is not known.
	Lacks func(addr netip.Addr) bool
	// Absent returns who on a link of this device does not answer (ARP, neighbour discovery), shortly after a packet was to go to an
	// address: addr itself, or the gateway on the way there. Zero: nobody is known to be missing. Nil: it is not known.
	Absent func(addr netip.Addr) netip.Addr
	// Near says whether an address is on a link of this device, so that what comes from there has passed no router, and whether a host
	// has answered to it lately (ARP, neighbour discovery). Nil: that is not known.
	Near func(addr netip.Addr) (onLink, there bool)
	// Next returns where the system sends what is for an address: to the address itself, on a link, or to a gateway; and who is
	// there, and how long ago that was last known for certain, if the system knows. Zero: there is no way. Nil: it is not known.
	Next func(addr netip.Addr) (hop netip.Addr, mac net.HardwareAddr, ago time.Duration)
	// Route returns the route by which the system sends what is for an address, or by which it refuses to; nil: it is not known. Nil: none is.
	Route func(addr netip.Addr) *Route
	// Routes returns the routes of the main table, as many as a device may have. Nil: they are not known.
	Routes func() []*Route
	// Holders asks the link of an interface who has an address of IPv4 (ARP), and returns the hardware addresses of all who say so, but
	// for those of this device. The sender is an address of this device; who asks for an own one is 0.0.0.0, so that nobody learns from
	// the question who has it (RFC 5227 section 2.1.1). It takes 0.7 s. Nil: nobody can be asked.
	Holders func(ctx context.Context, iface string, sender, addr netip.Addr) (macs []string, err error)
	// Awake is called with each keep-alive: the device is awake, and whatever is done now and then is best done now. Nil: nobody
	// waits for it.
	Awake func()
	// LinkLost says when the link by which this device reaches others was lost lately, the first time first. Nil: it is not known.
	LinkLost func() (iface string, at []time.Time)
	// CarrierLosses is how often the system has seen an interface lose its carrier. Nil: it does not count.
	CarrierLosses func(iface string) uint32
	// ClockKept says whether the clock of this device is synchronized, as far as its system knows. Nil: it is not known.
	ClockKept func() bool
	// Changes says what has changed on the network of this device, in words for techs. Nil: nobody watches.
	Changes <-chan string
}

// NoDefault says whether there is no way to an address of IPv4 since this device has no default route. What cannot be read is not known, and
// therefore no such case.
func (w *Wire) NoDefault(addr netip.Addr) bool {
	if w.Next == nil || w.Route == nil || w.Routes == nil || !addr.Is4() || w.Route(addr) != nil {
		return false
	}
	hop, _, _ := w.Next(addr)
	routes := w.Routes()
	return !hop.IsValid() && len(routes) > 0 && !slices.ContainsFunc(routes, func(r *Route) bool { return r.To.Bits() == 0 && r.To.Addr().Is4() })
}

// Overhearing is what a datagram socket of Dial may be: it tells who answers in place of the one that was asked.
type Overhearing = srv.Overhearing

// Telling is what a stream of Dial may be: it says itself whether all that was sent was acknowledged, where its system knows nothing of it.
type Telling interface{ Acknowledged() bool }

// Our choices: the kernel notices within 8 s that a path has died, and nobody wakes up for it. Six probes in a row must be
// lost for that; where a packet in ten is, each way, at a round trip of 300 ms, that is once in 14 hours of silence, and the
// device signs in again (ADR 44).
const (
	peerIdle     = 2 * time.Second // until the first probe; whole seconds
	peerInterval = time.Second     // the least that systems allow
	peerProbes   = 6
	// unacknowledgedLimit is how long sent data, or probes, may stay unacknowledged before the system declares the connection
	// dead (RFC 5482): five or six transmissions at a round trip of 300 ms.
	unacknowledgedLimit = peerIdle + peerProbes*peerInterval
)

// System is the network of this machine.
func System() Wire {
	dialer := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: peerIdle, Interval: peerInterval, Count: peerProbes},
	}
	w := Wire{
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			var heard routers
			dialer := dialer
			dialer.ControlContext = func(ctx context.Context, network, _ string, c syscall.RawConn) error {
				return beforeConnect(ctx, network, c, &heard)
			}
			conn, err := dialer.DialContext(ctx, network, address)
			if err = heard.said(err); err != nil {
				return nil, err
			}
			return overhearing(conn), nil
		},
		Links: dhcpopts.Links,
		Listen: func(ctx context.Context, iface string) (dhcpopts.Conn, error) {
			return dhcpopts.Listen(ctx, iface)
		},
		Listen6:   dhcpopts.Listen6,
		Leases:    dhcpopts.ReadLeases,
		Resolvers: srv.SystemResolvers,
		Upstreams: srv.SystemUpstreams,
		Search:    srv.SystemSearch,
		Own:       ownAddresses,
		Lasting:   lasting,
		Absent:    absent,
		Near:      near,
		Next:      next,
		Route:     route,
		Routes:    routes,
		Holders:   holders,

		CarrierLosses: carrierLosses,
		ClockKept:     clockKept,
	}
	if w.Next != nil {
		w.Lacks = func(addr netip.Addr) bool {
			return !forwarded(source(addr)) && lacking(addr, ownAddresses(), next) // its own addresses take longer to list
		}
	}
	return w
}

// forwarded says whether a router forwards what comes from an address, which it does not if that is link-local (RFC 4291 section 2.5.6, RFC 3927 section 7).
func forwarded(a netip.Addr) bool {
	return a.IsValid() && !a.IsLoopback() && !a.IsLinkLocalUnicast()
}

// lacking says whether a device that has these addresses has nothing of the version of IP of another. On the link a link-local address
// is good enough. That a device has no address of either version is no matter of the version.
func lacking(addr netip.Addr, own []netip.Addr, next func(netip.Addr) (netip.Addr, net.HardwareAddr, time.Duration)) bool {
	other := false
	for _, a := range own {
		switch {
		case !forwarded(a):
		case a.Is4() == addr.Is4():
			return false
		default:
			other = true
		}
	}
	hop, _, _ := next(addr)
	return other && hop != addr
}

// segmentSize is the size of TCP segments that gets through wherever IPv4 does (RFC 9293 section 3.7.1). (Specification constant.)
const segmentSize = 536

type smallSegments struct{}

// SmallSegments has Wire.Dial keep the TCP segments of a connection small, both ways, where the system can.
func SmallSegments(ctx context.Context) context.Context {
	return context.WithValue(ctx, smallSegments{}, true)
}

// AreSmall says whether SmallSegments has asked for small ones.
func AreSmall(ctx context.Context) bool { return ctx.Value(smallSegments{}) != nil }

// beforeConnect is for sockets that are about to be connected.
func beforeConnect(ctx context.Context, network string, c syscall.RawConn, heard *routers) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	return c.Control(func(fd uintptr) {
		heard.hear(fd)
		limitUnacknowledged(fd, unacknowledgedLimit)
		if AreSmall(ctx) {
			limitSegments(fd, segmentSize)
		}
	})
}

// ownAddresses are those of all interfaces of this machine.
func ownAddresses() (own []netip.Addr) {
	networks, _ := net.InterfaceAddrs() // none known, none refused
	for _, network := range networks {
		if p, err := netip.ParsePrefix(network.String()); err == nil {
			own = append(own, p.Addr().Unmap())
		}
	}
	return own
}

// Began is how long the beginning of a connection took.
type Began struct {
	Connecting, Securing time.Duration // TCP, and TLS: until the last of its answer that has come; 0: not known, or nothing came
	Secured              bool          // TLS has come to its end
}

// Watched is a connection that says what its way loses, also when it is closed.
type Watched struct {
	net.Conn
	Began
	Since time.Time // it was connected

	once sync.Once
	loss Loss
}

// Read notes how long the beginning takes.
func (w *Watched) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if n > 0 && !w.Secured {
		w.Securing = time.Since(w.Since)
	}
	return n, err
}

// Loss looks once, at the latest when the connection is closed.
func (w *Watched) Loss() Loss {
	w.once.Do(func() {
		telling, tells := w.Conn.(Telling)
		switch {
		case !tells:
			w.loss = lossOf(w.Conn)
		case telling.Acknowledged():
			w.loss = Acknowledged
		default:
			w.loss = SentUnacknowledged
		}
	})
	return w.loss
}

// Unanswered returns how long ago the other side's system has acknowledged anything, be it a probe; 0: that is not known.
func (w *Watched) Unanswered() time.Duration { return sinceAcknowledged(w.Conn) }

// Close closes the connection.
func (w *Watched) Close() error {
	w.Loss()
	return w.Conn.Close()
}
