package dhcpopts

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Lease is what the system's DHCP client keeps of an answer: one file, or one entry of it.
type Lease struct {
	File      string
	Interface string       // "" when neither the file nor its name tells
	Addr      netip.Addr   // the address leased; zero when the file does not tell
	Server    netip.Addr   // zero when the file does not tell
	Expires   time.Time    // zero: never, or the file does not tell
	IPv6      bool         // told by DHCPv6: SIP is of options 21 and 22, see [Inform6]
	SIP       SIPServers   // option 120; Raw is nil when it is not kept
	Vendor    VendorOption // option 43; Raw is nil when it is not kept
	// NameServers are those of option 6; nil: the file does not tell.
	NameServers []netip.Addr
}

// leaseFile is a file of a DHCP client, and what its parser cannot take from the bytes.
type leaseFile struct {
	path    string
	data    []byte
	written time.Time        // when the file was last changed
	names   map[string]uint8 // dhclient: the names the site gave to options 120 and 43
}

// at is an error in a line of the file.
func (f *leaseFile) at(line int, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if len(text) > maxTrouble {
		text = text[:maxTrouble] + "..."
	}
	return fmt.Errorf("%s:%d: %s", f.path, line, text)
}

// lines calls each for every line that is neither empty nor a comment, with its number, and collects the errors.
func (f leaseFile) lines(each func(line int, text string) error) *troubles {
	wrong := &troubles{}
	line := 0
	for text := range strings.Lines(string(f.data)) {
		line++
		if text = strings.TrimSpace(text); text != "" && text[0] != '#' {
			wrong.add(each(line, text))
		}
	}
	return wrong
}

// variables calls set for every line KEY=VALUE; quotes around a value are taken off. The errors name the line, and cost
// that line only.
func (f leaseFile) variables(set func(key, value string) error) *troubles {
	return f.lines(func(line int, text string) error {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return f.at(line, "%+.40q is not KEY=VALUE", text)
		}
		if err := set(key, strings.Trim(value, `"`)); err != nil {
			return f.at(line, "%+.40q: %v", key, err)
		}
		return nil
	})
}

// parseNetworkd reads a lease of systemd-networkd (dhcp_lease_save in sd-dhcp-lease.c, systemd 225 to 258). It
// keeps of option 120 the addresses, as text, and drops names; option 43 it keeps whole. LIFETIME counts from
// when the file was written, which it is at each renewal; one that cannot be understood ends with the address.
func parseNetworkd(f leaseFile) ([]Lease, error) {
	l := Lease{File: f.path}
	wrong := f.variables(func(key, value string) (err error) {
		var raw []byte
		switch key {
		case "ADDRESS":
			l.Addr, err = leasedAddr(value)
		case "SERVER_ADDRESS":
			l.Server, err = netip.ParseAddr(value)
		case "LIFETIME":
			l.Expires, err = afterSpan(f.written, value)
		case "DNS":
			l.NameServers = addrsIn(value)
		case "SIP":
			if raw, err = encodeAddrs(strings.Fields(value)); err == nil {
				l.SIP = parseSIPServers(raw, false)
			}
		case "VENDOR_SPECIFIC":
			if raw, err = hex.DecodeString(value); err == nil {
				l.Vendor = ParseVendor(raw)
			}
		}
		return err
	})
	return told(wrong, l), wrong.err()
}

// told are the leases, or none when what has been read of them is nothing but errors.
func told(wrong *troubles, leases ...Lease) []Lease {
	var all []Lease
	for i := range leases {
		if l := &leases[i]; wrong.err() == nil || l.Addr.IsValid() || l.SIP.Raw != nil || l.Vendor.Raw != nil {
			all = append(all, *l)
		}
	}
	return all
}

// leasedAddr reads the address of a lease. One that cannot be understood is an address that no interface has: whose lease
// this is is not known.
func leasedAddr(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.IPv4Unspecified(), err
	}
	return addr, nil
}

// parseHook reads what packaging/hooks writes for clients that keep nothing themselves:
//
//	INTERFACE=eth0
//	ADDRESS=10.0.0.195             optional, as is all that follows
//	SERVER=10.0.0.67
//	EXPIRES=1795694812             seconds since 1970
//	SIP_SERVERS=pool01.contoso.com pool02.contoso.com      option 120 as names, or as addresses; or
//	OPTION_120=0006706f6f6c3031…   as bytes
//	OPTION_43=010c4d532d55432d…
//	SIP_SERVERS6=pool01.contoso.com 2001:db8::12           options 21 and 22 of DHCPv6
func parseHook(f leaseFile) ([]Lease, error) {
	four, six := Lease{File: f.path}, Lease{File: f.path, IPv6: true}
	wrong := f.variables(func(key, value string) (err error) {
		switch key {
		case "INTERFACE":
			four.Interface, six.Interface = value, value
		case "ADDRESS":
			four.Addr, err = leasedAddr(value)
		case "SERVER":
			four.Server, err = netip.ParseAddr(value)
		case "EXPIRES":
			four.Expires, err = after(time.Unix(0, 0), value)
			six.Expires = four.Expires
		case "SIP_SERVERS6":
			six.SIP, err = servers6(value)
		default:
			err = four.hook(key, value)
		}
		return err
	})
	if four.Interface == "" {
		wrong.add(fmt.Errorf("%s: INTERFACE is missing", f.path))
		return nil, wrong.err()
	}
	switch {
	case six.SIP.Raw == nil:
		return told(wrong, four), wrong.err()
	case four.SIP.Raw == nil && four.Vendor.Raw == nil:
		return told(wrong, six), wrong.err()
	default:
		return told(wrong, four, six), wrong.err()
	}
}

