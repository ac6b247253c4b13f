package wire

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Specification constants: rtnetlink(7), struct rtmsg and ifaddrmsg, in bytes.
const (
	routeLength = 1 // of the destination, in bits
	routeTable  = 4
	routeKind   = 7
	routeFlags  = 8

	addressLength = 1 // struct ifaddrmsg: of its subnet, in bits
	addressFlags  = 2
)

// carrierLosses asks the kernel (since Linux 4.16) how often an interface has lost its carrier.
func carrierLosses(iface string) (times uint32) {
	list(unix.RTM_GETLINK, unix.AF_UNSPEC, func(entry []byte) {
		if string(attributeIn(entry, unix.SizeofIfInfomsg, unix.IFLA_IFNAME)) == iface+"\x00" {
			times = numberIn(entry, unix.SizeofIfInfomsg, unix.IFLA_CARRIER_DOWN_COUNT)
		}
	})
	return times
}

// lasting are the addresses of IPv4 that have no lifetime (IFA_F_PERMANENT), as ip-address(8) shows it.
func lasting() (all []netip.Prefix) {
	list(unix.RTM_GETADDR, unix.AF_INET, func(entry []byte) {
		if len(entry) < unix.SizeofIfAddrmsg || entry[addressFlags]&unix.IFA_F_PERMANENT == 0 {
			return
		}
		if addr := addressIn(entry, unix.SizeofIfAddrmsg, unix.IFA_LOCAL); addr.IsValid() {
			all = append(all, netip.PrefixFrom(addr, int(entry[addressLength])))
		}
	})
	return all
}

// refuses is what a kind of route by which nothing is sent is called, and the error of the system for that; "": it is none.
func refuses(kind byte) (name string, says syscall.Errno) {
	switch kind {
	case unix.RTN_BLACKHOLE:
		return "blackhole", syscall.EINVAL
	case unix.RTN_UNREACHABLE:
		return "unreachable", syscall.EHOSTUNREACH
	case unix.RTN_PROHIBIT:
		return "prohibit", syscall.EACCES
	default:
		return "", 0
	}
}

// route is the one by which the kernel sends what is for an address: the entry of the table, whatever rule leads there. By which route it
// refuses is looked for in the main table alone.
func route(addr netip.Addr) *Route {
	entry, err := askRoute(addr, unix.RTM_F_FIB_MATCH|unix.RTM_F_LOOKUP_TABLE)
	if err != nil {
		return refusal(addr.WithZone(""), err)
	}
	cards, _ := net.Interfaces() // none known, none named
	r := routeIn(entry, cards)
	if binary.NativeEndian.Uint32(entry[routeFlags:])&unix.RTM_F_CLONED != 0 { // an older kernel says only what it comes to
		r.To = netip.Prefix{}
	}
	if hop := nextHop(addr); !r.Via.IsValid() && hop != addr.WithZone("") { // several share it
		r.Via = hop
	}
	return r
}

// refusal is the route by which the kernel sends nothing to an address; err is its word for that. Another error is no such route, and EINVAL
// alone is none either.
func refusal(addr netip.Addr, err error) *Route {
	best := &Route{}
	for _, r := range routes() {
		if r.To.Contains(addr) && (r.To.Bits() > best.To.Bits() || r.To.Bits() == best.To.Bits() && r.Metric < best.Metric) {
			best = r
		}
	}
	for _, kind := range []byte{unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT} {
		switch name, says := refuses(kind); {
		case !errors.Is(err, says):
		case best.Refuses == name:
			best.Refuses += " " + best.To.String()
			return best
		case kind != unix.RTN_BLACKHOLE: // of another table, or by a rule
			return &Route{Refuses: name}
		}
	}
	return nil
}

// routes are those of the main table, of both versions of IP.
func routes() (all []*Route) {
	cards, _ := net.Interfaces() // none known, none named
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		list(unix.RTM_GETROUTE, family, func(entry []byte) {
			if len(entry) < unix.SizeofRtMsg || binary.NativeEndian.Uint32(entry[routeFlags:])&unix.RTM_F_CLONED != 0 {
				return
			}
			if r := routeIn(entry, cards); r.Table == 0 {
				all = append(all, r)
			}
		})
	}
	return all
}

// nextHop is where the kernel sends what is for an address (rtnetlink(7), RTM_GETROUTE): to a gateway, or to the address itself.
// Zero: there is no way, or it is not known.
func nextHop(addr netip.Addr) netip.Addr {
	if addr.IsLinkLocalUnicast() {
		return addr.WithZone("")
	}
	entry, err := askRoute(addr, 0)
	if err != nil {
		return netip.Addr{}
	}
	if gateway := gatewayIn(entry); gateway.IsValid() {
		return gateway
	}
	return addr.WithZone("")
}

