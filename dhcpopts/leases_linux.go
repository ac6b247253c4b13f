package dhcpopts

import (
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
	"sort"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Our choices.
const (
	maxLease   = 64 << 10 // bytes of a file that are read: dhclient starts a new one after twenty entries of about a kilobyte
	maxEntries = 1 << 10  // of a directory that are looked at
	maxFiles   = 32       // of a directory that are read
	maxLeases  = 16       // that count, of all files; as many as answers to a question
)

// ReadLeases returns what the system's DHCP client keeps about the interface iface; "" is the first
// one of [Links]. A lease for an address that the interface does not have is left out, since it is of another
// network; one that has expired is not. The last written comes first, and there are 16 at most. hooks is the directory of
// packaging/hooks, or ""; it and its files are believed only when they belong to root, or to the user of this process,
// and nobody else can write to them.
//
// The error says what could not be read or understood, with file and line; of many such errors it has the first, and
// their number. It may come with leases.
func ReadLeases(iface, hooks string) ([]Lease, error) {
	ifi, err := findInterface(iface, false)
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
	wrong troubles
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
		if f, err := r.conf(conf); err == nil { // it may well not exist; what it names is then not found
			dhclientOptions(f.data, names)
		}
	}
	for _, place := range []struct {
		dir, files string
		parse      func(leaseFile) ([]Lease, error)
		believe    func(fs.FileInfo) error
	}{
		{"/run/systemd/netif/leases", strconv.Itoa(index), parseNetworkd, nil},
		{"/var/lib/dhcp", "dhclient*.leases", parseDhclient, nil},           // Debian
		{"/var/lib/dhclient", "dhclient*.lease*", parseDhclient, nil},       // Red Hat
		{"/var/lib/NetworkManager", "dhclient-*.lease", parseDhclient, nil}, // its own client keeps neither option
		{"/var/lib/dhcpcd", "*.lease", r.dhcpcd, nil},                       // Debian, from dhcpcd 9
		{"/var/lib/dhcpcd5", "*.lease", r.dhcpcd, nil},                      // Debian, before
		{"/var/db/dhcpcd", "*.lease", r.dhcpcd, nil},                        // as it comes
		{hooks, "*.env", parseHook, rootsOwn},
	} {
		if place.dir != "" {
			r.dir(place.dir, place.files, place.believe, func(f leaseFile) ([]Lease, error) {
				f.names = names
				return place.parse(f)
			})
		}
	}
	sort.SliceStable(r.files, func(i, j int) bool { return r.files[i].written > r.files[j].written })
	if len(r.files) > maxLeases {
		r.wrong.add(fmt.Errorf("there are %d leases, the last %d count", len(r.files), maxLeases))
		r.files = r.files[:maxLeases]
	}
	var leases []Lease
	for i := range r.files {
		f := &r.files[i]
		leases = append(leases, f.Lease)
	}
	return leases, r.wrong.err()
}

// dir reads the files of a directory whose names match. believe, if there is one, says why it or a file is not believed.
func (r *leaseReader) dir(dir, pattern string, believe func(fs.FileInfo) error, parse func(leaseFile) ([]Lease, error)) {
	full := path.Join(r.root, dir)
	d, err := openAs(unix.AT_FDCWD, full, full, unix.O_DIRECTORY, believe)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) { // the client is not installed
			r.wrong.add(err)
		}
		return
	}
	defer d.Close()
	names, err := d.Readdirnames(maxEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		r.wrong.add(err)
	}
	if len(names) > maxEntries {
		r.wrong.add(fmt.Errorf("%s: it has more than %d files, the others are not looked at", full, maxEntries))
	}
	names = slices.DeleteFunc(names, func(name string) bool { ok, _ := path.Match(pattern, name); return !ok })
	slices.Sort(names)
	if len(names) > maxFiles {
		r.wrong.add(fmt.Errorf("%s: it has %d files %s, the first %d are read", full, len(names), pattern, maxFiles))
		names = names[:maxFiles]
	}
	for _, name := range names {
		f, err := readIn(int(d.Fd()), name, path.Join(full, name), believe)
		if errors.Is(err, fs.ErrNotExist) { // a moment ago it did
			continue
		}
		if err != nil {
			r.wrong.add(err)
			continue
		}
		leases, err := parse(f)
		r.wrong.add(err)
		r.keep(f, leases)
	}
}

// keep takes the last lease of a file that is of this interface and its address.
func (r *leaseReader) keep(f leaseFile, leases []Lease) {
	for _, six := range []bool{false, true} {
		for i := len(leases) - 1; i >= 0; i-- {
			l := leases[i]
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

// conf reads a configuration file.
func (r *leaseReader) conf(name string) (leaseFile, error) {
	full := path.Join(r.root, name)
	return readIn(unix.AT_FDCWD, full, full, nil)
}

// rootsOwn says why what a hook of root's should have made is not believed.
func rootsOwn(info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok || stat.Uid != 0 && int(stat.Uid) != os.Geteuid():
		return errors.New("it belongs to another user than root: it is not believed")
	case info.Mode().Perm()&0o022 != 0:
		return errors.New("others than its owner can write to it: it is not believed")
	default:
		return nil
	}
}

// readIn reads a regular file of a directory that is not too large; it waits for no pipe and follows no link.
func readIn(dir int, name, full string, believe func(fs.FileInfo) error) (leaseFile, error) {
	f, err := openAs(dir, name, full, unix.O_NOFOLLOW, believe)
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

// openAs opens a file or directory below dir for reading, if it is to be believed. Directories of the system may be links.
func openAs(dir int, name, full string, flags int, believe func(fs.FileInfo) error) (*os.File, error) {
	if believe != nil {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: full, Err: err}
	}
	f := os.NewFile(uintptr(fd), full)
	if believe == nil {
		return f, nil
	}
	info, err := f.Stat()
	if err == nil {
		err = believe(info)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", full, err)
	}
	return f, nil
}
