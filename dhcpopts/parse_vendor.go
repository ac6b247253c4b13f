package dhcpopts

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"homeward/internal/place"
)

// optionVendor is the option that garbled values are of (RFC 2132 section 8.4).
const optionVendor = 43

// traces are what shows that a value was made for Lync phones, in lower case.
var traces = [][]byte{[]byte(strings.ToLower(VendorClass)), []byte("certprov")}

// ParseVendor decodes the value of option 43, without code and length. It returns the zero value for nil
// (option not sent). Without a sub-option 1 that is exactly MS-UC-Client Vendor and URL stay empty: the option is Garbled
// when it has a trace of that vendor class, and belongs to another one when it has none. A sub-option that is wrong is replaced by its default where
// there is one (port, path), and Problem says so. Source: RFC 2132 section 8.4, TechNet gg412828.
func ParseVendor(raw []byte) VendorOption {
	if raw == nil {
		return VendorOption{}
	}
	if len(raw) == 0 {
		return VendorOption{Raw: raw, Problem: "the option is empty"}
	}
	var p problems
	sub := readSub(raw, &p)
	v := VendorOption{Raw: raw, Sub: sub.values}
	switch class, sent := v.Sub[subClass]; {
	case class == VendorClass:
		v.Vendor = VendorClass
		v.URL = certURL(sub, &p)
	case v.garbled():
		p = problems{}
		v.Meant = v.remark(sub, &p)
	case sent: // what follows was written for somebody else: whatever is odd in it is not a fault
		p = problems{}
		p.add(sub.classByte(), "sub-option 1 is %+q, not %s: the option belongs to another vendor class", class, VendorClass)
	default:
		p = problems{}
		p.add(0, "byte 0 is %s, and no sub-option 1 says %s: the option belongs to another vendor class", show(raw[0]), VendorClass)
	}
	v.Problem, v.Wrong = p.String(), p.wrong
	return v
}

// garbled sets Garbled: nobody else has a reason to send a value with such a trace.
func (v *VendorOption) garbled() bool {
	v.Garbled = slices.ContainsFunc([][]byte{v.Raw, []byte(typed(v.Raw)), fromDigits(typed(v.Raw))}, func(value []byte) bool {
		value = bytes.ToLower(value)
		return slices.ContainsFunc(traces, func(trace []byte) bool { return bytes.Contains(value, trace) })
	})
	return v.Garbled
}

// remark says how a garbled value was entered, and returns the URL that it was probably meant to say, or "".
func (v *VendorOption) remark(sub subOptions, p *problems) string {
	text := typed(v.Raw)
	if class, sent := v.Sub[subClass]; sent {
		p.add(sub.classByte(), "sub-option 1 is %+q, not %s: Lync phones take the option for one of another vendor class", class, VendorClass)
		return ""
	}
	for _, guess := range []struct {
		value []byte
		how   string
	}{
		{fromDigits(text), "is %s: the option was entered as text, not as bytes; read as digits"},
		{withoutHeader43(fromDigits(text)), "is %s: the option was entered as text, not as bytes; read as digits, without the option's own code and length in front"},
		{withoutHeader43(v.Raw), "is %s: the option's own code and length stand in front of the value; read without these"},
	} {
		if meant := urlOf(guess.value); meant != "" {
			p.add(0, "byte 0 "+guess.how+", it says %s", show(v.Raw[0]), meant)
			return meant
		}
	}
	if meant := typedURL(text); meant != "" {
		p.add(0, "byte 0 is %s: a URL was entered as text, which belongs into sub-options 2 to 5, behind %s in sub-option 1", show(v.Raw[0]), VendorClass)
		return meant
	}
	if text != "" {
		p.add(0, "byte 0 is %s: the option was entered as text: %+q, not as sub-options", show(v.Raw[0]), text)
		return ""
	}
	p.add(0, "byte 0 is %s, and no sub-option 1 says %s, although the value was made for that vendor class", show(v.Raw[0]), VendorClass)
	return ""
}

// urlOf is the URL of a value for Lync phones, or "".
func urlOf(value []byte) string {
	var p problems
	sub := readSub(value, &p)
	if sub.values[subClass] != VendorClass {
		return ""
	}
	return certURL(sub, &p)
}

// withoutHeader43 is a value without the code and length of the option, which somebody has entered, too; nil: it has none.
func withoutHeader43(raw []byte) []byte {
	if len(raw) < 4 || raw[0] != optionVendor || int(raw[1]) != len(raw)-2 && (raw[2] != subClass || int(raw[3]) != len(VendorClass)) {
		return nil
	}
	return raw[2:]
}

// typedURL is the URL of a certificate service that somebody has typed, or "".
func typedURL(text string) string {
	u, err := url.Parse(strings.Trim(text, `"' `))
	if err != nil || !strings.HasPrefix(strings.ToLower(u.Scheme), "http") {
		return ""
	}
	if _, err := place.HostName(u.Hostname()); err != nil {
		return ""
	}
	return u.String()
}
