package sitetest

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
)

// mediaRelays are the Media Relays of a site that runs. Their TCP ports are those of Registrars that say nothing.
type mediaRelays struct {
	sim *simulation
	out *mapping
}

// mediaRelay is a Relay as MRAS tells it (MS-AVEDGEA).
type mediaRelay struct {
	Location string `xml:"location"`
	Host     string `xml:"hostName,omitempty"`
	Address  string `xml:"directIPAddress,omitempty"`
	UDP      uint16 `xml:"udpPort,omitempty"`
	TCP      uint16 `xml:"tcpPort,omitempty"`
}

// list names each Relay once, or, without a name, each address.
func (r *mediaRelays) list(st state, location string) (list []mediaRelay) {
	for _, where := range []string{"intranet", "internet"} {
		for _, one := range st.relays.all {
			if location != "" && location != where || one.location != "" && one.location != where {
				continue
			}
			entry := mediaRelay{Location: where, Host: one.name, UDP: one.udp, TCP: one.tcp}
			if one.tcp != 0 {
				entry.TCP = r.out.port(one.tcp)
			}
			if one.udp != 0 {
				entry.UDP = r.out.port(one.udp)
			}
			if one.name == "" {
				entry.Address = r.out.addr(one.addr).String()
			}
			if !slices.Contains(list, entry) {
				list = append(list, entry)
			}
		}
	}
	return list
}

// dial gives a UDP socket connected to a Media Relay.
func (r *mediaRelays) dial(local, at netip.AddrPort) net.Conn {
	from := net.UDPAddrFromAddrPort(at)
	far := func(packet []byte, answers *lane) {
		if r.word(at) == "refuse" {
			answers.put(parcel{err: errRefused("read"), from: from})
		} else if reply := r.allocate(at, packet, local.String()); reply != nil {
			answers.put(parcel{data: reply, from: from})
		}
	}
	return &datagrams{lane: newLane(), local: net.UDPAddrFromAddrPort(local), remote: from, far: far}
}

// allocate answers an Allocate of MS-TURN (2.2): it asks for credentials.
func (r *mediaRelays) allocate(at netip.AddrPort, packet []byte, from string) []byte {
	e := Entry{Server: at.String(), What: "allocate", From: from}
	cookie := []byte{0x00, 0x0F, 0, 4, 0x72, 0xC6, 0x4B, 0xC6} // has to be first
	sensible := len(packet) >= 28 && bytes.HasPrefix(packet, []byte{0x00, 0x03}) &&
		int(binary.BigEndian.Uint16(packet[2:])) == len(packet)-20 && bytes.HasPrefix(packet[20:], cookie)
	if !sensible {
		e.What = "malformed"
	} else if r.word(at) == "answer" {
		e.Code = 401
	}
	r.sim.note(e)
	if e.Code == 0 {
		return nil
	}
	attributes := slices.Clone(cookie)
	add := func(id uint16, value string) { // not padded, unlike those of RFC 5389
		attributes = binary.BigEndian.AppendUint16(attributes, id)
		attributes = binary.BigEndian.AppendUint16(attributes, uint16(len(value)))
		attributes = append(attributes, value...)
	}
	add(0x8008, "\x00\x00\x00\x01") // MS-Version
	add(0x0009, "\x00\x00\x04\x01Unauthorized")
	add(0x0015, "rtcmedia") // realm
	add(0x0014, randomHex(16))
	reply := binary.BigEndian.AppendUint16([]byte{0x01, 0x13}, uint16(len(attributes)))
	return append(append(reply, packet[4:20]...), attributes...)
}

// word is the behaviour of a Relay now.
func (r *mediaRelays) word(at netip.AddrPort) string {
	st := r.sim.state()
	one, _ := st.relays.at(at)
	return one.word
}
