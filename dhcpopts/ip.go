package dhcpopts

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sort"
)

// Specification constants: RFC 791 section 3.1, RFC 8200 sections 3 and 4.5, RFC 768, in bytes.
const (
	ipHeader   = 20
	ip6Header  = 40
	ip6Part    = 8 // the fragment header
	udpHeader  = 8
	protoUDP   = 17
	protoPart  = 44
	nextHeader = 6 // where the type of the next header stands in an IPv6 header
)

// Our choices.
const (
	maxPiles  = 16 // messages of which fragments are kept
	maxPieces = 16 // of one message
)

// packet is an IP packet, or a fragment of one.
type packet struct {
	packetKey
	at   int // where the data belong
	more bool
	data []byte // of UDP
}

// packetKey is what the fragments of a packet have in common.
type packetKey struct {
	from, to netip.Addr
	id       uint32
}

// readPacket4 reads an IPv4 packet that carries UDP. It is not ok when its lengths lie.
func readPacket4(b []byte) (p packet, ok bool) {
	if len(b) < ipHeader {
		return packet{}, false
	}
	p.from, p.to = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	header, total := int(b[0]&0xf)*4, int(binary.BigEndian.Uint16(b[2:]))
	if b[0]>>4 != 4 || header < ipHeader || header > total || total > len(b) || b[9] != protoUDP {
		return p, false
	}
	part := binary.BigEndian.Uint16(b[6:])
	p.id, p.at, p.more = uint32(binary.BigEndian.Uint16(b[4:])), int(part&0x1fff)*8, part&0x2000 != 0
	p.data = b[header:total] // what is behind it is the padding of Ethernet
	return p, true
}

// readPacket6 reads an IPv6 packet that carries UDP, behind no other header than that of a fragment.
func readPacket6(b []byte) (p packet, ok bool) {
	if len(b) < ip6Header {
		return packet{}, false
	}
	p.from, p.to = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
	next, end := b[nextHeader], ip6Header+int(binary.BigEndian.Uint16(b[4:]))
	if b[0]>>4 != 6 || end > len(b) {
		return p, false
	}
	p.data = b[ip6Header:end]
	if next == protoPart && len(p.data) >= ip6Part {
		part := binary.BigEndian.Uint16(p.data[2:])
		p.id, p.at, p.more = binary.BigEndian.Uint32(p.data[4:]), int(part&^7), part&1 != 0
		next, p.data = p.data[0], p.data[ip6Part:]
	}
	return p, next == protoUDP
}

// readUDP returns the ports and the payload of a datagram. It is not ok when its length lies.
func readUDP(data []byte) (from, to uint16, payload []byte, ok bool) {
	if len(data) < udpHeader {
		return 0, 0, nil, false
	}
	from, to = binary.BigEndian.Uint16(data), binary.BigEndian.Uint16(data[2:])
	length := int(binary.BigEndian.Uint16(data[4:]))
	if length < udpHeader || length > len(data) {
		return from, to, nil, false
	}
	return from, to, data[udpHeader:length], true
}

// piles are messages of which fragments have come, the latest last.
type piles []pile

type pile struct {
	packetKey
	pieces []packet
}

// take returns the data of a whole packet: of p, or of a message whose last fragment p is.
func (s *piles) take(p packet) (data []byte, whole bool) {
	if p.at == 0 && !p.more {
		return p.data, true
	}
	i := slices.IndexFunc(*s, func(known pile) bool { return known.packetKey == p.packetKey })
	if i < 0 {
		if len(*s) == maxPiles {
			*s = slices.Delete(*s, 0, 1)
		}
		i = len(*s)
		*s = append(*s, pile{packetKey: p.packetKey})
	}
	known := &(*s)[i]
	if len(known.pieces) == maxPieces {
		return nil, false
	}
	p.data = slices.Clone(p.data)
	known.pieces = append(known.pieces, p)
	if data, whole = known.whole(); whole {
		*s = slices.Delete(*s, i, i+1)
	}
	return data, whole
}

// whole returns the data when there are all pieces. Pieces that overlap are somebody's game, and never become whole
// (RFC 5722); one that came twice is one.
func (m *pile) whole() (data []byte, ok bool) {
	sort.Slice(m.pieces, func(i, j int) bool { return m.pieces[i].at < m.pieces[j].at })
	once := m.pieces[:0]
	for i := range m.pieces {
		piece := &m.pieces[i]
		if last := len(once) - 1; last < 0 || once[last].at != piece.at || len(once[last].data) != len(piece.data) {
			once = append(once, *piece)
		}
	}
	m.pieces = once
	for i := range m.pieces {
		piece := &m.pieces[i]
		if piece.at != len(data) || piece.more == (i == len(m.pieces)-1) {
			return nil, false
		}
		data = append(data, piece.data...)
	}
	return data, true
}

// unfinished counts the messages to or from such a port of which a fragment is missing.
func (s piles) unfinished(server, client uint16) (dropped []Dropped) {
	for i := range s {
		m := &s[i]
		if first := m.pieces[0]; first.at == 0 && len(first.data) >= udpHeader {
			if from, to, _, _ := readUDP(first.data); from == server || to == client {
				dropped = count(dropped, Dropped{From: m.from, Why: Incomplete})
			}
		}
	}
	return dropped
}
