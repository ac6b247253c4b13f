package place

import (
	"errors"
	"strings"
	"testing"
)

func TestSIPAddress(t *testing.T) {
	longest := strings.Repeat("a", 64)
	for _, row := range []struct {
		in         string
		want       SIPAddress
		text, bare string
	}{
		{"sip:phone1@contoso.com", SIPAddress{"phone1", "contoso.com"}, "sip:phone1@contoso.com", "phone1@contoso.com"},
		{"SIP:Phone1@Contoso.COM.", SIPAddress{"Phone1", "contoso.com"}, "sip:Phone1@contoso.com", "Phone1@contoso.com"},
		{"sip:azAZ09@contoso.com", SIPAddress{"azAZ09", "contoso.com"}, "sip:azAZ09@contoso.com", "azAZ09@contoso.com"},
		{"sip:" + longest + "@contoso.com", SIPAddress{longest, "contoso.com"}, "sip:" + longest + "@contoso.com", longest + "@contoso.com"},
		{"sip:+4930123;ext=12@contoso.com", SIPAddress{"+4930123;ext=12", "contoso.com"}, "sip:+4930123;ext=12@contoso.com", "+4930123;ext=12@contoso.com"},
	} {
		got, err := ParseSIPAddress(row.in)
		if got != row.want || err != nil || got.String() != row.text || got.Bare() != row.bare {
			t.Errorf("%q: got %+v, %v: %q and %q", row.in, got, err, got.String(), got.Bare())
		}
	}
	for _, in := range []string{
		"", "sip:", "phone1@contoso.com", "sips:phone1@contoso.com", "sip:@contoso.com", "sip:phone1@", "sip:a@b@contoso.com", "sip:contoso.com",
		"sip:phone1@contoso", "sip:phone1@10.0.0.5", "sip:phone1@[2001:db8::5]", "sip:a\r\nb@contoso.com", "sip:a@contoso.com\r\n", "sip:a@con_toso.com",
		"sip:a" + longest + "@contoso.com", "sip:phone1@\u212aontoso.com",
	} {
		if got, err := ParseSIPAddress(in); err == nil || got != (SIPAddress{}) || errors.Is(err, ErrPort) {
			t.Errorf("%q: got %+v, %v", in, got, err)
		}
	}
	if _, err := ParseSIPAddress("sip:phone1@contoso.com:5061"); !errors.Is(err, ErrPort) {
		t.Errorf("a port: %v", err)
	}
	if none := (SIPAddress{}); none.String() != "" || none.Bare() != "" {
		t.Errorf("no address is %q and %q", none, none.Bare())
	}
}

// A SIP address that is accepted goes into requests as it is: no line break, one @, a domain with a dot.
func FuzzSIPAddress(f *testing.F) {
	for _, s := range []string{"sip:phone1@contoso.com", "sip:a@b.c.", "sip:a@b:5061", "sip:\r\n@x.y", "SIP:+1;ext=2@a.b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := ParseSIPAddress(s)
		if err != nil {
			return
		}
		address := parsed.String()
		if strings.ContainsAny(address, "\r\n \t\x00<>\"") || strings.Count(address, "@") != 1 || !strings.HasPrefix(address, "sip:") {
			t.Errorf("%q became %q", s, address)
		}
		if again, err := ParseSIPAddress(address); err != nil || again != parsed {
			t.Errorf("%q became %q, and that %q, %v", s, address, again, err)
		}
	})
}
