package dhcpopts

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/e2e/needs"

	"homeward/internal/place"
)

// Every client got the same from dnsmasq 2.90, which writes the names in this way, and option 43 last to first.
var (
	leasedNames  = mustHex("00" + pool01 + "06706F6F6C3032C007")
	leasedAddrs  = mustHex("010A00000C0A00000E")
	leasedVendor = mustHex("05252F4365727450726F762F4365727450726F766973696F6E696E67536572766963652E737663" +
		"0403343433030F7765622E636F6E746F736F2E636F6D0205687474707301" + "0C4D532D55432D436C69656E74FF")
)

// leaseTime is when the fixtures were written, where their files do not tell.
var leaseTime = time.Date(2026, 11, 26, 10, 48, 0, 0, time.UTC)

// leaseFixture is a file a real client has written.
func leaseFixture(t testing.TB, name string) leaseFile {
	t.Helper()
	data, err := os.ReadFile("testdata/leases/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return leaseFile{path: name, data: data, written: leaseTime, names: map[string]uint8{"unknown-120": 120, "sip-servers": 120, "vendor-encapsulated-options": 43}}
}

func TestLeasesOfRealClients(t *testing.T) {
	lease := func(l Lease, sip []byte) Lease {
		l.Addr, l.Server = netip.MustParseAddr("10.0.0.195"), server67
		l.SIP, l.Vendor = ParseSIPServers(sip), ParseVendor(leasedVendor)
		return l
	}
	textNames, err := EncodeSIPServers("pool01.contoso.com", "pool02.contoso.com") // of the text that udhcpc made
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		file  string
		parse func(leaseFile) ([]Lease, error)
		want  Lease
	}{
		{"networkd-252-names", parseNetworkd, lease(Lease{Expires: leaseTime.Add(time.Hour)}, nil)}, // it drops names
		{"networkd-252-addresses", parseNetworkd, lease(Lease{Expires: leaseTime.Add(time.Hour)}, leasedAddrs)},
		{"dhclient-4.4.3-unknown.leases", parseDhclient, lease(Lease{Interface: "eth0", Expires: time.Date(2026, 11, 26, 11, 48, 7, 0, time.UTC)}, leasedNames)},
		{"dhclient-4.4.3-named.leases", parseDhclient, lease(Lease{Interface: "eth0", Expires: time.Date(2026, 11, 26, 11, 46, 52, 0, time.UTC)}, leasedNames)},
		{"dhcpcd-9.4.1.lease", parseDhcpcd, lease(Lease{Expires: leaseTime.Add(time.Hour)}, leasedNames)},
		{"udhcpc-1.35.0.env", parseHook, lease(Lease{Interface: "eth0", Expires: time.Unix(1795694286, 0)}, textNames)},
	} {
		if test.want.File = test.file; !strings.HasSuffix(test.file, ".env") && !strings.HasPrefix(test.file, "dhcpcd") { // they do not have it
			test.want.NameServers = []netip.Addr{netip.MustParseAddr("10.0.0.53")}
		}
		got, err := test.parse(leaseFixture(t, test.file))
		if err != nil {
			t.Errorf("%s: %v", test.file, err)
		}
		if diff := cmp.Diff([]Lease{test.want}, got, equateAddrs); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.file, diff)
		}
	}
}

