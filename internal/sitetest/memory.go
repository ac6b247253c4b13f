package sitetest

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// memory is the world in memory: the device, and the network between it and the servers.
type memory struct {
	servers
	sim     *simulation
	dialled uint16 // guarded by sim.mu
}

func (n *memory) wire() Wire {
	return Wire{
		Dial: n.dial, Listen: n.dhcp.listen, Listen6: n.dhcp.listen6, Leases: n.dhcp.leases,
		Resolvers: func() ([]netip.AddrPort, error) { return n.names.all(), nil },
		Own:       n.own, Lacks: n.lacks, Absent: n.absent, Near: n.near, Changes: n.sim.changed,
		LinkLost: func() (string, []time.Time) { return "eth0", n.sim.state().lost },
	}
}

// own are the addresses of the device.
func (n *memory) own() []netip.Addr {
	st := n.sim.state()
	var own []netip.Addr
	for _, addr := range []netip.Addr{st.device, device6} {
		if st.device.IsValid() && !st.lacks(addr) {
			own = append(own, addr)
		}
	}
	return own
}

// lacks says whether the device has nothing of the version of IP of an address.
func (n *memory) lacks(addr netip.Addr) bool {
	st := n.sim.state()
	return st.device.IsValid() && st.lacks(addr)
}

// gateway is that of the device, to what is "ungated", and router that of IPv6.
var gateway, router = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fe80::1")

// near says whether an address is in the subnet of the device, 10.0.0.0/24, and whether a server has it.
func (n *memory) near(addr netip.Addr) (onLink, there bool) {
	onLink = netip.PrefixFrom(gateway, 24).Masked().Contains(addr)
	for at := range n.sim.state().manners {
		there = there || at.Addr() == addr
	}
	return onLink, onLink && there && !n.absent(addr).IsValid()
}

// absent is who does not answer on the own link: the host at an address, or the gateway on the way there.
func (n *memory) absent(addr netip.Addr) netip.Addr {
	var words []string
	if slices.Contains(n.sim.begin.zone.servers, addr) {
		words = append(words, n.sim.state().zone.fault(addr, "").word)
	}
	for at, m := range n.sim.state().manners {
		if at.Addr() == addr {
			words = append(words, m.word)
		}
	}
	switch {
	case slices.Contains(words, "absent"):
		return addr
	case slices.Contains(words, "ungated") && addr.Is6():
		return router
	case slices.Contains(words, "ungated"):
		return gateway
	default:
		return netip.Addr{}
	}
}

type inSmall struct{}

// InSmall has Wire.Dial make a connection whose packets are small; on loopback nothing comes of it.
func InSmall(ctx context.Context) context.Context { return context.WithValue(ctx, inSmall{}, true) }

// dial is the network of the site in memory.
func (n *memory) dial(ctx context.Context, network, address string) (net.Conn, error) {
	far, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(far), Err: err}
	}
	local := n.localFor(far)
	if !local.Addr().IsValid() {
		return fail(os.NewSyscallError("connect", syscall.ENETUNREACH))
	}
	isDNS := far.Port() == 53 && slices.Contains(n.sim.begin.zone.servers, far.Addr())
	_, isRelay := n.sim.begin.relays.at(far)
	switch {
	case strings.HasPrefix(network, "udp") && isDNS:
		return n.names.dial(local, far), nil
	case strings.HasPrefix(network, "udp") && isRelay:
		return n.relays.dial(local, far), nil
	case strings.HasPrefix(network, "udp"): // sent, and never answered
		return &datagrams{lane: newLane(), local: net.UDPAddrFromAddrPort(local), remote: net.UDPAddrFromAddrPort(far), far: func([]byte, *lane) {}}, nil
	case isDNS && n.names.shut(far):
		return fail(errRefused("connect"))
	case isDNS && !n.names.mute(far):
		ours, theirs := newStreams(local, far, 0)
		if !n.sim.accept(far, theirs, func() { n.names.serve(far, theirs) }) {
			return fail(net.ErrClosed)
		}
		return ours, nil
	}
	m, err := n.sim.state().mannerAt(far)
	ready := time.After(m.rtt)
	if m.swallowed() || isDNS {
		ready = nil
	}
	select {
	case <-ready:
	case <-n.sim.done:
		return fail(net.ErrClosed)
	case <-ctx.Done():
		return fail(ctx.Err())
	}
	if err != nil {
		return fail(err)
	}
	ours, theirs := newStreams(local, far, m.rtt)
	theirs.rate = m.rate
	theirs.small = ctx.Value(inSmall{}) != nil
	ours.loses = func() bool { return n.sim.state().manners[far].loses(theirs.small) }
	if !n.sim.accept(far, theirs, func() { n.registrars.serve(far, theirs) }) {
		return fail(net.ErrClosed)
	}
	return ours, nil
}

// localFor is the device's end of a new connection; without an address, if it has none.
func (n *memory) localFor(far netip.AddrPort) netip.AddrPort {
	n.sim.mu.Lock()
	defer n.sim.mu.Unlock()
	n.dialled++
	local := device6
	if far.Addr().Is4() || !n.sim.now.device.IsValid() {
		local = n.sim.now.device
	}
	if n.sim.now.lacks(far.Addr()) {
		local = netip.Addr{}
	}
	return netip.AddrPortFrom(local, 50000+n.dialled%10000)
}
