package dhcpopts

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLease is how much of a file is read: dhclient starts a new one after twenty entries of about a kilobyte.
const maxLease = 64 << 10

// ReadLeases returns what the system's DHCP client keeps about the interface iface; "" is the one with the
// default route. A lease for an address that the interface does not have is left out, since it is of another
// network; one that has expired is not. The last written comes first. hooks is the directory of packaging/hooks, or "".
//
// The error joins all that could not be read or understood, each with file and line. It may come with leases.
func ReadLeases(iface, hooks string) ([]Lease, error) {
	ifi, err := findInterface(iface)
	if err != nil {
		return nil, fmt.Errorf("read DHCP leases: %w", err)
	}
	addrs, err := ifi.Addrs()
	if err != nil {
		return nil, fmt.Errorf("read DHCP leases of %s: list addresses: %w", ifi.Name, err)
	}
	r := leaseReader{root: "/", iface: ifi.Name}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			addr, _ := netip.AddrFromSlice(n.IP)
			r.addrs = append(r.addrs, addr.Unmap())
		}
	}
	return r.read(ifi.Index, hooks)
}

// leaseReader reads the files of one interface.
type leaseReader struct {
	root  string // "/"; where the tests have their files
	iface string
	addrs []netip.Addr // that the interface has now

	files []readLease
	wrong error
}

// readLease is a lease with when it was written.
type readLease struct {
	Lease
	written int64
}

// read looks into every place where a client may keep leases.
func (r *leaseReader) read(index int, hooks string) ([]Lease, error) {
	names := maps.Clone(dhclientNames)
	for _, conf := range []string{"/etc/dhcp/dhclient.conf", "/etc/dhclient.conf", "/etc/dhclient-" + r.iface + ".conf", "/var/lib/NetworkManager/dhclient-" + r.iface + ".conf"} {
		if f, err := r.open(conf); err == nil { // it may well not exist; what it names is then not found
			dhclientOptions(f.data, names)
		}
	}
	for _, place := range []struct {
		dir, files string
		parse      func(leaseFile) ([]Lease, error)
	}{
		{"/run/systemd/netif/leases", strconv.Itoa(index), parseNetworkd},
		{"/var/lib/dhcp", "dhclient*.leases", parseDhclient},           // Debian
		{"/var/lib/dhclient", "dhclient*.lease*", parseDhclient},       // Red Hat
		{"/var/lib/NetworkManager", "dhclient-*.lease", parseDhclient}, // its own client keeps neither option
		{"/var/lib/dhcpcd", "*.lease", r.dhcpcd},                       // Debian, from dhcpcd 9
		{"/var/lib/dhcpcd5", "*.lease", r.dhcpcd},                      // Debian, before
		{"/var/db/dhcpcd", "*.lease", r.dhcpcd},                        // as it comes
		{hooks, "*.env", parseHook},
	} {
		if place.dir != "" {
			r.dir(place.dir, place.files, names, place.parse)
		}
	}
	slices.SortStableFunc(r.files, func(a, b readLease) int { return cmp.Compare(b.written, a.written) })
	var leases []Lease
	for _, f := range r.files {
		leases = append(leases, f.Lease)
	}
	return leases, r.wrong
}

// dir reads the files of a directory whose names match.
func (r *leaseReader) dir(dir, pattern string, names map[string]uint8, parse func(leaseFile) ([]Lease, error)) {
	entries, err := os.ReadDir(path.Join(r.root, dir))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) { // the client is not installed
			r.wrong = join(r.wrong, err)
		}
		return
	}
	for _, entry := range entries {
		if ok, _ := path.Match(pattern, entry.Name()); !ok {
			continue
		}
		f, err := r.open(path.Join(dir, entry.Name()))
		if errors.Is(err, fs.ErrNotExist) { // a moment ago it did
			continue
		}
		if err != nil {
			r.wrong = join(r.wrong, err)
			continue
		}
		f.names = names
		leases, err := parse(f)
		r.wrong = join(r.wrong, err)
		r.keep(f, leases)
	}
}

// keep takes the last lease of a file that is of this interface and its address.
func (r *leaseReader) keep(f leaseFile, leases []Lease) {
	for _, six := range []bool{false, true} {
		for _, l := range slices.Backward(leases) {
			if l.IPv6 != six || l.Interface != "" && l.Interface != r.iface || l.Addr.IsValid() && !slices.Contains(r.addrs, l.Addr) {
				continue
			}
			l.Interface = r.iface
			r.files = append(r.files, readLease{l, f.written.UnixNano()})
			break
		}
	}
}

// dhcpcd is parseDhcpcd for the files of this interface, which only their names tell: eth0.lease, before version
// 9 dhcpcd-eth0.lease, and wlan0-SSID.lease.
func (r *leaseReader) dhcpcd(f leaseFile) ([]Lease, error) {
	name := strings.TrimSuffix(strings.TrimPrefix(path.Base(f.path), "dhcpcd-"), ".lease")
	if name != r.iface && !strings.HasPrefix(name, r.iface+"-") {
		return nil, nil
	}
	return parseDhcpcd(f)
}

// open reads a regular file that is not too large; it waits for no pipe and follows no link.
func (r *leaseReader) open(name string) (leaseFile, error) {
	full := path.Join(r.root, name)
	f, err := os.OpenFile(full, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return leaseFile{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return leaseFile{}, err
	}
	if !info.Mode().IsRegular() {
		return leaseFile{}, fmt.Errorf("%s: it is not a regular file", full)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxLease+1))
	if err != nil {
		return leaseFile{}, fmt.Errorf("read %s: %w", full, err)
	}
	if len(data) > maxLease {
		return leaseFile{}, fmt.Errorf("%s: it has more than %d bytes", full, maxLease)
	}
	return leaseFile{path: full, data: data, written: info.ModTime()}, nil
}