func TestDhclientEntries(t *testing.T) {
	const sip = "option unknown-120 0:6:70:6f:6f:6c:30:31:7:63:6f:6e:74:6f:73:6f:3:63:6f:6d:0;"
	for _, test := range []struct {
		name, text string
		want       []Lease
		err        string
	}{
		{name: "the last of three counts, which the reader sees to", text: "lease {\n  interface \"eth0\";\n  expire never;\n}\nlease {\n  interface \"eth1\";\n}\nlease {\n  interface \"eth0\";\n  " + sip + "\n  expire epoch 1795694286; # Thu Nov 26\n}\n",
			want: []Lease{{Interface: "eth0"}, {Interface: "eth1"}, {Interface: "eth0", SIP: ParseSIPServers(goldenSIP), Expires: time.Unix(1795694286, 0)}}},
		{name: "what else stands in the file", text: "# Created by NetworkManager\ndefault-duid \"\\000\\001{\";\nlease6 {\n  interface \"eth0\";\n  ia-na 0a:00 {\n    iaaddr 2001:db8::1 {\n    }\n  }\n  " + sip + "\n}\nlease {\n  bootp;\n}\n",
			want: []Lease{{}}},
		{name: "text", text: "lease {\n  option sip-servers \"\\000\\006pool01\\007contoso\\003com\\000\";\n}\n", want: []Lease{{SIP: ParseSIPServers(goldenSIP)}}},
		{name: "text with what must be escaped", text: "lease {\n  option sip-servers \"a\\\"b\\\\; } c\";\n}\n", want: []Lease{{SIP: ParseSIPServers([]byte(`a"b\; } c`))}}},
		{name: "text without an end", text: "lease {\n  option sip-servers \"pool01;\n}\nlease {\n}\n", want: []Lease{{}, {}}, err: `leases:2: option sip-servers: "\"pool01" is not text in quotes`},
		{name: "an escape without an end", text: "lease {\n  option sip-servers \"\\00\";\n}\n", want: []Lease{{}}, err: `leases:2: option sip-servers: "\"\\00\"" is not text in quotes`},
		{name: "neither bytes nor text", text: "lease {\n  option unknown-120 10.0.0.1;\n}\n", want: []Lease{{}}, err: `leases:2: option unknown-120: "10.0.0.1" is neither bytes (0:6:70) nor text in quotes`},
		{name: "a time that is none", text: "lease {\n  expire 4 soon;\n  interface \"eth0\";\n}\n", want: []Lease{{Interface: "eth0"}}, err: `leases:2: "4 soon" is not a time`},
		{name: "an address that is none", text: "lease {\n  fixed-address here;\n}\n", want: []Lease{{Addr: netip.IPv4Unspecified()}}, err: `leases:2: ParseAddr("here"): unable to parse IP`},
		{name: "half written, in a line", text: "lease {\n}\nlease {\n  interface \"eth0\";\n  option unkn", want: []Lease{{}}, err: `leases:5: "option unkn" does not end in a semicolon; leases:3: the entry that begins here does not end`},
		{name: "half written, after a line", text: "lease {\n}\nlease {\n  interface \"eth0\";\n", want: []Lease{{}}, err: `leases:3: the entry that begins here does not end`},
		{name: "a brace too many", text: "}\nlease {\n}\n", want: []Lease{{}}, err: `leases:1: a brace closes nothing`},
		{name: "something else altogether", text: "\x7fELF\x00\x01", want: nil},
	} {
		f := leaseFixture(t, "dhclient-4.4.3-named.leases")
		f.path, f.data = "leases", []byte(test.text)
		got, err := parseDhclient(f)
		for i := range test.want {
			test.want[i].File = "leases"
		}
		if diff := cmp.Diff(test.want, got, equateAddrs); diff != "" || saying(err) != test.err {
			t.Errorf("%s: %v (-want +got):\n%s", test.name, err, diff)
		}
	}
}

