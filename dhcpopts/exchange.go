package dhcpopts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"
)

// Our choices.
const (
	maxAnswers = 16   // different answers taken from one exchange; a link with more has a flood, not servers
	bufferSize = 4096 // an answer that fills it was cut
)

// exchange is one question, and what comes of it.
type exchange struct {
	conn     Conn
	protocol string // for errors: "DHCP", "DHCPv6"
	started  time.Time
	question func() (payload []byte, to net.Addr) // as it is now
	answer   func(payload []byte, from netip.Addr) (Answer, Why)
	answers  func(Answer)
	seen     []Answer
	dropped  []Dropped
}

// unfinished is what a [Conn] has besides when it puts fragments together.
type unfinished interface{ Unfinished() []Dropped }

// run asks until ctx ends or there are enough answers, and calls answers for each different one. It returns what else came.
func (e *exchange) run(ctx context.Context) ([]Dropped, error) {
	err := e.rounds(ctx)
	if u, ok := e.conn.(unfinished); ok {
		e.dropped = append(e.dropped, u.Unfinished()...)
	}
	return e.dropped, err
}

func (e *exchange) rounds(ctx context.Context) error {
	name, _, _ := e.conn.Interface()
	// A read cannot watch ctx, but it can run into a deadline that is long past.
	stop := context.AfterFunc(ctx, func() { _ = e.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()

	// RFC 2131 section 4.1 starts at 4 s and means a device that cannot go on without a lease. A phone that
	// waits for its Registrar asks sooner, as DHCPv6 does (RFC 8415 section 7.6: INF_TIMEOUT, doubled); the moments are
	// counted from the first question.
	for _, next := range []time.Duration{1 * time.Second, 3 * time.Second, 0} {
		if _, err := e.conn.WriteTo(e.question()); err != nil {
			return fmt.Errorf("ask %s on %s: %w", e.protocol, name, err)
		}
		var until time.Time // the last round ends with ctx
		if next > 0 {
			until = e.started.Add(next)
		}
		if err := e.collect(ctx, until); err != nil {
			return fmt.Errorf("read %s answers on %s: %w", e.protocol, name, err)
		}
		if ctx.Err() != nil || len(e.seen) == maxAnswers {
			return nil
		}
	}
	return nil
}

// collect takes answers until the given moment (zero: for ever), until ctx ends, or until there are enough.
func (e *exchange) collect(ctx context.Context, until time.Time) error {
	if err := e.conn.SetReadDeadline(until); err != nil {
		return err
	}
	buf := make([]byte, bufferSize)
	// Checked after the deadline is set: if ctx ended before, our deadline may have replaced the one that ends the read.
	for ctx.Err() == nil && len(e.seen) < maxAnswers {
		n, from, err := e.conn.ReadFrom(buf)
		var refused *Dropped
		switch {
		case errors.As(err, &refused):
			e.dropped = count(e.dropped, *refused)
			continue
		case errors.Is(err, os.ErrDeadlineExceeded), err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case n == len(buf):
			e.dropped = count(e.dropped, Dropped{From: source(from), Why: TooLong})
			continue
		}
		a, why := e.answer(buf[:n], source(from))
		switch {
		case why != Read:
			e.dropped = count(e.dropped, Dropped{From: source(from), Why: why})
		case !slices.ContainsFunc(e.seen, a.same):
			e.seen = append(e.seen, a)
			e.answers(a)
		}
	}
	return nil
}

// source returns the address a datagram came from, without a zone, or the zero Addr.
func source(from net.Addr) netip.Addr {
	if u, ok := from.(*net.UDPAddr); ok {
		return u.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
