//go:build linux

package e2e

import (
	"encoding/hex"
	"encoding/json"
	"testing"
)

// startKea leases addresses from h and hands out the options with Kea. Three facts about it: option 120 has no
// definition of its own in Kea 2.2 and is given as bytes; option 43 belongs to a client class that tests option
// 60; and a DHCPINFORM is answered as soon as its ciaddr lies in a configured subnet.
func startKea(t testing.TB, h *host, o options) *process {
	t.Helper()
	type m = map[string]any
	raw := func(code int, data []byte) m {
		return m{"code": code, "csv-format": false, "data": hex.EncodeToString(data)}
	}
	common := []m{{"name": "domain-name-servers", "data": dnsAddr}}
	if !o.noRouter {
		common = append(common, m{"name": "routers", "data": bridgeAddr})
	}
	if o.domain != "" {
		common = append(common, m{"name": "domain-name", "data": o.domain})
	}
	if value := o.option120(); value != nil {
		common = append(common, raw(120, value))
	}
	server := m{
		"interfaces-config": m{"interfaces": []string{"eth0"}, "dhcp-socket-type": "raw"},
		"lease-database":    m{"type": "memfile", "persist": false},
		"valid-lifetime":    3600,
		"authoritative":     true,
		"option-def":        []m{{"name": "sip-servers", "code": 120, "type": "binary"}},
		"subnet4": []m{{
			"id": 1, "subnet": "10.0.0.0/24", "interface": "eth0",
			"pools":       []m{{"pool": "10.0.0.100 - 10.0.0.199"}},
			"option-data": common,
		}},
		"loggers": []m{{"name": "kea-dhcp4", "severity": "DEBUG", "debuglevel": 40, "output_options": []m{{"output": "stdout", "flush": true}}}},
	}
	if value := o.option43(); value != nil { // An empty list would be a syntax error.
		server["client-classes"] = []m{{
			"name": o.vendor(), "test": "option[60].text == '" + o.vendor() + "'",
			"option-def":  []m{{"name": "vendor-encapsulated-options", "code": 43, "type": "binary"}},
			"option-data": []m{raw(43, value)},
		}}
	}
	config, err := json.Marshal(m{"Dhcp4": server})
	if err != nil {
		t.Fatal(err)
	}
	return runKea(t, h, string(config))
}

// runKea starts Kea with a whole configuration.
func runKea(t testing.TB, h *host, config string) *process {
	t.Helper()
	dir := t.TempDir()
	p := start(t, h, "env", "KEA_LOCKFILE_DIR=none", "KEA_PIDFILE_DIR="+dir, "kea-dhcp4", "-c", write(t, dir, "kea.json", config))
	waitDHCP(t, p)
	return p
}
