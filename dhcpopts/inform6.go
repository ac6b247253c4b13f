package dhcpopts

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

// Specification constants of DHCPv6 (RFC 8415 sections 7 and 21, RFC 3319).
const (
	clientPort6 = 546
	serverPort6 = 547
	header6     = 4 // bytes: type, transaction

	typeReply       = 7
	typeInformation = 11

	option6ClientID = 1
	option6ServerID = 2
	option6Request  = 6
	option6Elapsed  = 8
	option6SIPNames = 21
	option6SIPAddrs = 22

	duidLinkLayer = 3 // RFC 8415 section 11.4
	hwEthernet    = 1
)

// allServers6 is All_DHCP_Relay_Agents_and_Servers (RFC 8415 section 7.1).
var allServers6 = netip.MustParseAddr("ff02::1:2")

// Inform6 is [Inform] for DHCPv6: it sends an Information-request (RFC 8415 section 18.2.6) for options 21 and 22 (RFC
// 3319) and calls answers for each different reply, on the caller's goroutine, until ctx ends; c is from [Listen6]. In
// an answer Type is "reply", Server the address it came from, and SIP is options 21 and 22: Names of the one and Addrs
// of the other, Raw the value of 21, or of 22 when there is no 21. There is no option 43.
//
// It does not wait a random second before it asks, as a device that configures itself must: it asks on behalf
// of a device that has done so.
func Inform6(ctx context.Context, c Conn, answers func(Answer)) ([]Dropped, error) {
	q := query6{started: time.Now()}
	name, _, hw := c.Interface()
	rand.Read(q.xid[:]) // never fails
	if len(hw) > 0 {
		q.clientID = append([]byte{0, duidLinkLayer, 0, hwEthernet}, hw...)
	}
	q.to = net.UDPAddr{IP: allServers6.AsSlice(), Port: serverPort6, Zone: name}
	e := exchange{conn: c, protocol: "DHCPv6", started: q.started, question: q.message, answer: q.answer, answers: answers}
	return e.run(ctx)
}

// query6 is the question as it is asked.
type query6 struct {
	started  time.Time
	to       net.UDPAddr
	xid      [3]byte
	clientID []byte // DUID
}

// message is the question, with the time that has passed (RFC 8415 section 21.9: hundredths of a second).
func (q *query6) message() (payload []byte, to net.Addr) {
	m := append([]byte{typeInformation}, q.xid[:]...)
	if q.clientID != nil {
		m = option6(m, option6ClientID, q.clientID)
	}
	elapsed := min(time.Since(q.started)/(10*time.Millisecond), 1<<16-1)
	m = option6(m, option6Elapsed, binary.BigEndian.AppendUint16(nil, uint16(elapsed)))
	return option6(m, option6Request, []byte{0, option6SIPNames, 0, option6SIPAddrs}), &q.to
}

func option6(m []byte, code uint16, value []byte) []byte {
	m = binary.BigEndian.AppendUint16(m, code)
	return append(binary.BigEndian.AppendUint16(m, uint16(len(value))), value...)
}

// answer reads a message from a server, unless it belongs to another transaction. It is unusable unless it is a Reply from a
// server that says who it is, to this client (RFC 8415 section 16.10). An option that does not fit ends it; what stands before
// is used.
func (q *query6) answer(payload []byte, from netip.Addr) (Answer, Why) {
	switch {
	case len(payload) < header6:
		return Answer{}, TooShort
	case string(payload[1:header6]) != string(q.xid[:]):
		return Answer{}, OtherTransaction
	}
	a := Answer{Server: from.WithZone(""), Took: time.Since(q.started), Type: Unusable}
	if payload[0] != typeReply {
		a.Problem = fmt.Sprintf("it is of type %d, not a Reply (%d)", payload[0], typeReply)
		return a, Read
	}
	options, cut := readOptions6(payload)
	switch client := options[option6ClientID]; {
	case options[option6ServerID] == nil:
		a.Problem = cmp.Or(cut, "it does not say which server it is of (option 2 is missing)")
	case client == nil && q.clientID != nil:
		a.Problem = cmp.Or(cut, "it does not say which client it is for (option 1 is missing)")
	case string(client) != string(q.clientID):
		a.Problem = fmt.Sprintf("it is for the client %x, not for %x", client, q.clientID)
	default:
		a.Type, a.Problem = "reply", cut
		a.SIP = parseSIPServers6(options[option6SIPNames], options[option6SIPAddrs])
	}
	return a, Read
}

// readOptions6 returns the options of a message, the first one of each. cut says which one is longer than the message, or "".
func readOptions6(payload []byte) (options map[uint16][]byte, cut string) {
	const head = 4 // bytes: code and length
	options = map[uint16][]byte{}
	for at := header6; at < len(payload); {
		rest := payload[at:]
		if len(rest) < head {
			return options, fmt.Sprintf("byte %d begins an option of which %d bytes are there, what stands before it is used", at, len(rest))
		}
		code, end := binary.BigEndian.Uint16(rest), head+int(binary.BigEndian.Uint16(rest[2:]))
		if end > len(rest) {
			return options, fmt.Sprintf("option %d at byte %d is longer than the message of %d bytes, what stands before it is used", code, at, len(payload))
		}
		if _, twice := options[code]; !twice {
			options[code] = append([]byte{}, rest[head:end]...)
		}
		at += end
	}
	return options, ""
}

// parseSIPServers6 decodes the values of options 21 and 22; nil is an option that was not sent (RFC 3319 section 3).
func parseSIPServers6(names, addrs []byte) SIPServers {
	if names == nil && addrs == nil {
		return SIPServers{}
	}
	s := SIPServers{Raw: names}
	var p problems
	switch {
	case names == nil:
		s.Raw, s.Encoding = addrs, encodingAddrs
	case len(names) == 0:
		p.add(nowhere, "the option is empty")
	default:
		s.Names = readNames(names, 0, &p)
	}
	s.Addrs = readAddrs6(addrs, &p)
	s.Problem, s.Wrong = p.String(), p.wrong
	return s
}

// readAddrs6 reads option 22. It returns none when the bytes are no list of addresses.
func readAddrs6(list []byte, p *problems) []netip.Addr {
	const size = 16 // bytes of an address
	if text := typed(list); text != "" {
		p.add(nowhere, "option 22 is text: %+q, not addresses", text)
		return nil
	}
	if len(list)%size != 0 {
		p.add(nowhere, "option 22 ends in the middle of an address")
		return nil
	}
	var addrs []netip.Addr
	for a := range slices.Chunk(list, size) {
		switch addr := netip.AddrFrom16([size]byte(a)); {
		case isText(string(a)):
			p.add(nowhere, "a part of option 22 is text: %+q, not an address", a)
			return nil
		case addr.Is4In6(), !addr.IsGlobalUnicast():
			p.add(nowhere, "the address %s cannot be a Registrar", addr)
		case len(addrs) == maxServers:
			p.addOnce(nowhere, "option 22 has more than %d addresses, the rest is not used", maxServers)
		default:
			addrs = append(addrs, addr)
		}
	}
	return addrs
}