func TestDhclientOptions(t *testing.T) {
	names := map[string]uint8{}
	dhclientOptions([]byte(`option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;
# option commented code 120 = string;
option sip-servers code 120 = string; # for homeward
  option   ucs	code 43=text;
option broken code 376 = text;
option domain-name "code 120 = x";
request subnet-mask, sip-servers;`), names)
	if diff := cmp.Diff(map[string]uint8{"sip-servers": 120, "ucs": 43}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBrokenLeases(t *testing.T) {
	whole := string(leaseFixture(t, "dhcpcd-9.4.1.lease").data)
	for _, test := range []struct {
		name  string
		parse func(leaseFile) ([]Lease, error)
		text  string
		want  string
	}{
		{"networkd: a line without a key", parseNetworkd, "# private\nDOMAIN=contoso.com\nnonsense\x1b[31m\n", `lease:3: "nonsense\x1b[31m" is not KEY=VALUE`},
		{"networkd: JSON", parseNetworkd, "{\n", `lease:1: "{" is not KEY=VALUE`},
		{"networkd: half a byte", parseNetworkd, "VENDOR_SPECIFIC=010\n", `lease:1: "VENDOR_SPECIFIC": encoding/hex: odd length hex string`},
		{"networkd: a life that is none", parseNetworkd, "LIFETIME=-1\n", `lease:1: "LIFETIME": "-1" is neither a number of seconds nor a span of time`},
		{"networkd: a server that is none", parseNetworkd, "\nSIP=10.0.0.12 pool_01\n", `lease:2: "SIP": "pool_01" is not an IPv4 address`},
		{"hook: no interface", parseHook, "SIP_SERVERS=pool01.contoso.com\n", `lease: INTERFACE is missing`},
		{"hook: two mistakes", parseHook, "INTERFACE=eth0\nEXPIRES=soon\nOPTION_120=xx\n", `lease:2: "EXPIRES": "soon" is not a number of seconds; lease:3: "OPTION_120": encoding/hex: invalid byte: U+0078 'x'`},
		{"hook: a word", parseHook, "INTERFACE=eth0\nSIP_SERVERS=pool01\nSIP_SERVERS6=2001:db8::12/64\n", `lease:2: "SIP_SERVERS": "pool01" is neither an address nor a host name with a domain; lease:3: "SIP_SERVERS6": "2001:db8::12/64" is neither an address nor a host name with a domain`},
		{"hook: names and addresses", parseHook, "INTERFACE=eth0\nSIP_SERVERS=10.0.0.12 pool01.contoso.com\n", `lease:2: "SIP_SERVERS": "10.0.0.12" is neither an address nor a host name with a domain`},
		{"hook: too many names", parseHook, "INTERFACE=eth0\nSIP_SERVERS6=" + strings.Repeat("a.contoso.com ", 9) + "\n", `lease:2: "SIP_SERVERS6": encode option 120: 9 names, want 1 to 8`},
		{"dhcpcd: empty", parseDhcpcd, "", `lease: it ends after byte 0, inside the header of a DHCP message`},
		{"dhcpcd: another cookie", parseDhcpcd, strings.Replace(whole, "\x63\x82\x53\x63", "\x00\x00\x00\x00", 1), `lease: malformed DHCP packet: got magic cookie [0 0 0 0], want [99 130 83 99]`},
	} {
		got, err := test.parse(leaseFile{path: "lease", data: []byte(test.text), written: leaseTime})
		if len(got) > 0 || saying(err) != test.want {
			t.Errorf("%s:\n got %v, %v\nwant %s", test.name, got, err, test.want)
		}
	}
}

// TestMend07Line: a line that cannot be understood costs that line.
func TestMend07Line(t *testing.T) {
	addr := netip.MustParseAddr("10.0.0.195")
	sip := ParseSIPServers(leasedAddrs)
	for _, test := range []struct {
		name, text string
		parse      func(leaseFile) ([]Lease, error)
		want       Lease
		err        string
	}{
		{"networkd", "ADDRESS=10.0.0.195\n\nnonsense\nLIFETIME=soon\nSERVER_ADDRESS=x\nSIP=10.0.0.12 10.0.0.14\nVENDOR_SPECIFIC=0\n", parseNetworkd, Lease{Addr: addr, SIP: sip},
			`lease:3: "nonsense" is not KEY=VALUE; lease:4: "LIFETIME": "soon" is neither a number of seconds nor a span of time; lease:5: "SERVER_ADDRESS": ParseAddr("x"): unable to parse IP; lease:7: "VENDOR_SPECIFIC": encoding/hex: odd length hex string`},
		{"hook", "INTERFACE=eth0\nADDRESS=10.0.0.195\nEXPIRES=1h\nSIP_SERVERS=10.0.0.12 10.0.0.14\nOPTION_43=x\n", parseHook, Lease{Interface: "eth0", Addr: addr, SIP: sip},
			`lease:3: "EXPIRES": "1h" is not a number of seconds; lease:5: "OPTION_43": encoding/hex: invalid byte: U+0078 'x'`},
		{"dhclient", "lease {\n  fixed-address 10.0.0.195;\n  expire soon;\n  option unknown-120 1:a:0:0:c:a:0:0:e;\n  nonsense\n}\n", parseDhclient, Lease{Addr: addr, SIP: sip},
			`lease:3: "soon" is not a time; lease:5: "nonsense" does not end in a semicolon`},
		{"an address that cannot be understood: whose lease it is is not known", "ADDRESS=10.0.0\nSIP=10.0.0.12 10.0.0.14\n", parseNetworkd, Lease{Addr: netip.IPv4Unspecified(), SIP: sip},
			`lease:1: "ADDRESS": ParseAddr("10.0.0"): IPv4 address too short`},
	} {
		got, err := test.parse(leaseFile{path: "lease", data: []byte(test.text), written: leaseTime, names: dhclientNames})
		test.want.File = "lease"
		if diff := cmp.Diff([]Lease{test.want}, got, equateAddrs); diff != "" || saying(err) != test.err {
			t.Errorf("%s: %v (-want +got):\n%s", test.name, err, diff)
		}
	}
}

// Of an acknowledgement that is cut, what stands before is used.
func TestDhcpcdCut(t *testing.T) {
	whole := leaseFixture(t, "dhcpcd-9.4.1.lease").data
	got, err := parseDhcpcd(leaseFile{path: "lease", data: whole[:len(whole)-20], written: leaseTime})
	if len(got) != 1 || !slices.Equal(got[0].SIP.Names, []string{pool01s, pool02s}) || !strings.Contains(saying(err), "is longer than the message") {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestLeaseForEver(t *testing.T) {
	got, err := parseNetworkd(leaseFile{path: "lease", data: []byte("LIFETIME=4294967295\nSIP=\"10.0.0.12 10.0.0.14\"\n"), written: leaseTime})
	if diff := cmp.Diff([]Lease{{File: "lease", SIP: ParseSIPServers(leasedAddrs)}}, got, equateAddrs); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// A lease lasts from no time at all to what no clock shows; a second less than for ever has an end.
func TestLeaseLife(t *testing.T) {
	for text, want := range map[string]time.Time{
		"0": leaseTime, "1": leaseTime.Add(time.Second), "4294967294": leaseTime.Add(4294967294 * time.Second), "4294967295": {},
		"4294967296": time.Unix(leaseTime.Unix()+1<<32, 0), "1099511627776": time.Unix(leaseTime.Unix()+1<<40, 0),
	} {
		if got, err := after(leaseTime, text); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "1099511627777", "99999999999999999999", "1.5", "x"} {
		if got, err := after(leaseTime, text); err == nil {
			t.Errorf("%q: got %s", text, got)
		}
	}
}

// What is told of a file is told up to the eighth trouble; of the others there is only a number.
func TestTroubles(t *testing.T) {
	for n, want := range map[int]string{
		0: "", 1: "1", 8: "1; 2; 3; 4; 5; 6; 7; 8", 9: "1; 2; 3; 4; 5; 6; 7; 8; and 1 more of this kind", 20: "1; 2; 3; 4; 5; 6; 7; 8; and 12 more of this kind",
	} {
		var one, all troubles
		for i := range n {
			one.add(errors.New(strconv.Itoa(i + 1)))
		}
		all.add(one.err())
		if saying(one.err()) != want || saying(all.err()) != want {
			t.Errorf("%d: got %s, and as part of others %s", n, saying(one.err()), saying(all.err()))
		}
	}
}

// From systemd 257 on the life of a lease is a span of time.
func TestNetworkdSpans(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"3600": time.Hour, "1h": time.Hour, "52min 30s": 52*time.Minute + 30*time.Second, "1d": 24 * time.Hour, "2w 3d": 17 * 24 * time.Hour,
		"1month": 2629800 * time.Second, "1y": 31557600 * time.Second, "30s 500ms": 30 * time.Second,
	} {
		got, err := afterSpan(leaseTime, text)
		if err != nil || !got.Equal(leaseTime.Add(want)) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if got, err := afterSpan(leaseTime, "infinity"); err != nil || !got.IsZero() {
		t.Errorf("infinity: %v, %v", got, err)
	}
	for _, text := range []string{"", "h", "1 h", "1fortnight", "-1h", "99999999999y", "1h-"} {
		if got, err := afterSpan(leaseTime, text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestHookOfBothVersions(t *testing.T) {
	text := "INTERFACE=wan\nOPTION_120=" + hex.EncodeToString(goldenSIP) + "\nSIP_SERVERS6=pool02.contoso.com. 2001:db8::12 fe80::1\nEXPIRES=1795694286\n"
	got, err := parseHook(leaseFile{path: "wan.env", data: []byte(text)})
	expires := time.Unix(1795694286, 0)
	want := []Lease{
		{File: "wan.env", Interface: "wan", Expires: expires, SIP: ParseSIPServers(goldenSIP)},
		{File: "wan.env", Interface: "wan", Expires: expires, IPv6: true, SIP: SIPServers{
			Raw: mustHex("06706F6F6C303207636F6E746F736F03636F6D00"), Names: []string{"pool02.contoso.com"},
			Addrs: []netip.Addr{netip.MustParseAddr("2001:db8::12")}, Problem: "the address fe80::1 cannot be a Registrar",
		}},
	}
	if diff := cmp.Diff(want, got, equateAddrs); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// Option 43 alone is reason enough to tell of DHCPv4 beside DHCPv6.
func TestHookOfBothVersionsWithOption43(t *testing.T) {
	text := "INTERFACE=wan\nOPTION_43=" + strings.ReplaceAll(goldenVendor, " ", "") + "\nSIP_SERVERS6=2001:db8::12\n"
	got, err := parseHook(leaseFile{path: "wan.env", data: []byte(text)})
	if err != nil || len(got) != 2 || got[0].IPv6 || got[0].Vendor.Raw == nil || !got[1].IPv6 || len(got[1].SIP.Addrs) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestHook runs the script as a client does, and reads what it wrote.
func TestHook(t *testing.T) {
	t.Run("sh", func(t *testing.T) { testHook(t, os.Getenv("PATH"), "sh") })
	t.Run("busybox", func(t *testing.T) {
		busybox := needs.Program(t, "busybox")
		applets := t.TempDir() // nothing but these
		for _, name := range []string{"cat", "cut", "date", "mkdir", "mv", "rm", "sh", "tr"} {
			if err := os.Symlink(busybox, filepath.Join(applets, name)); err != nil {
				t.Fatal(err)
			}
		}
		testHook(t, applets, filepath.Join(applets, "sh"))
	})
}

func testHook(t *testing.T, path, shell string) {
	dir := t.TempDir() + "/homeward"
	hook := func(environ string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), shell, append([]string{"../packaging/hooks/homeward-dhcp-hook"}, args...)...)
		cmd.Env = append(strings.Split(environ, "\n"), "PATH="+path, "HOMEWARD_RUNTIME_DIR="+dir+"/")
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	files := func() (texts []string) {
		entries, err := filepath.Glob(dir + "-dhcp/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			text, err := os.ReadFile(e)
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(e); err != nil || info.Mode().Perm() != 0o644 {
				t.Errorf("%v, %v", info.Mode(), err)
			}
			texts = append(texts, filepath.Base(e)+"\n"+string(text))
		}
		return texts
	}
	expect := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, files()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	hook("interface=eth0.100\nip=10.0.0.195\nserverid=10.0.0.67\nsipsrv=pool01.contoso.com\nopt43=010c", "udhcpc", "bound")
	four := "eth0.100.udhcpc.env\nINTERFACE=eth0.100\nADDRESS=10.0.0.195\nSERVER=10.0.0.67\nSIP_SERVERS=pool01.contoso.com\nOPTION_43=010c\n"
	expect(four)
	hook("SIP_DOMAIN=pool02.contoso.com. \nSIP_IP=2001:db8::12", "odhcp6c", "eth0.100", "informed")
	six := "eth0.100.odhcp6c.env\nINTERFACE=eth0.100\nSIP_SERVERS6=pool02.contoso.com. 2001:db8::12\n"
	expect(six, four)
	hook("interface=eth0.100\nsipsrv=a;reboot $(id) ../b", "udhcpc", "renew") // nothing of it is run or escapes its line
	expect(six, "eth0.100.udhcpc.env\nINTERFACE=eth0.100\nSIP_SERVERS=areboot id ..b\n")
	hook("interface=eth0.100\nopt43="+strings.Repeat("0c", 5000), "udhcpc", "renew")
	expect(six, "eth0.100.udhcpc.env\nINTERFACE=eth0.100\nOPTION_43="+strings.Repeat("0c", 2048)+"\n")
	hook("interface=eth0.100", "udhcpc", "deconfig")
	expect(six)
	hook("interface=eth0.100\nreason=REBIND\nnew_ip_address=10.0.0.195\nnew_sip_server=pool01.contoso.com pool02.contoso.com\nnew_vendor_encapsulated_options=010c", "dhcpcd")
	expect("eth0.100.dhcpcd.env\nINTERFACE=eth0.100\nADDRESS=10.0.0.195\nSIP_SERVERS=pool01.contoso.com pool02.contoso.com\nOPTION_43=010c\n", six)
	hook("interface=eth0.100\nreason=EXPIRE", "dhcpcd")
	expect(six)
	hook("", "odhcp6c", "eth0.100", "updated") // the options are gone
	expect()
	hook("", "dhcpfoo", "bound")
	hook("", "udhcpc", "bound")
	expect()
	if _, err := os.Stat(dir); err == nil {
		t.Error("the hook, which root runs, has written in the directory of the daemon")
	}
}

// FuzzLeases: whatever a file holds, a parser neither panics nor gives a name that is no host name.
func FuzzLeases(f *testing.F) {
	entries, err := os.ReadDir("testdata/leases")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		f.Add(leaseFixture(f, e.Name()).data)
	}
	f.Add([]byte("INTERFACE=eth0\nSIP_SERVERS6=pool02.contoso.com 2001:db8::12\nOPTION_120=00\n"))
	f.Add([]byte("lease {\n  option sip-servers \"\\000\\006pool01\\007contoso\\003com\\000\";\n}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := leaseFile{path: "lease", data: data, written: leaseTime, names: dhclientNames}
		dhclientOptions(data, map[string]uint8{})
		for _, parse := range []func(leaseFile) ([]Lease, error){parseNetworkd, parseDhclient, parseDhcpcd, parseHook} {
			leases, err := parse(file)
			if err != nil && !strings.HasPrefix(err.Error(), "lease:") {
				t.Errorf("the error does not say where: %v", err)
			}
			if len(saying(err)) > (maxTroubles+1)*(maxTrouble+20) {
				t.Errorf("an error of %d bytes", len(saying(err)))
			}
			for _, l := range leases {
				for _, name := range l.SIP.Names {
					if _, err := place.HostName(name); err != nil {
						t.Errorf("%+q is not a host name", name)
					}
				}
			}
		}
	})
}
