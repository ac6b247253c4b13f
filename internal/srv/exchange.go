package srv

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// Our choices.
const (
	maxStrangers = 100  // answers to other questions before the socket is given up for TCP: somebody is guessing
	datagramSize = 4096 // some servers send more than they were offered
)

// exchange gets one server's answer to one question: over UDP, over TCP when UDP will not do, without EDNS when the server
// does not understand it.
func (r *Resolver) exchange(ctx context.Context, server netip.AddrPort, name string, qtype uint16) (*message, *Error) {
	network, edns := "udp", true
	if r.TCP {
		network = "tcp"
	}
	var whyTCP error
	var dropped Dropped
	for {
		q, err := newQuestion(name, qtype, edns)
		if err != nil {
			return nil, &Error{Kind: BadName, Err: err}
		}
		if r.Unvalidated {
			q.wire[3] |= flagCD
		}
		if r.alone {
			q.wire[2] &^= flagRD
		}
		m, err := r.converse(ctx, network, server, q, &dropped)
		switch {
		case network == "udp" && (errors.Is(err, errTruncated) || errors.Is(err, errStrangers)):
			network, whyTCP = "tcp", err
		case err != nil:
			fail := failure(ctx, whyTCP, err)
			fail.Dropped = dropped
			r.missing(fail, server.Addr())
			return nil, fail
		case edns && (m.rcode == dns.RcodeFormatError || m.rcode == dns.RcodeBadVers): // RFC 6891, section 7
			edns = false
		default:
			return m, nil
		}
	}
}

// missing notes in a failure that there is no default route, or that the server, or the gateway on the way there, is not on the link on which
// it should be.
func (r *Resolver) missing(fail *Error, server netip.Addr) {
	fail.NoRoute = fail.Kind == Unreachable && r.NoDefault != nil && r.NoDefault(server)
	if fail.Kind != Timeout && fail.Kind != Unreachable || r.Absent == nil {
		return
	}
	switch who := r.Absent(server); {
	case who == server.WithZone(""):
		fail.Kind, fail.Err = NobodyThere, errNobody
	case who.IsValid():
		if fail.Kind, fail.Err, fail.Gateway = NoGateway, errNoGateway, who; r.Detour != nil {
			fail.Detour = r.Detour(server)
		}
	}
}

// failure names the kind of an exchange that brought no answer. That an answer was cut, or that strangers have spoken, is
// what is wrong, however it went over TCP afterwards.
func failure(ctx context.Context, whyTCP, err error) *Error {
	kind := lost(ctx, err)
	if kind == Timeout && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	e := &Error{Kind: kind, Err: err}
	switch {
	case errors.Is(whyTCP, errTruncated):
		e.Kind, e.TCP = Truncated, kind
	case errors.Is(whyTCP, errStrangers) && kind != Timeout:
		e.Kind = Strangers
	}
	if whyTCP != nil {
		e.Err = fmt.Errorf("%w, and over TCP: %w", whyTCP, err)
	}
	return e
}

// barred is what a router has said of a question to which no answer came either.
type barred struct{ error }

func (b *barred) Unwrap() error { return b.error }

// lost is the kind of an error of the way.
func lost(ctx context.Context, err error) Kind {
	var timeout net.Error
	var by *barred
	switch {
	case errors.As(err, &by):
		return Unreachable
	case ctx.Err() != nil:
		return Timeout
	case errors.As(err, &timeout) && timeout.Timeout(): // a dial notices the deadline before its context does
		return Timeout
	case errors.Is(err, errUnreadable), errors.Is(err, errTruncated), errors.Is(err, errStrangers):
		return Unreadable
	case errors.Is(err, syscall.ECONNREFUSED):
		return PortClosed
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return HungUp
	default:
		return Unreachable
	}
}

// converse asks on a connection of its own, which is closed when it returns or ctx ends. RFC 5452: a connected socket
// with a new port for every question, so that nobody but the server is heard.
func (r *Resolver) converse(ctx context.Context, network string, server netip.AddrPort, q *question, dropped *Dropped) (*message, error) {
	conn, err := r.Dial(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { conn.Close(); close(closed) })
	defer func() {
		if !stop() {
			<-closed
		}
		conn.Close()
	}()
	if network == "tcp" {
		return overTCP(conn, q, dropped)
	}
	return overUDP(conn, q, dropped, &resends{pace: r.Pace, server: server, began: time.Now()})
}

// overUDP sends the question again and again until the answer comes or the connection ends. An error of the socket, such as
// port unreachable, ends it: that server has failed now. What routers say later may pass, and counts where nothing else comes.
func overUDP(conn net.Conn, q *question, dropped *Dropped, again *resends) (*message, error) {
	buf, strangers := make([]byte, datagramSize), 0
	routers, _ := conn.(HearingRouters)
	var said error
	passes := func(err error) bool { // a socket tells each of these once, be it when it writes
		word := routers != nil && again.sends > 1 && strangers < maxStrangers && (errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH))
		if word {
			said = &barred{err}
			strangers++
		}
		return word
	}
	for {
		err := conn.SetDeadline(time.Now().Add(again.next()))
		if err == nil {
			_, err = conn.Write(q.wire)
		}
		for err == nil || passes(err) {
			var n int
			if n, err = conn.Read(buf); err != nil {
				continue
			}
			m, other, err := q.read(buf[:n])
			if other == 0 {
				again.pace.answered(again.server, time.Since(again.began), again.sends)
				return m, err
			}
			dropped.note(other)
			if strangers++; strangers >= maxStrangers {
				return nil, errStrangers
			}
		}
		switch {
		case !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, syscall.ECONNREFUSED) && said != nil:
			return nil, said
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return nil, err
		case again.sends == 1 && routers != nil:
			routers.HearRouters()
		}
		overhear(conn, func(raw []byte, from netip.AddrPort) {
			if _, other, _ := q.read(raw); other == 0 { // anything else is none of our business
				dropped.elsewhere(from)
			}
		})
	}
}

// overhear tells what others than its other end have sent to a socket since it was called first.
func overhear(conn net.Conn, heard func(raw []byte, from netip.AddrPort)) {
	listener, ok := conn.(Overhearing)
	if !ok {
		return
	}
	buf := make([]byte, datagramSize)
	for range maxStrangers {
		n, from := listener.Overheard(buf)
		if n == 0 {
			return
		}
		heard(buf[:n], from)
	}
}

// overTCP sends the question once. RFC 1035, section 4.2.2: each message follows its length in two bytes.
func overTCP(conn net.Conn, q *question, dropped *Dropped) (*message, error) {
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(q.wire)))
	if _, err := conn.Write(append(framed, q.wire...)); err != nil {
		return nil, err
	}
	for range maxStrangers {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return nil, err
		}
		raw := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, raw); err != nil {
			return nil, err
		}
		m, other, err := q.read(raw)
		if other == 0 {
			return m, err
		}
		dropped.note(other)
	}
	return nil, errStrangers
}
