package check

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"homeward/dhcpopts"
	"homeward/internal/plain"
	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/signin"
	"homeward/provisioning/wire"
)

// neighbours asks the links who has the addresses of this device and of its gateways, all at the same time. IPv6 sees to that by itself.
func (e *ears) neighbours(ctx context.Context, link Link, defaults []*wire.Route) {
	for _, addr := range link.Duplicates {
		e.asked = append(e.asked, &Neighbour{Addr: addr, Of: provisioning.OfThisDevice, System: "the system (duplicate address detection)"})
	}
	if e.wire.Holders == nil || e.wire.Next == nil {
		return
	}
	gateway, _, _ := e.wire.Next(farAway)
	for _, p := range link.Addrs {
		if own := p.Addr().Unmap(); own.Is4() {
			e.ask(ctx, link.Interface, own, provisioning.OfThisDevice)
			if p.Contains(gateway) {
				e.ask(ctx, link.Interface, gateway, provisioning.OfTheGateway)
			}
		}
	}
	for i, r := range defaults { // the first one is in use
		of := provisioning.OfTheGateway
		if i > 0 {
			of = otherGateway
		}
		e.ask(ctx, r.Interface, r.Via, of)
	}
}

// ask asks a link for an address, once. Who asks for an own address, or knows no own one that is beside it, names none.
func (e *ears) ask(ctx context.Context, iface string, addr netip.Addr, of string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, n := range e.asked {
		if n.Addr == addr && n.link == iface && n.System == "" {
			return
		}
	}
	sender := netip.IPv4Unspecified()
	for _, p := range e.link.Addrs {
		if of != provisioning.OfThisDevice && iface == e.link.Interface && p.Contains(addr) {
			sender = p.Addr().Unmap()
		}
	}
	n := &Neighbour{Addr: addr, Of: of, link: iface}
	e.asked = append(e.asked, n)
	e.asking.Go(func() {
		macs, err := e.wire.Holders(ctx, iface, sender, addr)
		if n.MACs = macs; err != nil {
			n.Problem = plain.Words(err)
		}
	})
}

// doubted is how long an address has to answer until its link is asked whether anybody is there: where the system has known a host, it
// asks again only after 5 s. (Our choice.)
const doubted = 500 * time.Millisecond

// doubt asks for an address, or for the gateway on the way there, unless the address answers in time.
func (e *ears) doubt(ctx context.Context, addr netip.Addr) (answered func()) {
	done := make(chan struct{})
	e.asking.Go(func() {
		select {
		case <-time.After(doubted):
			e.askFor(ctx, addr)
		case <-done:
		}
	})
	return func() { close(done) }
}

// askFor asks for an address that does not answer, or for the gateway on the way there.
func (e *ears) askFor(ctx context.Context, addr netip.Addr) {
	if e.wire.Holders == nil || e.wire.Next == nil {
		return
	}
	iface, of := e.link.Interface, provisioning.OfAGateway
	hop, _, _ := e.wire.Next(addr)
	if hop == addr {
		of = aHost
	}
	if e.wire.Route != nil {
		if r := e.wire.Route(addr); r != nil && r.Tunnel {
			return
		} else if r != nil && r.Interface != "" {
			iface = r.Interface
		}
	}
	if hop.Is4() {
		e.ask(ctx, iface, hop, of)
	}
}

// cameOn says whether an answer of DHCP is about an interface: where both are known, it must have come on that one.
func cameOn(f *Facts, a *dhcpopts.Answer, link string) bool {
	on := cmp.Or(a.Link, f.DHCP.Interface)
	return on == link || on == "" || link == ""
}

// lessors are the DHCP servers that have answered on the link of this device.
func lessors(f *Facts) (all []provisioning.Lessor) {
	if f.DHCP == nil {
		return nil
	}
	for i := range f.DHCP.Answers {
		if a := &f.DHCP.Answers[i]; a.Server.Is4() && cameOn(f, a, f.Link.Interface) {
			all = append(all, provisioning.Lessor{Addr: a.Server, Routers: a.Routers})
		}
	}
	return all
}

