//go:build unix

package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeward/internal/brokertest"
)

// What a site can get wrong about the broker is said before the daemon starts.
func TestBroker(t *testing.T) {
	dir, a := t.TempDir(), brokertest.Other(t)
	brokertest.Files(t, dir, "phone1", a.Certificate(t, "phone1"))
	brokertest.Files(t, dir, "nameless", a.Certificate(t, ""))
	brokertest.Files(t, dir, "other", a.Certificate(t, "a/b"))
	open := filepath.Join(dir, "open.key")
	text, _ := os.ReadFile(filepath.Join(dir, "phone1.key"))
	os.WriteFile(open, text, 0o644)
	os.Chmod(open, 0o644)
	const broker = `fleet_broker = "mqtts://broker.contoso.com"` + "\n"
	pair := func(name string) string {
		return `fleet_cert = "DIR/` + name + `.pem"` + "\n" + `fleet_key = "DIR/` + name + `.key"` + "\n"
	}
	for _, test := range []struct{ name, document, want string }{
		{"none, and nothing else counts", `fleet_cert = "/nonexistent"` + "\n" + `fleet_roots = ["/nonexistent"]`, ": "},
		{"the name in the certificate", broker + pair("phone1"), "broker.contoso.com:8883: default/phone1"},
		{"a name of its own", broker + pair("phone1") + `fleet_device = "desk-7"` + "\n" + `fleet_site = "berlin"`, "broker.contoso.com:8883: berlin/desk-7"},
		{"a port, and IPv6", `fleet_broker = "mqtts://[2001:db8::2]:443/"` + "\n" + pair("phone1"), "[2001:db8::2]:443: default/phone1"},
		{"no certificate", broker, "fleet_cert: it is required with fleet_broker\nfleet_key: it is required with fleet_broker"},
		{"a certificate without a name", broker + pair("nameless"), "fleet_device: it is required, because fleet_cert has no common name"},
		{"a name of two levels", broker + pair("other"), `fleet_device: "a/b": only letters, digits and .-_@: can be used`},
		{"a site that is a wildcard", broker + pair("phone1") + `fleet_site = "+"`, `FILE:4: fleet_site: "+": only letters, digits and .-_@: can be used`},
		{"a key that others can read", broker + strings.Replace(pair("phone1"), "phone1.key", "open.key", 1), "FILE:3: fleet_key: DIR/open.key has mode 0644, and must have 0600 or 0400"},
		{"the key of another", broker + strings.Replace(pair("phone1"), "phone1.key", "other.key", 1), "FILE:3: fleet_key: DIR/phone1.pem and DIR/other.key are no certificate in PEM with its key: private key does not match public key"},
		{"no TLS", `fleet_broker = "mqtt://broker.contoso.com"`, `FILE:1: fleet_broker: "mqtt://broker.contoso.com": the broker is spoken to over TLS only, mqtts://`},
		{"a password", `fleet_broker = "mqtts://user:secret@broker.contoso.com"`, `FILE:1: fleet_broker: a user name or password does not belong into the file; the broker knows the device by fleet_cert`},
		{"a host alone", `fleet_broker = "broker.contoso.com"`, `FILE:1: fleet_broker: "broker.contoso.com" is not mqtts://host[:port]`},
		{"roots that are missing", broker + pair("phone1") + `fleet_roots = ["/nonexistent"]`, "FILE:4: fleet_roots: there is no file /nonexistent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "homeward.toml")
			document := strings.ReplaceAll(test.document, "DIR", dir) + "\nsip_address = \"sip:phone1@contoso.com\"\n"
			os.WriteFile(path, []byte(document), 0o600)
			conf, err := loadFrom(t, Source{File: path, Named: true})
			got := ""
			if err != nil {
				got = strings.NewReplacer(path, "FILE", dir, "DIR").Replace(err.Error())
			} else {
				got = conf.Fleet.Broker + ": " + strings.TrimPrefix(conf.Fleet.Name.String(), "/")
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
