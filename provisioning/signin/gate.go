package signin

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"homeward/internal/trust"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// gate is the way to a Registrar: where no packet goes, and what a certificate must prove.
type gate struct {
	policy     provisioning.Policy
	wire       wire.Wire
	ground     func() *provisioning.Ground
	clockFloor func() time.Time
	patience   time.Duration   // for a TLS handshake, where it is more than tlsLimit
	first      string          // an authority on trial: trusted for this gate alone; "": none
	sessions   *trust.Sessions // of TLS that servers may resume; nil: each handshake is a whole one
}

// known is the gate to Registrars that may know this device: they may resume a session of TLS.
func (g gate) known(sessions *trust.Sessions) *gate {
	g.sessions = sessions
	return &g
}

// refuses is the last gate before a packet goes to an address of a Candidate, whoever has let it so far.
func (g *gate) refuses(c *provisioning.Candidate, addr netip.Addr) error {
	reason, detail := g.policy.PortReason(c.Step, c.Port)
	if reason == "" && provisioning.IsAddress(c.Host) {
		reason, detail = g.policy.NameReason(c.Step, c.Host, c.Transport)
	}
	if problem := g.ground().Refuses(c.Step, c.Host, addr); reason == "" && problem != "" {
		reason, detail = provisioning.AddressNotAllowed, problem
	}
	if reason == "" {
		return nil
	}
	return &refusedError{reason, detail}
}

// proof is what a certificate must prove: the name dialled, whichever address was used, also a cached one; at an address
// that was named in place of a name, some name that the name rule allows. A configured address proves itself.
func (g *gate) proof(c *provisioning.Candidate) trust.Settings {
	settings := g.trust()
	if provisioning.IsAddress(c.Host) && !g.policy.Configured(c.Host) {
		settings.Allowed = func(name string) bool { return provisioning.CheckName(name, &g.policy) == nil }
	}
	return settings
}

// open opens the way to one address of a Candidate, over TLS with the name proven, and tells what the handshake has shown.
func (g *gate) open(ctx context.Context, c *provisioning.Candidate, addr netip.Addr) (net.Conn, trust.Met, error) {
	if err := g.refuses(c, addr); err != nil {
		return nil, trust.Met{}, err
	}
	conn, err := g.dial(ctx, c, addr, connectLimit)
	if err != nil || c.Transport == provisioning.TCP {
		return conn, trust.Met{}, err
	}
	return g.secure(ctx, c, addr, conn)
}

// dial connects to one address of a Candidate.
func (g *gate) dial(ctx context.Context, c *provisioning.Candidate, addr netip.Addr, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	conn, err := g.wire.Dial(ctx, "tcp", netip.AddrPortFrom(addr, c.Port).String())
	if err != nil {
		return nil, g.notConnected(addr, err, time.Since(began))
	}
	if c.Transport == provisioning.TCP {
		return conn, nil
	}
	return &wire.Watched{Conn: conn, Since: time.Now(), Began: wire.Began{Connecting: time.Since(began)}}, nil
}

// notConnected is the end of connecting to an address, and how long that took.
func (g *gate) notConnected(addr netip.Addr, err error, took time.Duration) *attemptError {
	e := &attemptError{stage: connecting, err: err}
	if g.wire.Near != nil {
		e.near, e.there = g.wire.Near(addr)
	}
	if g.wire.Route != nil {
		e.route = g.wire.Route(addr)
	}
	e.noRoute = g.wire.NoDefault(addr)
	if lacks := g.wire.Lacks; g.wire.Next != nil && (lacks == nil || !lacks(addr)) {
		if hop, _, _ := g.wire.Next(addr); hop != addr {
			e.hop = hop
		}
	}
	e.barred = Barred(&g.wire, err, addr, e.hop, took)
	if g.wire.Absent == nil {
		return e
	}
	if who := g.wire.Absent(addr); who == addr.WithZone("") {
		e.absent = true
	} else {
		e.gateway = who
	}
	return e
}

// secure speaks TLS on a connection and has the name of the Candidate proven. If it is not, the connection is closed. Where a server
// has failed that was offered a session, it is asked once more without.
func (g *gate) secure(ctx context.Context, c *provisioning.Candidate, addr netip.Addr, conn net.Conn) (net.Conn, trust.Met, error) {
	ctx, cancel := context.WithTimeout(ctx, max(tlsLimit, g.patience))
	defer cancel()
	secure, met, err := g.handshake(ctx, c, conn)
	if err == nil || !met.Stumbled() || ctx.Err() != nil {
		return secure, met, err
	}
	if conn, err = g.dial(ctx, c, addr, connectLimit); err != nil {
		return nil, met, err
	}
	return g.handshake(ctx, c, conn)
}

func (g *gate) handshake(ctx context.Context, c *provisioning.Candidate, conn net.Conn) (net.Conn, trust.Met, error) {
	secure, met, err := trust.Handshake(ctx, conn, c.Host, g.proof(c))
	watched := watchedOf(conn)
	if err != nil {
		conn.Close()
		return nil, met, &attemptError{stage: handshaking, err: err, met: met, loss: watched.Loss(), began: watched.Began, near: g.near(addrOf(conn.RemoteAddr())), rooted: g.policy.Roots != nil, trusts: provisioning.Trusts(&g.policy), file: g.fileOf(err), kept: g.wire.ClockKept != nil && g.policy.Clock == nil && g.wire.ClockKept(), least: g.policy.TLSMin, min: g.policy.Setting("tls_min")}
	}
	watched.Secured = true
	return secure, met, nil
}

// fileOf is the file with the root of this device that an error is about; "": it is about none, or about one of the system.
func (g *gate) fileOf(err error) string {
	var e *trust.CertificateError
	if !errors.As(err, &e) || e.Own == 0 || e.Own > len(g.policy.RootFiles) {
		return ""
	}
	return g.policy.RootFiles[e.Own-1]
}

// watchedOf is what a connection over TLS says of its way; that of one over TCP says nothing.
func watchedOf(conn net.Conn) *wire.Watched {
	for {
		if watched, is := conn.(*wire.Watched); is {
			return watched
		}
		outer, more := conn.(interface{ NetConn() net.Conn })
		if !more {
			return new(wire.Watched)
		}
		conn = outer.NetConn()
	}
}

// addrOf returns the IP address of a socket's end; the zero Addr: it has none.
func addrOf(end net.Addr) netip.Addr {
	addrPort, err := netip.ParseAddrPort(end.String())
	if err != nil {
		return netip.Addr{}
	}
	return addrPort.Addr().Unmap().WithZone("")
}

// near says whether an address is known to be on a link of this device.
func (g *gate) near(addr netip.Addr) bool {
	if g.wire.Near == nil {
		return false
	}
	onLink, _ := g.wire.Near(addr)
	return onLink
}

// trust returns what certificates are judged by now. A clock that shows less than the last registration or
// than the build of this program is wrong, and is not believed.
func (g *gate) trust() trust.Settings {
	pins := g.policy.Pins()
	if g.first != "" {
		pins[g.first] = true
	}
	return trust.Settings{Roots: g.policy.Roots, LateRoots: g.policy.LateRoots, Own: g.policy.OwnRoots, Pins: pins, MinVersion: g.policy.TLSMin, Floor: g.clockFloor(), Clock: g.policy.Clock, Sessions: g.sessions}
}
