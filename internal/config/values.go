package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"homeward/internal/anchor"
	"homeward/internal/place"
	"homeward/provisioning"
)

// Specification constants.
const (
	dnsPort = 53
)

// parseSIPAddress reads the address-of-record.
func parseSIPAddress(s string) (place.SIPAddress, error) {
	if s == "" {
		return place.SIPAddress{}, fmt.Errorf("it is required, such as \"sip:phone1@contoso.com\"")
	}
	address, err := place.ParseSIPAddress(s)
	if errors.Is(err, place.ErrPort) {
		err = fmt.Errorf("%w; see internal_server", err)
	}
	return address, err
}

// AddServer adds a configured server: host[:port], where host is a name or an IP address; "" is none.
func (c *Config) AddServer(s string, external bool) error {
	if s == "" {
		return nil
	}
	host, port, err := splitServer(s)
	if err != nil {
		return err
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		c.warn(portless(s, addr, "443", "5060", "5061"))
		host = addr.Unmap().String() // as place.Host has it; one with a zone is the operator's own risk
	} else {
		if host, err = place.HostName(host); err != nil {
			return err
		}
		if !strings.Contains(host, ".") {
			c.warn(fmt.Sprintf("%q has no domain: certificates rarely contain such a name", host))
		}
	}
	c.Policy.Manual = append(c.Policy.Manual, provisioning.ManualServer{Host: host, Port: port, External: external})
	return nil
}

// portless is a warning about an IPv6 address without brackets, the end of which is probably meant to be a port, or "".
func portless(s string, addr netip.Addr, ports ...string) string {
	at := strings.LastIndexByte(s, ':')
	if !addr.Is6() || strings.HasPrefix(s, "[") || !slices.Contains(ports, s[at+1:]) {
		return ""
	}
	return fmt.Sprintf("%q is read as an address without a port; for port %s write [%s]%s", s, s[at+1:], strings.TrimSuffix(s[:at], ":"), s[at:])
}

// unbracketed is what an IPv6 address that is followed by a port without brackets should have been, or "".
func unbracketed(s string) string {
	at := strings.LastIndexByte(s, ':')
	if at < 0 {
		return ""
	}
	addr, err := netip.ParseAddr(s[:at])
	if err != nil || !addr.Is6() {
		return ""
	}
	return net.JoinHostPort(addr.String(), s[at+1:])
}

func errUnbracketed(s, meant string) error {
	return fmt.Errorf("%q: an IPv6 address that is followed by a port must be in brackets: %s", s, meant)
}

