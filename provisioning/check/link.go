package check

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/homeward-agent/homeward/dhcpopts"
	"github.com/homeward-agent/homeward/provisioning"
)

// Link is how this device is plugged in, as far as the system tells.
type Link struct {
	Interface  string // the link of the default route, or the configured one; empty: none, or not known
	Through    string // what the default route leads through in place of Interface, such as a tunnel; or ""
	Lack       Lack   // why there is no Interface, or why it cannot be looked at
	Problem    string // raw words to Unreadable
	Down       bool   // switched off
	NoCarrier  bool   // no cable, no radio
	Addrs      []netip.Prefix
	Others     []string // further interfaces with an address: "wlan0 10.0.1.7/24"
	Interfaces []string // the names of all
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

// SystemLink reads the interface named, or the one with the default route.
func SystemLink(name string) Link {
	l := Link{Interface: name}
	if name == "" {
		var err error
		if l.Interface, err = dhcpopts.DefaultInterface(); errors.Is(err, dhcpopts.ErrNoRoute) {
			l.Lack = NoDefaultRoute
		}
		if links, err := dhcpopts.Links("", false); err == nil && !slices.Contains(links, l.Interface) {
			l.Interface, l.Through = links[0], l.Interface
		}
	}
	all, err := net.Interfaces()
	if err != nil {
		l.Lack, l.Problem = Unreadable, err.Error()
		return l
	}
	known := false
	for _, i := range all {
		addrs := prefixes(i)
		l.Interfaces = append(l.Interfaces, i.Name)
		if i.Name == l.Interface {
			known, l.Addrs = true, addrs
			l.Down, l.NoCarrier = i.Flags&net.FlagUp == 0, i.Flags&net.FlagUp != 0 && i.Flags&net.FlagRunning == 0
		} else if i.Flags&net.FlagLoopback == 0 && len(addrs) > 0 {
			l.Others = append(l.Others, i.Name+" "+listPrefixes(addrs))
		}
	}
	if l.Lack == NoDefaultRoute && len(l.Others) == 0 {
		l.Lack = NothingHasAddress
	}
	if l.Interface != "" && !known {
		l.Lack = NoInterface
	}
	return l
}

// trouble is what keeps this device from talking to others.
func (l Link) trouble() provisioning.Trouble {
	facts := provisioning.Facts{"interface": l.Interface, "interfaces": l.Interfaces, "addresses": listPrefixes(l.Addrs), "problem": l.Problem}
	switch {
	case l.Lack == NoInterface:
		return provisioning.FaultNoInterface.Met(facts)
	case l.Lack == NoDefaultRoute:
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

func listPrefixes(list []netip.Prefix) string {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.String()
	}
	return strings.Join(texts, ", ")
}

// onlyIPv6 says whether this device has addresses, and none of IPv4.
func (l Link) onlyIPv6() bool {
	return len(l.routable()) > 0 && len(l.Others) == 0 && !slices.ContainsFunc(l.Addrs, func(p netip.Prefix) bool { return p.Addr().Unmap().Is4() })
}

// routable are the addresses that other machines can answer to; one that the device made up itself (RFC 3927,
// RFC 4291 §2.5.6) is none.
func (l Link) routable() []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(l.Addrs), func(p netip.Prefix) bool { return p.Addr().IsLinkLocalUnicast() })
}
