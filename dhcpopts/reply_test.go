package dhcpopts

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

// testQuery is a query whose answers can be written down.
func testQuery() *query {
	return &query{addr: ownAddr, hw: ownHW, xid: dhcpv4.TransactionID{1, 2, 3, 4}, started: time.Now()}
}

// message is a reply to testQuery with its fields and options as given, in hex; fields are up to 64 and 128 bytes.
func message(sname, file, options string) []byte {
	field := func(s string, size int) []byte {
		b := mustHex(s)
		return append(b, make([]byte, size-len(b))...)
	}
	return slices.Concat(mustHex("02010600 01020304 0000 0000 0A000014 00000000 00000000 00000000 020000000020"+strings.Repeat("00", 10)),
		field(sname, 64), field(file, 128), mustHex("63825363"), mustHex(options))
}

func TestAnswerToNTP(t *testing.T) {
	for _, test := range []struct {
		name, options string
		want          []netip.Addr
	}{
		{"not sent", "", nil},
		{"two servers", "2A08 0A00000D 0A00000E", []netip.Addr{netip.MustParseAddr("10.0.0.13"), netip.MustParseAddr("10.0.0.14")}},
		{"nobody's address, and a group's", "2A0C 00000000 E0000101 0A00000D", []netip.Addr{netip.MustParseAddr("10.0.0.13")}},
		{"an address that is cut", "2A06 0A00000D 0A00", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := testQuery()
			q.Besides = true
			a, why := q.answer(message("", "", "350105 36040A000043"+test.options+"FF"), server67)
			if why != Read || !slices.Equal(a.NTP, test.want) {
				t.Errorf("%v, got %v, want %v", why, a.NTP, test.want)
			}
		})
	}
}

func TestAnswerToMask(t *testing.T) {
	for _, test := range []struct {
		name, options string
		want          int
	}{
		{"not sent", "", 0},
		{"as most have it", "0104 FFFFFF00", 24},
		{"one that is cut", "0103 FFFFFF", 0},
		{"one with a hole", "0104 FF00FF00", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := testQuery()
			q.Besides = true
			if a, why := q.answer(message("", "", "350105 36040A000043"+test.options+"FF"), server67); why != Read || a.MaskBits != test.want {
				t.Errorf("%v, got %d, want %d", why, a.MaskBits, test.want)
			}
		})
	}
}

