package place

import (
	"strings"
	"testing"
)

func TestHostNames(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, row := range []struct{ name, want string }{ // D18: refused where want is empty
		{"FE01.Contoso.com.", "fe01.contoso.com"},
		{"fe01", "fe01"},
		{"az-AZ-09", "az-az-09"},
		{"xn--bcher-kva.contoso.com", "xn--bcher-kva.contoso.com"},
		{"1.2.3.4.in-addr.arpa", "1.2.3.4.in-addr.arpa"},
		{long + "." + long + "." + long + "." + long[:61], long + "." + long + "." + long + "." + long[:61]},
		{long + "." + long + "." + long + "." + long[:62], ""},
		{long + "a.com", ""},
		{"", ""}, {".", ""}, {"a..b", ""}, {".a", ""}, {"a.com..", ""},
		{"-a.com", ""}, {"a-.com", ""},
		{"10.0.0.1", ""}, {"1", ""}, {"a.1", ""}, {"2001:db8::1", ""},
		{"_sip.contoso.com", ""}, {"a b.com", ""}, {"a\x00.com", ""}, {"a\n.com", ""}, {`a\.b.com`, ""},
		{"bücher.com", ""}, {"\u017fip.com", ""}, {"\u212a.com", ""}, {"a/b.com", ""}, {"a;reboot.com", ""},
	} {
		got, err := HostName(row.name)
		if got != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%q: got %q, %v", row.name, got, err)
		}
		if again, _ := HostName(got); again != got {
			t.Errorf("%q is not in normal form: that is %q", got, again)
		}
	}
}

func TestHosts(t *testing.T) {
	for _, row := range []struct{ host, want string }{ // refused where want is empty
		{"FE01.Contoso.com.", "fe01.contoso.com"},
		{"10.0.0.5", "10.0.0.5"},
		{"2001:DB8:0:0::5", "2001:db8::5"},
		{"::ffff:10.0.0.5", "10.0.0.5"},
		{"[2001:db8::5]", ""}, {"fe80::5%eth0", ""}, {"10.0.0.05", ""}, {"10.0.0", ""}, {"10.0.0.5.", ""}, {"", ""},
	} {
		if got, err := Host(row.host); got != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%q: got %q, %v", row.host, got, err)
		}
	}
}
