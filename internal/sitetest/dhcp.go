package sitetest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"homeward/dhcpopts"
)

const (
	optionSIPServers = 120 // RFC 3361
	vendorClass      = "MS-UC-Client"
	certProvPath     = "/CertProv/CertProvisioningService.svc"
)

type dhcpSection struct {
	word    string // of dhcpWords
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
	spoils string       // what it does wrong; see spoilers
	delay  time.Duration

	network map[uint8][]byte // options 1, 3, 6, 15, 42, 119, 121 and 249
}

// dhcpWords are for all servers.
var dhcpWords = []string{"silent", "denied", "ipv6", "answer"}

// dhcpForms are the second words of the line about one server, and what reads the rest.
var dhcpForms = map[string]func(d *dhcpSection, addr string, options []string) error{
	"ack":   func(d *dhcpSection, addr string, options []string) error { return d.take4(addr, false, options) },
	"nak":   func(d *dhcpSection, addr string, options []string) error { return d.take4(addr, true, options) },
	"reply": (*dhcpSection).take6,
}

var errDHCPLine = errors.New("want silent, denied, ipv6, answer, ADDRESS ack|nak|reply [OPTION …], or lease FILE [OPTION …]")

// take reads one line of the section; a server or a file named before is replaced.
func (d *dhcpSection) take(words []string) error {
	if len(words) == 1 && slices.Contains(dhcpWords, words[0]) {
		d.word = words[0]
		return nil
	}
	if len(words) == 1 {
		return fmt.Errorf("%w: %q: %s", errDHCPLine, words[0], hint(words[0], append(slices.Clone(dhcpWords), "lease")))
	}
	if len(words) == 0 {
		return errDHCPLine
	}
	if words[0] == "lease" {
		return d.takeLease(words[1], words[2:])
	}
	takeServer := dhcpForms[words[1]]
	if takeServer == nil {
		return fmt.Errorf("%w: %q: %s", errDHCPLine, words[1], hint(words[1], slices.Collect(maps.Keys(dhcpForms))))
	}
	return takeServer(d, words[0], words[2:])
}

func (d *dhcpSection) take4(address string, nak bool, options []string) error {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return err
	}
	server := dhcpServer{addr: addr, nak: nak, class: vendorClass}
	if err := dhcpOptions.takeAll(&server, options); err != nil {
		return err
	}
	d.servers = slices.DeleteFunc(d.servers, func(old dhcpServer) bool { return old.addr == addr })
	d.servers = append(d.servers, server)
	return nil
}

// dhcpOptions are those of a server of DHCP.
var dhcpOptions = options[dhcpServer]{
	"120": {take: (*dhcpServer).take120},
	"43":  {take: (*dhcpServer).take43},
	"1":   {take: func(d *dhcpServer, value string) error { return d.takeAddrs(1, value) }},
	"3":   {take: func(d *dhcpServer, value string) error { return d.takeAddrs(3, value) }},
	"6":   {take: func(d *dhcpServer, value string) error { return d.takeAddrs(6, value) }},
	"15":  {take: func(d *dhcpServer, value string) error { return d.takeBytes(15, []byte(value)) }},
	"121": {take: func(d *dhcpServer, value string) error { return d.takeRoutes(121, value) }},
	"249": {take: func(d *dhcpServer, value string) error { return d.takeRoutes(249, value) }},
	"119": {take: func(d *dhcpServer, value string) error {
		names, err := packNames(nil, value)
		return errors.Join(err, d.takeBytes(119, names))
	}},
	"42":    {take: func(d *dhcpServer, value string) error { return d.takeAddrs(42, value) }},
	"class": text(func(d *dhcpServer) *string { return &d.class }),
	"delay": duration(func(d *dhcpServer) *time.Duration { return &d.delay }),
	"spoils": {take: func(d *dhcpServer, value string) error {
		if spoilers[value] == nil {
			return fmt.Errorf("%q: %s", value, hint(value, slices.Collect(maps.Keys(spoilers))))
		}
		d.spoils = value
		return nil
	}},
}

// spoilers are what a server does wrong with a whole answer.
var spoilers = map[string]func(p *parcel){
	"type":        func(p *parcel) { p.data = bytes.Replace(p.data, []byte{53, 1, 5}, []byte{53, 1, 2}, 1) },
	"hardware":    func(p *parcel) { clear(p.data[28:44]) },
	"cut":         func(p *parcel) { p.data = append(bytes.TrimRight(p.data, "\x00\xff"), 15, 32, 'x') },
	"transaction": func(p *parcel) { p.data[4] ^= 1 },
	"port": func(p *parcel) {
		p.err = &dhcpopts.Dropped{From: p.from.(*net.UDPAddr).AddrPort().Addr().Unmap(), Why: dhcpopts.OtherPort, Port: 1068}
	},
}