func TestAnswerToDomain(t *testing.T) {
	const text, list = "0F0B 636F6E746F736F2E636F6D", "770D 07636F6E746F736F03636F6D00"
	for _, test := range []struct {
		name, options, want string
	}{
		{"not sent", "", "[]"},
		{"as most have it", text, "[contoso.com]"},
		{"in capitals, with a dot and a zero", "0F0D 434F4E544F534F2E636F6D2E00", "[contoso.com]"},
		{"no host name", "0F03 2D2061", "[]"},
		{"a search list", list, "[contoso.com]"},
		{"both", text + list, "[contoso.com contoso.com]"},
		{"a search list that is cut", "7705 07636F6E74", "[]"},
		{"an empty search list", "7700", "[]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := testQuery()
			q.Besides = true
			if a, why := q.answer(message("", "", "350105 36040A000043"+test.options+"FF"), server67); why != Read || fmt.Sprint(a.Domains) != test.want {
				t.Errorf("%v, got %q, want %s", why, a.Domains, test.want)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	const (
		isAck  = "350105 36040A000043" // from 10.0.0.67
		v120   = "7815 00" + pool01
		other  = "7815 00" + pool02
		v43    = "2B55" + goldenVendor
		nobody = "0.0.0.0"
	)
	sip, vendor := ParseSIPServers(mustHex("00"+pool01)), ParseVendor(mustHex(goldenVendor))
	change := func(at int, b ...byte) []byte {
		m := message("", "", isAck+v120+"FF")
		copy(m[at:], b)
		return m
	}
	from := netip.MustParseAddr("10.0.0.1")
	dropped := Answer{}
	unusable := func(server netip.Addr, problem string) Answer {
		return Answer{Server: server, Type: Unusable, Problem: problem}
	}
	full := Answer{Server: server67, Type: "ack", SIP: sip}
	for _, test := range []struct {
		name    string
		payload []byte
		want    Answer
	}{
		{"both options", message("", "", isAck+v120+v43+"FF"), Answer{Server: server67, Type: "ack", SIP: sip, Vendor: vendor}},
		{"neither option", message("", "", isAck+"FF"), Answer{Server: server67, Type: "ack"}},
		{"H01 option 120 is empty", message("", "", isAck+"7800 FF"),
			Answer{Server: server67, Type: "ack", SIP: SIPServers{Raw: []byte{}, Problem: "the option is empty"}}},
		{"a NAK, with options that are not read", message("", "", "350106 36040A000043"+v120+"FF"), Answer{Server: server67, Type: "nak"}},
		{"no option 54: the source is the server", message("", "", "350105"+v120+"FF"), Answer{Server: from, Type: "ack", SIP: sip}},
		{"option 54 names nobody", message("", "", "350105 360400000000"+v120+"FF"), Answer{Server: from, Type: "ack", SIP: sip}},
		{"option 54 is too long", message("", "", "350105 36050A00004300"+v120+"FF"), Answer{Server: from, Type: "ack", SIP: sip}},
		{"H06 option 120 in three parts", message("", "", isAck+"7803 000670 7800 7812 6F6F6C303107636F6E746F736F03636F6D00 FF"), full},
		{"H06 option 120 in parts that stand apart", message("", "", "7801 00"+isAck+"7814"+pool01+"FF"), full},
		{"H07 an option longer than the message", message("", "", isAck+v120+"2B55 010C FF"), Answer{Server: server67, Type: "ack", SIP: sip, Problem: "option 43 at byte 272 is longer than the message of 277 bytes, what stands before it is used"}},
		{"H07 an option one byte longer than the message", message("", "", isAck+"7816 00"+pool01), Answer{Server: server67, Type: "ack", Problem: "option 120 at byte 249 is longer than the message of 272 bytes, what stands before it is used"}},
		{"H07 an option without a length", message("", "", isAck+v120+"2B"), Answer{Server: server67, Type: "ack", SIP: sip, Problem: "option 43 at byte 272 is longer than the message of 273 bytes, what stands before it is used"}},
		{"H08 options continue in file", message("", v120+"FF", isAck+"340101 FF"), full},
		{"H08 options continue in sname", message(v120+"FF", "", isAck+"340102 FF"), full},
		{"H08 options continue in file, then in sname", message("7804 6F6D00 00 FF", "7812"+"0006706F6F6C303107636F6E746F736F0363", isAck+"340103 FF"),
			Answer{Server: server67, Type: "ack", SIP: SIPServers{Raw: append(mustHex("00"+pool01), 0), Names: []string{pool01s}, Problem: "byte 21 is 0x00, an empty name", Wrong: []int{21}}}},
		{"H08 file without an end", message("", v120, isAck+"340101 FF"), full},
		{"H08 file with an option that is too long for it", message("", v120+"2BFF 01", isAck+"340101 FF"),
			Answer{Server: server67, Type: "ack", SIP: sip, Problem: "option 43 at byte 131 is longer than the field file, what stands before it is used"}},
		{"H08 an overload option in the field it names", message("340103", "340103"+v120+"FF", isAck+"340101 FF"), full},
		{"H08 an overload option that means nothing", message("", other+"FF", isAck+v120+"340107 FF"), full},
		{"H08 an overload option of two bytes", message("", other+"FF", isAck+v120+"34020101 FF"), full},
		{"H08 fields that hold names, not options", message(strings.Repeat("78", 64), strings.Repeat("78", 128), isAck+v120+"FF"), full},
		{"H09 no end", message("", "", isAck+v120), full},
		{"H09 no end, but pads", message("", "", isAck+v120+"000000"), full},
		{"H09 10 KB of pads", message("", "", strings.Repeat("00", 10<<10)+isAck+v120), full},
		{"H09 nothing but pads", message("", "", strings.Repeat("00", 10<<10)), unusable(from, "it is of no type, or of two, not ACK")},
		{"H09 no option at all", message("", "", ""), unusable(from, "it is of no type, or of two, not ACK")},
		{"H10 another cookie", change(236, 1, 2, 3, 4), unusable(from, "got magic cookie [1 2 3 4], want [99 130 83 99]")},
		{"H10 a question", change(0, 1), dropped},
		{"H10 another kind of hardware", change(1, 6), unusable(server67, "it is for hardware of type 6, not Ethernet")},
		{"H10 too short for a message", message("", "", "")[:239], unusable(from, "it ends after byte 239, inside the header")},
		{"H10 a transaction, and nothing more", message("", "", "")[:8], unusable(from, "it ends after byte 8, inside the header")},
		{"H10 half a transaction", message("", "", "")[:7], dropped},
		{"H11 another transaction", change(4, 9), dropped},
		{"H11 another hardware address", change(28, 9), unusable(server67, "it is for the hardware address 09:00:00:00:00:20, not for 02:00:00:00:00:20")},
		{"H11 a hardware address of another length", change(2, 16), unusable(server67, "it is for the hardware address 02:00:00:00:00:20:00:00:00:00:00:00:00:00:00:00, not for 02:00:00:00:00:20")},
		{"H16 option 43 of another vendor", message("", "", isAck+"2B06 F1040A000001 FF"),
			Answer{Server: server67, Type: "ack", Vendor: ParseVendor(mustHex("F1040A000001"))}},
		{"H23 FORCERENEW", message("", "", "350109 36040A000043 FF"), unusable(server67, "it is unknown (9), not ACK")},
		{"H23 an offer", message("", "", "350102 36040A000043"+v120+"FF"), unusable(server67, "it is OFFER, not ACK")},
		{"no message type", message("", "", "36040A000043"+v120+"FF"), unusable(server67, "it is of no type, or of two, not ACK")},
		{"two message types", message("", "", isAck+"350106"+v120+"FF"), unusable(server67, "it is of no type, or of two, not ACK")},
		{"H25 an address and a lease in the answer", append(change(16, 10, 0, 0, 99)[:249], mustHex("33040000000A 0104FFFFFF00 03040A000001"+v120+"FF")...), full},
		{"H26 time servers are not read", message("", "", isAck+v120+"2A040A00000D 04040A00000D FF"), full},
		{"a Registrar on loopback", message("", "", isAck+"7805 01 7F000001 FF"),
			Answer{Server: server67, Type: "ack", SIP: SIPServers{Raw: mustHex("01 7F000001"), Encoding: 1,
				Problem: "the address at byte 1 is 127.0.0.1, which cannot be a Registrar", Wrong: []int{1}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			sent := bytes.Clone(test.payload)
			got, why := testQuery().answer(test.payload, from)
			if diff := cmp.Diff(test.want, got, equateAddrs, cmpopts.IgnoreFields(Answer{}, "Took")); diff != "" || (why == Read) != (test.want.Type != "") {
				t.Errorf("%v, answer (-want +got):\n%s", why, diff)
			}
			if !bytes.Equal(test.payload, sent) {
				t.Error("the payload was changed")
			}
		})
	}
}

// captured reads a message from testdata: hex with spaces, and comments from # to the end of the line.
func captured(t testing.TB, name string) (m []byte) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		data, _, _ := strings.Cut(line, "#")
		m = append(m, mustHex(strings.TrimSpace(data))...)
	}
	return m
}

func TestCapturedAnswer(t *testing.T) {
	q := testQuery()
	q.xid = dhcpv4.TransactionID{0x39, 0xeb, 0xf9, 0xa3}
	got, why := q.answer(captured(t, "dnsmasq-2.90-ack.hex"), netip.Addr{})
	want := Answer{
		Server: netip.MustParseAddr("10.77.0.1"), Type: "ack",
		SIP: SIPServers{Raw: mustHex("00" + pool01 + "06706F6F6C3032C007"), Names: []string{pool01s, pool02s}},
		Vendor: VendorOption{
			Raw: mustHex("05252F4365727450726F762F4365727450726F766973696F6E696E67536572766963652E737663 0403343433" +
				"0312706F6F6C30312E636F6E746F736F2E636F6D 02056874747073 010C4D532D55432D436C69656E74 FF"),
			Vendor: "MS-UC-Client", URL: "https://pool01.contoso.com:443/CertProv/CertProvisioningService.svc", Sub: goldenSub(),
		},
	}
	if diff := cmp.Diff(want, got, equateAddrs, cmpopts.IgnoreFields(Answer{}, "Took")); diff != "" || why != Read {
		t.Errorf("%v, answer (-want +got):\n%s", why, diff)
	}
}

func TestAnswerOnLoopback(t *testing.T) {
	q := testQuery()
	q.addr = netip.MustParseAddr("127.0.0.1")
	got, _ := q.answer(message("", "", "350105 7805 01 7F000005 FF"), netip.MustParseAddr("127.0.0.67"))
	if want := (SIPServers{Raw: mustHex("01 7F000005"), Encoding: 1, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.5")}}); !cmp.Equal(got.SIP, want, equateAddrs) {
		t.Errorf("got %+v, want %+v", got.SIP, want)
	}
}

func TestSource(t *testing.T) {
	for _, test := range []struct {
		name string
		from net.Addr
		want netip.Addr
	}{
		{"IPv4 in four bytes", &net.UDPAddr{IP: net.IP{10, 0, 0, 67}, Port: 67}, server67},
		{"IPv4 in sixteen bytes", &net.UDPAddr{IP: net.IPv4(10, 0, 0, 67), Port: 67}, server67},
		{"no address", &net.UDPAddr{}, netip.Addr{}},
		{"not UDP", &net.IPAddr{}, netip.Addr{}},
	} {
		if got := source(test.from); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

// Laws: any payload is an answer or not, without harm; what stands before the options decides nothing but that;
// pads after a message change nothing.
func FuzzReply(f *testing.F) {
	for _, m := range [][]byte{
		message("", "", "350105 36040A000043 7815 00"+pool01+"2B55"+goldenVendor+"FF"),
		message("", "", "350106 FF"),
		message("", "", "350105 7803 000670 7800 7812 6F6F6C303107636F6E746F736F03636F6D00"),
		message("7804 6F6D00 00 FF", "7812 0006706F6F6C303107636F6E746F736F0363", "350105 340103 FF"),
		message("", "7815 00"+pool01, "350105 340101"),
		message("", "", ""),
		captured(f, "dnsmasq-2.90-ack.hex"),
		nil,
	} {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > 34 { // most inputs would end at the first comparison
			copy(payload[4:], []byte{1, 2, 3, 4})
			copy(payload[28:], ownHW)
		}
		a, why := testQuery().answer(payload, server68)
		if ok := why == Read; ok != (a.Type == "ack" || a.Type == "nak" || a.Type == Unusable) || ok && !a.Server.Is4() || a.Type == Unusable && a.Problem == "" {
			t.Fatalf("%v, answer %+v", why, a)
		}
		if !a.same(a) || len(a.SIP.Names) > maxServers || len(a.SIP.Addrs) > maxServers {
			t.Fatalf("answer %+v", a)
		}
		padded, still := testQuery().answer(append(bytes.Clone(payload), 0, 0, 0, 0), server68)
		if len(payload) >= optionsStart && why == Read && (still != Read || !a.same(padded)) {
			t.Errorf("with pads ok %v, answer %+v, was %+v", still, padded, a)
		}
	})
}
