package srv

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"homeward/e2e/needs"
)

func TestResolvConf(t *testing.T) {
	const local = "[127.0.0.1:53 [::1]:53]"
	for _, row := range []struct{ name, file, want, left string }{
		{"the servers come in the order of the file", "# by hand\nnameserver 10.0.0.53\nnameserver\t192.0.2.1 # second\n", "[10.0.0.53:53 192.0.2.1:53]", ""},
		{"D31 an empty file means this machine", "", local, ""},
		{"D31 a file without servers means this machine", "search contoso.com\noptions edns0\n", local, ""},
		{"D31 only the first 8 of 10,000 lines count", manyServers(10_000),
			"[10.0.0.0:53 10.0.0.1:53 10.0.0.2:53 10.0.0.3:53 10.0.0.4:53 10.0.0.5:53 10.0.0.6:53 10.0.0.7:53]", "/etc/resolv.conf: not asked: 9992 name servers after the first 8"},
		{"D31 a server after 10,000 other lines counts", strings.Repeat("search contoso.com\n", 10_000) + "nameserver 10.0.0.53\n", "[10.0.0.53:53]", ""},
		{"D31 noise means this machine", strings.Repeat("\x00\xff\x1b\x80\n\t", 5000), local, ""},
		{"D31 noise between servers does no harm", "\x00\xff\x1b\nnameserver 10.0.0.53\nnameserver \xff\xfe\n\x7fELF\nnameserver 10.0.0.54", "[10.0.0.53:53 10.0.0.54:53]", `/etc/resolv.conf: no addresses of name servers: "\xff\xfe"`},
		{"D31 one line of 10 MB means this machine", "#" + strings.Repeat("x", 10<<20), local, "/etc/resolv.conf: not read: what comes after 1048576 bytes"},
		{"a server after a line of 100 KB counts", strings.Repeat("x", 100_000) + "\nnameserver 10.0.0.53\n", "[10.0.0.53:53]", ""},
		{"what is no address is skipped", "nameserver\nnameserver dns.contoso.com\nnameserver 10.0.0.256\nnameserver 10.0.0.53:53\nnameserver 10.0.0.53\n", "[10.0.0.53:53]", `/etc/resolv.conf: no addresses of name servers: "dns.contoso.com", "10.0.0.256", "10.0.0.53:53"`},
		{"half a line at the limit is no server", "nameserver 10.0.0.53\n#" + strings.Repeat("x", maxResolvConf-42) + "\nnameserver 10.0.0.54\n", "[10.0.0.53:53]", "/etc/resolv.conf: not read: what comes after 1048576 bytes"},
		{"a link-local server keeps its zone", "nameserver fe80::1%eth0\n", "[[fe80::1%eth0]:53]", ""},
		{"a server named twice is asked once", "nameserver 10.0.0.53\nnameserver 10.0.0.53\nnameserver ::ffff:10.0.0.53\n", "[10.0.0.53:53]", ""},
		{"Windows line ends do no harm", "nameserver 10.0.0.53\r\n", "[10.0.0.53:53]", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			servers, err := parseResolvConf(strings.NewReader(row.file))
			left := ""
			if err != nil {
				left = err.Error()
			}
			if got := fmt.Sprint(servers); got != row.want || left != row.left {
				t.Errorf("got %s, %q, want %s, %q", got, left, row.want, row.left)
			}
		})
	}
}

func TestSearch(t *testing.T) {
	for _, row := range []struct{ name, file, want string }{
		{"a list", "search contoso.com corp.contoso.com.\nnameserver 10.0.0.53\n", "[contoso.com corp.contoso.com]"},
		{"one domain", "domain CONTOSO.com\n", "[contoso.com]"},
		{"the last line counts", "domain fabrikam.com\nsearch contoso.com\n", "[contoso.com]"},
		{"what is no host name is skipped", "search . con_toso,com \xff contoso.com\n", "[contoso.com]"},
		{"D31 only the first 8 of 10,000 count", "search" + strings.Repeat(" contoso.com", 10_000) + "\n", "[" + strings.Repeat("contoso.com ", 7) + "contoso.com]"},
		{"a comment", "# search contoso.com\nnameserver 10.0.0.53\n", "[]"},
		{"nothing", "", "[]"},
	} {
		if got := fmt.Sprint(parseSearch(strings.NewReader(row.file))); got != row.want {
			t.Errorf("%s: got %s, want %s", row.name, got, row.want)
		}
	}
}

// A resolver on this machine has its own list. One that names itself, or is not there, tells nothing.
func TestMend47UpstreamsOfTheResolverInUse(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	some := write("some", "nameserver 127.0.0.1\nnameserver 10.0.0.53\nnameserver 2001:db8::53\n")
	for _, row := range []struct{ name, path, resolvers, want string }{
		{"the stub of systemd-resolved", some, "127.0.0.53:53", "[10.0.0.53:53 [2001:db8::53]:53]"},
		{"both of its stubs", some, "127.0.0.53:53 127.0.0.54:53", "[10.0.0.53:53 [2001:db8::53]:53]"},
		{"another resolver, beside the file of that one", some, "127.0.0.1:53", "[]"},
		{"another resolver besides", some, "127.0.0.53:53 [::1]:53", "[]"},
		{"there is no such file", filepath.Join(dir, "missing"), "127.0.0.53:53", "[]"},
		{"it names itself", write("stub", "nameserver 127.0.0.53\n"), "127.0.0.53:53", "[]"},
		{"it names nobody yet", write("empty", "# none yet\n"), "127.0.0.53:53", "[]"},
	} {
		var resolvers []netip.AddrPort
		for text := range strings.FieldsSeq(row.resolvers) {
			resolvers = append(resolvers, netip.MustParseAddrPort(text))
		}
		if got := fmt.Sprint(upstreamsIn(row.path, resolvers)); got != row.want {
			t.Errorf("%s: got %s, want %s", row.name, got, row.want)
		}
	}
}

func TestResolvConfThatCannotBeRead(t *testing.T) {
	broken := errors.New("input/output error")
	if servers, err := parseResolvConf(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v, %v", servers, err)
	}
}

func TestSystemResolversFindSome(t *testing.T) {
	servers, err := SystemResolvers()
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		needs.Missing(t, "platform", "there is no resolv.conf on this system")
	case err != nil || len(servers) == 0 || len(servers) > maxServers:
		t.Errorf("got %v, %v", servers, err)
	}
}

func manyServers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "nameserver 10.0.%d.%d\n", i/250, i%250)
	}
	return b.String()
}
