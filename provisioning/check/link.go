package check

import (
	"cmp"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"homeward/dhcpopts"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// Link is how this device is plugged in, as far as the system tells.
type Link struct {
	Interface  string   // the link of the default route, or the configured one; empty: none, or not known
	Through    string   // what the default route leads through in place of Interface, such as a tunnel; or ""
	Lack       Lack     // why there is no Interface, or why it cannot be looked at
	Problem    string   // raw words to Unreadable
	Down       bool     // switched off
	NoCarrier  bool     // no cable, no radio
	Unplugged  []string // the others that are switched on and have no carrier
	Addrs      []netip.Prefix
	Others     []string // further interfaces with an address: "wlan0 10.0.1.7/24"
	Interfaces []string // the names of all
	AskedOn    *Link    // where DHCP is asked, if that is another interface; nil: it is this one
	// Of is what another interface is like; nil: that is not known.
	Of         func(name string) *Link
	Duplicates []netip.Addr // of Addrs: those that the system does not use, as others have them (IPv6)
}

// Lack is what a link does not have.
type Lack uint8

// What a link may lack.
const (
	Nothing           Lack = iota
	NoDefaultRoute         // this device can only talk to its neighbours
	NothingHasAddress      // no interface has one
	NoInterface            // none has the name of Interface
	Unreadable             // the system does not tell: see Problem
)

// card is an interface of this device.
type card struct {
	name  string
	flags net.Flags
	addrs []netip.Prefix
}

// SystemLink reads the interface named, or the one with the default route.
func SystemLink(name string) Link {
	through, noRoute := "", false
	if name == "" {
		var err error
		name, err = dhcpopts.DefaultInterface()
		noRoute = errors.Is(err, dhcpopts.ErrNoRoute)
		if links, err := dhcpopts.Links("", false); err == nil && !noRoute && !slices.Contains(links, name) {
			name, through = links[0], name
		}
	}
	all, err := net.Interfaces()
	if err != nil {
		return Link{Interface: name, Through: through, Lack: Unreadable, Problem: err.Error()}
	}
	cards := make([]card, len(all))
	for i, each := range all {
		cards[i] = card{each.Name, each.Flags, prefixes(each)}
	}
	l := linkOf(name, noRoute, cards)
	l.Through, l.Duplicates = through, duplicates(name)
	l.Of = func(name string) *Link {
		other := linkOf(name, false, cards)
		other.Duplicates = duplicates(name)
		return &other
	}
	return l
}

// farAway is an address that nobody has (RFC 5737): the way there is the default route. No packet goes there.
var farAway = netip.AddrFrom4([4]byte{198, 51, 100, 1})

// towards is the link by which this device reaches the first of these places, or else what its default route leads to, where that is another
// one than the one on which DHCP is asked, be that there or not.
func (l *Link) towards(w *wire.Wire, at []netip.AddrPort) *Link {
	if l.Lack != Nothing && l.Lack != NoInterface || l.Interface == "" || l.Through != "" {
		return l
	}
	used := l.reaching(w, at)
	if used != l {
		used.AskedOn = l
	}
	return used
}

// reaching is the link by which this device reaches the first of these places, or else what its default route leads to, if that is known.
func (l *Link) reaching(w *wire.Wire, at []netip.AddrPort) *Link {
	to := farAway
	if len(at) > 0 && !at[0].Addr().IsLoopback() {
		to = at[0].Addr()
	}
	if w.Route == nil || l.Of == nil {
		return l
	}
	r := w.Route(to)
	if r == nil || r.Interface == "" || r.Interface == l.Interface || r.Tunnel {
		return l
	}
	used := l.Of(r.Interface)
	used.Of = l.Of
	return used
}

// OffNetwork is what keeps this device off the network at this moment, by the link by which it reaches the first of these places. That it has no
// default route is told where something is not reached for that.
func OffNetwork(iface string, w *wire.Wire, at []netip.AddrPort) provisioning.Trouble {
	l := SystemLink(iface)
	return l.keepsOff(w, at)
}

// keepsOff is OffNetwork of a link on which DHCP is asked. Which one that is does not count, nor whether it is there, if another one is in use.
func (l *Link) keepsOff(w *wire.Wire, at []netip.AddrPort) provisioning.Trouble {
	used := l.reaching(w, at)
	t := used.trouble()
	switch {
	case t.Fault == provisioning.FaultNoDefaultRoute, t.Fault == provisioning.FaultLinkUnknown:
		return provisioning.Trouble{}
	case t.Fault == provisioning.FaultNoOwnAddress && used != l && len(used.Others) > 0: // a tunnel may send from the address of another interface
		return provisioning.Trouble{}
	}
	return t
}

// duplicates are the addresses of an interface of which the system has found out that another device has them (RFC 4862 section 5.4).
// Only Linux tells: each line of the table has the address, the flags in the fifth column, and the name of the interface.
func duplicates(iface string) (list []netip.Addr) {
	const failed = 0x08                                // if_addr.h, IFA_F_DADFAILED
	table, _ := os.ReadFile("/proc/self/net/if_inet6") // none is not known
	for _, line := range strings.Split(string(table), "\n") {
		f := strings.Fields(line)
		if len(f) != 6 || f[5] != iface {
			continue
		}
		flags, err := strconv.ParseUint(f[4], 16, 8)
		raw, bad := hex.DecodeString(f[0])
		if addr, is := netip.AddrFromSlice(raw); err == nil && bad == nil && is && flags&failed != 0 {
			list = append(list, addr)
		}
	}
	return list
}

// linkOf is the link of a device that has these interfaces, and uses the one named; noRoute says why none is.
func linkOf(name string, noRoute bool, cards []card) Link {
	l := Link{Interface: name}
	if noRoute {
		l.Interface, noRoute = onlyOne(cards), addressless(cards) == ""
		name = l.Interface
	}
	known := false
	for _, c := range cards {
		l.Interfaces = append(l.Interfaces, c.name)
		if c.name == name {
			known, l.Addrs = true, c.addrs
			l.Down, l.NoCarrier = c.flags&net.FlagUp == 0, c.flags&net.FlagUp != 0 && c.flags&net.FlagRunning == 0
			continue
		}
		if c.flags&net.FlagLoopback == 0 && len(c.addrs) > 0 {
			l.Others = append(l.Others, c.name+" "+provisioning.ListOf(c.addrs))
		}
		if c.flags&(net.FlagLoopback|net.FlagUp|net.FlagRunning) == net.FlagUp {
			l.Unplugged = append(l.Unplugged, c.name)
		}
	}
	switch {
	case name != "" && !known:
		l.Lack = NoInterface
	case noRoute && name == "" && !slices.ContainsFunc(cards, routable):
		l.Lack = NothingHasAddress
	case noRoute:
		l.Lack = NoDefaultRoute
	}
	return l
}

// routable says whether others can answer to an interface.
func routable(c card) bool {
	return c.flags&net.FlagLoopback == 0 && len((&Link{Addrs: c.addrs}).routable()) > 0
}

// onlyOne is the only interface that has an address others can answer to, or the one to which nobody has given one; "": there is none, or there are several.
func onlyOne(cards []card) (name string) {
	for _, c := range cards {
		if routable(c) {
			if name != "" {
				return ""
			}
			name = c.name
		}
	}
	return cmp.Or(name, addressless(cards))
}

// addressless is the interface to which nobody has given an address, where none has one that others can answer to, which is why there is no default
// route: the first one that has made up an address of IPv4 for itself, or else the only one that is connected. "": there is none.
func addressless(cards []card) (name string) {
	const connected = net.FlagUp | net.FlagRunning
	selfMade, working := "", []string(nil)
	for _, c := range cards {
		if c.flags&net.FlagLoopback != 0 {
			continue
		}
		if routable(c) {
			return ""
		}
		if c.flags&connected == connected {
			working = append(working, c.name)
		}
		for _, p := range c.addrs {
			if p.Addr().Unmap().Is4() {
				selfMade = cmp.Or(selfMade, c.name)
			}
		}
	}
	if selfMade == "" && len(working) == 1 {
		return working[0]
	}
	return selfMade
}

// has are the addresses to which others can answer, or what it lacks.
func (l *Link) has() string {
	switch {
	case l.Lack == NoInterface:
		return "is not there"
	case l.NoCarrier:
		return "has no carrier"
	case l.Down || len(l.routable()) == 0:
		return "has no address"
	default:
		return "has " + provisioning.ListOf(l.routable())
	}
}

// trouble is what keeps this device from talking to others.
func (l *Link) trouble() provisioning.Trouble {
	facts := provisioning.Facts{"interface": l.Interface, "interfaces": l.Interfaces, "addresses": provisioning.ListOf(l.Addrs), "problem": l.Problem, "unplugged": l.Unplugged, "unseen": true}
	switch {
	case l.Lack == NoInterface:
		return provisioning.FaultNoInterface.Met(facts)
	case l.Lack == NoDefaultRoute && !l.Down && !l.NoCarrier:
		return provisioning.FaultNoDefaultRoute.Met(facts)
	case l.Lack == NothingHasAddress:
		return provisioning.FaultNothingHasAddress.Met(facts)
	case l.Lack == Unreadable:
		return provisioning.FaultLinkUnknown.Met(facts)
	case l.Interface == "":
		return provisioning.Trouble{}
	case l.Down:
		return provisioning.FaultSwitchedOff.Met(facts)
	case l.NoCarrier:
		return provisioning.FaultNoCarrier.Met(facts)
	case len(l.Addrs) == 0:
		return provisioning.FaultNoOwnAddress.Met(facts)
	case len(l.routable()) == 0:
		own := slices.DeleteFunc(slices.Clone(l.Addrs), func(p netip.Prefix) bool { return !p.Addr().Is4() }) // every interface has one of IPv6
		if facts["addresses"] = provisioning.ListOf(own); len(own) == 0 {
			facts["local"] = provisioning.ListOf(l.Addrs)
			delete(facts, "addresses")
		}
		return provisioning.FaultOnlySelfMadeAddress.Met(facts)
	default:
		return provisioning.Trouble{}
	}
}

func prefixes(i net.Interface) []netip.Prefix {
	addrs, err := i.Addrs()
	if err != nil {
		return nil
	}
	var list []netip.Prefix
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			list = append(list, p)
		}
	}
	return list
}

// onSubnet says whether an address is in a subnet of a link.
func (l *Link) onSubnet(addr netip.Addr) bool {
	return slices.ContainsFunc(l.Addrs, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// onlyIPv6 says whether this device has addresses, and none of IPv4.
func (l *Link) onlyIPv6() bool {
	return len(l.routable()) > 0 && len(l.Others) == 0 && !slices.ContainsFunc(l.Addrs, func(p netip.Prefix) bool { return p.Addr().Unmap().Is4() })
}

// routable are the addresses that other machines can answer to; one that the device made up itself (RFC 3927,
// RFC 4291 §2.5.6) is none.
func (l *Link) routable() []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(l.Addrs), func(p netip.Prefix) bool { return p.Addr().IsLinkLocalUnicast() })
}

// Whose addresses are asked for on the link besides.
const (
	otherGateway = "the gateway of a default route that is not used"
	aHost        = "a host"
	dhcpServer   = "the DHCP server"
)

// Neighbour is an address on a link, and who has it.
type Neighbour struct {
	Addr    netip.Addr
	Of      string // whose it is meant to be
	MACs    []string
	System  string // who has found out that another device has it, too, without ARP; or ""
	Problem string // why nobody could be asked, or ""
	link    string // the interface on which that was asked
}
