//go:build linux

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"homeward/e2e/netns"
)

// A device without a route lacks a network, not a capability.
func TestNamespaceMend29NoRoute(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "homeward.toml")
	text := "sip_address = \"sip:phone1@contoso.com\"\ndns_servers = [\"127.0.0.1:1\"]\nstate_dir = \"" + dir + "\"\nruntime_dir = \"" + dir + "\"\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		verb string
		code int
		want []string
	}{
		{"plan", exitNotRegistered, []string{"dhcp-no-network: there is no network on which to ask DHCP (there is no default route)\n", "network is unreachable"}},
		{"dhcp", exitFailed, []string{"dhcp-no-network: this device is not on the network: no interface has an address that others can answer to\n", "check the switch port of this device (802.1X, port security, VLAN), and its DHCP lease\n"}},
		{"check", exitNotRegistered, []string{"This device is not on the network: no interface has an address that others can answer to.\n", "not tested, because of: link and address\n"}},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), env{stdout: &out, stderr: &out}, []string{test.verb, "--config", file}); code != test.code {
			t.Errorf("%s: exit code %d, want %d", test.verb, code, test.code)
		}
		for _, want := range test.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s does not say %q", test.verb, want)
			}
		}
		if strings.Contains(out.String(), "CAP_NET_RAW") || strings.Contains(out.String(), "dhcp-not-permitted") {
			t.Errorf("%s asks for a capability", test.verb)
		}
		if t.Failed() {
			t.Logf("%s", &out)
		}
	}
}
