package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pelletier/go-toml/v2"

	"homeward/provisioning"
)

// load reads a configuration file, which somebody has named, and flags, and checks all of it.
func load(t *testing.T, document string, flags ...string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "homeward.toml")
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	return loadFrom(t, Source{File: path, Named: true, Flags: flagsOf(t, flags...)})
}

// loadFrom reads a source, and checks all of it.
func loadFrom(t *testing.T, from Source) (*Config, error) {
	t.Helper()
	s, err := Load(from)
	if err != nil {
		return nil, err
	}
	return s.Check()
}

// flagsOf are flags given as name, text, name, text.
func flagsOf(t *testing.T, given ...string) map[string]Value {
	t.Helper()
	values := map[string]Value{}
	for i := 0; i < len(given); i += 2 {
		v := values[given[i]]
		if err := findKey(given[i]).Add(&v, given[i+1]); err != nil {
			t.Fatal(err)
		}
		values[given[i]] = v
	}
	return values
}

// hintsOf are what an error says that is to be done.
func hintsOf(err error) (hints []string) {
	var all Problems
	errors.As(err, &all)
	for _, p := range all {
		hints = append(hints, p.Hint)
	}
	return hints
}

// Without the default file nobody looks for a key in it.
func TestNoFile(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "homeward.toml")
	for _, named := range []bool{false, true} {
		_, err := loadFrom(t, Source{File: nowhere, Named: named})
		if want := "configuration: there is no file " + nowhere; err == nil || err.Error() != want || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want %s", err, want)
		}
		if hints := hintsOf(err); !slices.Equal(hints, []string{"homeward config example prints one"}) {
			t.Errorf("hints %q", hints)
		}
	}
	address := flagsOf(t, "sip_address", "sip:phone1@contoso.com")
	if _, err := loadFrom(t, Source{File: nowhere, Flags: address}); err != nil {
		t.Errorf("the address is a flag: %v", err)
	}
	if _, err := loadFrom(t, Source{File: nowhere, Named: true, Flags: address}); err == nil {
		t.Error("a file that was named is missing, and nobody says so")
	}
}

// The password that service managers take is used where nobody has said which.
func TestOwnPassword(t *testing.T) {
	dir := t.TempDir()
	at := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	own, other, file := at("own", "own"), at("other", "other"), at("homeward.toml", "")
	if err := os.Mkdir(filepath.Join(dir, "handed"), 0o700); err != nil {
		t.Fatal(err)
	}
	handed := filepath.Dir(at("handed/password", "handed over"))
	address := flagsOf(t, "sip_address", "sip:phone1@contoso.com")
	for _, test := range []struct {
		name   string
		source Source
		want   string
	}{
		{"it is there", Source{Password: own}, "own"},
		{"it is not", Source{Password: own + "1"}, ""},
		{"nobody says where it would be", Source{}, ""},
		{"a configuration was named", Source{Password: own, Named: true}, ""},
		{"it was handed over", Source{Password: own, Credentials: handed}, "handed over"},
		{"none was handed over", Source{Password: own, Credentials: dir + "/nothing"}, ""},
		{"another was named", Source{Password: own, Flags: flagsOf(t, "password_file", other)}, "other"},
	} {
		t.Run(test.name, func(t *testing.T) {
			from := test.source
			from.File = file
			if from.Flags == nil {
				from.Flags = map[string]Value{}
			}
			maps.Copy(from.Flags, address)
			got, err := loadFrom(t, from)
			if err != nil || got.Policy.Password.Reveal() != test.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	got, err := load(t, `sip_address = "sip:phone1@contoso.com"`)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Policy: provisioning.Policy{
			SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}, User: "phone1@contoso.com",
			Auth:     []string{"tls-dsk", "ntlm", "digest"},
			AllowTCP: true, TLSFloor: true, Naming: provisioning.NamingSuffix, TLSMin: 0x0303, Enrol: true,
			AskDHCP: true, ReadLease: true, StormWindow: -1, LeaseHooks: "/run/homeward-dhcp",
		},
		StateDir: "/var/lib/homeward", RuntimeDir: "/run/homeward", LogLevel: slog.LevelInfo, LogFormat: "auto", OnChange: []string{},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Config{}), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Config{}, "Files", "Policy.Given", "Policy.File")); diff != "" {
		t.Error(diff)
	}
}

