package nearest

import "testing"

func TestWord(t *testing.T) {
	names := []string{"sip_address", "password_file", "dns_servers", "dhcp", "auth", "user", "users"}
	for _, test := range []struct{ typed, want string }{
		{"sip_adress", "sip_address"},
		{"dns_server", "dns_servers"},
		{"dhpc", "dhcp"},
		{"passwordfile", "password_file"},
		{"DNSServers", "dns_servers"},      // whatever the case
		{"usr", "user"},                    // the nearest, whatever stands behind it
		{"passxxrxxfile", "password_file"}, // a third of the letters may be wrong,
		{"pxxxxrxxxile", ""},               // and no more
		{"xxxxauth", ""},
		{"colour", ""},
		{"", ""},
	} {
		if got := Word(test.typed, names); got != test.want {
			t.Errorf("Word(%q) = %q, want %q", test.typed, got, test.want)
		}
	}
}
