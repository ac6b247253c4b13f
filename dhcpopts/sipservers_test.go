package dhcpopts

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// mustHex reads hex in which spaces separate what belongs together.
func mustHex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// Names in wire form.
const (
	pool01  = "06706F6F6C3031 07636F6E746F736F 03636F6D 00"
	pool02  = "06706F6F6C3032 07636F6E746F736F 03636F6D 00"
	pool01s = "pool01.contoso.com"
	pool02s = "pool02.contoso.com"
)

var equateAddrs = cmpopts.EquateComparable(netip.Addr{})

func TestParseSIPServers(t *testing.T) {
	addrs := func(list ...string) (a []netip.Addr) {
		for _, s := range list {
			a = append(a, netip.MustParseAddr(s))
		}
		return a
	}
	longest := strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("a", 61) // 253 characters
	for _, test := range []struct {
		name string
		raw  string
		want SIPServers
	}{
		// Golden vectors.
		{"one FQDN as DHCPUtil writes it", "0006706F6F6C303107636F6E746F736F03636F6D00",
			SIPServers{Names: []string{pool01s}}},
		{"two FQDNs", "0006706F6F6C303107636F6E746F736F03636F6D0006706F6F6C303207636F6E746F736F03636F6D00",
			SIPServers{Names: []string{pool01s, pool02s}}},
		{"H05 two FQDNs, the second compressed as dnsmasq does", "0006706F6F6C303107636F6E746F736F03636F6D0006706F6F6C3032C007",
			SIPServers{Names: []string{pool01s, pool02s}}},
		{"H05 a pointer counted from the encoding byte is refused", "0006706F6F6C303107636F6E746F736F03636F6D0006706F6F6C3032C008",
			SIPServers{Problem: "the name at byte 21: byte 9 is 0x63 ('c'), neither a label length (up to 63) nor a pointer"}},
		{"H03 two IPv4 addresses", "01C0A81579C0A8157A",
			SIPServers{Encoding: 1, Addrs: addrs("192.168.21.121", "192.168.21.122")}},
		{"one FQDN of a Cisco IOS sample", "00066C796E637365056B6C6F7564036E657400",
			SIPServers{Names: []string{"lyncse.kloud.net"}}},

		{"H01 an empty option is ignored", "", SIPServers{Raw: []byte{}, Problem: "the option is empty"}},
		{"H02 text is taken for the name it shows", hex.EncodeToString([]byte("Pool01.contoso.com")),
			SIPServers{Encoding: 'P', Names: []string{pool01s}, Problem: "byte 0 is 0x50 ('P'): the option was entered as text, not in encoding 0"}},
		{"H02 text with a final dot, a NUL and a line end", hex.EncodeToString([]byte("pool01.contoso.com.\x00\r\n\x00")),
			SIPServers{Encoding: 'p', Names: []string{pool01s}, Problem: "byte 0 is 0x70 ('p'): the option was entered as text, not in encoding 0"}},
		{"H02 text of an address is no name", hex.EncodeToString([]byte("10.0.0.5")),
			SIPServers{Encoding: '1', Problem: "byte 0 is 0x31 ('1'): the option was entered as text, not in encoding 0; the text is \"10.0.0.5\", not a host name"}},
		{"H02 an encoding that does not exist", "05" + pool01,
			SIPServers{Encoding: 5, Meant: []string{pool01s}, Problem: "byte 0 is 0x05, no encoding: 0 is for names, 1 for IPv4 addresses; read with 0 as its first byte, it says pool01.contoso.com"}},
		{"H02 the encoding byte was forgotten", pool01,
			SIPServers{Encoding: 6, Meant: []string{pool01s}, Problem: "byte 0 is 0x06, no encoding: 0 is for names, 1 for IPv4 addresses; read with the encoding byte 0 in front, it says pool01.contoso.com"}},
		{"H02 text behind an encoding byte", "00" + hex.EncodeToString([]byte("pool01.contoso.com")),
			SIPServers{Meant: []string{pool01s}, Problem: "the name at byte 1: byte 1 is 0x70 ('p'), neither a label length (up to 63) nor a pointer; read as text behind the encoding, it says pool01.contoso.com"}},
		{"H03 an address list that ends early", "01 C0A81579 C0A8",
			SIPServers{Encoding: 1, Problem: "the option ends after byte 6, in the middle of an address"}},
		{"H03 an address list without an address", "01",
			SIPServers{Encoding: 1, Problem: "the option ends after byte 0, in the middle of an address"}},
		{"H03 nobody's address, and a group's", "01 00000000 E0000001 0A000005",
			SIPServers{Encoding: 1, Addrs: addrs("10.0.0.5"), Problem: "the address at byte 1 is 0.0.0.0, which cannot be a Registrar; " +
				"the address at byte 5 is 224.0.0.1, which cannot be a Registrar"}},
		{"H03 everybody's address, and a link-local one", "01 FFFFFFFF A9FE0101",
			SIPServers{Encoding: 1, Problem: "the address at byte 1 is 255.255.255.255, which cannot be a Registrar; " +
				"the address at byte 5 is 169.254.1.1, which cannot be a Registrar"}},
		{"a long story is cut", "01 01010101" + strings.Repeat("00000000", 9),
			SIPServers{Encoding: 1, Addrs: addrs("1.1.1.1"), Problem: "the address at byte 5 is 0.0.0.0, which cannot be a Registrar; " +
				"the address at byte 9 is 0.0.0.0, which cannot be a Registrar; the address at byte 13 is 0.0.0.0, which cannot be a Registrar; " +
				"the address at byte 17 is 0.0.0.0, which cannot be a Registrar;..."}},
		{"H03 nine addresses", "01" + strings.Repeat("0A000005", 9),
			SIPServers{Encoding: 1, Addrs: slices.Repeat(addrs("10.0.0.5"), 8), Problem: "byte 33 starts one address too many, only 8 are used"}},
		{"H04 no final zero, but the label ends with the option", "0006706F6F6C303107636F6E746F736F03636F6D",
			SIPServers{Names: []string{pool01s}, Problem: "the name at byte 1 has no final zero byte"}},
		{"H04 no final zero, and the label is cut", "0006706F6F6C303107636F6E746F736F03636F",
			SIPServers{Problem: "the name at byte 1: byte 16 is 0x03, a label of 3 bytes, but 2 follow"}},
		{"H04 a good name before the one that is cut", "00" + pool01 + "06706F",
			SIPServers{Problem: "the name at byte 21: byte 21 is 0x06, a label of 6 bytes, but 2 follow"}},
		{"H05 a pointer to a pointer", "00" + pool01 + "C007 03737562 C014",
			SIPServers{Names: []string{pool01s, "contoso.com", "sub.contoso.com"}}},
		{"H05 a pointer to itself", "00 C000",
			SIPServers{Problem: "the name at byte 1: byte 1 points to byte 1, not to an earlier name"}},
		{"H05 a pointer to the name it ends", "00 03666F6F C000",
			SIPServers{Problem: "the name at byte 1: byte 5 points to byte 1, not to an earlier name"}},
		{"H05 a pointer forward", "00 C002" + pool01,
			SIPServers{Problem: "the name at byte 1: byte 1 points to byte 3, not to an earlier name"}},
		{"H05 a pointer into a label, and on to the name it came from", "00 0361C005 00 C002",
			SIPServers{Problem: `the name at byte 1 is "a\xc0\x05", not a host name; the name at byte 6: byte 3 points to byte 6, not to an earlier name`}},
		{"H05 a pointer into a label, from where no name ends", "00 03610262 00 C002",
			SIPServers{Problem: `the name at byte 1 is "a\x02b", not a host name; the name at byte 6 points to a name without an end`}},
		{"H05 half a pointer", "00 06706F6F6C3031 C0",
			SIPServers{Problem: "the name at byte 1: byte 8 is 0xc0, neither a label length (up to 63) nor a pointer"}},
		{"a label of 64 bytes", "00 40" + strings.Repeat("61", 64) + "00",
			SIPServers{Problem: "the name at byte 1: byte 1 is 0x40 ('@'), neither a label length (up to 63) nor a pointer"}},
		{"a name of 253 characters is the longest", "00" + wire(longest),
			SIPServers{Names: []string{longest}}},
		{"trailing zeros", "00" + pool01 + "000000",
			SIPServers{Names: []string{pool01s}, Problem: "byte 21 is 0x00, an empty name"}},
		{"an empty name", "0000", SIPServers{Problem: "byte 1 is 0x00, an empty name"}},
		{"no name", "00", SIPServers{Problem: "the option ends after byte 0, without a name"}},
		{"capitals become small", "00 04504F4F4C 00", SIPServers{Names: []string{"pool"}}},
		{"a name that is not of letters, digits and hyphens is dropped, the next one is used", "00 0461 3B0A62 00" + pool02,
			SIPServers{Names: []string{pool02s}, Problem: "the name at byte 1 is \"a;\\nb\", not a host name"}},
		{"a dot inside a label", "00 03612E62 00", SIPServers{Problem: "the name at byte 1 is \"a.b\", not a host name"}},
		{"a letter that only looks like k", "00 03E284AA 00", SIPServers{Problem: "the name at byte 1 is \"\\u212a\", not a host name"}},
		{"a hyphen at the end of a label", "00 02612D 00", SIPServers{Problem: "the name at byte 1 is \"a-\", not a host name"}},
		{"an address spelled as a name", "00 023130 0130 0130 0135 00", SIPServers{Problem: "the name at byte 1 is \"10.0.0.5\", not a host name"}},
		{"H15 sixty names", "00" + strings.Repeat("0161 00", 60),
			SIPServers{Names: slices.Repeat([]string{"a"}, 8), Problem: "byte 25 starts one name too many, only 8 are used"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.want.Raw = mustHex(test.raw)
			got := ParseSIPServers(test.want.Raw)
			if diff := cmp.Diff(test.want, got, equateAddrs, cmpopts.IgnoreFields(SIPServers{}, "Wrong")); diff != "" {
				t.Errorf("option 120 (-want +got):\n%s", diff)
			}
		})
	}
}

