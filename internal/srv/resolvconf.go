package srv

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"runtime"
	"slices"
	"strings"

	"github.com/homeward-agent/homeward/internal/safefile"
)

// Specification constants.
const (
	resolvConf = "/etc/resolv.conf" // resolv.conf(5)
	dnsPort    = 53                 // RFC 1035, section 4.2
)

// Our choices.
const (
	maxServers    = 8       // all are asked at the same time
	maxResolvConf = 1 << 20 // bytes; nobody writes so many by hand
)

// SystemResolvers returns the name servers of /etc/resolv.conf as it is now, at most 8, on port 53. If the file is missing
// or names none, they are the ones on this machine, 127.0.0.1 and ::1 (resolv.conf(5)). On a system without that file
// (Windows) the error satisfies errors.Is(err, errors.ErrUnsupported).
func SystemResolvers() ([]netip.AddrPort, error) {
	if runtime.GOOS == "windows" {
		return nil, fmt.Errorf("read the system's name servers: %w", errors.ErrUnsupported)
	}
	return resolversIn(resolvConf)
}

// resolversIn reads a resolv.conf, which may be a link to one, as that of systemd-resolved is.
func resolversIn(path string) ([]netip.AddrPort, error) {
	f, err := safefile.Follow(path)
	if errors.Is(err, fs.ErrNotExist) {
		return localResolvers(), nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseResolvConf(f)
}

// parseResolvConf reads the nameserver lines and nothing else: search lists and options do not apply to absolute names.
func parseResolvConf(r io.Reader) ([]netip.AddrPort, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxResolvConf))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", resolvConf, err)
	}
	var servers []netip.AddrPort
	for line := range strings.Lines(string(raw)) {
		word := strings.Fields(line)
		if len(word) < 2 || word[0] != "nameserver" {
			continue
		}
		addr, err := netip.ParseAddr(word[1])
		server := netip.AddrPortFrom(addr.Unmap(), dnsPort)
		if err == nil && len(servers) < maxServers && !slices.Contains(servers, server) {
			servers = append(servers, server)
		}
	}
	if len(servers) == 0 {
		return localResolvers(), nil
	}
	return servers, nil
}

func localResolvers() []netip.AddrPort {
	return []netip.AddrPort{
		netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), dnsPort),
		netip.AddrPortFrom(netip.IPv6Loopback(), dnsPort),
	}
}
