package dhcpopts

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/netip"
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
	ErrNoInterface = errors.New("there is no interface")          // of the name given
	ErrNoRoute     = errors.New("there is no default route")      // and no interface was named
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
	Type   string        // "ack"; "nak", which carries no options; "unusable", of which Problem says why
	SIP    SIPServers    // option 120; Raw is nil when it was not sent
	Vendor VendorOption  // option 43; Raw is nil when it was not sent
	NTP    []netip.Addr  // option 42, if the Question asks for it

	Problem string // what is wrong with the answer as a whole, or ""; what stands before the fault is used
}

// Unusable is the Type of an answer to our question of which nothing can be used.
const Unusable = "unusable"

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
// datagrams get lost and a second server may still be silent. What is not an answer to this question is
// dropped: silence is no error. What is one and cannot be used is [Unusable]. The error says that c could not be written or read.
// After 16 different answers Inform returns early. It asks for no address, and leaves c open; one Inform at a time.
func (question Question) Inform(ctx context.Context, c Conn, answers func(Answer)) error {
	q := query{Question: question, started: time.Now()}
	_, q.addr, q.hw = c.Interface()
	rand.Read(q.xid[:]) // never fails
	e := exchange{conn: c, protocol: "DHCP", started: q.started, question: q.message, answer: q.answer, answers: answers}
	return e.run(ctx)
}

// query is a question as it is asked.
type query struct {
	Question
	started time.Time

	addr netip.Addr
	hw   net.HardwareAddr
	xid  dhcpv4.TransactionID
}

// message is the question, which is broadcast.
func (q *query) message() (payload []byte, to net.Addr) {
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
	return m.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: serverPort}
}