// askLessors asks for the DHCP servers in the subnet of this device that have answered, where somebody else is silent: an answer of DHCP does not
// show that ARP gets through.
func (e *ears) askLessors(ctx context.Context, f *Facts) {
	silent := func(n *Neighbour) bool {
		return n.Of != provisioning.OfThisDevice && len(n.MACs) == 0 && n.Problem == ""
	}
	if f.DHCP == nil || !slices.ContainsFunc(e.asked, silent) {
		return
	}
	for i := range f.DHCP.Answers {
		if a := &f.DHCP.Answers[i]; a.Server.Is4() && cameOn(f, a, f.Link.Interface) && f.Link.onSubnet(a.Server) {
			e.ask(ctx, f.Link.Interface, a.Server, dhcpServer)
		}
	}
	e.asking.Wait()
}

// defaults are the default routes of IPv4 that lead through a gateway: first the one that is used; none, if that is not known.
func (e *ears) defaults() (all []*wire.Route) {
	if e.wire.Route == nil {
		return nil
	}
	used := e.wire.Route(farAway)
	if used == nil || used.Detour() || used.Tunnel || !used.Via.Is4() {
		return nil
	}
	all = append(all, used)
	for _, r := range e.wire.Routes() {
		if r.To.Bits() == 0 && r.Via.Is4() && (r.Via != used.Via || r.Interface != used.Interface) {
			all = append(all, r)
		}
	}
	return all
}

// ears notes which addresses were asked, and which of them have answered.
type ears struct {
	wire   wire.Wire // without ears
	link   Link
	asking sync.WaitGroup
	mu     sync.Mutex
	asked  []*Neighbour
	heard  map[netip.Addr]bool
	barred map[netip.Addr]error // of whom somebody has said that they cannot be reached
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
		at, bad := netip.ParseAddrPort(address)
		if bad == nil && network == "tcp" {
			defer e.doubt(ctx, at.Addr())()
		}
		conn, err := dial(ctx, network, address)
		if bad == nil && network == "tcp" && !errors.Is(err, context.Canceled) {
			e.note(at.Addr(), err == nil || !lifeless(err))
			e.mu.Lock()
			if sought := errors.Is(err, syscall.EHOSTUNREACH); sought || errors.Is(err, syscall.ENETUNREACH) && e.barred[at.Addr()] == nil {
				e.barred[at.Addr()] = err
			}
			if errors.Is(err, syscall.EHOSTUNREACH) && time.Since(began) >= signin.Searched {
				e.nobody[at.Addr()] = err
			}
			e.mu.Unlock()
		}
		return conn, err
	}
	return w
}

// settle tells in one way what was seen at an address: a look that was given up does not know what a router, or the link, has said since.
func (e *ears) settle(f *Facts) {
	for _, p := range slices.Concat(f.Places, f.Former) {
		for _, probe := range p.Probes {
			if e.exact(f, &probe.Trouble, probe.Addr) && provisioning.Bars(probe.Trouble) {
				probe.Detail = "connect: " + plain.Words(e.nobody[probe.Addr])
			}
		}
	}
	for i := range f.Autodiscover {
		e.exact(f, &f.Autodiscover[i].Trouble, netip.Addr{})
	}
	for i := range f.WebServices {
		e.exact(f, &f.WebServices[i].Trouble, netip.Addr{})
	}
}

// unreached are the faults of an address from which nothing comes, though this device has sent something.
var unreached = []provisioning.Fault{provisioning.FaultFiltered, provisioning.FaultHostUnreachable, provisioning.FaultNoHost, provisioning.FaultRouterRejects}

// exact makes of no answer what a router says of the address, or what the link says of who is there, also where it is the cause of a
// Trouble.
func (e *ears) exact(f *Facts, t *provisioning.Trouble, addr netip.Addr) bool {
	if at, known := t.Facts["address"].(netip.Addr); known {
		addr = at
	}
	switch {
	case slices.Contains(unreached, t.Fault) && f.Ways.Dark(addr):
		*t = f.Ways.DeadGateway(t.Facts, addr)
		return true
	case (t.Fault == provisioning.FaultFiltered || t.Fault == provisioning.FaultHostUnreachable) && e.nobody[addr] != nil && !e.heard[addr]:
		said := signin.Barred(&e.wire, e.nobody[addr], addr, f.Ways[addr].Hop, signin.Searched)
		*t = t.With(said.Facts)
		if t.Fault = cmp.Or(said.Fault, provisioning.FaultHostUnreachable); said.Fault == provisioning.FaultNoHost && t.Facts["worked"] != nil {
			*t = t.On(provisioning.SideRegistrar)
		}
		return true
	case t.Fault == provisioning.FaultFiltered:
		was := t.Fault
		*t = linkSays(f, *t, addr)
		return t.Fault != was
	case t.More != nil && t.More.Cause != nil:
		more, cause := *t.More, *t.More.Cause
		changed := e.exact(f, &cause, addr)
		more.Cause, t.More = &cause, &more
		return changed
	default:
		return false
	}
}

