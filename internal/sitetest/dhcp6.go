package sitetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/homeward-agent/homeward/dhcpopts"
)

// RFC 3319 section 3.
const (
	option6SIPNames = 21
	option6SIPAddrs = 22
)

// dhcp6Server answers DHCPv6 Information-requests.
type dhcp6Server struct {
	addr  netip.Addr
	names []byte // option 21
	addrs []byte // option 22
	delay time.Duration
}

// dhcpLease is what the device's DHCP client keeps in a file.
type dhcpLease struct {
	file    string
	said    dhcpServer
	expires time.Duration // after the start of the site; 0: never
}

// take6 reads a line about a server of DHCPv6; a server named before is replaced.
func (d *dhcpSection) take6(address string, options []string) error {
	addr, err := netip.ParseAddr(address)
	if err != nil || !addr.Is6() {
		return fmt.Errorf("not an IPv6 address: %q", address)
	}
	server := dhcp6Server{addr: addr}
	for _, w := range options {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "21":
			server.names, err = packNames(nil, value)
		case "22":
			for text := range strings.SplitSeq(value, ",") {
				var a netip.Addr
				if a, err = netip.ParseAddr(text); err != nil {
					break
				}
				server.addrs = append(server.addrs, a.AsSlice()...)
			}
		case "delay":
			server.delay, err = time.ParseDuration(value)
		default:
			err = errors.New("unknown option")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", w, err)
		}
	}
	d.six = slices.DeleteFunc(slices.Clone(d.six), func(old dhcp6Server) bool { return old.addr == addr })
	d.six = append(d.six, server)
	return nil
}

// takeLease reads a line about a lease; a file named before is replaced.
func (d *dhcpSection) takeLease(file string, options []string) error {
	lease := dhcpLease{file: file}
	for _, w := range options {
		var err error
		if life, ok := strings.CutPrefix(w, "expires="); ok {
			lease.expires, err = time.ParseDuration(life)
		} else {
			err = lease.said.option(w)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", w, err)
		}
	}
	d.leases = slices.DeleteFunc(slices.Clone(d.leases), func(old dhcpLease) bool { return old.file == file })
	d.leases = append(d.leases, lease)
	return nil
}

// leases is what the device's DHCP client keeps.
func (s *Site) leases(iface, _ string) ([]dhcpopts.Lease, error) {
	var leases []dhcpopts.Lease
	for _, l := range s.state().dhcp.leases {
		lease := dhcpopts.Lease{
			File: l.file, Interface: iface, Addr: s.state().device,
			SIP: dhcpopts.ParseSIPServers(s.option120(l.said)), Vendor: dhcpopts.ParseVendor(l.said.vendor),
		}
		if l.expires != 0 {
			lease.Expires = s.began.Add(l.expires)
		}
		leases = append(leases, lease)
	}
	return leases, nil
}

// listenDHCP6 gives the socket on which the device asks, where the site has DHCPv6.
func (s *Site) listenDHCP6(_ context.Context, iface string) (dhcpopts.Conn, error) {
	switch st := s.state(); {
	case st.dhcp.word == "denied":
		return nil, &net.OpError{Op: "listen", Net: "packet", Err: fs.ErrPermission}
	case len(st.dhcp.six) == 0, !st.device.IsValid():
		return nil, dhcpopts.ErrNoAddress
	}
	if iface == "" {
		iface = "eth0"
	}
	far := func(packet []byte, answers *lane) {
		for _, p := range s.inform6(packet, iface) {
			answers.put(p)
		}
	}
	local := &net.UDPAddr{IP: device6.AsSlice(), Port: dhcpv6.DefaultClientPort}
	return &dhcpConn{datagrams{lane: newLane(), local: local, far: far}, iface}, nil
}

// inform6 returns what the servers answer to one packet.
func (s *Site) inform6(packet []byte, from string) (answers []parcel) {
	request, err := dhcpv6.MessageFromBytes(packet)
	if err != nil || request.MessageType != dhcpv6.MessageTypeInformationRequest {
		s.note(Entry{Server: "dhcp", What: "malformed", From: from})
		return nil
	}
	s.note(Entry{Server: "dhcp", What: request.MessageType.String(), From: from})
	section := s.state().dhcp
	if section.word == "silent" {
		return nil
	}
	for _, server := range section.six {
		duid := &dhcpv6.DUIDEN{EnterpriseNumber: 32473, EnterpriseIdentifier: server.addr.AsSlice()} // RFC 5612
		reply, err := dhcpv6.NewReplyFromMessage(request, dhcpv6.WithServerID(duid))
		if err != nil {
			continue
		}
		for code, value := range map[dhcpv6.OptionCode][]byte{option6SIPNames: server.names, option6SIPAddrs: server.addrs} {
			if value != nil && request.IsOptionRequested(code) {
				reply.AddOption(&dhcpv6.OptionGeneric{OptionCode: code, OptionData: value})
			}
		}
		answers = append(answers, parcel{
			data: reply.ToBytes(),
			from: &net.UDPAddr{IP: server.addr.AsSlice(), Port: dhcpv6.DefaultServerPort},
			due:  time.Now().Add(server.delay),
		})
	}
	return answers
}
