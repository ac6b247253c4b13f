package dhcpopts

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"homeward/internal/place"
)

// SIPServers is option 120 as one server sent it (RFC 3361).
type SIPServers struct {
	Raw      []byte       // the value as sent, parts joined (RFC 3396); nil when the option was not sent
	Encoding uint8        // the first byte: 0 names, 1 IPv4 addresses, anything else is no encoding
	Names    []string     // in order of preference: lower case, no final dot, host names only; at most 8
	Addrs    []netip.Addr // in order of preference: IPv4; at most 8
	Problem  string       // what is wrong, naming the byte, or "". Names and Addrs hold what is usable all the same
	Wrong    []int        // the bytes of Raw that Problem is about; len(Raw): something is missing at the end
	Meant    []string     // host names that a malformed value was probably meant to say: for people, nobody goes there
}

// ParseSIPServers decodes the value of option 120, without code and length. It returns the zero value
// for nil (option not sent). A value is used only when all of it is what its encoding says: bytes that are not guessed
// at cannot lead to a stranger. Of a whole value, a name or an address that cannot be a Registrar's is left out. What
// sites really send is accepted — several names, compression, a missing final zero, zeros behind the names, one name as
// plain text, which the name rule guards — and Problem says what is wrong with it.
// Source: RFC 3361, RFC 1035 section 4.1.4; one FQDN in encoding 0 is what DHCPUtil writes (TechNet gg412828).
func ParseSIPServers(raw []byte) SIPServers {
	return parseSIPServers(raw, true)
}

// parseSIPServers is ParseSIPServers with a say in whether a loopback address can be a Registrar.
func parseSIPServers(raw []byte, loopback bool) SIPServers {
	if raw == nil {
		return SIPServers{}
	}
	if len(raw) == 0 {
		return SIPServers{Raw: raw, Problem: "the option is empty"}
	}
	s := SIPServers{Raw: raw, Encoding: raw[0]}
	var p problems
	switch {
	case s.Encoding == encodingNames:
		s.Names = readNames(raw, namesStart, &p)
		all := len(s.Names)
		if s.Names = slices.DeleteFunc(s.Names, isDigits); len(s.Names) < all {
			p.add(namesStart, "a name is hexadecimal digits that were typed as text")
		}
	case s.Encoding == encodingAddrs:
		s.Addrs = readAddrs(raw, loopback, &p)
	default:
		s.Names = readText(raw, &p)
	}
	if len(s.Names)+len(s.Addrs) == 0 {
		var how string
		if s.Meant, how = meant(raw); how != "" {
			p.add(nowhere, "%s, it says %s", how, strings.Join(s.Meant, ", "))
		}
	}
	s.Problem, s.Wrong = p.String(), p.wrong
	return s
}

// EncodeSIPServers returns the value of option 120 that carries names in encoding 0, uncompressed, as
// DHCPUtil writes it (TechNet gg412828). It refuses what is not a host name, an empty list, and more than 8 names.
func EncodeSIPServers(names ...string) ([]byte, error) {
	if len(names) == 0 || len(names) > maxServers {
		return nil, fmt.Errorf("encode option 120: %d names, want 1 to %d", len(names), maxServers)
	}
	raw := []byte{encodingNames}
	for _, n := range names {
		name, err := place.HostName(n)
		if err != nil {
			return nil, fmt.Errorf("encode option 120: %+q is not a host name", n)
		}
		for label := range strings.SplitSeq(name, ".") {
			raw = append(append(raw, byte(len(label))), label...)
		}
		raw = append(raw, 0)
	}
	return raw, nil
}

// readAddrs reads encoding 1. It returns none when the bytes are no list of addresses, or can be something else: text, or
// names in the other encoding. (Four bytes that are all printable may be an address. They are rarely one.)
func readAddrs(raw []byte, loopback bool, p *problems) []netip.Addr {
	list := raw[1:]
	text := typed(list)
	names, _ := meant(raw)
	switch {
	case isAddress(text):
		p.add(1, "the address was entered as text: %+q", text)
		return nil
	case text != "":
		p.add(1, "the bytes behind encoding 1 are text: %+q, not addresses", text)
		return nil
	case len(names) > 0 || areLabels(list):
		p.add(0, "byte 0 is %s, and what follows are no addresses but names", show(raw[0]))
		return nil
	case len(list) == 0 || len(list)%4 != 0:
		p.add(len(raw), "the option ends after byte %d, in the middle of an address", len(raw)-1)
		return nil
	}
	var addrs []netip.Addr
	for at := 1; at < len(raw); at += 4 {
		a := netip.AddrFrom4([4]byte(raw[at:]))
		switch {
		case isText(string(raw[at : at+4])):
			p.add(at, "the bytes from %d on are text: %+q, not an address", at, raw[at:at+4])
			return nil
		case raw[at] == 0, raw[at] >= 224, a.IsLinkLocalUnicast(), a.IsLoopback() && !loopback:
			p.add(at, "the address at byte %d is %s, which cannot be a Registrar", at, a)
		case len(addrs) == maxServers:
			p.addOnce(at, "byte %d starts one address too many, only %d are used", at, maxServers)
		default:
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// areLabels says whether bytes that should be addresses read as host names to the last one, be it as short as "lync01". One
// address alone, without a zero that ends a name, is not doubted.
func areLabels(list []byte) bool {
	labels := bytes.TrimRight(list, "\x00")
	if len(labels) == 0 || len(labels) == len(list) && len(list) == 4 {
		return false
	}
	for at := 0; at < len(labels); at += 1 + int(labels[at]) {
		end := at + 1 + int(labels[at])
		if labels[at] > maxLabel || end > len(labels) || strings.Trim(string(labels[at+1:end]), letters+digits+"-") != "" {
			return false
		}
	}
	return true
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// readText reads the name that somebody typed into a DHCP server that asked for bytes.
func readText(raw []byte, p *problems) []string {
	text := typed(raw)
	if text == "" {
		p.add(0, "byte 0 is %s, no encoding: 0 is for names, 1 for IPv4 addresses", show(raw[0]))
		return nil
	}
	p.add(0, "byte 0 is %s: the option was entered as text, not in encoding 0", show(raw[0]))
	switch name, ok := fullName(text); {
	case isDigits(text):
	case ok:
		return []string{name}
	default:
		p.add(0, "the text is %+q, not a host name", text)
	}
	return nil
}