func TestFileAndFlags(t *testing.T) {
	got, err := load(t, `
		sip_address = "sip:phone1@contoso.com"
		user = 'CONTOSO\phone1'
		auth = ["digest"]
		order = "communicator"
		strict_naming = "strict"
		allow_tcp = false
		tls_min = 1.0
		dns_servers = ["10.0.0.2"]
		dhcp = "off"
		log_level = "debug"
		on_change = ["reload", "--all"]
	`, "allow_tcp", "true", "dns_servers", "10.0.0.3,10.0.0.4:5353", "dns_servers", "10.0.0.5", "log_level", "warn", "on_change", "a,b", "on_change", "c")
	if err != nil {
		t.Fatal(err)
	}
	type summary struct {
		User, Auth           string
		Order                provisioning.Order
		Naming               provisioning.Naming
		AllowTCP, AskDHCP    bool
		TLSMin               uint16
		DNSServers           []netip.AddrPort
		Level                slog.Level
		OnChange, Exceptions []string
	}
	p := got.Policy
	want := summary{
		`CONTOSO\phone1`, "digest", provisioning.CommunicatorOrder, provisioning.NamingStrict, true, false, 0x0301,
		[]netip.AddrPort{netip.MustParseAddrPort("10.0.0.3:53"), netip.MustParseAddrPort("10.0.0.4:5353"), netip.MustParseAddrPort("10.0.0.5:53")},
		slog.LevelWarn, []string{"a,b", "c"},
		[]string{"tls_min is 1.0: this is an exception for old servers, do not leave it on"},
	}
	has := summary{p.User, strings.Join(p.Auth, " "), p.Order, p.Naming, p.AllowTCP, p.AskDHCP, p.TLSMin, p.DNSServers, got.LogLevel, got.OnChange, got.Warnings}
	if diff := cmp.Diff(want, has, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

// TestMend20Auth: schemes that this version does not speak are told, and are not among those of the policy.
func TestMend20Auth(t *testing.T) {
	for _, test := range []struct{ list, want string }{
		{`["ntlm"]`, "ntlm | "},
		{`["tls-dsk", "kerberos", "ntlm", "digest"]`, "tls-dsk ntlm digest | auth: ignored, because this version does not support it: kerberos"},
		{`["digest", "kerberos"]`, "digest | auth: ignored, because this version does not support it: kerberos"},
	} {
		got, err := load(t, "sip_address = \"sip:phone1@contoso.com\"\nauth = "+test.list)
		if err != nil {
			t.Errorf("%s: %v", test.list, err)
			continue
		}
		if said := strings.Join(got.Policy.Auth, " ") + " | " + strings.Join(got.Warnings, "; "); said != test.want {
			t.Errorf("%s: got %q, want %q", test.list, said, test.want)
		}
	}
}

// mistakes is what is told of so many lines with an unknown key.
func mistakes(lines int) string {
	var b strings.Builder
	for i := range lines {
		fmt.Fprintf(&b, "FILE:%d: unknown key \"a\"\n", i+1)
	}
	return b.String()
}

// C02 to C05, C08, C13: every mistake is told with its line.
func TestMistakesInTheFile(t *testing.T) {
	const good = `sip_address = "sip:phone1@contoso.com"` + "\n"
	for _, test := range []struct{ name, document, want string }{
		{"C02 an empty file", "", `sip_address: it is required, such as "sip:phone1@contoso.com"`},
		{"C04 a byte order mark and CR LF are accepted", "\ufeff" + strings.ReplaceAll(good+"user = \"x\"\n", "\n", "\r\n"), ""},
		{"C04 the line is right in a file with CR LF", "\r\n\r\nusr = \"x\"\r\n", `FILE:3: unknown key "usr", did you mean user?`},
		{"C04 bad UTF-8", good + "user = \"\xff\"\n", "FILE:2: invalid UTF-8 character in basic string"},
		{"C05 an unknown key, almost right", good + "\nsip_adress = \"x\"\n", `FILE:3: unknown key "sip_adress", did you mean sip_address?`},
		{"no fingerprint", good + "trust_pins = [\"sha1:00\"]\n", `FILE:2: trust_pins: "sha1:00" is not the SHA-256 of a certificate: "sha256:" and 64 hexadecimal digits`},
		{"another way to trust", good + "trust_bootstrap = \"always\"\n", `FILE:2: trust_bootstrap: "always" is not off, pin or first-use`},
		{"C05 an unknown key, far off", good + "colour = \"x\"\n", `FILE:2: unknown key "colour"`},
		{"all unknown keys at once", "a = 1\nb = 2\n" + good, "FILE:1: unknown key \"a\"\nFILE:2: unknown key \"b\""},
		{"a table", good + "[dns]\nservers = []\n", `FILE:2: the file has no sections; leave out "[dns]"`},
		{"a dotted key", good + "dns.servers = []\n", `FILE:2: unknown key "dns.servers", did you mean dns_servers?`},
		{"C13 a key twice", good + "user = \"a\"\n\nuser = \"b\"\n", "FILE:4: key user is already defined"},
		{"text without quotes", "sip_address = sip:phone1@contoso.com\n", "FILE:1: sip_address: the value must be text in quotes"},
		{"a word without quotes", good + "order = device\n", "FILE:2: order: the value must be text in quotes"},
		{"an address without quotes", good + "metrics_listen = 127.0.0.1:9187\n", "FILE:2: metrics_listen: the value must be text in quotes"},
		{"a list without brackets and quotes", good + "dns_servers = 10.0.0.2\n", `FILE:2: dns_servers: the value must be a list of quoted texts, such as ["10.0.0.2", "[2001:db8::2]:53"]`},
		{"a list without quotes", good + "auth = [ntlm]\n", `FILE:2: auth: the value must be a list of quoted texts, such as ["tls-dsk", "ntlm", "digest"]`},
		{"a command without quotes", good + "on_change = [reload]\n", `FILE:2: on_change: the value must be a list of quoted texts, such as ["/usr/local/bin/phone-reload", "--now"]`},
		{"a list that does not end", good + "auth = [\"ntlm\"\n", "FILE:2: array is incomplete"},
		{"yes for true", good + "allow_tcp = yes\n", "FILE:2: allow_tcp: the value must be true or false, in lower case, without quotes"},
		{"True", good + "allow_tcp = True\n", "FILE:2: allow_tcp: the value must be true or false, in lower case, without quotes"},
		{"more than true", good + "allow_tcp = true;\n", "FILE:2: expected newline but got U+003B ';'"},
		{"no value", good + "allow_tcp =\n", "FILE:2: allow_tcp: the value is missing"},
		{"a quote that is not closed", "sip_address = \"sip:phone1@contoso.com\n", "FILE:1: sip_address: the closing quote is missing"},
		{"a single quote that is not closed", good + "user = 'CONTOSO\n", "FILE:2: user: the closing quote is missing"},
		{"quotes of a word processor", "sip_address = \u201csip:phone1@contoso.com\u201d\n", "FILE:1: sip_address: the quotes must be straight ones, \" or '"},
		{"YAML", "# homeward\nsip_address: sip:phone1@contoso.com\n", "FILE:2: this is YAML, and the file must be TOML"},
		{"YAML that begins with ---", "---\nsip_address: sip:phone1@contoso.com\n", "FILE:1: this is YAML, and the file must be TOML"},
		{"JSON", "\n{\n  \"sip_address\": \"sip:phone1@contoso.com\"\n}\n", "FILE:2: this is JSON, and the file must be TOML"},
		{"a text without quotes in a list of several lines", good + "dns_servers = [ # two\n  \"[2001:db8::2]:53\",\n  10.0.0.2\n]\n", `FILE:4: dns_servers: in the list that begins in line 2: the value must be a list of quoted texts, such as ["10.0.0.2", "[2001:db8::2]:53"]`},
		{"a list of several lines that does not end", good + "auth = [\n  \"ntlm\",\nuser = \"a\"\n", "FILE:4: auth: the list that begins in line 2 has no closing ] before this line"},
		{"after a list of several lines", good + "auth = [\n  \"ntlm\",\n]\nuser\n", "FILE:5: expected '=' after key"},
		{"a key in upper case", good + "Allow_TCP = true\n", `FILE:2: unknown key "Allow_TCP", did you mean allow_tcp?`},
		{"no user", `sip_address = "sip:@contoso.com"`, `FILE:1: sip_address: "sip:@contoso.com" has nothing before the @: the name of the user is missing`},
		{"an IPv6 address with a port, without brackets", good + `internal_server = "2001:db8:0:0:0:0:0:5:5061"`, `FILE:2: internal_server: "2001:db8:0:0:0:0:0:5:5061": an IPv6 address that is followed by a port must be in brackets: [2001:db8::5]:5061`},
		{"a name server with a port, without brackets", good + `dns_servers = ["2001:db8:0:0:0:0:0:2:53"]`, `FILE:2: dns_servers: "2001:db8:0:0:0:0:0:2:53": an IPv6 address that is followed by a port must be in brackets: [2001:db8::2]:53`},
		{"metrics on an IPv6 address without brackets", good + `metrics_listen = "::1:9187"`, `FILE:2: metrics_listen: "::1:9187": an IPv6 address that is followed by a port must be in brackets: [::1]:9187`},
		{"more mistakes than anybody reads", strings.Repeat("a = 1\n", 15), strings.TrimSuffix(mistakes(15), "\n")},
		{"far more mistakes than anybody reads", strings.Repeat("a = 1\n", 10_000), mistakes(20) + "… and 9980 more"},
		{"a number for text", good + "user = 12\n", "FILE:2: user: the value must be text in quotes"},
		{"text for true", good + "allow_tcp = \"yes\"\n", "FILE:2: allow_tcp: the value must be true or false, without quotes"},
		{"text for a list", good + "dns_servers = \"10.0.0.2\"\n", `FILE:2: dns_servers: the value must be a list of quoted texts, such as ["10.0.0.2", "[2001:db8::2]:53"]`},
		{"numbers in a list", good + "auth = [1]\n", `FILE:2: auth: the value must be a list of quoted texts, such as ["tls-dsk", "ntlm", "digest"]`},
		{"the password itself", good + "password = \"secret\"\n", "FILE:2: there is no key for the password itself; put it into a separate file and name that file in password_file"},
		{"a key of before", good + "digest_over_tcp = true\n", `FILE:2: unknown key "digest_over_tcp": use credentials_over_tcp, which applies to NTLM too`},
		{"values that make no sense, all at once", "sip_address = \"contoso.com\"\norder = \"any\"\n", "FILE:1: sip_address: \"contoso.com\" does not begin with \"sip:\"\nFILE:2: order: \"any\" is not device or communicator"},
		{"an unknown scheme", good + `auth = ["basic"]`, `FILE:2: auth: "basic" is not tls-dsk, ntlm or digest`},
		{"only schemes that this version does not speak", good + `auth = ["kerberos"]`, `FILE:2: auth: this version supports none of kerberos`},
		{"no scheme at all", good + `auth = []`, `FILE:2: auth: it names nothing`},
		{"a scheme twice", good + `auth = ["digest", "digest"]`, `FILE:2: auth: "digest" is listed twice`},
		{"a TLS version that is none", good + `tls_min = "1.4"`, `FILE:2: tls_min: "1.4" is not 1.0, 1.1, 1.2 or 1.3`},
		{"a way to ask DHCP that is none", good + `dhcp = "leases"`, `FILE:2: dhcp: "leases" is not auto, inform, lease or off`},
		{"metrics without a port", good + `metrics_listen = "127.0.0.1"`, `FILE:2: metrics_listen: "127.0.0.1" is not addr:port`},
		{"metrics on a port that is none", good + `metrics_listen = ":http"`, `FILE:2: metrics_listen: ":http": the port is a number from 1 to 65535`},
		{"metrics on a name", good + `metrics_listen = "phone1:9187"`, `FILE:2: metrics_listen: "phone1:9187": "phone1" is not an address of this device`},
		{"a missing file of roots", good + `roots = ["/nonexistent/root.pem"]`, "there is no file /nonexistent/root.pem (roots, FILE:2), so homeward does not start"},
		{"an interface with a slash", good + `interface = "../eth0"`, `FILE:2: interface: "../eth0" is not the name of an interface`},
		{"a user with a line break", good + `user = "a\r\nb"`, `FILE:2: user: "a\r\nb" contains non-printable characters`},
		{"a User-Agent with a line break", good + `user_agent = "a\r\nVia: b"`, `FILE:2: user_agent: "a\r\nVia: b": "a\r\nVia:" is not a name, or a name/version, of letters, digits and -.!%*_+` + "`'~"},
		{"an empty directory", good + `state_dir = ""`, "FILE:2: state_dir: it is empty"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "homeward.toml")
			if err := os.WriteFile(path, []byte(test.document), 0o600); err != nil {
				t.Fatal(err)
			}
			got := ""
			if _, err := loadFrom(t, Source{File: path, Named: true}); err != nil {
				got = strings.ReplaceAll(err.Error(), path, "FILE")
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMistakesInFlags(t *testing.T) {
	_, err := load(t, "sip_address = \"sip:phone1@contoso.com\"\norder = \"device\"", "order", "any", "dhcp", "leases")
	if got, want := outcome("", err), "error: --order: \"any\" is not device or communicator\n--dhcp: \"leases\" is not auto, inform, lease or off"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var all Problems
	if !errors.As(err, &all) || len(all) != 2 || all[0].Key != "order" || all[0].From != (Origin{Flag: "order"}) {
		t.Errorf("got %+v", all)
	}
	var v Value
	if err := findKey("allow_tcp").Add(&v, "maybe"); err == nil || err.Error() != "the value must be true or false" {
		t.Errorf("maybe: %v", err)
	}
}

func TestKeysAreTheOnesOfTheInterface(t *testing.T) {
	want := strings.Fields(`sip_address user password_file auth enrol interface order internal_server external_server allow_tcp tls_floor
		strict_naming roots trust_bootstrap trust_pins first_use_sends_credentials credentials_over_tcp tls_min dns_servers dhcp state_dir runtime_dir pin_sign_in phone pin_file log_level log_format on_change metrics_listen user_agent binding
		storm_window fleet_broker fleet_site fleet_cert fleet_key fleet_device fleet_roots fleet_identities`)
	var got []string
	for _, k := range keys {
		got = append(got, k.Name)
		if (k.Default == "") == (k.Example == "") {
			t.Errorf("%s: a key has a default or an example", k.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is said of keys to those who make flags, completion and JSON of them.
func TestKeys(t *testing.T) {
	if names := AllBut("password_file"); len(names) != len(keys)-1 || slices.Contains(names, "password_file") || names[0] != "sip_address" {
		t.Errorf("all but one are %q", names)
	}
	for name, kept := range choices {
		if k := findKey(name); k == nil || !slices.Equal(k.Choices(), kept) {
			t.Errorf("%s has choices, and is no key", name)
		}
	}
	v := Value{Text: "a", Truth: true, List: []string{"b"}}
	for name, want := range map[string]any{"user": "a", "allow_tcp": true, "roots": []string{"b"}, "on_change": []string{"b"}} {
		if diff := cmp.Diff(want, findKey(name).Plain(v)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if k := findKey("sip_address"); k.Flag() != "sip-address" || k.Sample() != k.Example {
		t.Errorf("got --%s, %s", k.Flag(), k.Sample())
	}
	if k := findKey("order"); k.Sample() != `"device"` {
		t.Errorf("got %s", k.Sample())
	}
}

// The example is a file that works, and every line of it can be switched on.
func TestExample(t *testing.T) {
	if _, err := load(t, Example()); err != nil {
		t.Error(err)
	}
	var all []string
	for line := range strings.Lines(Example()) {
		if s, commented := strings.CutPrefix(line, "#"); commented && !strings.HasPrefix(s, " ") {
			line = s
		}
		all = append(all, line)
	}
	document := strings.Join(all, "")
	var values map[string]any
	if err := toml.Unmarshal([]byte(document), &values); err != nil {
		t.Fatal(err)
	}
	if len(values) != len(keys) {
		t.Errorf("the example has %d keys, want %d", len(values), len(keys))
	}
	s, err := Parse("example", []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if files := []string{"password_file", "roots"}; slices.Contains(files, k.Name) {
			continue // name files that this machine does not have
		}
		if err := k.check(s.Of(k.Name).Value, &Config{}); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
}

func TestHowDHCPIsAsked(t *testing.T) {
	for way, want := range map[string][2]bool{"auto": {true, true}, "inform": {true, false}, "lease": {false, true}, "off": {false, false}} {
		got, err := load(t, `sip_address = "sip:phone1@contoso.com"`, "dhcp", way, "runtime_dir", "/tmp/run")
		if err != nil {
			t.Fatal(err)
		}
		if p := got.Policy; [2]bool{p.AskDHCP, p.ReadLease} != want || p.LeaseHooks != "/tmp/run-dhcp" {
			t.Errorf("%s: asks %v, reads %v from %s", way, p.AskDHCP, p.ReadLease, p.LeaseHooks)
		}
	}
}
