package dhcpopts

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"homeward/e2e/needs"
)

// TestReadLeases lays files where clients keep them, below a directory, and reads what is left of them for eth0, which
// has the index 2 and the address 10.0.0.195.
func TestReadLeases(t *testing.T) {
	fixture := func(name string) string { return string(leaseFixture(t, name).data) }
	const networkd, dhclient, dhcpcd, hook = "/run/systemd/netif/leases/", "/var/lib/dhcp/", "/var/lib/dhcpcd/", "/run/homeward-dhcp/"
	large := "#" + strings.Repeat("x", maxLease)
	for _, test := range []struct {
		name  string
		files []string // path, contents; the later ones are the younger
		want  []string // file and names or addresses
		err   string
	}{
		{name: "nothing is installed"},
		{name: "networkd has a file for each interface", files: []string{networkd + "1", "ADDRESS=10.0.0.195\n", networkd + "2", fixture("networkd-252-addresses"), networkd + "21", "nonsense\n"},
			want: []string{networkd + "2 [] [10.0.0.12 10.0.0.14]"}},
		{name: "dhclient has one for all", files: []string{dhclient + "dhclient.leases", fixture("dhclient-4.4.3-unknown.leases") + "lease {\n  interface \"eth1\";\n}\n"},
			want: []string{dhclient + "dhclient.leases [pool01.contoso.com pool02.contoso.com] []"}},
		{name: "its last entry counts", files: []string{dhclient + "dhclient.eth0.leases", fixture("dhclient-4.4.3-unknown.leases") + "lease {\n  interface \"eth0\";\n  fixed-address 10.0.0.195;\n}\n"},
			want: []string{dhclient + "dhclient.eth0.leases [] []"}},
		{name: "an entry for the address of another network does not", files: []string{dhclient + "dhclient.eth0.leases", fixture("dhclient-4.4.3-unknown.leases") + "lease {\n  interface \"eth0\";\n  fixed-address 192.168.1.20;\n}\n"},
			want: []string{dhclient + "dhclient.eth0.leases [pool01.contoso.com pool02.contoso.com] []"}},
		{name: "a name that dhclient.conf gave", files: []string{"/etc/dhcp/dhclient.conf", "option sip-servers code 120 = string;\n", dhclient + "dhclient.leases", fixture("dhclient-4.4.3-named.leases")},
			want: []string{dhclient + "dhclient.leases [pool01.contoso.com pool02.contoso.com] []"}},
		{name: "a name that nobody gave", files: []string{dhclient + "dhclient.leases", fixture("dhclient-4.4.3-named.leases")}, want: []string{dhclient + "dhclient.leases [] []"}},
		{name: "NetworkManager with dhclient", files: []string{"/var/lib/NetworkManager/dhclient-6c1c-eth0.lease", fixture("dhclient-4.4.3-unknown.leases"), "/var/lib/NetworkManager/internal-6c1c-eth0.lease", "ADDRESS=10.0.0.195\n"},
			want: []string{"/var/lib/NetworkManager/dhclient-6c1c-eth0.lease [pool01.contoso.com pool02.contoso.com] []"}},
		{name: "dhcpcd names the interface in the name", files: []string{dhcpcd + "eth1.lease", "nonsense", dhcpcd + "eth0.100.lease", "nonsense", dhcpcd + "eth0-office.lease", fixture("dhcpcd-9.4.1.lease"), "/var/lib/dhcpcd5/dhcpcd-eth0.lease", fixture("dhcpcd-9.4.1.lease")},
			want: []string{"/var/lib/dhcpcd5/dhcpcd-eth0.lease [pool01.contoso.com pool02.contoso.com] []", dhcpcd + "eth0-office.lease [pool01.contoso.com pool02.contoso.com] []"}},
		{name: "hooks, both versions in one file", files: []string{hook + "eth0.x.env", "INTERFACE=eth0\nSIP_SERVERS=pool01.contoso.com\nSIP_SERVERS6=2001:db8::12\n", hook + "eth1.x.env", "INTERFACE=eth1\n", hook + ".eth0.x.99", "half"},
			want: []string{hook + "eth0.x.env [pool01.contoso.com] []", hook + "eth0.x.env [] [2001:db8::12]"}},
		{name: "the younger of two clients comes first", files: []string{networkd + "2", fixture("networkd-252-addresses"), hook + "eth0.udhcpc.env", fixture("udhcpc-1.35.0.env")},
			want: []string{hook + "eth0.udhcpc.env [pool01.contoso.com pool02.contoso.com] []", networkd + "2 [] [10.0.0.12 10.0.0.14]"}},
		{name: "H27 what is broken does not hide the rest", files: []string{networkd + "2", "SIP=\x00\n", dhclient + "dhclient.leases", large, hook + "eth0.x.env", "INTERFACE=eth0\nSIP_SERVERS=pool01.contoso.com\n"},
			want: []string{hook + "eth0.x.env [pool01.contoso.com] []"},
			err:  networkd + `2:1: "SIP": "\x00" is not an IPv4 address; ` + dhclient + "dhclient.leases: it has more than 65536 bytes"},
		{name: "mend 06: what a stranger owns, or others can write to", files: []string{hook + "eth0.x.env", "INTERFACE=eth0\nSIP_SERVERS=pool01.contoso.com\n", hook + "eth0.theirs.env", "stranger", hook + "eth0.open.env", "open"},
			want: []string{hook + "eth0.x.env [pool01.contoso.com] []"},
			err:  hook + "eth0.open.env: others than its owner can write to it: it is not believed; " + hook + "eth0.theirs.env: it belongs to another user than root: it is not believed"},
		{name: "mend 06: a directory that a stranger owns", files: []string{hook + "eth0.x.env", "INTERFACE=eth0\nSIP_SERVERS=pool01.contoso.com\n", "/run/homeward-dhcp", "stranger"},
			err: "/run/homeward-dhcp: it belongs to another user than root: it is not believed"},
		{name: "mend 06: a directory that others can write to", files: []string{hook + "eth0.x.env", "INTERFACE=eth0\nSIP_SERVERS=pool01.contoso.com\n", "/run/homeward-dhcp", "open"},
			err: "/run/homeward-dhcp: others than its owner can write to it: it is not believed"},
		{name: "mend 06: a directory that a link leads to", files: []string{"/run/other/eth0.x.env", "INTERFACE=eth0\nSIP_SERVERS=pool01.contoso.com\n", "/run/homeward-dhcp", "link other"},
			err: "open /run/homeward-dhcp: not a directory"},
		{name: "a directory of the system may be one", files: []string{"/var/lib/other/eth0.lease", fixture("dhcpcd-9.4.1.lease"), "/var/lib/dhcpcd", "link other"},
			want: []string{dhcpcd + "eth0.lease [pool01.contoso.com pool02.contoso.com] []"}},
		{name: "the largest file", files: []string{networkd + "2", "SIP=10.0.0.12\n" + large[:maxLease-len("SIP=10.0.0.12\n")]}, want: []string{networkd + "2 [] [10.0.0.12]"}},
		{name: "H27 a link and a pipe", files: []string{networkd + "2", "link", hook + "eth0.x.env", "pipe"},
			err: "open " + networkd + "2: too many levels of symbolic links; " + hook + "eth0.x.env: it is not a regular file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			for i, file := range slices.Collect(slices.Chunk(test.files, 2)) {
				lay(t, root+file[0], file[1], leaseTime.Add(time.Duration(i)*time.Minute))
			}
			r := leaseReader{root: root, iface: "eth0", addrs: []netip.Addr{netip.MustParseAddr("fe80::1"), netip.MustParseAddr("10.0.0.195")}}
			leases, err := r.read(2, "/run/homeward-dhcp")
			var got []string
			for _, l := range leases {
				got = append(got, fmt.Sprint(strings.TrimPrefix(l.File, root), " ", l.SIP.Names, l.SIP.Addrs))
				if l.Interface != "eth0" {
					t.Errorf("%s: interface %q", l.File, l.Interface)
				}
			}
			if !slices.Equal(got, test.want) || strings.ReplaceAll(saying(err), root, "") != test.err {
				t.Errorf("got  %q, %v\nwant %q, %s", got, err, test.want, test.err)
			}
		})
	}
}

