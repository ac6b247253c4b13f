//go:build linux

package e2e

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// path is what lies between a machine and the segment: a cable with a round trip and a loss that can be set, for kernels
// that have no netem. It holds back IP packets and nothing else: who has an address (ARP) is asked of a router nearby.
type path struct {
	trip    atomic.Int64               // the round trip; half of it on either way
	lossy   atomic.Uint32              // IP packets in a thousand that are lost
	lossDNS atomic.Uint32              // those of DNS
	hole    atomic.Pointer[netip.Addr] // a machine whose packets are all lost, both ways; nil: none

	mu     sync.Mutex
	here   int         // round trips that lie behind the last packet that arrived at the machine
	beyond int         // those behind the last one that arrived at the segment
	grown  []time.Time // when here grew to 1, 2, 3 …
	count  int         // how often it was begun
}

// frame is an Ethernet frame on its way.
type frame struct {
	bytes []byte
	due   time.Time
	trips int
	count int // the one in which it set out; 0: it does not count
}

// frames is how many packets are on their way at most; more are lost, as anywhere.
const frames = 4096

// newPath puts a path in place of the cable of a machine; its interface is eth0 again, and has no address.
func newPath(t testing.TB, h *host) *path {
	t.Helper()
	near, far := openTap(t, "path-near"), openTap(t, "path-far")
	mustIP(t, "-n", h.name, "link", "set", "eth0", "down", "name", "cable")
	mustIP(t, "link", "set", "path-near", "name", "eth0", "netns", h.name)
	mustIP(t, "-n", h.name, "link", "set", "eth0", "up")
	mustIP(t, "link", "set", "path-far", "master", "br0", "up")
	p := &path{}
	var ways sync.WaitGroup
	ways.Go(func() { p.carry(near, far, true) })
	ways.Go(func() { p.carry(far, near, false) })
	t.Cleanup(func() {
		near.Close()
		far.Close()
		ways.Wait()
	})
	return p
}

// openTap makes an Ethernet interface whose other end is a file (Linux, Documentation/networking/tuntap.rst).
func openTap(t testing.TB, name string) *os.File {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		t.Fatal(fmt.Errorf("make interface %s: %w", name, err))
	}
	return os.NewFile(uintptr(fd), name)
}

// carry carries what comes from one end to the other, in its order, until an end is closed. A failed write is a lost packet.
func (p *path) carry(from, to *os.File, out bool) {
	queue := make(chan frame, frames)
	var writer sync.WaitGroup
	writer.Go(func() {
		runtime.LockOSThread() // its sleep is one of the kernel
		for f := range queue {
			sleepUntil(f.due)
			p.arrives(f, out)
			to.Write(f.bytes)
		}
	})
	defer writer.Wait()
	defer close(queue)
	for buf := make([]byte, 65536); ; {
		n, err := from.Read(buf)
		switch {
		case err != nil:
			return
		case !isIP(buf[:n]):
			to.Write(buf[:n])
			continue
		case p.loses(buf[:n]):
			continue
		}
		f := frame{bytes: slices.Clone(buf[:n]), due: time.Now().Add(p.way())}
		if counts(f.bytes) {
			f.count, f.trips = p.departs(out)
		}
		select {
		case queue <- f:
		default:
		}
	}
}

// isIP says whether a frame has an IP packet in it, of IPv4 or IPv6.
func isIP(b []byte) bool {
	return len(b) > 34 && (binary.BigEndian.Uint16(b[12:]) == 0x0800 || binary.BigEndian.Uint16(b[12:]) == 0x86dd)
}

// isDNS says whether a frame has a datagram of DNS in it, over IPv4; our packets have no IP options.
func isDNS(b []byte) bool {
	return b[12] == 0x08 && b[23] == unix.IPPROTO_UDP && len(b) > 38 && (binary.BigEndian.Uint16(b[34:]) == 53 || binary.BigEndian.Uint16(b[36:]) == 53)
}

// counts says whether a packet counts as one of a round trip: DHCP goes beside, and nobody waits for it.
func counts(b []byte) bool { return isDNS(b) || b[12] == 0x08 && b[23] == unix.IPPROTO_TCP }

// loses says whether a packet is lost.
func (p *path) loses(b []byte) bool {
	loss := p.lossy.Load()
	if isDNS(b) {
		loss = max(loss, p.lossDNS.Load())
	}
	if hole := p.hole.Load(); hole != nil && b[12] == 0x08 && (*hole == netip.AddrFrom4([4]byte(b[26:])) || *hole == netip.AddrFrom4([4]byte(b[30:]))) {
		return true
	}
	return rand.Uint32N(1000) < loss
}

// departs notes how many round trips lie behind a packet that sets out: one that leaves the segment answers the last one
// that arrived there. Since each of them has taken its time, no machine is sooner than so many.
func (p *path) departs(out bool) (count, trips int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if out {
		return p.count, p.here
	}
	return p.count, p.beyond + 1
}

func (p *path) arrives(f frame, out bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.count != p.count {
		return
	}
	if out {
		p.beyond = max(p.beyond, f.trips)
		return
	}
	for now := time.Now(); p.here < f.trips; p.here++ {
		p.grown = append(p.grown, now)
	}
}

// swallow loses all packets from and to a machine; "": none any more.
func (p *path) swallow(addr string) {
	if addr == "" {
		p.hole.Store(nil)
		return
	}
	hole := netip.MustParseAddr(addr)
	p.hole.Store(&hole)
}

// way is how long a packet is under way.
func (p *path) way() time.Duration { return time.Duration(p.trip.Load()) / 2 }

// begin counts round trips anew.
func (p *path) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.here, p.beyond, p.grown, p.count = 0, -1, nil, p.count+1
}

// trips returns how many round trips were made, one after the other, from begin to a moment.
func (p *path) trips(to time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(p.grown), func(at time.Time) bool { return at.After(to) }))
}

// sleepUntil is exact to some ten microseconds; a timer of Go is so to a millisecond.
func sleepUntil(due time.Time) {
	for left := time.Until(due); left > 0; left = time.Until(due) {
		rest := unix.NsecToTimespec(left.Nanoseconds())
		unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &rest, nil)
	}
}
