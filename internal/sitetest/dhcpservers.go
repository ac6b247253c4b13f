package sitetest

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"

	"homeward/dhcpopts"
)

// dhcpServers are the DHCP servers of a site that runs, of both kinds, and what the device's DHCP client keeps.
type dhcpServers struct {
	sim *simulation
	out *mapping
}

// inform returns what the servers answer to one packet, in the order they answer.
func (d *dhcpServers) inform(packet []byte, from string) (answers []parcel) {
	request, err := dhcpv4.FromBytes(packet)
	if err != nil || request.OpCode != dhcpv4.OpcodeBootRequest {
		d.sim.note(Entry{Server: "dhcp", What: "malformed", From: from})
		return nil
	}
	said := []string{}
	defer func() {
		d.sim.note(Entry{
			Server: "dhcp", What: request.MessageType().String(), Name: request.ClassIdentifier(), From: from,
			Answer: cmp.Or(strings.Join(said, "; "), "nothing"),
		})
	}()
	section := d.sim.state().dhcp
	if request.MessageType() != dhcpv4.MessageTypeInform || section.word == "silent" {
		return nil
	}
	for _, server := range section.servers {
		reply, err := dhcpv4.NewReplyFromRequest(request, dhcpv4.WithClientIP(request.ClientIPAddr),
			dhcpv4.WithMessageType(dhcpv4.MessageTypeAck), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(server.addr.AsSlice())))
		if err != nil {
			continue
		}
		sip := d.option120(server)
		with := ""
		switch {
		case server.nak:
			reply.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeNak))
		default:
			if sip != nil && request.IsOptionRequested(dhcpv4.GenericOptionCode(optionSIPServers)) {
				reply.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(optionSIPServers), sip))
				with += fmt.Sprintf(" 120=%q", sip)
			}
			if server.vendor != nil && request.IsOptionRequested(dhcpv4.OptionVendorSpecificInformation) && request.ClassIdentifier() == server.class {
				reply.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionVendorSpecificInformation, server.vendor))
				with += fmt.Sprintf(" 43=%q", server.vendor)
			}
			for code, value := range server.network {
				if option := dhcpv4.GenericOptionCode(code); request.IsOptionRequested(option) {
					reply.UpdateOption(dhcpv4.OptGeneric(option, value))
				}
			}
		}
		said = append(said, fmt.Sprintf("%s from %s%s%s", reply.MessageType(), server.addr, with, later(server.delay)))
		answer := parcel{
			data: reply.ToBytes(),
			from: &net.UDPAddr{IP: server.addr.AsSlice(), Port: dhcpv4.ServerPort},
			due:  time.Now().Add(server.delay),
		}
		if server.spoils != "" {
			spoilers[server.spoils](&answer)
		}
		answers = append(answers, answer)
	}
	slices.SortStableFunc(answers, func(a, b parcel) int { return a.due.Compare(b.due) })
	return answers
}

