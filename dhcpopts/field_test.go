package dhcpopts

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func asText(s string) string { return hex.EncodeToString([]byte(s)) }

// Digits that were typed as text are no name, in whatever way they are written; people are told what they say.
func TestField14Option120HexAsText(t *testing.T) {
	const digits = "0004666530320" + "7636f6e746f736f047465737400"
	for name, raw := range map[string]string{
		"plain":                           asText(digits),
		"0x in front":                     asText("0x" + digits),
		"colons":                          "30303a30343a36363a36353a33303a33323a30373a36333a36663a36653a37343a36663a37333a36663a30343a37343a36353a37333a37343a3030",
		"hyphens":                         "30302d30342d36362d36352d33302d33322d30372d36332d36462d36452d37342d36462d37332d36462d30342d37342d36352d37332d37342d3030",
		"code and length":                 "781400046665303207636f6e746f736f047465737400",
		"code and length, digits as text": asText("7814" + digits),
		"dots, as IOS writes them":        asText("0004.6665.3032.0763.6f6e.746f.736f.0474.6573.7400"),
		"hex, as IOS writes it":           asText("hex 0004.6665.3032.0763.6f6e.746f.736f.0474.6573.7400"),
		"backslashes":                     asText(`\x00\x04\x66\x65\x30\x32\x07\x63\x6f\x6e\x74\x6f\x73\x6f\x04\x74\x65\x73\x74\x00`),
		"quotes":                          asText(`"` + digits + `"`),
		"apostrophes, as SQL writes them": asText(`0x'` + digits + `'`),
	} {
		got := ParseSIPServers(mustHex(raw))
		if len(got.Names)+len(got.Addrs) > 0 || strings.Join(got.Meant, " ") != "fe02.contoso.test" || !strings.HasSuffix(got.Problem, ", it says fe02.contoso.test") {
			t.Errorf("%s: used %v %v, meant %v: %s", name, got.Names, got.Addrs, got.Meant, got.Problem)
		}
	}
	if got := ParseSIPServers([]byte("be.ad.de")); strings.Join(got.Names, " ") != "be.ad.de" {
		t.Errorf("a name of letters that may be digits: %+v", got)
	}
}

