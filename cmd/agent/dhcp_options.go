package main

import (
	"encoding/hex"
	"net/netip"
	"strconv"

	"homeward/dhcpopts"
)

type option120 struct {
	Hex       string       `json:"hex"`
	Names     []string     `json:"names"`
	Addresses []netip.Addr `json:"addresses"`
	Meant     []string     `json:"meant,omitempty"` // probably, by a malformed value
	Problem   string       `json:"problem,omitempty"`
	Wrong     []int        `json:"wrong_bytes,omitempty"`
}

type option43 struct {
	Hex     string            `json:"hex"`
	Vendor  string            `json:"vendor,omitempty"` // sub-option 1
	URL     string            `json:"url,omitempty"`    // what sub-options 2 to 5 come to
	Sub     map[string]string `json:"sub_options"`      // by their number
	Meant   string            `json:"meant,omitempty"`  // the URL, probably, of a malformed value
	Problem string            `json:"problem,omitempty"`
	Wrong   []int             `json:"wrong_bytes,omitempty"`
}

// newOption120 returns nil for an option that was not sent.
func newOption120(s *dhcpopts.SIPServers) *option120 {
	if s.Raw == nil {
		return nil
	}
	return &option120{
		hex.EncodeToString(s.Raw), append([]string{}, s.Names...), append([]netip.Addr{}, s.Addrs...), s.Meant, s.Problem, s.Wrong,
	}
}

// newOption43 returns nil for an option that was not sent.
func newOption43(v *dhcpopts.VendorOption) *option43 {
	if v.Raw == nil {
		return nil
	}
	sub := map[string]string{}
	for code, value := range v.Sub {
		sub[strconv.Itoa(int(code))] = escaped(value)
	}
	return &option43{hex.EncodeToString(v.Raw), v.Vendor, v.URL, sub, v.Meant, v.Problem, v.Wrong}
}

// escaped is the value of a sub-option, which may be any bytes, as text.
func escaped(value string) string {
	quoted := strconv.QuoteToASCII(value)
	return quoted[1 : len(quoted)-1]
}
