package signin

import (
	"context"
	"net/netip"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// CheckPath says what is wrong with the way to the Registrar of a registration, as far as this device knows without
// sending anything: a connected datagram socket has looked up the route. The connection is dead when its address is
// not the one the route begins with.
func (s *Signer) CheckPath(ctx context.Context, reg *Registration) error {
	conn, err := s.wire.Dial(ctx, "udp", netip.AddrPortFrom(reg.Addr, reg.Candidate.Port).String())
	if err != nil {
		return &attemptError{stage: connecting, err: err}
	}
	defer conn.Close()
	was, is := addrOf(reg.Local), addrOf(conn.LocalAddr())
	if was != is {
		return &addressChangedError{was, is}
	}
	return nil
}

// WayTo is what the system knows of the way to an address; of who is there on the link, what it has seen since then.
func WayTo(w *wire.Wire, addr netip.Addr, since time.Time) (way provisioning.Way) {
	if w.Route != nil {
		if r := w.Route(addr); r != nil {
			way.Link, way.Tunnel = r.Interface, r.Tunnel
			if r.Detour() {
				way.Detour = r
			}
		}
	}
	if w.Next != nil && !way.Tunnel {
		hop, mac, ago := w.Next(addr)
		way.Hop, way.Gone = hop, hop.IsValid() && w.Absent != nil && w.Absent(addr) == hop
		if mac != nil && ago < time.Since(since) {
			way.MAC = mac.String()
		}
	}
	return way
}
