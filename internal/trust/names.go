package trust

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"homeward/internal/place"
)

func checkNames(leaf *x509.Certificate, host string, allowed func(name string) bool) error {
	switch {
	case allowed == nil:
		return checkHost(leaf, host)
	case len(leaf.DNSNames) == 0:
		return errNoName
	case !slices.ContainsFunc(leaf.DNSNames, func(name string) bool { return !strings.Contains(name, "*") && allowed(name) }):
		return x509.HostnameError{Certificate: leaf, Host: host}
	}
	return nil
}

var errNoName = errors.New("it proves no name")

// checkHost is the name check of crypto/x509 without wildcards: a Registrar's certificate names the pool and
// its servers (RFC 5922 §7.2; Lync certificate requirements: no wildcard for SIP).
func checkHost(leaf *x509.Certificate, host string) error {
	if err := leaf.VerifyHostname(bracket(host)); err != nil {
		return err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	wanted, err := place.HostName(host)
	proves := func(name string) bool {
		proven, errName := place.HostName(name)
		return errName == nil && proven == wanted
	}
	if err != nil || !slices.ContainsFunc(leaf.DNSNames, proves) {
		return x509.HostnameError{Certificate: leaf, Host: host}
	}
	return nil
}

// bracket makes VerifyHostname treat an address as one.
func bracket(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return "[" + host + "]"
	}
	return host
}

// names lists what a certificate offers.
func names(leaf *x509.Certificate) []string {
	all := append([]string(nil), leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		all = append(all, ip.String())
	}
	return all
}

// shortTypes are attribute types that names of Active Directory and of small devices have, and crypto/x509/pkix does not name (RFC 4514
// section 3, RFC 2985 section 5.2.1).
var shortTypes = map[string]string{"0.9.2342.19200300.100.1.25": "DC", "0.9.2342.19200300.100.1.1": "UID", "1.2.840.113549.1.9.1": "emailAddress"}

// Our choices: what is kept of texts that a certificate may fill with 200 KB each.
const (
	maxName  = 256 // bytes; a host name has at most 253
	maxKey   = 64  // bytes of the identifier of a key; an honest one has 20
	maxWords = 1024
	maxNames = 8
)

// short is the beginning of a text that is longer than it may be.
func short(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit-len("…")], "") + "…"
}

// keyID is the identifier of a key in hexadecimal digits.
func keyID(id []byte) string { return hex.EncodeToString(id[:min(len(id), maxKey)]) }

// distinguished is a distinguished name in text (RFC 4514), the beginning of a long one.
func distinguished(raw []byte, parsed *pkix.Name) string {
	return short(wholeName(raw, *parsed), maxName)
}

func wholeName(raw []byte, parsed pkix.Name) string {
	var sequence pkix.RDNSequence
	if rest, err := asn1.Unmarshal(raw, &sequence); err != nil || len(rest) > 0 {
		return parsed.String()
	}
	var parts []string
	for i := len(sequence) - 1; i >= 0; i-- {
		relative := sequence[i]
		var attributes []string
		for _, a := range relative {
			short, known := shortTypes[a.Type.String()]
			if known {
				a.Type = asn1.ObjectIdentifier{2, 5, 4, 3} // CN, for the value to be written as text
			}
			text := pkix.RDNSequence{{a}}.String()
			if known {
				text = short + strings.TrimPrefix(text, "CN")
			}
			attributes = append(attributes, text)
		}
		parts = append(parts, strings.Join(attributes, "+"))
	}
	return strings.Join(parts, ",")
}

// Listed is a list of names in words, of which the first eight are shown.
func Listed(names []string) string {
	var shown []string
	for _, name := range names[:min(len(names), maxNames)] {
		shown = append(shown, short(name, maxName))
	}
	if len(names) > maxNames {
		shown = append(shown, "…")
	}
	return strings.Join(shown, ", ")
}
