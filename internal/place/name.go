package place

import (
	"fmt"
	"strings"
)

// Naming is the rule for host names learnt from DNS and DHCP (TechNet dd637123, EnableStrictDNSNaming).
type Naming uint8

// The three rules.
const (
	Suffix Naming = iota // the SIP domain and any host under it: policy disabled or not configured
	Strict               // the SIP domain and sip.<SIP domain> only: policy enabled
	Off                  // any host name: a site's own risk
)

// String returns the rule as the configuration names it.
func (n Naming) String() string {
	switch n {
	case Suffix:
		return "suffix"
	case Strict:
		return "strict"
	default:
		return "off"
	}
}

// NameError says that a host name is outside what the rule allows.
type NameError struct {
	Host, SIPDomain string
	Naming          Naming
}

func (e *NameError) Error() string {
	if e.Naming == Strict {
		return fmt.Sprintf("%s is neither %s nor sip.%s (strict_naming)", e.Host, e.SIPDomain, e.SIPDomain)
	}
	return fmt.Sprintf("%s is not under %s", e.Host, e.SIPDomain)
}

// CheckName applies the rule to a host name. Case and a final dot do not matter; the label border does, so
// that evilcontoso.com is not under contoso.com. The error is a *NameError.
func CheckName(host, sipDomain string, naming Naming) error {
	h, d := canonical(host), canonical(sipDomain)
	switch {
	case naming == Off, h == d, h == "sip."+d:
		return nil
	case naming == Suffix && strings.HasSuffix(h, "."+d):
		return nil
	default:
		return &NameError{Host: host, SIPDomain: sipDomain, Naming: naming}
	}
}
