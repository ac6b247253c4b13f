package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math/bits"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"homeward/internal/safefile"
)

// maxSystemFile is our choice: bytes of a table of the kernel, the largest of what is read here.
const maxSystemFile = 1 << 20

// systemPart is system.json: what program this is and where it runs. What the system does not tell is absent.
type systemPart struct {
	Version      int             `json:"version"`
	Program      versionAnswer   `json:"program"`                // this program
	OS           string          `json:"os"`                     // "linux"
	Arch         string          `json:"arch"`                   // "amd64"
	Distribution string          `json:"distribution,omitempty"` // PRETTY_NAME of os-release(5)
	Kernel       string          `json:"kernel,omitempty"`       // its release
	HostName     string          `json:"host_name,omitempty"`    // the name of this machine
	Now          time.Time       `json:"now"`                    // by the clock of the device
	Zone         string          `json:"zone"`                   // the time zone
	Interfaces   []interfacePart `json:"interfaces"`             // all network interfaces
	Resolvers    []string        `json:"resolv_conf,omitempty"`  // the lines of resolv.conf(5) that say something
	Routes       []routePart     `json:"routes,omitempty"`       // the routing tables
	Cut          []string        `json:"cut,omitempty"`          // files of which only the beginning is here: "/proc/net/ipv6_route"
}

type interfacePart struct {
	Name      string   `json:"name"`
	MAC       string   `json:"mac,omitempty"` // hardware address
	MTU       int      `json:"mtu"`           // in bytes
	Flags     string   `json:"flags"`         // "up|broadcast"
	Addresses []string `json:"addresses,omitempty"`
}

type routePart struct {
	To        netip.Prefix `json:"to"` // the destination
	Via       netip.Addr   `json:"via,omitzero"`
	Interface string       `json:"interface"`
	Metric    uint32       `json:"metric"` // the lower counts
}

func thisSystem() systemPart {
	now := time.Now()
	zone, _ := now.Zone()
	name, _ := os.Hostname() // unknown is absent
	s := systemPart{
		Version: 1, Program: thisVersion(), OS: runtime.GOOS, Arch: runtime.GOARCH, HostName: name,
		Now: now.UTC().Truncate(time.Millisecond), Zone: zone, Interfaces: []interfacePart{},
	}
	s.Kernel = strings.Join(s.linesOf("/proc/sys/kernel/osrelease"), "")
	for _, line := range s.linesOf("/etc/os-release") { // os-release(5)
		if quoted, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
			s.Distribution = strings.Trim(quoted, `"'`)
		}
	}
	for _, line := range s.linesOf("/etc/resolv.conf") {
		if line[0] != '#' && line[0] != ';' {
			s.Resolvers = append(s.Resolvers, line)
		}
	}
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		addresses, _ := i.Addrs()
		shown := interfacePart{Name: i.Name, MAC: i.HardwareAddr.String(), MTU: i.MTU, Flags: i.Flags.String()}
		for _, a := range addresses {
			shown.Addresses = append(shown.Addresses, a.String())
		}
		s.Interfaces = append(s.Interfaces, shown)
	}
	s.Routes = append(routes4(s.linesOf("/proc/net/route")), routes6(s.linesOf("/proc/net/ipv6_route"))...)
	return s
}

// linesOf returns the lines of a small file of the system that are not empty; none if it cannot be read. Of a large one it
// returns the whole lines at its beginning, and writes that down.
func (s *systemPart) linesOf(path string) []string {
	f, err := safefile.Follow(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSystemFile+1))
	if err != nil {
		return nil
	}
	if len(text) > maxSystemFile {
		s.Cut = append(s.Cut, path)
		text = text[:bytes.LastIndexByte(text, '\n')+1]
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
}

// hostLabel is the name of this machine as a part of a file name.
func hostLabel() string {
	name, _ := os.Hostname()
	label, _, _ := strings.Cut(name, ".")
	label = strings.Map(func(r rune) rune {
		if r == '-' || r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' {
			return r
		}
		return -1
	}, label)
	if label == "" {
		return "device"
	}
	return label
}

// Flags of a route (linux/route.h, linux/ipv6_route.h).
const (
	routeUp    = 0x1
	routeLocal = 0x80000000
)

// routes4 reads the lines of /proc/net/route, whose addresses are in the byte order of the machine.
func routes4(lines []string) []routePart {
	var routes []routePart
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) < 8 || hexadecimal(f[3])&routeUp == 0 { // the header is not up
			continue
		}
		metric, _ := strconv.ParseUint(f[6], 10, 32)
		r := routePart{To: netip.PrefixFrom(addr4(hexadecimal(f[1])), bits.OnesCount32(hexadecimal(f[7]))), Interface: f[0], Metric: uint32(metric)}
		if gateway := addr4(hexadecimal(f[2])); !gateway.IsUnspecified() {
			r.Via = gateway
		}
		routes = append(routes, r)
	}
	return routes
}

// routes6 reads the lines of /proc/net/ipv6_route. Routes to addresses of this machine are left out.
func routes6(lines []string) []routePart {
	var routes []routePart
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) < 10 || hexadecimal(f[8])&(routeUp|routeLocal) != routeUp {
			continue
		}
		r := routePart{To: netip.PrefixFrom(addr6(f[0]), int(hexadecimal(f[1]))), Interface: f[9], Metric: hexadecimal(f[5])}
		if gateway := addr6(f[4]); !gateway.IsUnspecified() {
			r.Via = gateway
		}
		routes = append(routes, r)
	}
	return routes
}

// hexadecimal reads a number of a table of the kernel; what is none is 0.
func hexadecimal(s string) uint32 {
	n, _ := strconv.ParseUint(s, 16, 32)
	return uint32(n)
}

func addr4(native uint32) netip.Addr {
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], native)
	return netip.AddrFrom4(b)
}

func addr6(digits string) netip.Addr {
	var b [16]byte
	_, _ = hex.Decode(b[:], []byte(digits[:min(len(digits), 2*len(b))])) // as above
	return netip.AddrFrom16(b)
}