// hook takes in one of the options of DHCPv4.
func (l *Lease) hook(key, value string) (err error) {
	var raw []byte
	switch key {
	case "SIP_SERVERS":
		if raw, err = encodeServers(value); err == nil {
			l.SIP = parseSIPServers(raw, false)
		}
	case "OPTION_120":
		if raw, err = hex.DecodeString(value); err == nil {
			l.SIP = parseSIPServers(raw, false)
		}
	case "OPTION_43":
		if raw, err = hex.DecodeString(value); err == nil {
			l.Vendor = ParseVendor(raw)
		}
	}
	return err
}

// parseDhcpcd reads a lease of dhcpcd: the acknowledgement itself, as it came over the wire (write_lease in
// dhcp.c, dhcpcd 5 to 10). Option 51 counts from when the file was written, which is how dhcpcd reads it.
func parseDhcpcd(f leaseFile) ([]Lease, error) {
	if len(f.data) < optionsStart {
		return nil, fmt.Errorf("%s: it ends after byte %d, inside the header of a DHCP message", f.path, len(f.data))
	}
	whole, cut := gatherOptions(f.data)
	m, err := dhcpv4.FromBytes(whole)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	l := Lease{File: f.path, SIP: parseSIPServers(value(m, dhcpv4.OptionSIPServers), false)}
	l.Vendor = ParseVendor(value(m, dhcpv4.OptionVendorSpecificInformation))
	l.Addr, _ = netip.AddrFromSlice(m.YourIPAddr.To4())
	l.Server, _ = netip.AddrFromSlice(m.ServerIdentifier().To4())
	l.NameServers = hosts(m.DNS())
	if life := m.IPAddressLeaseTime(forEver); life < forEver {
		l.Expires = f.written.Add(life)
	}
	if cut != "" {
		return []Lease{l}, fmt.Errorf("%s: %s", f.path, cut)
	}
	return []Lease{l}, nil
}

// forEver is the lease time that does not end (RFC 2131 section 3.3).
const forEver = 1<<32*time.Second - time.Second

// maxLife is how many seconds a lease can last, from 1970 on at most. (Our choice.)
const maxLife = 1 << 40

// after returns the moment so many seconds after another; zero when that is never.
func after(start time.Time, seconds string) (time.Time, error) {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n < 0 || n > maxLife {
		return time.Time{}, fmt.Errorf("%+.40q is not a number of seconds", seconds)
	}
	if n == int64(forEver/time.Second) {
		return time.Time{}, nil
	}
	return time.Unix(start.Unix()+n, 0), nil
}

// spans are the seconds of the units in which newer versions of networkd write a time (systemd.time(7)); of less than a
// second there is nothing to know.
var spans = map[string]int64{"y": 31557600, "month": 2629800, "w": 604800, "d": 86400, "h": 3600, "min": 60, "s": 1, "ms": 0, "us": 0}

// afterSpan is after for networkd, which writes seconds, or from systemd 257 on a span such as "52min 30s".
func afterSpan(start time.Time, text string) (time.Time, error) {
	if text == "infinity" {
		return time.Time{}, nil
	}
	if strings.Trim(text, digits) == "" {
		return after(start, text)
	}
	var total int64
	for part := range strings.FieldsSeq(text) {
		unit := strings.TrimLeft(part, digits)
		n, err := strconv.ParseInt(strings.TrimSuffix(part, unit), 10, 32)
		seconds, known := spans[unit]
		if total += n * seconds; err != nil || !known || total > maxLife {
			return time.Time{}, fmt.Errorf("%+.40q is neither a number of seconds nor a span of time", text)
		}
	}
	return after(start, strconv.FormatInt(total, 10))
}

// addrsIn are the addresses in a list with spaces or commas.
func addrsIn(text string) (addrs []netip.Addr) {
	for word := range strings.FieldsSeq(strings.ReplaceAll(text, ",", " ")) {
		if addr, err := netip.ParseAddr(word); err == nil {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// encodeAddrs returns the value of option 120 for the IPv4 addresses that a client has made text of.
func encodeAddrs(fields []string) ([]byte, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	raw := []byte{encodingAddrs}
	for _, field := range fields {
		a, err := netip.ParseAddr(field)
		if err != nil || !a.Is4() {
			return nil, fmt.Errorf("%+.40q is not an IPv4 address", field)
		}
		raw = append(raw, a.AsSlice()...)
	}
	return raw, nil
}

// encodeServers returns the value of option 120 that says what a client has made text of: IPv4 addresses, or names.
func encodeServers(text string) ([]byte, error) {
	fields := strings.Fields(text)
	if raw, err := encodeAddrs(fields); err == nil {
		return raw, nil
	}
	return encodeFullNames(fields)
}

// encodeFullNames is EncodeSIPServers for text that nobody has looked at: what is not an address need not be a name.
func encodeFullNames(names []string) ([]byte, error) {
	for _, name := range names {
		if _, ok := fullName(name); !ok {
			return nil, fmt.Errorf("%+.40q is neither an address nor a host name with a domain", name)
		}
	}
	return EncodeSIPServers(names...)
}

// servers6 is encodeServers for options 21 and 22 of DHCPv6, where names and addresses may stand together.
func servers6(text string) (SIPServers, error) {
	var names []string
	var addrs []byte
	for field := range strings.FieldsSeq(text) {
		if a, err := netip.ParseAddr(field); err == nil && a.Is6() && a.Zone() == "" {
			addrs = append(addrs, a.AsSlice()...)
		} else {
			names = append(names, field)
		}
	}
	var raw []byte
	if len(names) > 0 {
		encoded, err := encodeFullNames(names)
		if err != nil {
			return SIPServers{}, err
		}
		raw = encoded[namesStart:]
	}
	return parseSIPServers6(raw, addrs), nil
}
