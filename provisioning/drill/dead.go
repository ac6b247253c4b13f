package drill

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/dhcpopts"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/wire"
)

// without returns the wire on which what the case names is dead: it takes whatever is sent, and never answers.
func without(c Case, policy provisioning.Policy, w wire.Wire, primary provisioning.Registrar) wire.Wire {
	dead := w
	if c == DNS || c == Both {
		dead.Dial = silentTo(dead.Dial, func(at netip.AddrPort) bool { return slices.Contains(nameServers(policy, w), at) })
	}
	if c == DHCP || c == Both {
		dead.Listen = func(_ context.Context, iface string) (dhcpopts.Conn, error) { return newSilence(iface), nil }
		dead.Listen6 = dead.Listen
	}
	if c == Primary {
		addrs := append(slices.Clone(primary.Addresses), primary.Address)
		dead.Dial = silentTo(dead.Dial, func(at netip.AddrPort) bool { return at.Port() == primary.Port && slices.Contains(addrs, at.Addr()) })
	}
	return dead
}

func nameServers(policy provisioning.Policy, w wire.Wire) []netip.AddrPort {
	if len(policy.DNSServers) > 0 {
		return policy.DNSServers
	}
	servers, _ := w.Resolvers() // none: then nobody can be dead
	return servers
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// silentTo dials, but for dead places: there a datagram is lost, and a connection does not come about.
func silentTo(dial dialer, isDead func(netip.AddrPort) bool) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !isDead(at) {
			return dial(ctx, network, address)
		}
		if network == "udp" {
			return datagrams{newSilence("")}, nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
}

// silence is a socket on which nothing comes back.
type silence struct {
	iface string

	mu       sync.Mutex
	deadline time.Time
	changed  chan struct{} // closed, and replaced, when the deadline is another
	closed   chan struct{}
	close    sync.Once
}

func newSilence(iface string) *silence {
	return &silence{iface: iface, changed: make(chan struct{}), closed: make(chan struct{})}
}

func (s *silence) wait() error {
	for {
		s.mu.Lock()
		deadline, changed := s.deadline, s.changed
		s.mu.Unlock()
		var over <-chan time.Time
		if !deadline.IsZero() {
			timer := time.NewTimer(time.Until(deadline))
			defer timer.Stop()
			over = timer.C
		}
		select {
		case <-s.closed:
			return net.ErrClosed
		case <-over:
			return os.ErrDeadlineExceeded
		case <-changed:
		}
	}
}

func (s *silence) ReadFrom([]byte) (int, net.Addr, error)    { return 0, nil, s.wait() }
func (s *silence) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }
func (s *silence) Close() error                              { s.close.Do(func() { close(s.closed) }); return nil }
func (s *silence) LocalAddr() net.Addr                       { return &net.UDPAddr{} }
func (s *silence) SetDeadline(t time.Time) error             { return s.SetReadDeadline(t) }
func (s *silence) SetWriteDeadline(time.Time) error          { return nil }
func (s *silence) Interface() (string, netip.Addr, net.HardwareAddr) {
	return s.iface, netip.IPv4Unspecified(), make(net.HardwareAddr, 6)
}

func (s *silence) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

// datagrams is a silence that is connected.
type datagrams struct{ *silence }

func (d datagrams) Read([]byte) (int, error)    { return 0, d.wait() }
func (d datagrams) Write(b []byte) (int, error) { return len(b), nil }
func (d datagrams) RemoteAddr() net.Addr        { return &net.UDPAddr{} }
