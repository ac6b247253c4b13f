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

// own are the addresses of the device.
func (s *Site) own() []netip.Addr {
	device := s.state().device
	if !device.IsValid() {
		return nil
	}
	return []netip.Addr{device, device6}
}

func errRefused(op string) error {
	return os.NewSyscallError(op, syscall.ECONNREFUSED)
}

// dial is the network of the site in memory.
func (s *Site) dial(ctx context.Context, network, address string) (net.Conn, error) {
	far, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(far), Err: err}
	}
	local := s.localFor(far)
	if !local.Addr().IsValid() {
		return fail(os.NewSyscallError("connect", syscall.ENETUNREACH))
	}
	isDNS := far.Port() == 53 && slices.Contains(s.begin.zone.servers, far.Addr())
	switch {
	case strings.HasPrefix(network, "udp") && isDNS:
		return s.dialDNS(local, far), nil
	case strings.HasPrefix(network, "udp") && s.isRelay(far):
		return s.dialRelay(local, far), nil
	case strings.HasPrefix(network, "udp"): // sent, and never answered
		return &datagrams{lane: newLane(), local: net.UDPAddrFromAddrPort(local), remote: net.UDPAddrFromAddrPort(far), far: func([]byte, *lane) {}}, nil
	case isDNS && s.shut(far):
		return fail(errRefused("connect"))
	case isDNS:
		ours, theirs := newStreams(local, far, 0)
		if !s.accept(far, theirs, func() { s.serveDNS(far, theirs) }) {
			return fail(net.ErrClosed)
		}
		return ours, nil
	}
	m, err := s.mannerAt(far)
	if err != nil {
		return fail(err)
	}
	ready := time.After(m.rtt)
	if m.word == "blackhole" {
		ready = nil
	}
	select {
	case <-ready:
	case <-s.done:
		return fail(net.ErrClosed)
	case <-ctx.Done():
		return fail(ctx.Err())
	}
	ours, theirs := newStreams(local, far, m.rtt)
	if !s.accept(far, theirs, func() { s.serve(far, theirs) }) {
		return fail(net.ErrClosed)
	}
	return ours, nil
}

// mannerAt says how a new connection to far is treated, or what it fails with.
func (s *Site) mannerAt(far netip.AddrPort) (manner, error) {
	st := s.state()
	m, ok := st.manners[far]
	switch {
	case ok && m.word == "refuse":
		return m, errRefused("connect")
	case ok && m.word != "unreachable":
		return m, nil
	case !ok && st.reachable(far.Addr()):
		return m, errRefused("connect")
	}
	return m, os.NewSyscallError("connect", syscall.EHOSTUNREACH)
}

// lost says whether the device does not have the address any more that a connection came from.
func (s *Site) lost(from net.Addr) bool {
	at, err := netip.ParseAddrPort(from.String())
	return s.live == nil && err == nil && at.Addr().Is4() && at.Addr() != s.state().device
}

// reachable says whether any Registrar or Media Relay at the address can be reached.
func (st state) reachable(addr netip.Addr) bool {
	for at, m := range st.manners {
		if at.Addr() == addr && m.word != "unreachable" {
			return true
		}
	}
	return slices.ContainsFunc(st.relays, func(r relay) bool { return r.addr == addr })
}

// shut says whether nothing listens at a name server's address.
func (s *Site) shut(server netip.AddrPort) bool {
	z := s.state().zone
	return z.fault(server.Addr(), "").word == "closed"
}

// localFor is the device's end of a new connection; without an address, if it has none.
func (s *Site) localFor(far netip.AddrPort) netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialled++
	local := device6
	if far.Addr().Is4() || !s.now.device.IsValid() {
		local = s.now.device
	}
	return netip.AddrPortFrom(local, 50000+s.dialled%10000)
}