// Of a directory so many files are read, and of all so many leases count; one more is told.
func TestHowManyLeasesCount(t *testing.T) {
	const hook = "/run/homeward-dhcp"
	for files, want := range map[int]struct {
		leases int
		err    string
	}{
		maxLeases:      {maxLeases, ""},
		maxLeases + 1:  {maxLeases, "there are 17 leases, the last 16 count"},
		maxFiles:       {maxLeases, "there are 32 leases, the last 16 count"},
		maxFiles + 1:   {maxLeases, hook + ": it has 33 files *.env, the first 32 are read; there are 32 leases, the last 16 count"},
		maxEntries:     {maxLeases, hook + ": it has 1024 files *.env, the first 32 are read; there are 32 leases, the last 16 count"},
		maxEntries + 1: {maxLeases, hook + ": it has more than 1024 files, the others are not looked at; " + hook + ": it has 1025 files *.env, the first 32 are read; there are 32 leases, the last 16 count"},
	} {
		root := t.TempDir()
		for i := range files {
			lay(t, fmt.Sprintf("%s%s/eth0.%d.env", root, hook, i), "INTERFACE=eth0\nSIP_SERVERS=10.0.0.12\n", leaseTime)
		}
		r := leaseReader{root: root, iface: "eth0"}
		leases, err := r.read(2, hook)
		if len(leases) != want.leases || strings.ReplaceAll(saying(err), root, "") != want.err {
			t.Errorf("%d files: got %d, %v; want %d, %s", files, len(leases), err, want.leases, want.err)
		}
	}
}

