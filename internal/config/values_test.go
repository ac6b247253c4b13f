package config

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeward/provisioning"
)

// outcome is a result, or "error: " and the text.
func outcome(result any, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return fmt.Sprint(result)
}

// C06, C07 of docs/rules.md, and S78: what becomes part of a SIP request is checked here.
func TestSIPAddress(t *testing.T) {
	long := strings.Repeat("a.", 127) + "com"
	for _, test := range []struct{ name, in, want string }{
		{"as it should be", "sip:phone1@contoso.com", "sip:phone1@contoso.com"},
		{"the domain does not know case, the user does", "SIP:Phone1@Contoso.COM", "sip:Phone1@contoso.com"},
		{"a final dot is dropped", "sip:phone1@contoso.com.", "sip:phone1@contoso.com"},
		{"a telephone number", "sip:+4930123;ext=12@contoso.com", "sip:+4930123;ext=12@contoso.com"},
		{"an internationalised domain in its own form", "sip:a@xn--bcher-kva.example", "sip:a@xn--bcher-kva.example"},
		{"nothing", "", `error: it is required, such as "sip:phone1@contoso.com"`},
		{"no scheme", "phone1@contoso.com", `error: "phone1@contoso.com" does not begin with "sip:"`},
		{"sips", "sips:phone1@contoso.com", `error: write sip:, not sips:; TLS is used wherever there is a Registrar that offers it`},
		{"sip: twice", "sip:sip:phone1@contoso.com", `error: "sip:sip:phone1@contoso.com": ':' is not possible before the @`},
		{"no @", "sip:contoso.com", `error: "sip:contoso.com" must contain exactly one @`},
		{"two @", "sip:a@b@contoso.com", `error: "sip:a@b@contoso.com" must contain exactly one @`},
		{"no user", "sip:@contoso.com", `error: "sip:@contoso.com" has nothing before the @: the name of the user is missing`},
		{"no domain", "sip:phone1@", `error: "sip:phone1@": "" has an empty label`},
		{"a port", "sip:phone1@contoso.com:5061", `error: "sip:phone1@contoso.com:5061" must not contain a port; see internal_server`},
		{"a parameter", "sip:phone1@contoso.com;transport=tls", `error: "sip:phone1@contoso.com;transport=tls": ';' is not possible in a host name`},
		{"CR and LF", "sip:phone1@contoso.com\r\nX", `error: "sip:phone1@contoso.com\r\nX": '\r' is not possible in a host name`},
		{"CR and LF in the user", "sip:a\r\nb@contoso.com", `error: "sip:a\r\nb@contoso.com": '\r' is not possible before the @`},
		{"a blank", "sip:phone 1@contoso.com", `error: "sip:phone 1@contoso.com": ' ' is not possible before the @`},
		{"a single label", "sip:phone1@contoso", `error: "sip:phone1@contoso": the SIP domain "contoso" needs a dot`},
		{"an IPv4 address", "sip:phone1@10.0.0.5", `error: "sip:phone1@10.0.0.5": 10.0.0.5 is an address, not a name`},
		{"a mistyped address", "sip:phone1@10.0.0", `error: "sip:phone1@10.0.0": "10.0.0" ends in a number`},
		{"an IPv6 address", "sip:phone1@[2001:db8::1]", `error: "sip:phone1@[2001:db8::1]": [2001:db8::1] is an address, not a name`},
		{"two dots", "sip:phone1@contoso..com", `error: "sip:phone1@contoso..com": "contoso..com" has an empty label`},
		{"a hyphen in front", "sip:phone1@-contoso.com", `error: "sip:phone1@-contoso.com": "-contoso.com" has a label that begins or ends with a hyphen`},
		{"an underscore", "sip:phone1@con_toso.com", `error: "sip:phone1@con_toso.com": '_' is not possible in a host name`},
		{"a look-alike letter", "sip:phone1@cоntoso.com", `error: "sip:phone1@cоntoso.com": 'о' is not possible in a host name`},
		{"the Kelvin sign", "sip:phone1@\u212aontoso.com", `error: "sip:phone1@Kontoso.com": 'K' is not possible in a host name`},
		{"a long label", "sip:a@" + strings.Repeat("b", 64) + ".com", `error: "sip:a@` + strings.Repeat("b", 64) + `.com": "` + strings.Repeat("b", 64) + `.com" has a label of more than 63 characters`},
		{"300 characters", "sip:a@" + long + long, `error: "sip:a@` + long + long + `": the name has 514 characters, 253 are possible`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, outcome(parseSIPAddress(test.in))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestServers(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"a name", "pool01.contoso.com", "pool01.contoso.com 0"},
		{"a name and a port", "Pool01.Contoso.com.:5061", "pool01.contoso.com 5061"},
		{"an IPv4 address", "10.0.0.5", "10.0.0.5 0"},
		{"an IPv4 address and a port", "10.0.0.5:5060", "10.0.0.5 5060"},
		{"an IPv6 address", "2001:db8::5", "2001:db8::5 0"},
		{"an IPv6 address that ends like a port", "2001:db8::5:5061", `2001:db8::5:5061 0 ["2001:db8::5:5061" is read as an address without a port; for port 5061 write [2001:db8::5]:5061]`},
		{"an IPv6 address that ends like a port, in brackets", "[2001:db8::5:5061]", "2001:db8::5:5061 0"},
		{"an IPv6 address in brackets", "[2001:db8::5]", "2001:db8::5 0"},
		{"an IPv6 address and a port", "[2001:db8::5]:5061", "2001:db8::5 5061"},
		{"an IPv6 address has one form", "[2001:DB8:0::5]:5061", "2001:db8::5 5061"},
		{"an IPv4 address inside one of IPv6", "::ffff:10.0.0.5", "10.0.0.5 0"},
		{"an IPv6 address with a zone", "[fe80::5%eth0]:5061", "fe80::5%eth0 5061"},
		{"a NetBIOS name", "POOL01", `pool01 0 ["pool01" has no domain: certificates rarely contain such a name]`},
		{"port 0", "pool01.contoso.com:0", `error: "pool01.contoso.com:0": the port is a number from 1 to 65535`},
		{"a port that is none", "pool01.contoso.com:sip", `error: "pool01.contoso.com:sip": the port is a number from 1 to 65535`},
		{"a port that is too large", "pool01.contoso.com:65536", `error: "pool01.contoso.com:65536": the port is a number from 1 to 65535`},
		{"a port alone", ":5061", `error: ":5061" is not host[:port]`},
		{"a URI", "sip:pool01.contoso.com", `error: "sip:pool01.contoso.com" is not host[:port]`},
		{"a URL", "https://pool01.contoso.com", `error: "https://pool01.contoso.com" is not host[:port]`},
		{"an underscore", "pool_01.contoso.com", `error: '_' is not possible in a host name`},
		{"a mistyped address", "10.0.0.256", `error: "10.0.0.256" ends in a number`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var to Config
			err := to.AddServer(test.in, false)
			got := outcome("", err)
			if err == nil {
				got = fmt.Sprint(to.Policy.Manual[0].Host, " ", to.Policy.Manual[0].Port)
			}
			if len(to.Warnings) > 0 {
				got += fmt.Sprint(" ", to.Warnings)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	var both Config
	if err := both.AddServer("in.contoso.com", false); err != nil {
		t.Fatal(err)
	}
	if err := both.AddServer("out.contoso.com:443", true); err != nil {
		t.Fatal(err)
	}
	want := []provisioning.ManualServer{{Host: "in.contoso.com"}, {Host: "out.contoso.com", Port: 443, External: true}}
	if diff := cmp.Diff(want, both.Policy.Manual); diff != "" {
		t.Error(diff)
	}
}

func TestNameServers(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"none", "", "[]"},
		{"addresses of all forms", "10.0.0.2 10.0.0.3:5353 2001:db8::2 [2001:db8::3] [2001:db8::4]:5353 fe80::1%eth0", "[10.0.0.2:53 10.0.0.3:5353 [2001:db8::2]:53 [2001:db8::3]:53 [2001:db8::4]:5353 [fe80::1%eth0]:53]"},
		{"one that ends like a port", "2001:db8::2:53", `[[2001:db8::2:53]:53] ["2001:db8::2:53" is read as an address without a port; for port 53 write [2001:db8::2]:53]`},
		{"a name", "ns1.contoso.com", `error: "ns1.contoso.com" is not addr[:port]; name servers must be given by address`},
		{"port 0", "10.0.0.2:0", `error: "10.0.0.2:0" cannot be a name server`},
		{"no address", "0.0.0.0", `error: "0.0.0.0" cannot be a name server`},
		{"multicast", "224.0.0.251", `error: "224.0.0.251" cannot be a name server`},
		{"twice the same", "10.0.0.2 10.0.0.2:53", `error: "10.0.0.2:53" is listed twice`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var to Config
			servers, err := parseNameServers(strings.Fields(test.in), to.warn)
			if servers == nil {
				servers = []netip.AddrPort{}
			}
			got := outcome(servers, err)
			if len(to.Warnings) > 0 {
				got += fmt.Sprint(" ", to.Warnings)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWindow(t *testing.T) {
	for in, want := range map[string]string{
		"": "-1ns", "30s": "30s", "4m": "4m0s", "0": "0s", "0s": "0s", "1h": "1h0m0s",
		"30": `error: write a number and its unit: "30s", "4m", or "0" for none`, "soon": `error: write a number and its unit: "30s", "4m", or "0" for none`,
		"-1s": "error: it must be between 0 and 1h", "61m": "error: it must be between 0 and 1h",
	} {
		if got := outcome(parseWindow(in)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