// option120 returns the value of option 120, with addresses as they are outside.
func (d *dhcpServers) option120(server dhcpServer) []byte {
	if len(server.addrs) == 0 {
		return server.sip
	}
	sip := []byte{1} // RFC 3361 section 3.2
	for _, addr := range server.addrs {
		sip = append(sip, d.out.addr(addr).AsSlice()...)
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

func (d *dhcpServers) listen(_ context.Context, iface string) (dhcpopts.Conn, error) {
	st := d.sim.state()
	switch {
	case st.dhcp.word == "denied":
		return nil, &net.OpError{Op: "listen", Net: "packet", Err: fs.ErrPermission}
	case !st.device.IsValid(), st.dhcp.word == "ipv6", st.only == "ipv6":
		return nil, &net.OpError{Op: "listen", Net: "packet", Err: dhcpopts.ErrNoAddress}
	}
	if iface == "" {
		iface = "eth0"
	}
	far := func(packet []byte, answers *lane) {
		for _, p := range d.inform(packet, iface) {
			answers.put(p)
		}
	}
	local := &net.UDPAddr{IP: st.device.AsSlice(), Port: dhcpv4.ClientPort}
	return &dhcpConn{datagrams{lane: newLane(), local: local, far: far}, iface}, nil
}

// leases is what the device's DHCP client keeps.
func (d *dhcpServers) leases(iface, _ string) ([]dhcpopts.Lease, error) {
	var leases []dhcpopts.Lease
	for _, l := range d.sim.state().dhcp.leases {
		lease := dhcpopts.Lease{
			File: l.file, Interface: iface, Addr: d.sim.state().device, Server: l.said.addr,
			SIP: dhcpopts.ParseSIPServers(d.option120(l.said)), Vendor: dhcpopts.ParseVendor(l.said.vendor),
		}
		for raw := range slices.Chunk(l.said.network[6], 4) {
			server, _ := netip.AddrFromSlice(raw)
			lease.NameServers = append(lease.NameServers, server)
		}
		if l.expires != 0 {
			lease.Expires = d.sim.began.Add(l.expires)
		}
		leases = append(leases, lease)
	}
	return leases, nil
}

// listen6 gives the socket on which the device asks, where the site has DHCPv6.
func (d *dhcpServers) listen6(_ context.Context, iface string) (dhcpopts.Conn, error) {
	switch st := d.sim.state(); {
	case st.dhcp.word == "denied":
		return nil, &net.OpError{Op: "listen", Net: "packet", Err: fs.ErrPermission}
	case len(st.dhcp.six) == 0 && st.dhcp.word != "ipv6", !st.device.IsValid(), st.only == "ipv4":
		return nil, dhcpopts.ErrNoAddress
	}
	if iface == "" {
		iface = "eth0"
	}
	far := func(packet []byte, answers *lane) {
		for _, p := range d.inform6(packet, iface) {
			answers.put(p)
		}
	}
	local := &net.UDPAddr{IP: device6.AsSlice(), Port: dhcpv6.DefaultClientPort}
	return &dhcpConn{datagrams{lane: newLane(), local: local, far: far}, iface}, nil
}

// inform6 returns what the servers answer to one packet.
func (d *dhcpServers) inform6(packet []byte, from string) (answers []parcel) {
	request, err := dhcpv6.MessageFromBytes(packet)
	if err != nil || request.MessageType != dhcpv6.MessageTypeInformationRequest {
		d.sim.note(Entry{Server: "dhcp", What: "malformed", From: from})
		return nil
	}
	said := []string{}
	defer func() {
		d.sim.note(Entry{Server: "dhcp", What: request.MessageType.String(), From: from, Answer: cmp.Or(strings.Join(said, "; "), "nothing")})
	}()
	section := d.sim.state().dhcp
	if section.word == "silent" {
		return nil
	}
	for _, server := range section.six {
		duid := &dhcpv6.DUIDEN{EnterpriseNumber: 32473, EnterpriseIdentifier: server.addr.AsSlice()} // RFC 5612
		reply, err := dhcpv6.NewReplyFromMessage(request, dhcpv6.WithServerID(duid))
		if err != nil {
			continue
		}
		with := ""
		for code, value := range map[dhcpv6.OptionCode][]byte{option6SIPNames: server.names, option6SIPAddrs: server.addrs} {
			if value != nil && request.IsOptionRequested(code) {
				reply.AddOption(&dhcpv6.OptionGeneric{OptionCode: code, OptionData: value})
				with += fmt.Sprintf(" %d=%q", code, value)
			}
		}
		said = append(said, fmt.Sprintf("%s from %s%s%s", reply.MessageType, server.addr, with, later(server.delay)))
		answers = append(answers, parcel{
			data: reply.ToBytes(),
			from: &net.UDPAddr{IP: server.addr.AsSlice(), Port: dhcpv6.DefaultServerPort},
			due:  time.Now().Add(server.delay),
		})
	}
	return answers
}
