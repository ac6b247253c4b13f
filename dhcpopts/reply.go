package dhcpopts

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"homeward/internal/place"
)

// Specification constants: RFC 2131 section 2, in bytes from the start of a message.
const (
	snameStart   = 44
	fileStart    = 108
	fileEnd      = 236
	optionsStart = 240 // after the magic cookie

	optionOverload = 52 // RFC 2132 section 9.3
	overloadFile   = 1
	overloadSname  = 2
)

// answer reads a message from a server, unless it is no reply to this question, which the transaction shows:
// nobody guesses 32 bits. One that is no whole ACK or NAK is unusable.
// Of an ACK only the server and the options that were asked for are read: a lease in it means nothing (RFC 2131 section 4.3.5).
func (q *query) answer(payload []byte, from netip.Addr) (Answer, Why) {
	const ours = 8 // bytes: what kind of message, and the transaction
	if len(payload) < ours {
		return Answer{}, TooShort
	}
	if !bytes.Equal(payload[4:ours], q.xid[:]) || payload[0] != byte(dhcpv4.OpcodeBootReply) {
		return Answer{}, OtherTransaction // most of what comes: the answers to other devices
	}
	a := Answer{Server: from, Took: time.Since(q.started), Type: Unusable}
	if len(payload) < optionsStart {
		a.Problem = fmt.Sprintf("it ends after byte %d, inside the header", len(payload))
		return a, Read
	}
	whole, cut := gatherOptions(payload)
	m, err := dhcpv4.FromBytes(whole)
	if err != nil {
		a.Problem = strings.TrimPrefix(err.Error(), "malformed DHCP packet: ")
		return a, Read
	}
	if id, ok := netip.AddrFromSlice(m.ServerIdentifier().To4()); ok && !id.IsUnspecified() {
		a.Server = id
	}
	switch {
	case m.HWType != iana.HWTypeEthernet:
		a.Problem = fmt.Sprintf("it is for hardware of type %d, not Ethernet", m.HWType)
	case !bytes.Equal(m.ClientHWAddr, q.hw):
		a.Problem = fmt.Sprintf("it is for the hardware address %s, not for %s", m.ClientHWAddr, q.hw)
	case m.MessageType() == dhcpv4.MessageTypeNak:
		a.Type = "nak"
	case m.MessageType() != dhcpv4.MessageTypeAck:
		a.Problem = fmt.Sprintf("it is %s, not ACK", kind(m.MessageType()))
	default:
		a.Type, a.Problem = "ack", cut
		q.options(m, &a)
	}
	return a, Read
}

// kind names the type of a message.
func kind(t dhcpv4.MessageType) string {
	if t == dhcpv4.MessageTypeNone {
		return "of no type, or of two"
	}
	return t.String()
}

// options reads those that were asked for.
func (q *query) options(m *dhcpv4.DHCPv4, a *Answer) {
	// A Registrar on loopback is a neighbour only for a device that asked on loopback (cmd/lab).
	a.SIP = parseSIPServers(value(m, dhcpv4.OptionSIPServers), q.addr.IsLoopback())
	a.Vendor = ParseVendor(value(m, dhcpv4.OptionVendorSpecificInformation))
	if q.Besides {
		a.NTP, a.Routers, a.NameServers = hosts(m.NTPServers()), hosts(m.Router()), hosts(m.DNS())
		a.Routes = routesIn(m.Options)
		for i := range a.Routes {
			r := &a.Routes[i] // RFC 3442
			if r.To.IsValid() && r.To.Bits() == 0 && r.Via.IsValid() {
				a.Routers = []netip.Addr{r.Via}
				break
			}
		}
		if mask := m.SubnetMask(); len(mask) == net.IPv4len {
			a.MaskBits, _ = mask.Size() // 0 if the ones are not all at its beginning
		}
		a.Domains = readNames(value(m, dhcpv4.OptionDNSDomainSearchList), 0, &problems{}) // nobody is told what is wrong with it
		if domain, err := place.HostName(strings.TrimRight(string(value(m, dhcpv4.OptionDomainName)), ".\x00")); err == nil {
			a.Domains = append(a.Domains, domain)
		}
	}
}

// hosts returns the addresses that can be those of a server.
func hosts(ips []net.IP) []netip.Addr {
	var addrs []netip.Addr
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip.To4()); ok && !a.IsUnspecified() && !a.IsMulticast() {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// value returns the value of an option, nil when it was not sent, empty when it was sent empty.
func value(m *dhcpv4.DHCPv4, code dhcpv4.OptionCode) []byte {
	if !m.Options.Has(code) {
		return nil
	}
	return append([]byte{}, m.Options.Get(code)...)
}

// gatherOptions returns the message with all its options in one place and an end after them, which is the
// only form dhcpv4.FromBytes takes: it knows no option overload, and refuses options without an end. Options
// come in the order in which parts of one option are joined (RFC 3396 section 5): options, file, sname.
// cut says which option is longer than the message, or ""; what stands before it is there.
func gatherOptions(payload []byte) (whole []byte, cut string) {
	options, overload, ok := cutOptions(payload[optionsStart:])
	if !ok {
		at := optionsStart + len(options)
		cut = fmt.Sprintf("option %d at byte %d is longer than the message of %d bytes, what stands before it is used", payload[at], at, len(payload))
	}
	whole = slices.Concat(payload[:optionsStart], options)
	// An overload option inside a field says nothing new: each field is read once.
	for _, field := range []struct {
		set        byte
		name       string
		start, end int
	}{{overloadFile, "file", fileStart, fileEnd}, {overloadSname, "sname", snameStart, fileStart}} {
		if overload&field.set == 0 {
			continue
		}
		more, _, ok := cutOptions(payload[field.start:field.end])
		if at := field.start + len(more); !ok {
			cut = cmp.Or(cut, fmt.Sprintf("option %d at byte %d is longer than the field %s, what stands before it is used", payload[at], at, field.name))
		}
		whole = append(whole, more...)
	}
	return append(whole, optionEnd), cut
}

// cutOptions returns what stands before the end option, or before the first option that does not fit,
// in which case it is not ok. overload is the value of the last valid overload option, or 0.
func cutOptions(field []byte) (options []byte, overload byte, ok bool) {
	at := 0
	for at < len(field) && field[at] != optionEnd {
		if field[at] == optionPad {
			at++
			continue
		}
		if at+2 > len(field) || at+2+int(field[at+1]) > len(field) {
			return field[:at], overload, false
		}
		if field[at] == optionOverload && field[at+1] == 1 && field[at+2] <= overloadFile|overloadSname {
			overload = field[at+2]
		}
		at += 2 + int(field[at+1])
	}
	return field[:at], overload, true
}