// An option 43 that was made for Lync phones and entered wrong is no option of another vendor.
func TestField15Option43NotBytes(t *testing.T) {
	const (
		good = "010c4d532d55432d436c69656e7402056874747073031277656230312e636f6e746f736f2e74657374040334343305252f4365727450726f762f4365727450726f766973696f6e696e67536572766963652e737663"
		url  = "https://web01.contoso.test:443/CertProv/CertProvisioningService.svc"
	)
	for _, test := range []struct{ name, raw, meant, problem string }{
		{"digits as text", asText(good), url, "byte 0 is 0x30 ('0'): the option was entered as text, not as bytes; read as digits, it says " + url},
		{"digits with colons", asText("01:0c:4d:53:2d:55:43:2d:43:6c:69:65:6e:74:03:05:77:2e:63:6f:6d"), "https://w.com:443/CertProv/CertProvisioningService.svc",
			"byte 0 is 0x30 ('0'): the option was entered as text, not as bytes; read as digits, it says https://w.com:443/CertProv/CertProvisioningService.svc"},
		{"digits of which the last ones are lost", asText(good[:len(good)-11]), url,
			"byte 0 is 0x30 ('0'): the option was entered as text, not as bytes; read as digits, it says " + url},
		{"digits, code and length", asText("2b55" + good), url,
			"byte 0 is 0x32 ('2'): the option was entered as text, not as bytes; read as digits, without the option's own code and length in front, it says " + url},
		{"code and length", "2b55" + good, url, "byte 0 is 0x2b ('+'): the option's own code and length stand in front of the value; read without these, it says " + url},
		{"code and a wrong length", "2b50" + good, url, "byte 0 is 0x2b ('+'): the option's own code and length stand in front of the value; read without these, it says " + url},
		{"a URL", asText(url), url, "byte 0 is 0x68 ('h'): a URL was entered as text, which belongs into sub-options 2 to 5, behind MS-UC-Client in sub-option 1"},
		{"a path", asText("/CertProv/CertProvisioningService.svc"), "", `byte 0 is 0x2f ('/'): the option was entered as text: "/CertProv/CertProvisioningService.svc", not as sub-options`},
		{"the class as text", asText("MS-UC-Client"), "", `byte 0 is 0x4d ('M'): the option was entered as text: "MS-UC-Client", not as sub-options`},
		{"the class without a sub-option", "0c4d532d55432d436c69656e7400ff", "", "byte 0 is 0x0c, and no sub-option 1 says MS-UC-Client, although the value was made for that vendor class"},
		{"the class in two bytes a letter", "4d0053002d00550043002d0043006c00690065006e007400", "", `byte 0 is 0x4d ('M'): the option was entered as text: "MS-UC-Client", not as sub-options`},
	} {
		got := ParseVendor(mustHex(test.raw))
		if got.Vendor != "" || got.URL != "" || !got.Garbled || !got.Faulty() || got.Meant != test.meant || got.Problem != test.problem || len(got.Wrong) != 1 || got.Wrong[0] != 0 {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
	for name, raw := range map[string]string{
		"a controller": "f1040a000001", "PXE": "0a04004d656e", "a URL of another service": asText("https://prov.example.com/cfg"), "zeros": "0000", "UniFi": "0104c0a80105",
	} {
		if got := ParseVendor(mustHex(raw)); got.Garbled || got.Faulty() || !strings.HasSuffix(got.Problem, "the option belongs to another vendor class") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// What was entered as text is no address, be it as long as a list of addresses.
func TestField16Option120AddressAsText(t *testing.T) {
	for text, want := range map[string]string{
		"10.99.0.2":         `the address was entered as text: "10.99.0.2"`,
		"10.0.0.5":          `the address was entered as text: "10.0.0.5"`,
		"10.0.0.5:5060 ":    `the bytes behind encoding 1 are text: "10.0.0.5:5060", not addresses`,
		"10.0.0.5,10.0.0.6": `the bytes behind encoding 1 are text: "10.0.0.5,10.0.0.6", not addresses`,
	} {
		if got := ParseSIPServers(append([]byte{1}, text...)); len(got.Names)+len(got.Addrs)+len(got.Meant) > 0 || got.Problem != want {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// The options before the one that is broken are used, and people are told of it.
func TestField17OptionsBeforeTheBrokenOne(t *testing.T) {
	const vendor = "2b55010c4d532d55432d436c69656e7402056874747073031277656230312e636f6e746f736f2e74657374040334343305252f4365727450726f762f4365727450726f766973696f6e696e67536572766963652e737663"
	got, why := testQuery().answer(message("", "", "350105 36040a630001 781400046665303207636f6e746f736f047465737400 "+vendor+" 0f20 636f6e746f736f"), netip.MustParseAddr("10.99.0.1"))
	if why != Read || got.Type != "ack" || strings.Join(got.SIP.Names, " ") != "fe02.contoso.test" || got.Vendor.URL == "" ||
		!strings.HasPrefix(got.Problem, "option 15 at byte 358 is longer than the message") {
		t.Errorf("%v, %+v", why, got)
	}
}

// A lease of systemd-networkd 257 counts, with whatever it says of time.
func TestField25NetworkdLifetime(t *testing.T) {
	written := time.Unix(1_800_000_000, 0)
	for lifetime, want := range map[string]time.Time{
		"1h": written.Add(time.Hour), "52min 30s": written.Add(52*time.Minute + 30*time.Second), "2w 3d": written.Add(17 * 24 * time.Hour), "infinity": {}, "3600": written.Add(time.Hour),
		"soon": {}, // the options are used all the same
	} {
		leases, err := parseNetworkd(leaseFile{path: "2", written: written, data: []byte("# This is private data. Do not parse.\nADDRESS=10.99.0.50\nSERVER_ADDRESS=10.99.0.1\nT1=30min\nT2=52min 30s\nLIFETIME=" +
			lifetime + "\nSIP=10.99.0.2\nVENDOR_SPECIFIC=010c4d532d55432d436c69656e74020568747470730311666530322e636f6e746f736f2e74657374\n")})
		if len(leases) != 1 || len(leases[0].SIP.Addrs) != 1 || leases[0].Vendor.URL == "" || !leases[0].Expires.Equal(want) || (err != nil) != (lifetime == "soon") {
			t.Errorf("%s: %+v, %v", lifetime, leases, err)
		}
	}
}
