package dhcpopts

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The routes of this process's network namespace (proc_net(5)); spelled with "self", which the service still sees under
// ProcSubset=pid.
const (
	routeTable  = "/proc/self/net/route"
	routeTable6 = "/proc/self/net/ipv6_route"
)

// Links returns the interfaces on which DHCP, or DHCPv6, is asked: the one named; without a name that of the default
// route. A route is of a destination, and DHCP is of a link: where the default route leads into what has no DHCP, such as a
// tunnel, it is every interface that is up, has an address and can have DHCP. A network of one IP version has the default route
// of that version only. Where there is no default route, it is the only such interface; the error is [ErrNoRoute] when there is none, or
// when there are several.
func Links(iface string, six bool) ([]string, error) {
	if iface != "" {
		return []string{iface}, nil
	}
	versions := []bool{six, !six}
	routed := ""
	for _, version := range versions {
		name, err := defaultInterface(version)
		if err != nil {
			return nil, err
		}
		if ifi, err := net.InterfaceByName(name); err == nil && hasDHCP(*ifi) {
			return []string{name}, nil
		}
		if routed == "" {
			routed = name
		}
	}
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	var links []string
	for _, ifi := range all {
		if addrs, err := ifi.Addrs(); err == nil && hasDHCP(ifi) && slices.ContainsFunc(addrs, isRoutable) {
			links = append(links, ifi.Name)
		}
	}
	switch {
	case routed == "" && len(links) == 1:
		return links, nil
	case routed == "":
		return nil, ErrNoRoute
	case len(links) == 0:
		return nil, fmt.Errorf("%w but through %s, which can have no DHCP", ErrNoRoute, routed)
	}
	return links, nil
}

// hasDHCP says whether an interface is of a kind that can have DHCP (RFC 2131: broadcasts), and is up.
func hasDHCP(ifi net.Interface) bool {
	const kind = net.FlagUp | net.FlagBroadcast | net.FlagPointToPoint | net.FlagLoopback
	return ifi.Flags&kind == net.FlagUp|net.FlagBroadcast
}

// isRoutable says whether an address is not one that every interface has, or makes up.
func isRoutable(addr net.Addr) bool {
	n, ok := addr.(*net.IPNet)
	return ok && !n.IP.IsLinkLocalUnicast()
}

// DefaultInterface returns the name of the interface with the default route of IPv4, or else of IPv6. The error is [ErrNoRoute]
// when there is neither, and errors.ErrUnsupported on systems that are not asked.
func DefaultInterface() (string, error) {
	for _, six := range []bool{false, true} {
		if name, err := defaultInterface(six); name != "" || err != nil {
			return name, err
		}
	}
	return "", ErrNoRoute
}

// defaultInterface is DefaultInterface of one version of IP; "": there is none.
func defaultInterface(six bool) (string, error) {
	file, read := routeTable, defaultRoute
	if six {
		file, read = routeTable6, defaultRoute6
	}
	f, err := os.Open(file)
	if six && errors.Is(err, fs.ErrNotExist) { // a kernel without it
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read routes: %w", err)
	}
	defer f.Close()
	return read(f)
}

// defaultRoute returns the interface of the default route with the lowest metric in a table with the
// columns of /proc/net/route, or "".
func defaultRoute(table io.Reader) (string, error) {
	const iface, destination, flags, metric, mask, columns, decimal = 0, 1, 3, 6, 7, 8, 10
	return lowest(table, iface, flags, metric, columns, decimal, func(f []string) bool {
		return f[destination] == "00000000" && f[mask] == "00000000"
	})
}

// defaultRoute6 is defaultRoute for /proc/net/ipv6_route.
func defaultRoute6(table io.Reader) (string, error) {
	const destination, length, source, metric, flags, iface, columns, hexadecimal = 0, 1, 3, 5, 8, 9, 10, 16
	return lowest(table, iface, flags, metric, columns, hexadecimal, func(f []string) bool {
		return strings.Trim(f[destination], "0") == "" && f[length] == "00" && f[source] == "00" && f[iface] != "lo"
	})
}

// lowest returns the interface of the route with the lowest metric among those that are meant and usable, or "".
func lowest(table io.Reader, iface, flags, metric, columns, base int, meant func(fields []string) bool) (string, error) {
	const usable, reject = unix.RTF_UP, unix.RTF_REJECT
	name, best := "", uint64(0)
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < columns || !meant(f) {
			continue
		}
		bits, err := strconv.ParseUint(f[flags], 16, 32)
		if err != nil || bits&(usable|reject) != usable {
			continue
		}
		if m, err := strconv.ParseUint(f[metric], base, 32); err == nil && (name == "" || m < best) {
			name, best = f[iface], m
		}
	}
	return name, lines.Err()
}

// findInterface returns the named interface, or the first one of [Links].
func findInterface(name string, six bool) (*net.Interface, error) {
	links, err := Links(name, six)
	if err != nil {
		return nil, err
	}
	ifi, err := net.InterfaceByName(links[0])
	if err != nil {
		return nil, fmt.Errorf("%w %q; this device has %s", ErrNoInterface, links[0], strings.Join(interfaces(), ", "))
	}
	if ifi.Flags&net.FlagUp == 0 { // before anybody asks whether this user may listen there
		return nil, fmt.Errorf("listen for DHCP on %s: %w", ifi.Name, ErrDown)
	}
	return ifi, nil
}

// interfaces are the names of those that there are.
func interfaces() (names []string) {
	all, _ := net.Interfaces() // none is none
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names
}
