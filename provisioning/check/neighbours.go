package check

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/homeward-agent/homeward/internal/plain"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/wire"
)

// farAway is an address that nobody has (RFC 5737): the way there is the default route. No packet goes there.
var farAway = netip.AddrFrom4([4]byte{198, 51, 100, 1})

// neighbours asks the link who has the addresses of this device and of its gateway, all at the same time. IPv6 sees to that by itself.
func (e *eye) neighbours(ctx context.Context, link Link) (all []Neighbour) {
	for _, addr := range link.Duplicates {
		all = append(all, Neighbour{Addr: addr, Of: ownAddress, System: "the system (duplicate address detection)"})
	}
	if e.wire.Holders == nil || e.wire.Next == nil {
		return all
	}
	gateway, _, _ := e.wire.Next(farAway)
	senders := map[netip.Addr]netip.Addr{}
	for _, p := range link.Addrs {
		if own := p.Addr().Unmap(); own.Is4() {
			all, senders[own] = append(all, Neighbour{Addr: own, Of: ownAddress}), netip.IPv4Unspecified()
			if gateway != own && p.Contains(gateway) && !senders[gateway].IsValid() {
				all, senders[gateway] = append(all, Neighbour{Addr: gateway, Of: itsGateway}), own
			}
		}
	}
	var asking sync.WaitGroup
	for i := range all {
		n := &all[i]
		if sender := senders[n.Addr]; sender.IsValid() {
			asking.Go(func() {
				var err error
				if n.MACs, err = e.wire.Holders(ctx, link.Interface, sender, n.Addr); err != nil {
					n.Problem = plain.Words(err)
				}
			})
		}
	}
	asking.Wait()
	return all
}

// searched is how long it has taken at least, where a router says that an address cannot be reached since it has looked for the host
// there in vain; one that rejects a connection to a port says so at once. (Our choice.)
const searched = 500 * time.Millisecond

// ears notes which addresses were asked, and which of them have answered.
type ears struct {
	mu     sync.Mutex
	heard  map[netip.Addr]bool
	nobody map[netip.Addr]error // what a router has said of the others
}

func (e *ears) note(addr netip.Addr, heard bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard[addr] = e.heard[addr] || heard
}

// listen is a wire with ears. A connection that was given up before its time tells nothing.
func (e *ears) listen(w wire.Wire) wire.Wire {
	dial := w.Dial
	w.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		began := time.Now()
		conn, err := dial(ctx, network, address)
		at, bad := netip.ParseAddrPort(address)
		if bad == nil && network == "tcp" && !errors.Is(err, context.Canceled) {
			e.note(at.Addr(), err == nil || !lifeless(err))
			if errors.Is(err, syscall.EHOSTUNREACH) && time.Since(began) >= searched {
				e.mu.Lock()
				e.nobody[at.Addr()] = err
				e.mu.Unlock()
			}
		}
		return conn, err
	}
	return w
}

// settle tells in one way what was seen at an address: a look that was given up does not know what a router has said since.
func (e *ears) settle(f *Facts) {
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			if e.exact(&probe.Trouble, probe.Addr) {
				probe.Detail = "connect: " + plain.Words(e.nobody[probe.Addr])
			}
		}
	}
	for i := range f.Autodiscover {
		e.exact(&f.Autodiscover[i].Trouble, netip.Addr{})
	}
	for i := range f.WebServices {
		e.exact(&f.WebServices[i].Trouble, netip.Addr{})
	}
}

// exact makes of no answer what a router says of the address, also where it is the cause of a Trouble.
func (e *ears) exact(t *provisioning.Trouble, addr netip.Addr) bool {
	if at, known := t.Facts["address"].(netip.Addr); known {
		addr = at
	}
	switch {
	case t.Fault == provisioning.FaultFiltered && e.nobody[addr] != nil && !e.heard[addr]:
		t.Fault = provisioning.FaultHostUnreachable
		return true
	case t.More != nil && t.More.Cause != nil:
		more, cause := *t.More, *t.More.Cause
		changed := e.exact(&cause, addr)
		more.Cause, t.More = &cause, &more
		return changed
	default:
		return false
	}
}

// lifeless says whether an error is no word of who was asked: nothing came, or a router on the way says that there is no way.
func lifeless(err error) bool {
	return os.IsTimeout(err) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH)
}

// ways are those to all addresses that were asked.
func (e *ears) ways(w wire.Wire, f *Facts, began time.Time) map[netip.Addr]Way {
	for _, q := range slices.Concat(f.Quality, f.Upstream) {
		e.note(q.Server.Addr(), q.Answered > 0 || q.From.IsValid() || q.Err != nil && !lifeless(q.Err))
	}
	for i := range f.TimeServers {
		s := &f.TimeServers[i]
		if at, err := netip.ParseAddr(s.Name); err == nil && s.Problem == "" {
			e.note(at, true)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	ways := map[netip.Addr]Way{}
	for addr, heard := range e.heard {
		way := Way{Heard: heard}
		if w.Next != nil {
			hop, mac, ago := w.Next(addr)
			way.Hop, way.Gone = hop, hop.IsValid() && w.Absent != nil && w.Absent(addr) == hop
			if mac != nil && ago < time.Since(began) {
				way.MAC = mac.String()
			}
		}
		ways[addr] = way
	}
	return ways
}
