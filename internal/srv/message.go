package srv

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// Specification constants.
const (
	headerSize = 12   // RFC 1035, section 4.1.1
	flagRD     = 0x01 // of the third byte
	flagCD     = 0x10 // of the fourth byte: RFC 4035, section 3.2.2
	srvNumbers = 6    // bytes before the target: RFC 2782
)

// Our choices.
const (
	offeredSize = 1232 // DNS flag day 2020: the largest answer that is never fragmented
	maxAliases  = 8    // real chains have one or two; a loop ends here
	maxBesides  = 32   // addresses that come besides; a hint needs one

	// ownName is what every name server has an answer to by itself (RFC 6761 section 6.3): one that were to look further leads nobody anywhere.
	ownName = "localhost."
)

// question is one query, ready to send, and what an answer to it must repeat.
type question struct {
	id   uint16
	name string // absolute
	kind uint16
	wire []byte
}

// newQuestion writes it without dns.Msg, as resource is read without dns.RR: with either, the program carries some 90 types of records.
func newQuestion(name string, qtype uint16, edns bool) (*question, error) {
	wire := make([]byte, headerSize+len(name)+1)
	end, err := dns.PackDomainName(name, wire, headerSize, nil, false)
	if err != nil {
		return nil, fmt.Errorf("write the question: %w", err)
	}
	q := &question{id: dns.Id(), name: name, kind: qtype} // the ID is unpredictable
	binary.BigEndian.PutUint16(wire, q.id)
	wire[2], wire[5] = flagRD, 1 // question
	wire = binary.BigEndian.AppendUint16(wire[:end], qtype)
	wire = binary.BigEndian.AppendUint16(wire, dns.ClassINET)
	if edns { // RFC 6891, section 6.1.2: of the root, with no options
		wire[11] = 1 // additional record
		wire = binary.BigEndian.AppendUint16(append(wire, 0), dns.TypeOPT)
		wire = binary.BigEndian.AppendUint16(wire, offeredSize)
		wire = append(wire, 0, 0, 0, 0, 0, 0)
	}
	q.wire = wire
	return q, nil
}

// resource is what one record of an answer holds, as far as its type has it.
type resource struct {
	owner                  string // absolute
	kind                   uint16
	addr                   netip.Addr // of A and AAAA
	priority, weight, port uint16     // of SRV
	target                 string     // of SRV and CNAME: absolute
}

// newResource reads the data of a record, size bytes of raw from start on; false: they are damaged. Who sends no data, or none after
// a number, has sent nothing that is damaged.
func newResource(owner string, kind uint16, raw []byte, start, size int) (*resource, bool) {
	end := start + size
	if end > len(raw) {
		return nil, false
	}
	r, data := &resource{owner: owner, kind: kind}, raw[start:end]
	switch {
	case size == 0:
		return r, true
	case kind == dns.TypeA || kind == dns.TypeAAAA:
		r.addr, _ = netip.AddrFromSlice(data)
		return r, r.addr.Is4() && kind == dns.TypeA || r.addr.Is6() && kind == dns.TypeAAAA
	case kind == dns.TypeSRV && size <= srvNumbers:
		return r, size%2 == 0
	case kind == dns.TypeSRV:
		r.priority, r.weight, r.port = binary.BigEndian.Uint16(data), binary.BigEndian.Uint16(data[2:]), binary.BigEndian.Uint16(data[4:])
		start += srvNumbers
	}
	target, after, err := dns.UnpackDomainName(raw[:end], start)
	r.target = target
	return r, err == nil && after == end
}

// message is what an answer says, without what we do not use.
type message struct {
	rcode    int         // with the extended bits of RFC 6891
	answers  []*resource // class IN, of the type asked for or CNAME
	besides  []*resource // addresses in the additional section
	damaged  bool        // an answer record was dropped because it cannot be read
	soa      bool        // the authority section proves that the name has no such data
	referral bool        // the authority section sends us elsewhere
	extended *Extended
}