// linkSays makes of no answer from an address what the link says of it, or of the gateway on the way there.
func linkSays(f *Facts, silent provisioning.Trouble, addr netip.Addr) provisioning.Trouble {
	way := f.Ways[addr]
	mac, known := macOf(f, way.Link, way.Hop)
	switch {
	case !known || way.Heard || asked(f, way.Hop, true):
	case way.Hop != addr && mac == "":
		return f.Ways.DeadGateway(silent.Facts, addr)
	case way.Hop == addr && mac == "":
		silent.Fault = provisioning.FaultNoNeighbour
	case way.Hop == addr:
		silent.Fault = provisioning.FaultHostDrops
	}
	return silent
}

// asked says whether anything behind a gateway was asked, and has answered, or has not.
func asked(f *Facts, hop netip.Addr, heard bool) bool {
	for addr, way := range f.Ways {
		if way.Hop == hop && addr != hop && way.Heard == heard {
			return true
		}
	}
	return false
}

// lifeless says whether an error is no word of who was asked: nothing came, or a router on the way says that there is no way.
func lifeless(err error) bool {
	return os.IsTimeout(err) || !wire.Rejects(err) && errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH)
}

// ways are those to all addresses that were asked.
func (e *ears) ways(f *Facts, began time.Time) provisioning.Ways {
	for _, quality := range [][]discover.Quality{f.Quality, f.Upstream} {
		for i := range quality {
			q := &quality[i]
			e.note(q.Server.Addr(), q.Answered > 0 || q.Lives || q.From.IsValid() || q.Err != nil && !lifeless(q.Err))
		}
	}
	answered := slices.ContainsFunc(f.Found, func(found provisioning.Finding) bool {
		return found.Source.Source == "dns" && found.Verdict != provisioning.Failed
	})
	if answered && !slices.ContainsFunc(f.Servers, func(s netip.AddrPort) bool { return e.heard[s.Addr()] }) {
		for _, server := range f.Servers { // which of several it was is not known
			e.note(server.Addr(), true)
		}
	}
	if f.Trip.Took > 0 {
		e.note(f.Trip.Server.Addr(), true)
	}
	for i := range f.TimeServers {
		s := &f.TimeServers[i]
		if at, err := netip.ParseAddr(s.Name); err == nil && s.Problem == "" {
			e.note(at, true)
		}
	}
	w := e.wire
	e.mu.Lock()
	defer e.mu.Unlock()
	barred := slices.ContainsFunc(f.Found, func(found provisioning.Finding) bool { return provisioning.Bars(found.Trouble) })
	ways := provisioning.Ways{}
	for addr, heard := range e.heard {
		way := signin.WayTo(&w, addr, began)
		way.Heard, way.Sought = heard, errors.Is(e.barred[addr], syscall.EHOSTUNREACH)
		way.Barred = e.barred[addr] != nil || !heard && slices.ContainsFunc(f.Servers, func(s netip.AddrPort) bool { return barred && s.Addr() == addr })
		ways[addr] = way
	}
	return ways
}

// macOf says who was there at an address on the link during the check; "": nobody.
func macOf(f *Facts, link string, hop netip.Addr) (mac string, known bool) {
	if mac, known = f.Ways.Who(link, hop); known {
		return mac, known
	}
	for _, n := range f.Neighbours {
		if n.Addr == hop && (n.link == link || link == "") && n.Problem == "" {
			return strings.Join(n.MACs, " and "), true
		}
	}
	return "", false
}

// who says the same where it is asked for.
func who(f *Facts) provisioning.Who {
	return func(link string, hop netip.Addr) (string, bool) { return macOf(f, link, hop) }
}
