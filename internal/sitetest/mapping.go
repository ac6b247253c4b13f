package sitetest

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// mapping says where the world outside finds what the file has at an address. In memory that is the same address.
type mapping struct {
	sim *simulation

	mu    sync.Mutex                // guards the rest
	addrs map[netip.Addr]netip.Addr // from the file's to ours; nil in memory
	shift bool                      // ports below 1024 were not allowed
}

// Our choices.
const portShift = 10000 // for ports that may not be opened

// nowhere is where Registrars are that cannot be reached: a broadcast address
// cannot be connected to.
var nowhere = netip.AddrFrom4([4]byte{127, 255, 255, 255})

// lookUp is the address on loopback that stands for one of the file; without one it is itself.
func (m *mapping) lookUp(addr netip.Addr) (ours netip.Addr, live, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ours, known = m.addrs[addr]
	if !known {
		ours = addr
	}
	return ours, m.addrs != nil, known
}

// put makes an address on loopback stand for one of the file.
func (m *mapping) put(addr, ours netip.Addr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.addrs[addr] = ours
}

// taken says whether an address on loopback stands for another one.
func (m *mapping) taken(ours netip.Addr) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Contains(slices.Collect(maps.Values(m.addrs)), ours)
}

// raisePorts moves the ports below 1024 from now on; false if it has done so before.
func (m *mapping) raisePorts() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.shift
	m.shift = true
	return !before
}

// addr is the address the site gives to the world instead of one in the file.
func (m *mapping) addr(addr netip.Addr) netip.Addr {
	ours, live, known := m.lookUp(addr)
	if live && addr.Is4() && (!known || !m.sim.state().reachable(addr)) {
		return nowhere
	}
	return ours
}

func (m *mapping) port(port uint16) uint16 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shift && port < 1024 {
		return port + portShift
	}
	return port
}

func (m *mapping) addrPort(at netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(m.addr(at.Addr()), m.port(at.Port()))
}

// lost says whether the device does not have the address any more that a connection came from: in memory only.
func (m *mapping) lost(from net.Addr) bool {
	at, err := netip.ParseAddrPort(from.String())
	if err != nil || !at.Addr().Is4() {
		return false
	}
	_, live, _ := m.lookUp(at.Addr())
	return !live && at.Addr() != m.sim.state().device
}

// uri puts what the world outside has to dial into a SIP URI.
func (m *mapping) uri(uri string) string {
	scheme, rest, _ := strings.Cut(uri, ":")
	hostport, tail := rest, ""
	if i := strings.IndexByte(rest, ';'); i >= 0 {
		hostport, tail = rest[:i], rest[i:]
	}
	if at, err := netip.ParseAddrPort(hostport); err == nil {
		return scheme + ":" + m.addrPort(at).String() + tail
	}
	if host, port, ok := strings.Cut(hostport, ":"); ok {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			return fmt.Sprintf("%s:%s:%d%s", scheme, host, m.port(uint16(n)), tail)
		}
	}
	return uri
}

// records puts what the world outside has to dial into the answers of name servers.
func (m *mapping) records(records []dns.RR) []dns.RR {
	records = slices.Clone(records)
	for i, rr := range records {
		rr = dns.Copy(rr)
		switch rr := rr.(type) {
		case *dns.A:
			rr.A = m.addr(netip.AddrFrom4([4]byte(rr.A.To4()))).AsSlice()
		case *dns.AAAA:
			rr.AAAA = m.addr(netip.AddrFrom16([16]byte(rr.AAAA))).AsSlice()
		case *dns.SRV:
			rr.Port = m.port(rr.Port)
		}
		records[i] = rr
	}
	return records
}
