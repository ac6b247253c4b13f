package place

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// maxUser is a specification constant: RFC 5321 section 4.5.3.1.1, for the SIP address is a mail address as often as not.
const maxUser = 64

// userCharacters are what may stand on the left side of a SIP URI besides letters and digits (RFC 3261 section 25.1).
const userCharacters = "-_.!~*'()&=+$,;?/%"

// SIPAddress is an address-of-record: "sip:phone1@contoso.com". Two that are equal are the same; the zero value is none.
type SIPAddress struct {
	User   string // "phone1": its case counts
	Domain string // the SIP domain "contoso.com", in the normal form of HostName
}

// ErrPort is what is wrong with a SIP address that says where to register: the SIP domain does that.
var ErrPort = errors.New("must not contain a port")

// ParseSIPAddress reads a SIP address. One that is accepted can become a part of a SIP request as it is. The error is in
// words for people; one because of a port is an ErrPort.
func ParseSIPAddress(s string) (SIPAddress, error) {
	scheme, rest, found := strings.Cut(s, ":")
	switch {
	case found && strings.EqualFold(scheme, "sips"):
		return SIPAddress{}, errors.New("write sip:, not sips:; TLS is used wherever there is a Registrar that offers it")
	case !found || !strings.EqualFold(scheme, "sip"):
		return SIPAddress{}, fmt.Errorf("%q does not begin with \"sip:\"", s)
	case strings.Count(rest, "@") != 1:
		return SIPAddress{}, fmt.Errorf("%q must contain exactly one @", s)
	}
	user, domain, _ := strings.Cut(rest, "@")
	switch {
	case user == "":
		return SIPAddress{}, fmt.Errorf("%q has nothing before the @: the name of the user is missing", s)
	case len(user) > maxUser:
		return SIPAddress{}, fmt.Errorf("%q has more than %d characters before the @", s, maxUser)
	}
	for _, c := range user {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && !strings.ContainsRune(userCharacters, c) {
			return SIPAddress{}, fmt.Errorf("%q: %q is not possible before the @", s, c)
		}
	}
	if host, _, err := net.SplitHostPort(domain); err == nil && host != "" {
		return SIPAddress{}, fmt.Errorf("%q %w", s, ErrPort)
	}
	domain, err := HostName(domain)
	if err != nil {
		return SIPAddress{}, fmt.Errorf("%q: %w", s, err)
	}
	if !strings.Contains(domain, ".") {
		return SIPAddress{}, fmt.Errorf("%q: the SIP domain %q needs a dot", s, domain)
	}
	return SIPAddress{user, domain}, nil
}

// String returns "sip:phone1@contoso.com"; "" for none.
func (a SIPAddress) String() string {
	if a == (SIPAddress{}) {
		return ""
	}
	return "sip:" + a.Bare()
}

// Bare returns "phone1@contoso.com", which is a login name, too, where no other is configured.
func (a SIPAddress) Bare() string {
	if a == (SIPAddress{}) {
		return ""
	}
	return a.User + "@" + a.Domain
}
