package check

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/homeward-agent/homeward/dhcpopts"
	"github.com/homeward-agent/homeward/provisioning"
)

// Link is how this device is plugged in, as far as the system tells.
type Link struct {
	Interface string // the one with the default route, or the configured one; empty: none, or not known
	Problem   string // why there is no Interface, or why it cannot be looked at
	Missing   bool   // there is no Interface of that name
	Down      bool   // switched off
	NoCarrier bool   // no cable, no radio
	Addrs     []netip.Prefix
	Others    []string // further interfaces with an address: "wlan0 10.0.1.7/24"
}

// noDefaultRoute is the Problem of a device that can only talk to its neighbours.
const noDefaultRoute = "there is no default route"

// SystemLink reads the interface named, or the one with the default route.
func SystemLink(name string) Link {
	l := Link{Interface: name}
	if name == "" {
		var err error
		if l.Interface, err = dhcpopts.DefaultInterface(); errors.Is(err, dhcpopts.ErrNoRoute) {
			l.Problem = noDefaultRoute
		}
	}
	all, err := net.Interfaces()
	if err != nil {
		l.Problem = err.Error()
		return l
	}
	known, names := false, []string(nil)
	for _, i := range all {
		addrs := prefixes(i)
		names = append(names, i.Name)
		if i.Name == l.Interface {
			known, l.Addrs = true, addrs
			l.Down, l.NoCarrier = i.Flags&net.FlagUp == 0, i.Flags&net.FlagUp != 0 && i.Flags&net.FlagRunning == 0
		} else if i.Flags&net.FlagLoopback == 0 && len(addrs) > 0 {
			l.Others = append(l.Others, i.Name+" "+listPrefixes(addrs))
		}
	}
	if l.Problem == noDefaultRoute && len(l.Others) == 0 {
		l.Problem = "no interface has an address"
	}
	if l.Missing = l.Interface != "" && !known; l.Missing {
		l.Problem = fmt.Sprintf("there is no interface %s; this device has %s", l.Interface, strings.Join(names, ", "))
	}
	return l
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

// mend says what to do about a problem of the link, and what kind it is.
func (l Link) mend() (reason provisioning.Reason, do string) {
	if l.Missing {
		return provisioning.DHCPNoInterface, provisioning.DHCPNoInterface.Hint()
	}
	return provisioning.ConnectUnreachable, "check the cable, the VLAN and the DHCP lease of this device"
}

// routable are the addresses that other machines can answer to; one that the device made up itself (RFC 3927,
// RFC 4291 §2.5.6) is none.
func (l Link) routable() []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(l.Addrs), func(p netip.Prefix) bool { return p.Addr().IsLinkLocalUnicast() })
}
