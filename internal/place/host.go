package place

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Specification constants: RFC 1035 section 2.3.4.
const (
	maxHostName = 253 // characters as text, which are 255 bytes on the wire
	maxLabel    = 63
)

// HostName returns a host name in the form in which it is kept and compared: in lower case, without a final dot. It is the
// one rule for names, whoever gives them: labels of letters, digits and hyphens (RFC 952, RFC 1123 section 2.1), ASCII
// only. What ends in a number is an address, or a mistyped one. The error says what is wrong, in words for people.
func HostName(s string) (string, error) {
	if _, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return "", fmt.Errorf("%s is an address, not a name", s)
	}
	name := strings.TrimSuffix(s, ".")
	if len(name) > maxHostName {
		return "", fmt.Errorf("the name has %d characters, %d are possible", len(name), maxHostName)
	}
	last := ""
	for last = range strings.SplitSeq(name, ".") {
		if err := checkLabel(name, last); err != nil {
			return "", err
		}
	}
	if strings.Trim(last, "0123456789") == "" {
		return "", fmt.Errorf("%q ends in a number", name)
	}
	return canonical(name), nil
}

func checkLabel(name, label string) error {
	switch {
	case label == "":
		return fmt.Errorf("%q has an empty label", name)
	case len(label) > maxLabel:
		return fmt.Errorf("%q has a label of more than %d characters", name, maxLabel)
	case label[0] == '-' || label[len(label)-1] == '-':
		return fmt.Errorf("%q has a label that begins or ends with a hyphen", name)
	}
	for _, c := range label {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' {
			return fmt.Errorf("%q is not possible in a host name", c)
		}
	}
	return nil
}

// Host is HostName where an IP address may stand in place of a name, without brackets. An IPv4 address inside an IPv6
// address is written as the one that it is; an address with a zone, which means nothing elsewhere, is refused.
func Host(s string) (string, error) {
	addr, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return HostName(s)
	case addr.Zone() != "":
		return "", errors.New("an address with a zone")
	default:
		return addr.Unmap().String(), nil
	}
}

// canonical is the form in which host names are compared. Only ASCII has cases: the Kelvin sign is no k.
func canonical(name string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.TrimSuffix(name, "."))
}
