package srv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"runtime"
	"slices"
	"strings"

	"homeward/internal/place"
	"homeward/internal/safefile"
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

// LeftOutError says which name servers of resolv.conf are not asked, though others of it are.
type LeftOutError struct {
	Unread []string // what stands there in place of an address, escaped; at most 8
	More   int      // servers beyond the first 8
	Cut    bool     // the file is larger than 1 MiB, and only its beginning was read
}

func (e *LeftOutError) Error() string {
	var parts []string
	if len(e.Unread) > 0 {
		parts = append(parts, "no addresses of name servers: "+strings.Join(e.Unread, ", "))
	}
	if e.More > 0 {
		parts = append(parts, fmt.Sprintf("not asked: %d name servers after the first %d", e.More, maxServers))
	}
	if e.Cut {
		parts = append(parts, fmt.Sprintf("not read: what comes after %d bytes", maxResolvConf))
	}
	return resolvConf + ": " + strings.Join(parts, "; ")
}

// SystemResolvers returns the name servers of /etc/resolv.conf as it is now, at most 8, on port 53. What is left out is a
// *LeftOutError beside those that are not. If the file is missing
// or names none, they are the ones on this machine, 127.0.0.1 and ::1 (resolv.conf(5)). On a system without that file
// (Windows) the error satisfies errors.Is(err, errors.ErrUnsupported).
func SystemResolvers() ([]netip.AddrPort, error) {
	if runtime.GOOS == "windows" {
		return nil, fmt.Errorf("read the system's name servers: %w", errors.ErrUnsupported)
	}
	return resolversIn(resolvConf)
}

// SystemSearch returns the domains of the search list of /etc/resolv.conf, at most 8: what this device takes for the domain of its site. Look-ups do not use it.
func SystemSearch() []string {
	f, err := safefile.Follow(resolvConf)
	if err != nil {
		return nil
	}
	defer f.Close()
	return parseSearch(f)
}

// parseSearch reads the last line of a search list, which is the one that counts (resolv.conf(5)).
func parseSearch(r io.Reader) (domains []string) {
	raw, _ := io.ReadAll(io.LimitReader(r, maxResolvConf)) // what can be read
	for _, line := range strings.Split(string(raw), "\n") {
		word := strings.Fields(line)
		if len(word) < 2 || word[0] != "search" && word[0] != "domain" {
			continue
		}
		domains = nil
		for _, name := range word[1:min(len(word), maxServers+1)] {
			if domain, err := place.HostName(name); err == nil {
				domains = append(domains, domain)
			}
		}
	}
	return domains
}

// resolvedConf is where systemd-resolved tells whom it asks, in the form of resolv.conf.
const resolvedConf = "/run/systemd/resolve/resolv.conf"

// SystemUpstreams returns the name servers that these resolvers on this machine ask; nil: it is not known. Only of systemd-resolved it is, by
// the addresses that are its own (systemd-resolved.service(8)): the files of resolvers stay there where another one is in use.
func SystemUpstreams(resolvers []netip.AddrPort) []netip.AddrPort {
	return upstreamsIn(resolvedConf, resolvers)
}

func upstreamsIn(path string, resolvers []netip.AddrPort) []netip.AddrPort {
	for _, resolver := range resolvers {
		if addr := resolver.Addr(); addr != netip.AddrFrom4([4]byte{127, 0, 0, 53}) && addr != netip.AddrFrom4([4]byte{127, 0, 0, 54}) {
			return nil
		}
	}
	servers, _ := resolversIn(path) // what can be read of it
	return slices.DeleteFunc(servers, func(s netip.AddrPort) bool { return s.Addr().IsLoopback() })
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
	raw, err := io.ReadAll(io.LimitReader(r, maxResolvConf+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", resolvConf, err)
	}
	left := LeftOutError{Cut: len(raw) > maxResolvConf}
	if left.Cut {
		raw = raw[:bytes.LastIndexByte(raw, '\n')+1] // half a line may hold half an address
	}
	var servers []netip.AddrPort
	for line := range strings.Lines(string(raw)) {
		word := strings.Fields(line)
		if len(word) < 2 || word[0] != "nameserver" {
			continue
		}
		addr, err := netip.ParseAddr(word[1])
		server := netip.AddrPortFrom(addr.Unmap(), dnsPort)
		switch {
		case err != nil:
			if len(left.Unread) < maxServers {
				left.Unread = append(left.Unread, fmt.Sprintf("%.64q", word[1]))
			}
		case slices.Contains(servers, server): // asked once
		case len(servers) == maxServers:
			left.More++
		default:
			servers = append(servers, server)
		}
	}
	if len(servers) == 0 {
		servers = localResolvers()
	}
	if len(left.Unread) > 0 || left.More > 0 || left.Cut {
		return servers, &left
	}
	return servers, nil
}

func localResolvers() []netip.AddrPort {
	return []netip.AddrPort{
		netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), dnsPort),
		netip.AddrPortFrom(netip.IPv6Loopback(), dnsPort),
	}
}
