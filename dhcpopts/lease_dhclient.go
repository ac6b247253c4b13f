package dhcpopts

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// dhclientNames are the names under which dhclient keeps the options without being told: it has no name for 120.
var dhclientNames = map[string]uint8{"unknown-120": 120, "vendor-encapsulated-options": 43}

// dhclientOptions adds to names those that a dhclient.conf gives to options 120 and 43
// (dhcp-options(5): option sip-servers code 120 = string;).
func dhclientOptions(conf []byte, names map[string]uint8) {
	for line := range strings.Lines(string(conf)) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(strings.ReplaceAll(line, "=", " = "))
		if len(words) < 5 || words[0] != "option" || words[2] != "code" || words[4] != "=" {
			continue
		}
		if code, err := strconv.ParseUint(words[3], 10, 8); err == nil && (code == 120 || code == 43) {
			names[words[1]] = uint8(code)
		}
	}
}

// parseDhclient reads dhclient.leases (dhclient.leases(5)), to which dhclient adds an entry at each renewal: the
// last of an interface is the one that counts. A statement that cannot be understood is an error, and costs that statement
// only. An entry that is not whole is left out, with an error; so is one of DHCPv6, without.
func parseDhclient(f leaseFile) ([]Lease, error) {
	var leases []Lease
	var entry *Lease // in which we are
	opened, depth := 0, 0
	wrong := f.lines(func(line int, text string) error {
		switch {
		case strings.HasSuffix(text, "{"):
			if depth++; depth == 1 && strings.Fields(text)[0] == "lease" {
				entry, opened = &Lease{File: f.path}, line
			}
		case text == "}":
			if depth--; depth < 0 {
				depth = 0
				return f.at(line, "a brace closes nothing")
			}
			if entry != nil && depth == 0 {
				leases, entry = append(leases, *entry), nil
			}
		case entry != nil && depth == 1:
			if err := entry.dhclient(text, f.names); err != nil {
				return f.at(line, "%v", err)
			}
		}
		return nil
	})
	if entry != nil {
		wrong.add(f.at(opened, "the entry that begins here does not end"))
	}
	return leases, wrong.err()
}

// dhclient takes in one statement of an entry.
func (l *Lease) dhclient(text string, names map[string]uint8) (err error) {
	statement, ok := strings.CutSuffix(text, ";")
	if !ok {
		statement, _, ok = strings.Cut(text, "; #") // what follows is the time for people
	}
	if !ok {
		return fmt.Errorf("%+.40q does not end in a semicolon", text)
	}
	word, rest, _ := strings.Cut(statement, " ")
	switch word {
	case "interface":
		l.Interface = strings.Trim(rest, `"`)
	case "fixed-address":
		l.Addr, err = leasedAddr(rest)
	case "expire":
		l.Expires, err = dhclientTime(rest)
	case "option":
		name, value, _ := strings.Cut(rest, " ")
		code := names[name]
		switch {
		case name == "dhcp-server-identifier":
			l.Server, err = netip.ParseAddr(value)
		case name == "domain-name-servers":
			l.NameServers = addrsIn(value)
		case code == 0:
		default:
			var raw []byte
			if raw, err = dhclientValue(value); err != nil {
				return fmt.Errorf("option %s: %w", name, err)
			}
			if code == 120 {
				l.SIP = parseSIPServers(raw, false)
			} else {
				l.Vendor = ParseVendor(raw)
			}
		}
	}
	return err
}

// dhclientTime reads "4 2026/11/26 11:46:52", which is UTC, "epoch 1795694812", and "never".
func dhclientTime(text string) (time.Time, error) {
	if text == "never" {
		return time.Time{}, nil
	}
	kind, rest, _ := strings.Cut(text, " ")
	if kind == "epoch" {
		return after(time.Unix(0, 0), rest)
	}
	t, err := time.Parse("2006/01/02 15:04:05", rest)
	if err != nil {
		return time.Time{}, fmt.Errorf("%+.40q is not a time", text)
	}
	return t, nil
}

// dhclientValue reads the two forms in which dhclient writes the bytes of an option it knows nothing of:
// 0:6:70:6f, and "text" when all of them can be printed, where \ooo is a byte in octal.
func dhclientValue(text string) ([]byte, error) {
	raw := []byte{}
	if inside, ok := strings.CutPrefix(text, `"`); ok {
		inside, ok = strings.CutSuffix(inside, `"`)
		for ok && inside != "" {
			switch {
			case inside[0] != '\\':
				raw, inside = append(raw, inside[0]), inside[1:]
			case len(inside) >= 2 && (inside[1] == '\\' || inside[1] == '"'):
				raw, inside = append(raw, inside[1]), inside[2:]
			case len(inside) >= 4:
				n, err := strconv.ParseUint(inside[1:4], 8, 8)
				raw, inside, ok = append(raw, byte(n)), inside[4:], err == nil
			default:
				ok = false
			}
		}
		if !ok {
			return nil, fmt.Errorf("%+.40q is not text in quotes", text)
		}
		return raw, nil
	}
	for part := range strings.SplitSeq(text, ":") {
		n, err := strconv.ParseUint(part, 16, 8)
		if err != nil {
			return nil, fmt.Errorf("%+.40q is neither bytes (0:6:70) nor text in quotes", text)
		}
		raw = append(raw, byte(n))
	}
	return raw, nil
}
