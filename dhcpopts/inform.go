package dhcpopts

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
)

// Specification constants.
const serverPort = 67 // RFC 2131 section 4.1

// Our choices.
const (
	maxMessage = 1500 // what we say we accept (option 57): an Ethernet frame, so that answers are not fragmented
	maxAnswers = 16   // different answers taken from one exchange; a link with more has a flood, not servers
	bufferSize = 4096 // an answer that fills it was cut, and is dropped
)

// Errors of [Listen]; match with errors.Is.
var (
	ErrNoInterface = errors.New("no such interface")              // nor a default route, when none was named
	ErrNoAddress   = errors.New("interface without IPv4 address") // DHCPINFORM is for devices that have one
)

// Conn carries the UDP payloads of DHCP on one interface: what is written goes to the servers of the link,
// what is read was sent to the client port. [Listen] makes a real one; a simulated site makes its own.
// Reading must honour SetReadDeadline with an error that is os.ErrDeadlineExceeded.
type Conn interface {
	net.PacketConn

	// Interface returns the interface's name, the IPv4 address on it that answers go to, and its
	// hardware address, which is six zero bytes where there is none.
	Interface() (name string, addr netip.Addr, hw net.HardwareAddr)
}

// Answer is what one server said.
type Answer struct {
	Server netip.Addr    // option 54, or the address the answer came from
	Took   time.Duration // since the question was first sent
	Type   string        // "ack", or "nak", which carries no options
	SIP    SIPServers    // option 120; Raw is nil when it was not sent
	Vendor VendorOption  // option 43; Raw is nil when it was not sent
	NTP    []netip.Addr  // option 42, if the Question asks for it
}

// Question is what may differ from the question of a Lync phone, which is the zero value.
type Question struct {
	VendorClass string // option 60; "" is MS-UC-Client
	NTP         bool   // ask for NTP servers, too (option 42, RFC 2132 section 8.3)
}

// Inform sends DHCPINFORM as a Lync phone does; see [Question.Inform].
func Inform(ctx context.Context, c Conn, answers func(Answer)) error {
	return Question{}.Inform(ctx, c, answers)
}

// Inform sends the question by DHCPINFORM (RFC 2131 section 4.4.3, TechNet gg398369) and calls answers
// for each different answer, on the caller's goroutine, until ctx ends. It sends again after 1 s and 3 s, since
// datagrams get lost and a second server may still be silent. What is not an answer to this question, or
// cannot be parsed, is dropped: silence is no error. The error says that c could not be written or read.
// After 16 different answers Inform returns early. It asks for no address, and leaves c open; one Inform at a time.
func (question Question) Inform(ctx context.Context, c Conn, answers func(Answer)) error {
	q := query{Question: question, conn: c, answers: answers, started: time.Now()}
	q.name, q.addr, q.hw = c.Interface()
	rand.Read(q.xid[:]) // never fails
	// A read cannot watch ctx, but it can run into a deadline that is long past.
	stop := context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()

	// RFC 2131 section 4.1 starts at 4 s and means a device that cannot go on without a lease. A phone that
	// waits for its Registrar asks sooner; the moments are counted from the first question.
	for _, next := range []time.Duration{1 * time.Second, 3 * time.Second, 0} {
		if err := q.send(); err != nil {
			return fmt.Errorf("send DHCPINFORM on %s: %w", q.name, err)
		}
		var until time.Time // the last round ends with ctx
		if next > 0 {
			until = q.started.Add(next)
		}
		if err := q.collect(ctx, until); err != nil {
			return fmt.Errorf("read DHCP answers on %s: %w", q.name, err)
		}
		if ctx.Err() != nil || len(q.seen) == maxAnswers {
			return nil
		}
	}
	return nil
}

// query is one exchange.
type query struct {
	Question
	conn    Conn
	answers func(Answer)
	started time.Time

	name string
	addr netip.Addr
	hw   net.HardwareAddr
	xid  dhcpv4.TransactionID
	seen []Answer
}

// send broadcasts the question.
func (q *query) send() error {
	options := dhcpv4.OptionCodeList{dhcpv4.OptionSIPServers, dhcpv4.OptionVendorSpecificInformation}
	if q.NTP {
		options.Add(dhcpv4.OptionNTPServers)
	}
	m := dhcpv4.DHCPv4{
		OpCode:        dhcpv4.OpcodeBootRequest,
		HWType:        iana.HWTypeEthernet,
		TransactionID: q.xid,
		NumSeconds:    uint16(time.Since(q.started) / time.Second),
		ClientIPAddr:  q.addr.AsSlice(),
		ClientHWAddr:  q.hw,
		Options: dhcpv4.OptionsFromList(
			dhcpv4.OptMessageType(dhcpv4.MessageTypeInform),
			dhcpv4.OptMaxMessageSize(maxMessage),
			dhcpv4.OptClassIdentifier(cmp.Or(q.VendorClass, vendorClass)),
			dhcpv4.OptParameterRequestList(options...),
		),
	}
	_, err := q.conn.WriteTo(m.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: serverPort})
	return err
}

// collect takes answers until the given moment (zero: for ever), until ctx ends, or until there are enough.
func (q *query) collect(ctx context.Context, until time.Time) error {
	if err := q.conn.SetReadDeadline(until); err != nil {
		return err
	}
	buf := make([]byte, bufferSize)
	// Checked after the deadline is set: if ctx ended before, our deadline may have replaced the one that ends the read.
	for ctx.Err() == nil && len(q.seen) < maxAnswers {
		n, from, err := q.conn.ReadFrom(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded), err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case n == len(buf):
			continue
		}
		a, ok := q.answer(buf[:n], source(from))
		if !ok || slices.ContainsFunc(q.seen, a.same) {
			continue
		}
		q.seen = append(q.seen, a)
		q.answers(a)
	}
	return nil
}

// source returns the IPv4 address a datagram came from, or the zero Addr.
func source(from net.Addr) netip.Addr {
	if u, ok := from.(*net.UDPAddr); ok {
		return u.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
