package dhcpopts

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The golden vector of a Lync site whose web services are on pool01.contoso.com.
const goldenVendor = "010C4D532D55432D436C69656E74 02056874747073 0312706F6F6C30312E636F6E746F736F2E636F6D 0403343433" +
	"05252F4365727450726F762F4365727450726F766973696F6E696E67536572766963652E737663"

// goldenSub returns its sub-options, changed: code and value in turn, "-" removes.
func goldenSub(changes ...any) map[uint8]string {
	sub := map[uint8]string{1: "MS-UC-Client", 2: "https", 3: pool01s, 4: "443", 5: "/CertProv/CertProvisioningService.svc"}
	for i := 0; i < len(changes); i += 2 {
		sub[uint8(changes[i].(int))] = changes[i+1].(string)
	}
	maps.DeleteFunc(sub, func(_ uint8, v string) bool { return v == "-" })
	return sub
}

func TestParseVendor(t *testing.T) {
	const (
		golden   = "https://pool01.contoso.com:443/CertProv/CertProvisioningService.svc"
		usual    = "/CertProv/CertProvisioningService.svc"
		longPath = 250
	)
	for _, test := range []struct {
		name    string
		raw     string // hex, or made of sub when empty
		sub     map[uint8]string
		url     string // none: another vendor's, or unusable
		vendor  string // "" means MS-UC-Client
		problem string
		garbled bool
		meant   string
	}{
		{name: "the golden vector", raw: goldenVendor, sub: goldenSub(), url: golden},
		{name: "an end and what comes after it", raw: goldenVendor + "FF 0102", sub: goldenSub(), url: golden},
		{name: "pads between sub-options", raw: "00" + goldenVendor + "0000", sub: goldenSub(), url: golden},
		{name: "another port and another path", sub: goldenSub(4, "8443", 5, "/x/y.svc"), url: "https://pool01.contoso.com:8443/x/y.svc"},
		{name: "a host in capitals with a final dot", sub: goldenSub(3, "Pool01.Contoso.COM."), url: golden},

		{name: "an empty option", raw: "-", sub: nil, vendor: "-", problem: "the option is empty"},
		{name: "H16 the vendor class in lower case", sub: goldenSub(1, "ms-uc-client"), vendor: "-", garbled: true,
			problem: `sub-option 1 is "ms-uc-client", not MS-UC-Client: Lync phones take the option for one of another vendor class`},
		{name: "H16 the vendor class with a final NUL", sub: goldenSub(1, "MS-UC-Client\x00"), vendor: "-", garbled: true,
			problem: `sub-option 1 is "MS-UC-Client\x00", not MS-UC-Client: Lync phones take the option for one of another vendor class`},
		{name: "H16 the controller address of an access point", raw: "F1040A000001", sub: map[uint8]string{0xf1: "\x0a\x00\x00\x01"}, vendor: "-",
			problem: "byte 0 is 0xf1, and no sub-option 1 says MS-UC-Client: the option belongs to another vendor class"},
		{name: "H16 a provisioning URL as text", raw: hex.EncodeToString([]byte("http://prov")), sub: map[uint8]string{}, vendor: "-",
			problem: "byte 0 is 0x68 ('h'), and no sub-option 1 says MS-UC-Client: the option belongs to another vendor class"},
		{name: "H16 a PXE server's sub-option 10", raw: "0A04004D656E", sub: map[uint8]string{10: "\x00Men"}, vendor: "-",
			problem: "byte 0 is 0x0a, and no sub-option 1 says MS-UC-Client: the option belongs to another vendor class"},
		{name: "H17 the option inside itself", raw: "2B55" + goldenVendor, sub: map[uint8]string{0x2b: string(mustHex(goldenVendor))}, vendor: "-",
			garbled: true, meant: golden,
			problem: "byte 0 is 0x2b ('+'): the option's own code and length stand in front of the value; read without these, it says " + golden},
		{name: "H17 a sub-option longer than the option", raw: goldenVendor + "0A10 0102", sub: goldenSub(), url: golden,
			problem: "byte 85 starts sub-option 10, which is longer than the option"},
		{name: "H17 a sub-option without a length", raw: goldenVendor + "0A", sub: goldenSub(), url: golden,
			problem: "byte 85 starts sub-option 10, which is longer than the option"},
		{name: "H17 a sub-option twice", raw: goldenVendor + "0302 6162", sub: goldenSub(), url: golden,
			problem: "byte 85 starts a second sub-option 3, the first is used"},
		{name: "H18 http", sub: goldenSub(2, "HTTP", 4, "-"), url: "http://pool01.contoso.com:80" + usual,
			problem: "sub-option 2 is http, which proves nothing about the server"},
		{name: "H18 another scheme", sub: goldenSub(2, "file"), problem: `sub-option 2 is "file", not https`},
		{name: "the scheme is missing", sub: goldenSub(2, "-"), url: golden, problem: "sub-option 2 (scheme) is missing, https is assumed"},
		{name: "H19 a host out of the domain is shown", sub: goldenSub(3, "evil.com"), url: "https://evil.com:443" + usual},
		{name: "H19 a host with a command", sub: goldenSub(3, "a;reboot"), problem: `sub-option 3 is "a;reboot", not a host name`},
		{name: "H19 a host with a substitution", sub: goldenSub(3, "$(id)"), problem: `sub-option 3 is "$(id)", not a host name`},
		{name: "H19 a host with a line end", sub: goldenSub(3, "a\r\nb"), problem: `sub-option 3 is "a\r\nb", not a host name`},
		{name: "H19 a host with a NUL", sub: goldenSub(3, "a\x00"), problem: `sub-option 3 is "a\x00", not a host name`},
		{name: "H19 an address instead of a host", sub: goldenSub(3, "10.0.0.5"), problem: `sub-option 3 is "10.0.0.5", not a host name`},
		{name: "the host is missing", sub: goldenSub(3, "-"), problem: "sub-option 3 (host) is missing"},
		{name: "the port is left out", sub: goldenSub(4, "-"), url: golden},
		{name: "the port is empty", sub: goldenSub(4, ""), url: golden},
		{name: "H20 port 0", sub: goldenSub(4, "0"), url: golden, problem: `sub-option 4 is "0", not a port in digits, 443 is assumed`},
		{name: "H20 port 99999", sub: goldenSub(4, "99999"), url: golden, problem: `sub-option 4 is "99999", not a port in digits, 443 is assumed`},
		{name: "H20 a port and more", sub: goldenSub(4, "443abc"), url: golden, problem: `sub-option 4 is "443abc", not a port in digits, 443 is assumed`},
		{name: "T22 the port as a number", sub: goldenSub(4, "\x01\xbb"), url: golden, problem: `sub-option 4 is "\x01\xbb", not a port in digits, 443 is assumed`},
		{name: "the path is missing", sub: goldenSub(5, "-"), url: golden, problem: "sub-option 5 (path) is missing, " + usual + " is assumed"},
		{name: "H21 a path that climbs", sub: goldenSub(5, "../../x"), url: golden, problem: `sub-option 5 is "../../x", not a path, ` + usual + " is assumed"},
		{name: "H21 a path that climbs from the root", sub: goldenSub(5, "/a/../../x"), url: "https://pool01.contoso.com:443/x",
			problem: `sub-option 5 is "/a/../../x", read as "/x"`},
		{name: "H21 a path that could be a host", sub: goldenSub(5, "//evil/"), url: "https://pool01.contoso.com:443/evil",
			problem: `sub-option 5 is "//evil/", read as "/evil"`},
		{name: "H21 a path of 250 bytes", sub: goldenSub(5, "/"+strings.Repeat("a", longPath-1)),
			url: "https://pool01.contoso.com:443/" + strings.Repeat("a", longPath-1)},
		{name: "a path with a control character", sub: goldenSub(5, "/a\tb"), url: golden, problem: `sub-option 5 is "/a\tb", not a path, ` + usual + " is assumed"},
		{name: "H22 a VLAN is shown and not applied", sub: goldenSub(10, "4095"), url: golden},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := VendorOption{Raw: encodeSub(test.sub), Vendor: "MS-UC-Client", URL: test.url, Sub: test.sub, Problem: test.problem, Garbled: test.garbled, Meant: test.meant}
			if test.raw != "" {
				want.Raw = mustHex(strings.Trim(test.raw, "-"))
			}
			if test.vendor == "-" {
				want.Vendor = ""
			}
			if diff := cmp.Diff(want, ParseVendor(want.Raw), cmpopts.IgnoreFields(VendorOption{}, "Wrong")); diff != "" {
				t.Errorf("option 43 (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseVendorNotSent(t *testing.T) {
	if diff := cmp.Diff(VendorOption{}, ParseVendor(nil)); diff != "" {
		t.Errorf("option 43 (-want +got):\n%s", diff)
	}
}

func TestVendorWrong(t *testing.T) {
	for _, test := range []struct {
		name string
		raw  string // hex, or made of sub when empty
		sub  map[uint8]string
		want []int
	}{
		{name: "nothing", raw: goldenVendor},
		{name: "the class in lower case", sub: goldenSub(1, "ms-uc-client"), want: []int{2}},
		{name: "the last letter of the class", sub: goldenSub(1, "MS-UC-ClienT"), want: []int{13}},
		{name: "the class with a final NUL", sub: goldenSub(1, "MS-UC-Client\x00"), want: []int{14}},
		{name: "the class is cut short", sub: goldenSub(1, "MS-UC"), want: []int{1}},
		{name: "the class is empty", sub: goldenSub(1, ""), want: []int{1}},
		{name: "another vendor's", raw: "F1040A000001", want: []int{0}},
		{name: "a sub-option longer than the option", raw: goldenVendor + "0A10 0102", want: []int{85}},
		{name: "a sub-option twice", raw: goldenVendor + "0302 6162", want: []int{85}},
		{name: "the scheme", sub: goldenSub(2, "file"), want: []int{16}},
		{name: "the scheme is missing", sub: goldenSub(2, "-")},
		{name: "an address instead of a host", sub: goldenSub(3, "10.0.0.5"), want: []int{23}},
		{name: "the host is empty", sub: goldenSub(3, ""), want: []int{22}},
		{name: "the port as a number, and no path", sub: goldenSub(4, "\x01\xbb", 5, ""), want: []int{43, 46}},
	} {
		t.Run(test.name, func(t *testing.T) {
			raw := encodeSub(test.sub)
			if test.raw != "" {
				raw = mustHex(test.raw)
			}
			if got := ParseVendor(raw); !slices.Equal(got.Wrong, test.want) {
				t.Errorf("%q is about bytes %v, want %v", got.Problem, got.Wrong, test.want)
			}
		})
	}
}

func TestEncodeVendor(t *testing.T) {
	got, err := EncodeVendor("Pool01.contoso.com.")
	if want := mustHex(goldenVendor); err != nil || string(got) != string(want) {
		t.Errorf("got %x, %v, want %x", got, err, want)
	}
	if got, err := EncodeVendor("a;reboot"); err == nil || err.Error() != `encode option 43: "a;reboot" is not a host name` {
		t.Errorf("got %x, %v", got, err)
	}
}

// Laws: sub-options decode again from their encoding, with the same URL; nothing unsafe gets into a URL; another
// vendor's option has none.
func FuzzOption43(f *testing.F) {
	for _, seed := range []string{
		goldenVendor, goldenVendor + "FF0102", goldenVendor + "0A10 0102", goldenVendor + "0302 6162", "F1040A000001", "0A04004D656E",
		"", "00", "FF", "01", "0100",
	} {
		f.Add(mustHex(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v := ParseVendor(raw)
		if len(v.Problem) > maxText || v.Problem != "" && !isText(v.Problem) || v.URL != "" && (!isText(v.URL) || strings.Contains(v.URL, " ")) {
			t.Fatalf("beyond the limits: %+v", v)
		}
		if len(v.Wrong) > 0 && (v.Problem == "" || slices.Min(v.Wrong) < 0 || slices.Max(v.Wrong) >= len(raw)) {
			t.Fatalf("wrong bytes %v of %x: %s", v.Wrong, raw, v.Problem)
		}
		if v.Vendor != v.Sub[1] && v.Vendor != "" || v.Vendor == "" && v.URL != "" {
			t.Fatalf("vendor %q, URL %q, sub-options %q", v.Vendor, v.URL, v.Sub)
		}
		if len(v.Sub) == 0 {
			return
		}
		again := ParseVendor(encodeSub(v.Sub))
		if diff := cmp.Diff(v.Sub, again.Sub); diff != "" || again.URL != v.URL || again.Vendor != v.Vendor {
			t.Errorf("decoded again: URL %s, was %s; sub-options (-want +got):\n%s", again.URL, v.URL, diff)
		}
		if host := v.Sub[3]; v.Vendor != "" && v.URL != "" {
			encoded, err := EncodeVendor(host)
			if want := "https://" + strings.ToLower(strings.TrimSuffix(host, ".")) + ":443" + certPath; err != nil || ParseVendor(encoded).URL != want {
				t.Errorf("%q encoded as %x, %v", host, encoded, err)
			}
		}
	})
}

func ExampleParseVendor() {
	raw, err := EncodeVendor("webpool.contoso.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ParseVendor(raw).URL)
	// Output: https://webpool.contoso.com:443/CertProv/CertProvisioningService.svc
}
