package dhcpopts

import (
	"bytes"
	"strings"
)

// Specification constants.
const (
	optionSIPServers = 120

	encodingNames = 0 // RFC 3361 section 3.1
	encodingAddrs = 1 // RFC 3361 section 3.2

	maxLabel   = 63   // RFC 1035 section 2.3.4
	maxWire    = 255  // RFC 1035 section 2.3.4
	pointer    = 0xc0 // RFC 1035 section 4.1.4: the two high bits of a compression pointer
	namesStart = 1    // where names begin, and what dnsmasq counts pointers from: the byte after the encoding
)

// Our choices.
const maxServers = 8 // a site has a pool and its backup; a list of sixty is a mistake or an attack

// readNames reads the names from byte first on, which is what pointers count from. It returns none when one of them
// cannot be decoded: nothing tells where the next one starts, nor whether the bytes are names at all.
func readNames(raw []byte, first int, p *problems) []string {
	var names []string
	for at := first; at < len(raw); {
		if raw[at] == 0 {
			p.add(at, "byte %d is 0x00, an empty name", at)
			at += len(raw[at:]) - len(bytes.TrimLeft(raw[at:], "\x00"))
			continue
		}
		labels, next := readName(raw, first, at, p)
		if next < 0 {
			return nil
		}
		switch name, err := hostName(labels); {
		case err != nil:
			p.add(at, "the name at byte %d is %+q, not a host name", at, strings.Join(labels, "."))
		case len(names) < maxServers:
			names = append(names, name)
		default:
			p.addOnce(at, "byte %d starts one name too many, only %d are used", at, maxServers)
		}
		at = next
	}
	if len(raw) == first {
		p.add(first, "the option ends after byte %d, without a name", first-1)
	}
	return names
}

// readName reads the name at byte first of raw, where names begin at byte base, and returns its labels and the byte after it, or -1.
func readName(raw []byte, base, first int, p *problems) (labels []string, next int) {
	next = -1
	// A name is read between start and limit. A pointer must lead to before start, and what it leads to
	// must end before the place it came from: so every jump shortens the way, and no loop is possible.
	start, limit, length := first, len(raw), 1
	for at := first; ; {
		if at == limit && next < 0 {
			p.add(limit, "the name at byte %d has no final zero byte", first)
			return labels, limit
		}
		if at == limit {
			p.add(next-2, "the name at byte %d points to a name without an end", first)
			return nil, -1
		}
		switch b := raw[at]; {
		case b == 0:
			return labels, max(next, at+1) // after a jump, at lies before next
		case b <= maxLabel:
			end := at + 1 + int(b)
			if end > limit {
				p.add(at, "the name at byte %d: byte %d is %s, a label of %d bytes, but %d follow", first, at, show(b), b, limit-at-1)
				return nil, -1
			}
			labels = append(labels, string(raw[at+1:end]))
			if length += 1 + int(b); length > maxWire {
				p.add(first, "the name at byte %d is longer than %d bytes", first, maxWire)
				return nil, -1
			}
			at = end
		case b&pointer == pointer && at+1 < limit:
			target := base + (int(b&^pointer)<<8 | int(raw[at+1]))
			if target >= start {
				p.add(at, "the name at byte %d: byte %d points to byte %d, not to an earlier name", first, at, target)
				return nil, -1
			}
			next = max(next, at+2)
			start, limit, at = target, start, target
		default:
			p.add(at, "the name at byte %d: byte %d is %s, neither a label length (up to %d) nor a pointer", first, at, show(b), maxLabel)
			return nil, -1
		}
	}
}
