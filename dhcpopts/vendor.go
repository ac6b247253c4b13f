package dhcpopts

import (
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"

	"homeward/internal/place"
)

// VendorClass is the vendor class of Lync phones, case-sensitive, without a final NUL (TechNet gg412828).
const VendorClass = "MS-UC-Client"

// Specification constants. Sub-options and values: TechNet gg412828 (DHCPUtil) and gg398369.
const (
	subClass  = 1
	subScheme = 2
	subHost   = 3
	subPort   = 4
	subPath   = 5

	certPath = "/CertProv/CertProvisioningService.svc"

	optionPad = 0   // RFC 2132 section 3.1, also inside option 43 (section 8.4)
	optionEnd = 255 // RFC 2132 section 3.2
)

// VendorOption is option 43 as one server sent it, read as the vendor class MS-UC-Client fills it.
// What it says is shown to people; it is proof of nothing, since anybody on the link can send it.
type VendorOption struct {
	Raw     []byte           // the value as sent, parts joined (RFC 3396); nil when the option was not sent
	Vendor  string           // "MS-UC-Client", or "" when the option belongs to another vendor class
	URL     string           // of the certificate provisioning service, or ""
	Sub     map[uint8]string // sub-options by code, as sent: escape before showing
	Problem string           // what is wrong, naming the sub-option or byte, or ""
	Wrong   []int            // the bytes of Raw that Problem is about
	Garbled bool             // it was made for Lync phones, and none of them can read it; Vendor is ""
	Meant   string           // the URL that a garbled value was probably meant to say, or "": for people
}

// Faulty says whether something is wrong with the option for Lync phones. That of another vendor class is right for those.
func (v *VendorOption) Faulty() bool { return v.Problem != "" && (v.Vendor != "" || v.Garbled) }

// EncodeVendor returns the value of option 43 for the vendor class MS-UC-Client whose certificate
// provisioning service is on the host web, at the place Lync puts it (TechNet gg412828). It refuses what is not a host name.
func EncodeVendor(web string) ([]byte, error) {
	host, err := place.HostName(web)
	if err != nil {
		return nil, fmt.Errorf("encode option 43: %+q is not a host name", web)
	}
	return encodeSub(map[uint8]string{
		subClass: VendorClass, subScheme: "https", subHost: host, subPort: "443", subPath: certPath,
	}), nil
}

// encodeSub writes sub-options in the order of their codes; each value must fit its length byte.
func encodeSub(sub map[uint8]string) []byte {
	var raw []byte
	for code := range math.MaxUint8 + 1 {
		if value, set := sub[uint8(code)]; set {
			raw = append(append(raw, byte(code), byte(len(value))), value...)
		}
	}
	return raw
}

// subOptions are the sub-options of one option, by code.
type subOptions struct {
	values map[uint8]string
	starts map[uint8]int // the byte where a value starts; of an empty one, its length
}

// at returns the byte that a remark about a sub-option is about, or nowhere.
func (s subOptions) at(code uint8) int {
	if at, sent := s.starts[code]; sent {
		return at
	}
	return nowhere
}

// classByte returns the first byte in which sub-option 1 differs from MS-UC-Client; its length, when it is cut short.
func (s subOptions) classByte() int {
	class, same := s.values[subClass], 0
	for same < min(len(class), len(VendorClass)) && class[same] == VendorClass[same] {
		same++
	}
	if class != "" && same == len(class) {
		return s.at(subClass) - 1
	}
	return s.at(subClass) + same
}

// readSub reads sub-options up to the end, or up to the first one that does not fit.
func readSub(raw []byte, p *problems) subOptions {
	sub := subOptions{map[uint8]string{}, map[uint8]int{}}
	for at := 0; at < len(raw) && raw[at] != optionEnd; {
		code := raw[at]
		if code == optionPad {
			at++
			continue
		}
		if at+2 > len(raw) || at+2+int(raw[at+1]) > len(raw) {
			p.add(at, "byte %d starts sub-option %d, which is longer than the option", at, code)
			break
		}
		value := string(raw[at+2 : at+2+int(raw[at+1])])
		if _, twice := sub.values[code]; twice {
			p.add(at, "byte %d starts a second sub-option %d, the first is used", at, code)
		} else {
			sub.values[code] = value
			sub.starts[code] = at + 1 + min(len(value), 1)
		}
		at += 2 + len(value)
	}
	return sub
}

// certURL joins sub-options 2 to 5, as Lync devices do (TechNet gg398088).
func certURL(s subOptions, p *problems) string {
	sub := s.values
	scheme, port := strings.ToLower(sub[subScheme]), "443"
	switch scheme {
	case "https":
	case "http":
		port = "80"
		p.add(s.at(subScheme), "sub-option 2 is http, which proves nothing about the server")
	case "":
		scheme = "https"
		p.add(s.at(subScheme), "sub-option 2 (scheme) is missing, https is assumed")
	default:
		p.add(s.at(subScheme), "sub-option 2 is %+q, not https", sub[subScheme])
		return ""
	}
	host, err := place.HostName(sub[subHost])
	switch {
	case sub[subHost] == "":
		p.add(s.at(subHost), "sub-option 3 (host) is missing")
		return ""
	case err != nil:
		p.add(s.at(subHost), "sub-option 3 is %+q, not a host name", sub[subHost])
		return ""
	}
	if text := sub[subPort]; text != "" { // sites leave it out on purpose
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			p.add(s.at(subPort), "sub-option 4 is %+q, not a port in digits, %s is assumed", text, port)
		} else {
			port = strconv.FormatUint(n, 10)
		}
	}
	return scheme + "://" + host + ":" + port + certURLPath(sub[subPath], s.at(subPath), p)
}

// certURLPath returns the path of sub-option 5, whose byte is at, or the one Lync uses when that is missing or no path.
func certURLPath(sent string, at int, p *problems) string {
	if sent == "" {
		p.add(at, "sub-option 5 (path) is missing, %s is assumed", certPath)
		return certPath
	}
	if sent[0] != '/' || !isText(sent) || strings.Contains(sent, " ") {
		p.add(at, "sub-option 5 is %+q, not a path, %s is assumed", sent, certPath)
		return certPath
	}
	clean := path.Clean(sent)
	if clean != sent {
		p.add(at, "sub-option 5 is %+q, read as %+q", sent, clean)
	}
	return clean
}