func (d *dhcpServer) take120(value string) (err error) {
	if digits, isHex := strings.CutPrefix(value, "hex:"); isHex {
		d.sip, err = hex.DecodeString(digits)
		return err
	}
	if addrs, isIP := strings.CutPrefix(value, "ip:"); isIP {
		for text := range strings.SplitSeq(addrs, ",") {
			addr, err := netip.ParseAddr(text)
			if err != nil || !addr.Is4() {
				return fmt.Errorf("not an IPv4 address: %q", text)
			}
			d.addrs = append(d.addrs, addr)
		}
		return nil
	}
	d.sip, err = packNames([]byte{0}, value) // RFC 3361 section 3.1: encoding, then names
	return err
}

// takeAddrs is an option that holds IPv4 addresses.
func (d *dhcpServer) takeAddrs(code uint8, value string) error {
	var raw []byte
	for text := range strings.SplitSeq(value, ",") {
		addr, err := netip.ParseAddr(text)
		if err != nil || !addr.Is4() {
			return fmt.Errorf("not an IPv4 address: %q", text)
		}
		raw = append(raw, addr.AsSlice()...)
	}
	return d.takeBytes(code, raw)
}

// takeBytes is an option as it goes over the wire.
func (d *dhcpServer) takeBytes(code uint8, raw []byte) error {
	if d.network == nil {
		d.network = map[uint8][]byte{}
	}
	d.network[code] = raw
	return nil
}

// takeRoutes is an option that holds routes as RFC 3442 has them: "10.98.0.0/24:10.0.0.2", with commas.
func (d *dhcpServer) takeRoutes(code uint8, value string) error {
	if d.network == nil {
		d.network = map[uint8][]byte{}
	}
	for text := range strings.SplitSeq(value, ",") {
		to, via, _ := strings.Cut(text, ":")
		prefix, err := netip.ParsePrefix(to)
		gateway, bad := netip.ParseAddr(via)
		if err != nil || bad != nil || !prefix.Addr().Is4() || !gateway.Is4() {
			return fmt.Errorf("not a network and a gateway of IPv4: %q", text)
		}
		significant := prefix.Addr().AsSlice()[:(prefix.Bits()+7)/8]
		d.network[code] = slices.Concat(d.network[code], []byte{byte(prefix.Bits())}, significant, gateway.AsSlice())
	}
	return nil
}

func (d *dhcpServer) take43(value string) (err error) {
	if digits, isHex := strings.CutPrefix(value, "hex:"); isHex {
		d.vendor, err = hex.DecodeString(digits)
	} else {
		d.vendor, err = vendorOption(value)
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

// dhcp6Options are those of a server of DHCPv6.
var dhcp6Options = options[dhcp6Server]{
	"21": {take: func(d *dhcp6Server, value string) (err error) {
		d.names, err = packNames(nil, value)
		return err
	}},
	"22": {take: func(d *dhcp6Server, value string) error {
		for text := range strings.SplitSeq(value, ",") {
			addr, err := netip.ParseAddr(text)
			if err != nil {
				return err
			}
			d.addrs = append(d.addrs, addr.AsSlice()...)
		}
		return nil
	}},
	"delay": duration(func(d *dhcp6Server) *time.Duration { return &d.delay }),
}

func (d *dhcpSection) take6(address string, options []string) error {
	addr, err := netip.ParseAddr(address)
	if err != nil || !addr.Is6() {
		return fmt.Errorf("not an IPv6 address: %q", address)
	}
	server := dhcp6Server{addr: addr}
	if err := dhcp6Options.takeAll(&server, options); err != nil {
		return err
	}
	d.six = slices.DeleteFunc(d.six, func(old dhcp6Server) bool { return old.addr == addr })
	d.six = append(d.six, server)
	return nil
}

// leaseOptions are those of a lease.
var leaseOptions = options[dhcpLease]{
	"120": {take: func(l *dhcpLease, value string) error { return l.said.take120(value) }},
	"43":  {take: func(l *dhcpLease, value string) error { return l.said.take43(value) }},
	"6":   {take: func(l *dhcpLease, value string) error { return l.said.takeAddrs(6, value) }},
	"from": {take: func(l *dhcpLease, value string) (err error) {
		l.said.addr, err = netip.ParseAddr(value)
		return err
	}},
	"expires": duration(func(l *dhcpLease) *time.Duration { return &l.expires }),
}

func (d *dhcpSection) takeLease(file string, options []string) error {
	lease := dhcpLease{file: file}
	if err := leaseOptions.takeAll(&lease, options); err != nil {
		return err
	}
	d.leases = slices.DeleteFunc(d.leases, func(old dhcpLease) bool { return old.file == file })
	d.leases = append(d.leases, lease)
	return nil
}