// Bytes are shown as the letters that they may have been meant to be, those that can be printed.
func TestShow(t *testing.T) {
	for b, want := range map[byte]string{0: "0x00", 0x1f: "0x1f", ' ': "0x20", '!': "0x21 ('!')", '~': "0x7e ('~')", 0x7f: "0x7f", 0xff: "0xff"} {
		if got := show(b); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// wire returns the hex of an uncompressed name.
func wire(name string) (s string) {
	for _, l := range strings.Split(name, ".") {
		s += fmt.Sprintf("%02x%x", len(l), l)
	}
	return s + "00"
}

// TestMend02: what is not entirely what its encoding says leads nowhere, and people are told what it may have been meant
// to say. The cases of the name typed as text stand above.
func TestMend02(t *testing.T) {
	text := func(s string) string { return hex.EncodeToString([]byte(s)) }
	digits := strings.ReplaceAll("00"+pool01, " ", "")
	for _, test := range []struct {
		name, raw, meant string
	}{
		{"an address as text", "01" + text("10.99.0.2"), ""},
		{"an address as text of 1+4n bytes", "01" + text("10.0.0.5"), ""},
		{"an address as text, and zeros", "01" + text("10.99.0.2") + "000000", ""},
		{"an address as text, and a line end", "01" + text("10.0.0.50\r\n") + "00", ""},
		{"an address as text, and rubbish", "01" + text("10.99.0.") + "0A0B0C0D", ""},
		{"an address as text of two bytes a letter", "01 31003000 2E003000 2E003000 2E003500", ""},
		{"the shortest address as text of two bytes a letter", "01 3A003A003100 6600", ""},
		{"an address as text of two bytes a letter, high byte first", "01 00310030 002E0030 002E0030 002E0035", ""},
		{"a name as text", "01" + text("pool01.contoso.com"), pool01s},
		{"a name as text of 1+4n bytes", "01" + text("pool.contoso.com"), "pool.contoso.com"},
		{"a short name as text", "01" + text("pool"), ""},
		{"a URI as text", "01" + text("sip:10.0.0.5"), ""},
		{"digits as text", "01" + text("0A000005"), ""},
		{"names in encoding 1", "01" + pool01, pool01s},
		{"names in encoding 1, without a hole", "01 03616263 03646566 03636F6D 026172 00", "abc.def.com.ar"},
		{"a short name in encoding 1", "01 06" + text("lync01") + "00", ""},
		{"a shorter name in encoding 1", "01 02" + text("fe") + "00", ""},
		{"a name in encoding 1, without its end", "01 03" + text("fe1") + "03" + text("lan"), ""},
		{"a name in encoding 1, with two ends", "01 04" + text("lync") + "04" + text("test") + "00 00", ""},
		{"two short names in encoding 1", "01 03" + text("fe1") + "00 03" + text("fe2"), ""},
		{"an option within the option", "01 00" + pool01 + "00 00", ""},
		{"half an address behind a whole one", "01 0A000005 0A00", ""},
		{"a name, and rubbish", "00" + pool01 + "FF", ""},
		{"the digits of a name as text", text(digits), pool01s},
		{"the digits of a name with 0x", text("0x" + digits), pool01s},
		{"the digits of a name with colons", text(strings.TrimRight(strings.ReplaceAll(fmt.Sprintf("% x", mustHex(digits)), " ", ":"), ":")), pool01s},
		{"the digits of a name with hyphens", text(strings.ReplaceAll(fmt.Sprintf("% X", mustHex(digits)), " ", "-")), pool01s},
		{"the digits of a name with blanks", text(fmt.Sprintf("% x", mustHex(digits))), pool01s},
		{"digits that stand for nothing", text("deadbeef"), ""},
		{"a word", text("pool01"), ""},
		{"its own code and length", "78 15 00" + pool01, pool01s},
		{"a second encoding byte", "01 00" + pool01, pool01s},
	} {
		got := ParseSIPServers(mustHex(test.raw))
		if len(got.Names) > 0 || len(got.Addrs) > 0 || got.Problem == "" || strings.Join(got.Meant, " ") != test.meant {
			t.Errorf("%s: used %v %v, meant %v, want %q: %s", test.name, got.Names, got.Addrs, got.Meant, test.meant, got.Problem)
		}
		if test.meant != "" && !strings.HasSuffix(got.Problem, ", it says "+test.meant) {
			t.Errorf("%s: %s", test.name, got.Problem)
		}
	}
	for _, test := range []struct{ name, names, addrs string }{
		{"an address as text", "", text("2001:db8::12")},
		{"an address as text of 16 bytes", "", text("2001:db8:0:0::12")},
		{"an address and a half", "", "20010db8000000000000000000000012 20010db8"},
		{"a name, and rubbish", pool01 + "FF", ""},
		{"a name as text", text(pool01s), ""},
	} {
		var names []byte // nil: not sent
		if test.names != "" {
			names = mustHex(test.names)
		}
		got := parseSIPServers6(names, mustHex(test.addrs))
		if len(got.Names) > 0 || len(got.Addrs) > 0 || got.Problem == "" {
			t.Errorf("DHCPv6: %s: used %v %v: %s", test.name, got.Names, got.Addrs, got.Problem)
		}
	}
}

func TestParseSIPServersNotSent(t *testing.T) {
	if diff := cmp.Diff(SIPServers{}, ParseSIPServers(nil), equateAddrs); diff != "" {
		t.Errorf("option 120 (-want +got):\n%s", diff)
	}
}

func TestSIPServersWrong(t *testing.T) {
	for _, test := range []struct {
		name string
		raw  string
		want []int
	}{
		{"nothing", "00" + pool01, nil},
		{"entered as text", hex.EncodeToString([]byte(pool01s)), []int{0}},
		{"text behind an encoding byte", "00" + hex.EncodeToString([]byte(pool01s)), []int{1}},
		{"the second label is cut", "0006706F6F6C3031 07636F6E", []int{8}},
		{"no final zero", "0006706F6F6C3031", []int{8}},
		{"no name", "00", []int{1}},
		{"two empty names around a good one", "00 00" + pool01 + "00", []int{1, 22}},
		{"no host name", "00 03612E62 00", []int{1}},
		{"a pointer forward, in the second name", "00 0161 00 C020", []int{4}},
		{"a pointer to a name without an end", "00 03610262 00 C002", []int{1, 6}},
		{"one name too many", "00" + strings.Repeat("0161 00", 9), []int{25}},
		{"nobody's address", "01 00000000 0A000005", []int{1}},
		{"a cut address", "01 0A000005 0A00", []int{7}},
		{"one address too many", "01" + strings.Repeat("0A000005", 9), []int{33}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := ParseSIPServers(mustHex(test.raw)); !slices.Equal(got.Wrong, test.want) {
				t.Errorf("%q is about bytes %v, want %v", got.Problem, got.Wrong, test.want)
			}
		})
	}
}

func TestEncodeSIPServers(t *testing.T) {
	for _, test := range []struct {
		name  string
		names []string
		want  string // hex, or the error
	}{
		{"one name", []string{pool01s}, "00" + pool01},
		{"capitals and a final dot", []string{"Pool01.Contoso.com.", pool02s}, "00" + pool01 + pool02},
		{"eight", slices.Repeat([]string{"a"}, 8), "00" + strings.Repeat("0161 00", 8)},
		{"none", nil, "encode option 120: 0 names, want 1 to 8"},
		{"nine", slices.Repeat([]string{"a"}, 9), "encode option 120: 9 names, want 1 to 8"},
		{"an address", []string{"10.0.0.5"}, `encode option 120: "10.0.0.5" is not a host name`},
		{"an empty label", []string{"a..b"}, `encode option 120: "a..b" is not a host name`},
		{"nothing", []string{""}, `encode option 120: "" is not a host name`},
	} {
		t.Run(test.name, func(t *testing.T) {
			raw, err := EncodeSIPServers(test.names...)
			got := hex.EncodeToString(raw)
			if err != nil {
				got = err.Error()
			}
			if want := strings.ReplaceAll(strings.ToLower(test.want), " ", ""); err == nil && got != want || err != nil && got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// Laws: what is decoded is safe to use and to print, and decodes again from its own encoding; an option without a
// pointer and without a problem is that encoding.
func FuzzOption120(f *testing.F) {
	for _, seed := range []string{
		"00" + pool01, "00" + pool01 + pool02, "00" + pool01 + "06706F6F6C3032C007", "00" + pool01 + "06706F6F6C3032C008",
		"01C0A81579C0A8157A", "00066C796E637365056B6C6F7564036E657400", "", "00", "01", "00C000", "00" + pool01 + "C007 03737562 C014",
		hex.EncodeToString([]byte(pool01s)), "00 0461C00303 00 C001",
	} {
		f.Add(mustHex(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := ParseSIPServers(raw)
		if len(s.Names) > maxServers || len(s.Addrs) > maxServers || len(s.Problem) > maxText || len(s.Problem) > 0 && !isText(s.Problem) {
			t.Fatalf("beyond the limits: %+v", s)
		}
		if len(s.Wrong) > 0 && (s.Problem == "" || slices.Min(s.Wrong) < 0 || slices.Max(s.Wrong) > len(raw)) {
			t.Fatalf("wrong bytes %v of %x: %s", s.Wrong, raw, s.Problem)
		}
		if len(raw) > 0 && len(s.Names)+len(s.Addrs) == 0 && s.Problem == "" {
			t.Fatalf("nothing decoded from %x, and no problem", raw)
		}
		if len(s.Addrs) > 0 && (len(raw)%4 != 1 || isText(string(raw[1:5]))) {
			t.Fatalf("addresses %v from %x", s.Addrs, raw)
		}
		if len(s.Meant) > 0 && len(s.Names)+len(s.Addrs) > 0 {
			t.Fatalf("a guess beside what is used: %+v", s)
		}
		if len(s.Names) == 0 {
			return
		}
		encoded, err := EncodeSIPServers(s.Names...)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(SIPServers{Raw: encoded, Names: s.Names}, ParseSIPServers(encoded), equateAddrs); diff != "" {
			t.Errorf("decoded again (-want +got):\n%s", diff)
		}
		if s.Problem == "" && !bytes.ContainsFunc(raw, func(r rune) bool { return r > '~' }) && !bytes.EqualFold(raw, encoded) {
			t.Errorf("encoded as %x, was %x", encoded, raw)
		}
	})
}

func ExampleParseSIPServers() {
	s := ParseSIPServers([]byte("\x00\x06pool01\x07contoso\x03com\x00\x06pool02\xc0\x07"))
	fmt.Println(s.Names, s.Problem == "")
	s = ParseSIPServers([]byte("pool01.contoso.com"))
	fmt.Println(s.Names, s.Problem)
	// Output:
	// [pool01.contoso.com pool02.contoso.com] true
	// [pool01.contoso.com] byte 0 is 0x70 ('p'): the option was entered as text, not in encoding 0
}

// TestMend328KeepsTheOthers: a name that is digits typed as text does not cost the names beside it.
func TestMend328KeepsTheOthers(t *testing.T) {
	digits := "000466653031" + "07636f6e746f736f03636f6d00" // the value 0, fe01.contoso.com, as text
	raw := append([]byte{0, byte(len(digits))}, digits...)
	raw = append(raw, "\x00\x04fe02\x07contoso\x03com\x00"...)
	s := ParseSIPServers(raw)
	if len(s.Names) != 1 || s.Names[0] != "fe02.contoso.com" || !strings.Contains(s.Problem, "hexadecimal digits") {
		t.Errorf("%q: %s", s.Names, s.Problem)
	}
}
