package nearest

import "testing"

func TestSlip(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"nordwnd.example", "nordwind.example", true},  // one is missing
		{"nordwind.exmaple", "nordwind.example", true}, // two have changed places
		{"Contoso.con", "contoso.com", true},
		{"contoso.com", "contoso.com", false}, // no slip at all
		{"contoso.com", "contoso.de", false},
		{"contoso.com", "contoso.local", false},
		{"a.de", "ab.de", true},
		{"ab.de", "cd.de", false}, // half of it
		{"", "x", false},
	} {
		if got := Slip(test.a, test.b); got != test.want {
			t.Errorf("Slip(%q, %q) = %v", test.a, test.b, got)
		}
	}
}

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
