package srv

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"

	"github.com/miekg/dns"
)

// Our choice: how much of its words is kept, in bytes.
const maxExtraText = 160

// Extended is why a server has no better answer, in its own words (RFC 8914). Anybody on the way can write that, or take it out: it is
// told, and decides nothing.
type Extended struct {
	Code int
	Text string // printable, and bounded; "": the code says all
}

// Class is what an Extended is about, as far as that leads to a cure.
type Class uint8

// The classes; 0 is any other.
const (
	Validation  Class = iota + 1 // DNSSEC: the server does not believe what it got
	NoAuthority                  // no server of the zone gives an answer
	Filtered                     // the server may not give the answer to anybody, as a filter has it
)

// Class returns the class of the code (RFC 8914 section 4, and its registry).
func (x *Extended) Class() Class {
	if x == nil {
		return 0
	}
	switch uint16(x.Code) {
	case dns.ExtendedErrorCodeUnsupportedDNSKEYAlgorithm, dns.ExtendedErrorCodeUnsupportedDSDigestType, dns.ExtendedErrorCodeDNSSECIndeterminate,
		dns.ExtendedErrorCodeDNSBogus, dns.ExtendedErrorCodeSignatureExpired, dns.ExtendedErrorCodeSignatureNotYetValid, dns.ExtendedErrorCodeDNSKEYMissing,
		dns.ExtendedErrorCodeRRSIGsMissing, dns.ExtendedErrorCodeNoZoneKeyBitSet, dns.ExtendedErrorCodeNSECMissing,
		dns.ExtendedErrorCodeSignatureExpiredBeforeValid, dns.ExtendedErrorCodeUnsupportedNSEC3IterValue:
		return Validation
	case dns.ExtendedErrorCodeNoReachableAuthority, dns.ExtendedErrorCodeNetworkError:
		return NoAuthority
	case dns.ExtendedErrorCodeBlocked, dns.ExtendedErrorCodeCensored, dns.ExtendedErrorCodeFiltered:
		return Filtered
	default:
		return 0
	}
}

// String is what the server says, "Signature Expired: expired on 2026-11-01"; "" if it says nothing.
func (x *Extended) String() string {
	if x == nil {
		return ""
	}
	return strings.Trim(dns.ExtendedErrorCodeToString[uint16(x.Code)]+": "+x.Text, ": ")
}

// aside is String as the end of a sentence.
func (x *Extended) aside() string {
	if text := x.String(); text != "" {
		return fmt.Sprintf("; it says %q", text)
	}
	return ""
}

// readExtended returns that of the options of an OPT record (RFC 6891 section 6.1.2) which leads to a cure, else the last, else the best so far.
func readExtended(best *Extended, options []byte) *Extended {
	for len(options) >= 4 {
		option, end := binary.BigEndian.Uint16(options), min(4+int(binary.BigEndian.Uint16(options[2:])), len(options))
		if option == dns.EDNS0EDE && end >= 6 && best.Class() == 0 {
			best = &Extended{int(binary.BigEndian.Uint16(options[4:])), extraText(string(options[6:end]))}
		}
		options = options[end:]
	}
	return best
}

// extraText is the text of a server, safe to print, without the query that Unbound repeats before the cause.
func extraText(text string) string {
	if i := strings.LastIndex(text, ">: "); i >= 0 {
		text = text[i+len(">: "):]
	}
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar || r == '"' {
			return ' '
		}
		return r
	}, text)), " ")
	if len(text) > maxExtraText {
		text = strings.ToValidUTF8(text[:maxExtraText], "") + "…"
	}
	return text
}