// read returns the answer to q in raw, or why raw is not an answer to q (RFC 5452, section 9.1).
func (q *question) read(raw []byte) (*message, Drop, error) {
	switch {
	case len(raw) < headerSize || raw[2]&0xf8 != 0x80: // QR, and opcode QUERY
		return nil, NoAnswer, nil
	case binary.BigEndian.Uint16(raw) != q.id:
		return nil, OtherID, nil
	}
	m, off := &message{rcode: int(raw[3] & 0xf)}, headerSize
	switch count := binary.BigEndian.Uint16(raw[4:]); {
	case count == 0 && m.rcode != dns.RcodeSuccess && m.rcode != dns.RcodeNameError:
		// Servers that cannot or will not answer may leave out the question.
	case count != 1:
		return nil, 0, fmt.Errorf("%w: it does not repeat the question", errUnreadable)
	default:
		name, end, err := dns.UnpackDomainName(raw, off)
		if err != nil || end+4 > len(raw) {
			return nil, 0, errUnreadable
		}
		kind, class := binary.BigEndian.Uint16(raw[end:]), binary.BigEndian.Uint16(raw[end+2:])
		if !strings.EqualFold(name, q.name) || kind != q.kind || class != dns.ClassINET {
			return nil, OtherQuestion, nil
		}
		off = end + 4
	}
	if raw[2]&0x02 != 0 { // TC: it may end anywhere
		return nil, 0, errTruncated
	}
	return m, 0, m.readRecords(raw, off, q.kind)
}

// readRecords walks the three sections. It unpacks only what we use, record by record, so that one bad record costs no other;
// a section that ends too early makes the answer unreadable only if it is the answer section.
func (m *message) readRecords(raw []byte, off int, want uint16) error {
	answers := int(binary.BigEndian.Uint16(raw[6:]))
	authority := answers + int(binary.BigEndian.Uint16(raw[8:]))
	all := authority + int(binary.BigEndian.Uint16(raw[10:]))
	ns := false
	for i := range all {
		owner, end, err := dns.UnpackDomainName(raw, off)
		if err != nil || end+10 > len(raw) {
			if i < answers {
				return fmt.Errorf("%w: its records are damaged", errUnreadable)
			}
			break
		}
		kind, class := binary.BigEndian.Uint16(raw[end:]), binary.BigEndian.Uint16(raw[end+2:])
		start, size := end+10, int(binary.BigEndian.Uint16(raw[end+8:]))
		off = min(start+size, len(raw))
		switch {
		case i < answers:
			if class != dns.ClassINET || kind != want && kind != dns.TypeCNAME {
				continue
			}
			rr, ok := newResource(owner, kind, raw, start, size)
			if !ok {
				m.damaged = true
				continue
			}
			m.answers = append(m.answers, rr)
		case i < authority:
			m.soa = m.soa || kind == dns.TypeSOA
			ns = ns || kind == dns.TypeNS
		case class == dns.ClassINET && (kind == dns.TypeA || kind == dns.TypeAAAA):
			if rr, ok := newResource(owner, kind, raw, start, size); ok && len(m.besides) < maxBesides {
				m.besides = append(m.besides, rr)
			}
		case kind == dns.TypeOPT: // RFC 6891, section 6.1.3: the upper bits of the response code
			m.rcode |= int(raw[end+4]) << 4
			m.extended = readExtended(m.extended, raw[start:off])
		}
	}
	m.referral = ns && !m.soa
	return nil
}

// follow walks the aliases from name and returns the records of the given type at their end, the name of that end, and how
// many aliases led there. Only records whose owner is on that way count.
func (m *message) follow(name string, qtype uint16) (found []*resource, end string, jumps int) {
	for jumps <= maxAliases {
		alias := ""
		for _, rr := range m.answers {
			if !strings.EqualFold(rr.owner, name) {
				continue
			}
			if rr.kind == qtype {
				found = append(found, rr)
			} else {
				alias = rr.target
			}
		}
		if len(found) > 0 || alias == "" {
			break
		}
		name = alias
		jumps++
	}
	return found, name, jumps
}
