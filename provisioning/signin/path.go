package signin

import (
	"context"
	"net/netip"
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
