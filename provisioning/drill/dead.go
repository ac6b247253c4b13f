package drill

import (
	"context"
	"net"
	"net/netip"
	"slices"

	"homeward/dhcpopts"
	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/wire"
)

// without returns the wire on which what the case names is dead: it takes whatever is sent, and never answers.
func without(o *Options, primary *provisioning.Registrar) *wire.Wire {
	c, dead := o.Case, o.Wire
	if c == DNS || c == Both {
		dead.Dial = silentTo(dead.Dial, func(at netip.AddrPort) bool {
			servers, _ := discover.NameServers(&o.Policy, &o.Wire) // none: then nobody can be dead
			return slices.Contains(servers, at)
		})
	}
	if c == DHCP || c == Both {
		dead.Listen = func(_ context.Context, iface string) (dhcpopts.Conn, error) { return newSilence(iface), nil }
		dead.Listen6 = dead.Listen
	}
	if c == Primary {
		addrs := append(slices.Clone(primary.Addresses), primary.Address)
		dead.Dial = silentTo(dead.Dial, func(at netip.AddrPort) bool { return at.Port() == primary.Port && slices.Contains(addrs, at.Addr()) })
	}
	return &dead
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
			return newSilence(""), nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
}

// silence is a socket on which nothing comes back.
type silence struct {
	net.Conn // the end of a pipe at whose other end is nobody
	iface    string
}

func newSilence(iface string) silence {
	ours, _ := net.Pipe()
	return silence{ours, iface}
}

// Write loses what is sent.
func (s silence) Write(b []byte) (int, error) { return len(b), nil }

// WriteTo loses what is sent.
func (s silence) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }

// ReadFrom waits for the deadline, or until it is closed.
func (s silence) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := s.Read(b)
	return n, nil, err
}

// Interface is that on which nobody answers.
func (s silence) Interface() (string, netip.Addr, net.HardwareAddr) {
	return s.iface, netip.IPv4Unspecified(), make(net.HardwareAddr, 6)
}