// source is the address of this machine from which the kernel would send to another; zero: from none, or that is not known.
func source(to netip.Addr) netip.Addr {
	entry, err := askRoute(to, 0)
	if err != nil {
		return netip.Addr{}
	}
	return addressIn(entry, unix.SizeofRtMsg, unix.RTA_PREFSRC)
}

// routeIn reads an entry of a routing table.
func routeIn(entry []byte, cards []net.Interface) *Route {
	to := addressIn(entry, unix.SizeofRtMsg, unix.RTA_DST)
	if !to.IsValid() && entry[0] == unix.AF_INET6 {
		to = netip.IPv6Unspecified()
	} else if !to.IsValid() {
		to = netip.IPv4Unspecified()
	}
	name, _ := refuses(entry[routeKind])
	r := &Route{
		To: netip.PrefixFrom(to, int(entry[routeLength])), Via: gatewayIn(entry), Metric: numberIn(entry, unix.SizeofRtMsg, unix.RTA_PRIORITY), Table: uint32(entry[routeTable]),
		Refuses: name,
	}
	if table := numberIn(entry, unix.SizeofRtMsg, unix.RTA_TABLE); table != 0 {
		r.Table = table
	}
	if r.Table == unix.RT_TABLE_MAIN {
		r.Table = 0
	}
	for i := range cards {
		if cards[i].Index == int(numberIn(entry, unix.SizeofRtMsg, unix.RTA_OIF)) {
			r.Down = cards[i].Flags&net.FlagRunning == 0
			r.Interface, r.Tunnel = cards[i].Name, tunnels(&cards[i]) && slices.ContainsFunc(cards, carries)
		}
	}
	return r
}

// tunnels says whether an interface is of a kind that tunnels are of: it has no broadcasts, and no hardware, as a modem has. By PPP
// a VPN may come, and the line of a provider.
func tunnels(c *net.Interface) bool {
	_, err := os.Lstat("/sys/class/net/" + c.Name + "/device")
	kind, _ := os.ReadFile("/sys/class/net/" + c.Name + "/type")
	byPPP := strings.TrimSpace(string(kind)) == strconv.Itoa(unix.ARPHRD_PPP)
	return c.Flags&(net.FlagBroadcast|net.FlagLoopback) == 0 && err != nil && !byPPP
}

// carries says whether an interface may carry a tunnel.
func carries(c net.Interface) bool {
	const kind = net.FlagUp | net.FlagRunning | net.FlagBroadcast
	return c.Flags&kind == kind
}

// gatewayIn is the gateway of an entry, which may be of the other version of IP (RFC 5549); zero: none.
func gatewayIn(entry []byte) netip.Addr {
	const family = 2 // bytes before the address in struct rtvia
	if via := attributeIn(entry, unix.SizeofRtMsg, unix.RTA_VIA); len(via) > family {
		other, _ := netip.AddrFromSlice(via[family:])
		return other
	}
	return addressIn(entry, unix.SizeofRtMsg, unix.RTA_GATEWAY)
}

// askRoute asks for the way to an address (RTM_GETROUTE). The error is the system's for what would be sent there, or ErrUnsupported where it
// cannot be asked.
func askRoute(addr netip.Addr, flags uint32) (entry []byte, err error) {
	family := byte(unix.AF_INET)
	if addr.Is6() {
		family = unix.AF_INET6
	}
	raw := addr.AsSlice()
	ask := make([]byte, unix.SizeofNlMsghdr+unix.SizeofRtMsg, 64)
	binary.NativeEndian.PutUint16(ask[4:], unix.RTM_GETROUTE)
	binary.NativeEndian.PutUint16(ask[6:], unix.NLM_F_REQUEST)
	ask[unix.SizeofNlMsghdr], ask[unix.SizeofNlMsghdr+routeLength] = family, byte(addr.BitLen())
	binary.NativeEndian.PutUint32(ask[unix.SizeofNlMsghdr+routeFlags:], flags)
	ask = binary.NativeEndian.AppendUint16(ask, uint16(attributeHeader+len(raw)))
	ask = append(binary.NativeEndian.AppendUint16(ask, unix.RTA_DST), raw...)
	binary.NativeEndian.PutUint32(ask, uint32(len(ask)))
	answer := make([]byte, 4096)
	n, err := converse(ask, answer)
	if err != nil {
		return nil, errors.ErrUnsupported // its errno is not about the route
	}
	messages, err := syscall.ParseNetlinkMessage(answer[:n])
	switch {
	case err != nil:
		return nil, errors.ErrUnsupported
	case len(messages) == 1 && messages[0].Header.Type == unix.NLMSG_ERROR && len(messages[0].Data) >= 4:
		return nil, syscall.Errno(-int32(binary.NativeEndian.Uint32(messages[0].Data)))
	case len(messages) == 0 || messages[0].Header.Type != unix.RTM_NEWROUTE || len(messages[0].Data) < unix.SizeofRtMsg:
		return nil, errors.ErrUnsupported
	}
	return messages[0].Data, nil
}
