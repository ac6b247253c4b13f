package srv

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// Specification constants.
const (
	headerSize = 12   // RFC 1035, section 4.1.1
	flagCD     = 0x10 // of the fourth byte: RFC 4035, section 3.2.2
)

// Our choices.
const (
	offeredSize = 1232 // DNS flag day 2020: the largest answer that is never fragmented
	maxAliases  = 8    // real chains have one or two; a loop ends here
	maxBesides  = 32   // addresses that come besides; a hint needs one
)

// question is one query, ready to send, and what an answer to it must repeat.
type question struct {
	id   uint16
	name string // absolute
	kind uint16
	wire []byte
}

func newQuestion(name string, qtype uint16, edns bool) (*question, error) {
	var m dns.Msg
	m.SetQuestion(name, qtype) // sets an unpredictable ID
	if edns {
		m.SetEdns0(offeredSize, false)
	}
	wire, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("write the question: %w", err)
	}
	return &question{id: m.Id, name: name, kind: qtype, wire: wire}, nil
}

// message is what an answer says, without what we do not use.
type message struct {
	rcode    int      // with the extended bits of RFC 6891
	answers  []dns.RR // class IN, of the type asked for or CNAME
	besides  []dns.RR // addresses in the additional section
	damaged  bool     // an answer record was dropped because it cannot be read
	soa      bool     // the authority section proves that the name has no such data
	referral bool     // the authority section sends us elsewhere
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
		h := dns.RR_Header{Name: owner, Rrtype: binary.BigEndian.Uint16(raw[end:]), Class: binary.BigEndian.Uint16(raw[end+2:]),
			Ttl: binary.BigEndian.Uint32(raw[end+4:]), Rdlength: binary.BigEndian.Uint16(raw[end+8:])}
		start := end + 10
		off = min(start+int(h.Rdlength), len(raw))
		switch {
		case i < answers:
			if h.Class != dns.ClassINET || h.Rrtype != want && h.Rrtype != dns.TypeCNAME {
				continue
			}
			rr, _, err := dns.UnpackRRWithHeader(h, raw[:off], start)
			if err != nil {
				m.damaged = true
				continue
			}
			m.answers = append(m.answers, rr)
		case i < authority:
			m.soa = m.soa || h.Rrtype == dns.TypeSOA
			ns = ns || h.Rrtype == dns.TypeNS
		case h.Class == dns.ClassINET && (h.Rrtype == dns.TypeA || h.Rrtype == dns.TypeAAAA):
			if rr, _, err := dns.UnpackRRWithHeader(h, raw[:off], start); err == nil && len(m.besides) < maxBesides {
				m.besides = append(m.besides, rr)
			}
		case h.Rrtype == dns.TypeOPT: // RFC 6891, section 6.1.3: the upper bits of the response code
			m.rcode |= int(h.Ttl>>24) << 4
			m.extended = readExtended(m.extended, raw[min(start, off):off])
		}
	}
	m.referral = ns && !m.soa
	return nil
}

// follow walks the aliases from name and returns the records of the given type at their end, the name of that end, and how
// many aliases led there. Only records whose owner is on that way count.
func (m *message) follow(name string, qtype uint16) (found []dns.RR, end string, jumps int) {
	for jumps <= maxAliases {
		alias := ""
		for _, rr := range m.answers {
			if !strings.EqualFold(rr.Header().Name, name) {
				continue
			}
			if rr.Header().Rrtype == qtype {
				found = append(found, rr)
			} else if c, ok := rr.(*dns.CNAME); ok {
				alias = c.Target
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
