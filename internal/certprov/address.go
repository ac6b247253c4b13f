package certprov

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"homeward/internal/place"
)

const (
	httpsPort  = 443     // RFC 9110 section 4.2.2
	maxAddress = 1 << 10 // our choice: those of Lync have 70 characters
)

// Address is where a web service is, over HTTPS.
type Address struct {
	Host string // a name in the normal form of place.HostName, or an address
	Port uint16
	path string // with the query, as written
	text string // as written
}

// ParseAddress reads the URL of a service. It must be https, and nothing may be in it that an honest one has no need of. The
// error is an *Error.
func ParseAddress(s string) (Address, error) {
	wrong := func(problem string) (Address, error) {
		return Address{}, &Error{Kind: BadAddress, At: printable(s), Problem: problem}
	}
	if len(s) > maxAddress {
		return wrong("is too long")
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"<>\^{|}`+"`", c) >= 0 {
			return wrong("is no URL")
		}
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return wrong("is no URL")
	case !strings.EqualFold(u.Scheme, "https"):
		return wrong("does not begin with https:")
	case u.User != nil, strings.Contains(s, "#"), u.Opaque != "":
		return wrong("has a user or a fragment in it")
	}
	host, err := place.Host(u.Hostname())
	if err != nil {
		return wrong("names no host")
	}
	port := uint64(httpsPort)
	if u.Port() != "" {
		if port, err = strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
			return wrong("has no port that can be used")
		}
	}
	return Address{Host: host, Port: uint16(port), path: u.RequestURI(), text: s}, nil
}

// String returns the URL as it was written.
func (a Address) String() string { return a.text }

// HostPort returns "pool01.contoso.com:443".
func (a Address) HostPort() string { return net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))) }

// shown is the address without its query, for people.
func (a Address) shown() string {
	path, _, _ := strings.Cut(a.path, "?")
	return printable(a.HostPort() + path)
}

// authority is what the header Host says.
func (a Address) authority() string {
	if a.Port == httpsPort && !strings.Contains(a.Host, ":") {
		return a.Host
	}
	return a.HostPort()
}

// metadata is where a service says what it offers.
func (a Address) metadata() Address {
	path, _, _ := strings.Cut(a.path, "?")
	path = strings.TrimSuffix(path, "/mex") + "/mex"
	return Address{Host: a.Host, Port: a.Port, path: path, text: "https://" + a.HostPort() + path}
}
