package sitetest

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/miekg/dns"

	"github.com/homeward-agent/homeward/dhcpopts"
)

const (
	optionSIPServers = 120 // RFC 3361
	vendorClass      = "MS-UC-Client"
	certProvPath     = "/CertProv/CertProvisioningService.svc"
)

type dhcpSection struct {
	word    string // "silent", "denied" or "answer"
	servers []dhcpServer
	six     []dhcp6Server
	leases  []dhcpLease
}

type dhcpServer struct {
	addr   netip.Addr
	nak    bool
	sip    []byte       // option 120, unless addrs
	addrs  []netip.Addr // option 120 in encoding 1
	vendor []byte       // option 43
	class  string       // who gets it
	delay  time.Duration
}

// take reads one line of the section; a server named before is replaced.
func (d *dhcpSection) take(words []string) error {
	if len(words) == 1 && slices.Contains([]string{"silent", "denied", "answer"}, words[0]) {
		d.word = words[0]
		return nil
	}
	if len(words) > 1 && words[0] == "lease" {
		return d.takeLease(words[1], words[2:])
	}
	if len(words) > 1 && words[1] == "reply" {
		return d.take6(words[0], words[2:])
	}
	if len(words) < 2 || words[1] != "ack" && words[1] != "nak" {
		return errors.New("want silent, denied, answer, ADDRESS ack|nak|reply [OPTION …], or lease FILE [OPTION …]")
	}
	addr, err := netip.ParseAddr(words[0])
	if err != nil {
		return err
	}
	server := dhcpServer{addr: addr, nak: words[1] == "nak", class: vendorClass}
	for _, w := range words[2:] {
		if err := server.option(w); err != nil {
			return fmt.Errorf("%s: %w", w, err)
		}
	}
	d.servers = slices.DeleteFunc(d.servers, func(old dhcpServer) bool { return old.addr == addr })
	d.servers = append(d.servers, server)
	return nil
}

func (d *dhcpServer) option(word string) (err error) {
	key, value, _ := strings.Cut(word, "=")
	bytes, isHex := strings.CutPrefix(value, "hex:")
	addrs, isIP := strings.CutPrefix(value, "ip:")
	switch {
	case key == "delay":
		d.delay, err = time.ParseDuration(value)
	case key == "120" && isHex:
		d.sip, err = hex.DecodeString(bytes)
	case key == "120" && isIP:
		for text := range strings.SplitSeq(addrs, ",") {
			addr, err := netip.ParseAddr(text)
			if err != nil || !addr.Is4() {
				return fmt.Errorf("not an IPv4 address: %q", text)
			}
			d.addrs = append(d.addrs, addr)
		}
	case key == "120":
		d.sip, err = packNames([]byte{0}, value) // RFC 3361 section 3.1: encoding, then names
	case key == "class":
		d.class = value
	case key == "43" && isHex:
		d.vendor, err = hex.DecodeString(bytes)
	case key == "43":
		d.vendor, err = vendorOption(value)
	default:
		return errors.New("unknown option")
	}
	return err
}

// packNames appends names as DNS has them on the wire, without compression.
func packNames(to []byte, names string) ([]byte, error) {
	for name := range strings.SplitSeq(names, ",") {
		label := make([]byte, 256)
		n, err := dns.PackDomainName(dns.Fqdn(name), label, 0, nil, false)
		if err != nil {
			return nil, err
		}
		to = append(to, label[:n]...)
	}
	return to, nil
}

// vendorOption encodes the certificate provisioning URL as DHCPUtil does (TechNet gg412828).
func vendorOption(text string) ([]byte, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("not a URL: %q", text)
	}
	port, path := u.Port(), u.Path
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if path == "" {
		path = certProvPath
	}
	var option []byte
	for i, value := range []string{vendorClass, u.Scheme, u.Hostname(), port, path} {
		option = append(append(option, byte(i+1), byte(len(value))), value...)
	}
	return option, nil
}

// inform returns what the servers answer to one packet, in the order they answer.
func (s *Site) inform(packet []byte, from string) (answers []parcel) {
	request, err := dhcpv4.FromBytes(packet)
	if err != nil || request.OpCode != dhcpv4.OpcodeBootRequest {
		s.note(Entry{Server: "dhcp", What: "malformed", From: from})
		return nil
	}
	s.note(Entry{Server: "dhcp", What: request.MessageType().String(), Name: request.ClassIdentifier(), From: from})
	section := s.state().dhcp
	if request.MessageType() != dhcpv4.MessageTypeInform || section.word == "silent" {
		return nil
	}
	for _, server := range section.servers {
		reply, err := dhcpv4.NewReplyFromRequest(request, dhcpv4.WithClientIP(request.ClientIPAddr),
			dhcpv4.WithMessageType(dhcpv4.MessageTypeAck), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(server.addr.AsSlice())))
		if err != nil {
			continue
		}
		sip := s.option120(server)
		switch {
		case server.nak:
			reply.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeNak))
		default:
			if sip != nil && request.IsOptionRequested(dhcpv4.GenericOptionCode(optionSIPServers)) {
				reply.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(optionSIPServers), sip))
			}
			if server.vendor != nil && request.IsOptionRequested(dhcpv4.OptionVendorSpecificInformation) && request.ClassIdentifier() == server.class {
				reply.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionVendorSpecificInformation, server.vendor))
			}
		}
		answers = append(answers, parcel{
			data: reply.ToBytes(),
			from: &net.UDPAddr{IP: server.addr.AsSlice(), Port: dhcpv4.ServerPort},
			due:  time.Now().Add(server.delay),
		})
	}
	slices.SortStableFunc(answers, func(a, b parcel) int { return a.due.Compare(b.due) })
	return answers
}

// option120 returns the value of option 120, with addresses as they are outside.
func (s *Site) option120(server dhcpServer) []byte {
	if len(server.addrs) == 0 {
		return server.sip
	}
	sip := []byte{1} // RFC 3361 section 3.2
	for _, addr := range server.addrs {
		sip = append(sip, s.outside(addr).AsSlice()...)
	}
	return sip
}

// dhcpConn is the socket on which the device asks, in memory.
type dhcpConn struct {
	datagrams
	iface string
}

func (c *dhcpConn) Interface() (name string, addr netip.Addr, hw net.HardwareAddr) {
	return c.iface, c.local.(*net.UDPAddr).AddrPort().Addr(), net.HardwareAddr{0x02, 0, 0, 0, 0, 0x21}
}

func (s *Site) listenDHCP(_ context.Context, iface string) (dhcpopts.Conn, error) {
	st := s.state()
	switch {
	case st.dhcp.word == "denied":
		return nil, &net.OpError{Op: "listen", Net: "packet", Err: fs.ErrPermission}
	case !st.device.IsValid():
		return nil, &net.OpError{Op: "listen", Net: "packet", Err: dhcpopts.ErrNoAddress}
	}
	if iface == "" {
		iface = "eth0"
	}
	far := func(packet []byte, answers *lane) {
		for _, p := range s.inform(packet, iface) {
			answers.put(p)
		}
	}
	local := &net.UDPAddr{IP: st.device.AsSlice(), Port: dhcpv4.ClientPort}
	return &dhcpConn{datagrams{lane: newLane(), local: local, far: far}, iface}, nil
}