// lay makes a file with what is above it.
func lay(t *testing.T, path, text string, written time.Time) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	switch {
	case err != nil:
	case text == "link":
		err = os.Symlink("/etc/hostname", path)
	case strings.HasPrefix(text, "link "):
		err = os.Symlink(strings.TrimPrefix(text, "link "), path)
	case text == "stranger":
		needRoot(t)
		if _, missing := os.Stat(path); missing != nil {
			err = os.WriteFile(path, nil, 0o644)
		}
		if err == nil {
			err = os.Chown(path, 1234, 0)
		}
	case text == "open":
		if _, missing := os.Stat(path); missing != nil {
			err = os.WriteFile(path, nil, 0o644)
		}
		if err == nil {
			err = os.Chmod(path, 0o777)
		}
	case text == "pipe":
		err = unix.Mkfifo(path, 0o644)
	default:
		if err = os.WriteFile(path, []byte(text), 0o644); err == nil {
			err = os.Chtimes(path, written, written)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		needs.Missing(t, "root", "")
	}
}

// TestMend07: whatever lies where clients keep leases, reading it takes a bounded amount of memory, and little is told.
func TestMend07(t *testing.T) {
	const networkd, dhclient, hook = "/run/systemd/netif/leases/2", "/var/lib/dhcp/dhclient.leases", "/run/homeward-dhcp/"
	// Names that go on with the name before them, and are no host names.
	chained := []byte{0, 1, '!', 0}
	for at := 0; len(chained) < 1<<13; at = len(chained) - 5 {
		chained = append(chained, 1, '!', 0xc0|byte(at>>8), byte(at))
	}
	many := map[string]string{}
	for i := range 3 * maxEntries {
		many[fmt.Sprintf("%seth0.%d.env", hook, i)] = "INTERFACE=eth0\nSIP_SERVERS=10.0.0.12\n"
	}
	for name, files := range map[string]map[string]string{
		"lines that are no variables":   {networkd: strings.Repeat("x\n", 8<<10)},
		"as many as a file may have":    {networkd: strings.Repeat("x\n", maxLease/2)},
		"braces":                        {dhclient: strings.Repeat("}\n", maxLease/2)},
		"entries":                       {dhclient: strings.Repeat("lease {\n}\n", maxLease/10)},
		"statements":                    {dhclient: "lease {\n" + strings.Repeat("expire x;\n", maxLease/10-2) + "}\n"},
		"a name of everything":          {networkd: "SIP=" + strings.Repeat("x", maxLease-5)},
		"names":                         {hook + "eth0.x.env": "INTERFACE=eth0\nSIP_SERVERS=" + strings.Repeat("a.b ", maxLease/4-10)},
		"addresses":                     {networkd: "SIP=" + strings.Repeat("1.2.3.4 ", maxLease/8-1)},
		"names that lead to each other": {hook + "eth0.x.env": "INTERFACE=eth0\nOPTION_120=" + hex.EncodeToString(chained)},
		"a word of everything":          {"/etc/dhcp/dhclient.conf": strings.Repeat("= ", maxLease/2)},
		"files":                         many,
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for path, text := range files {
				lay(t, root+path, text, leaseTime)
			}
			r := leaseReader{root: root, iface: "eth0"}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			leases, err := r.read(2, "/run/homeward-dhcp")
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
				t.Errorf("it took %d MiB", took>>20)
			}
			if len(saying(err)) > 4<<10 || len(leases) > maxLeases {
				t.Errorf("%d leases, and an error of %d bytes", len(leases), len(saying(err)))
			}
		})
	}
}

func TestReadLeasesErrors(t *testing.T) {
	_, err := ReadLeases("no-such-if0", "")
	if want := `read DHCP leases: there is no interface "no-such-if0"; this device has lo`; !strings.HasPrefix(saying(err), want) {
		t.Errorf("got %v, want %s ...", err, want)
	}
	if leases, err := ReadLeases("lo", t.TempDir()); len(leases) > 0 {
		t.Errorf("loopback has leases: %v, %v", leases, err)
	}
}