// splitServer splits host[:port]; port 0 means that there is none.
func splitServer(s string) (string, uint16, error) {
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	if addr, err := netip.ParseAddr(bare); err == nil { // also an IPv6 address without port
		return addr.String(), 0, nil
	}
	if !strings.Contains(s, ":") {
		return s, 0, nil
	}
	if meant := unbracketed(s); meant != "" {
		return "", 0, errUnbracketed(s, meant)
	}
	host, digits, err := net.SplitHostPort(s)
	if err != nil || host == "" || strings.HasPrefix(digits, "//") || host == "sip" || host == "sips" {
		return "", 0, fmt.Errorf("%q is not host[:port]", s)
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || port == 0 {
		return "", 0, fmt.Errorf("%q: the port is a number from 1 to 65535", s)
	}
	return host, uint16(port), nil
}

// parseNameServers reads addr[:port] for each name server; warn is told what is valid and probably not meant.
func parseNameServers(texts []string, warn func(string)) ([]netip.AddrPort, error) {
	var servers []netip.AddrPort
	for _, s := range texts {
		server, err := netip.ParseAddrPort(s)
		if err != nil {
			addr, errAddr := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
			if meant := unbracketed(s); errAddr != nil && meant != "" {
				return nil, errUnbracketed(s, meant)
			}
			if errAddr != nil {
				return nil, fmt.Errorf("%q is not addr[:port]; name servers must be given by address", s)
			}
			server = netip.AddrPortFrom(addr, dnsPort)
			warn(portless(s, addr, "53"))
		}
		if server.Port() == 0 || server.Addr().IsUnspecified() || server.Addr().IsMulticast() {
			return nil, fmt.Errorf("%q cannot be a name server", s)
		}
		if slices.Contains(servers, server) {
			return nil, fmt.Errorf("%q is listed twice", s)
		}
		servers = append(servers, server)
	}
	return servers, nil
}

// checkListen accepts an address of this device with a port, ":port" for all of its addresses, and "".
func checkListen(s string) error {
	if s == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(s)
	if meant := unbracketed(s); err != nil && meant != "" {
		return errUnbracketed(s, meant)
	}
	if err != nil {
		return fmt.Errorf("%q is not addr:port", s)
	}
	if _, err := netip.ParseAddr(host); host != "" && host != "localhost" && err != nil {
		return fmt.Errorf("%q: %q is not an address of this device", s, host)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q: the port is a number from 1 to 65535", s)
	}
	return nil
}

// checkInterface accepts what can be the name of a network interface: no white space and no slash (dev_valid_name
// of Linux); other systems are laxer.
func checkInterface(name string) error {
	if strings.ContainsFunc(name, unicode.IsSpace) || strings.Contains(name, "/") {
		return fmt.Errorf("%q is not the name of an interface", name)
	}
	return checkPlain(name)
}

// InterfaceHere is an error when this machine has no interface of that name: it says which it has.
func InterfaceHere(name string) error {
	if _, err := net.InterfaceByName(name); name == "" || err == nil {
		return nil
	}
	var names []string
	all, _ := net.Interfaces() // none is none
	for _, i := range all {
		names = append(names, i.Name)
	}
	return fmt.Errorf("this machine has no %s; it has %s", name, strings.Join(names, ", "))
}

// checkPlain refuses control characters, line breaks above all, in text that goes into SIP headers.
func checkPlain(s string) error {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Errorf("%q contains non-printable characters", s)
	}
	return nil
}

func checkChoice(s string, choices ...string) error {
	if slices.Contains(choices, s) {
		return nil
	}
	last := len(choices) - 1
	return fmt.Errorf("%q is not %s or %s", s, strings.Join(choices[:last], ", "), choices[last])
}

func checkChoices(texts []string, choices ...string) error {
	if len(texts) == 0 {
		return fmt.Errorf("it names nothing")
	}
	for i, s := range texts {
		if err := checkChoice(s, choices...); err != nil {
			return err
		}
		if slices.Contains(texts[:i], s) {
			return fmt.Errorf("%q is listed twice", s)
		}
	}
	return nil
}

// unbuilt are schemes that Lync Registrars offer and this version does not speak. Files name them, for they were in the
// default once.
var unbuilt = []string{"kerberos"}

// checkSchemes returns the schemes that this version speaks, and warns of others that exist.
func checkSchemes(texts []string, to *Config, choices ...string) ([]string, error) {
	known := slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return slices.Contains(unbuilt, s) })
	if len(known) < len(texts) {
		left := slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return slices.Contains(known, s) })
		if len(known) == 0 {
			return nil, fmt.Errorf("this version supports none of %s", strings.Join(left, ", "))
		}
		to.warn(fmt.Sprintf("auth: ignored, because this version does not support it: %s", strings.Join(left, ", ")))
	}
	return known, checkChoices(known, choices...)
}

// parsePins reads the fingerprints of certificates.
func parsePins(texts []string) ([]string, error) {
	var pins []string
	for _, text := range texts {
		pin, err := anchor.Parse(text)
		if err != nil {
			return nil, err
		}
		if slices.Contains(pins, pin) {
			return nil, fmt.Errorf("%q is listed twice", text)
		}
		pins = append(pins, pin)
	}
	return pins, nil
}

// mostWindow is our choice: a device that stays away longer is thought to be dead.
const mostWindow = time.Hour

// parseWindow reads storm_window; negative: the site does not say.
func parseWindow(text string) (time.Duration, error) {
	if text == "" {
		return -1, nil
	}
	window, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, errors.New(`write a number and its unit: "30s", "4m", or "0" for none`)
	case window < 0 || window > mostWindow:
		return 0, errors.New("it must be between 0 and 1h")
	}
	return window, nil
}
