//go:build linux

package e2e

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// startNamed serves the zone from h with BIND. It is authoritative only: names of other domains are refused.
func startNamed(t testing.TB, h *host, z zone) *process {
	t.Helper()
	dir := t.TempDir()
	var records strings.Builder
	fmt.Fprintf(&records, "$ORIGIN %s.\n$TTL 60\n@ SOA dns hostmaster 1 3600 600 86400 60\n@ NS dns\ndns A %s\n", sipDomain, dnsAddr)
	for _, s := range z.srv {
		fmt.Fprintf(&records, "%s. SRV %d %d %d %s.\n", s.name, s.priority, s.weight, s.port, s.target)
	}
	for _, name := range slices.Sorted(maps.Keys(z.addrs)) {
		fmt.Fprintf(&records, "%s. A %s\n", name, z.addrs[name])
	}
	file := write(t, dir, "zone", records.String())
	conf := write(t, dir, "named.conf", fmt.Sprintf(`options {
	directory %q;
	pid-file none;
	session-keyfile none;
	listen-on { %s; };
	listen-on-v6 { none; };
	recursion no;
	dnssec-validation no;
	querylog yes;
};
controls { };
zone %q { type primary; file %q; };
`, dir, dnsAddr, sipDomain, filepath.Base(file)))
	p := start(t, h, "named", "-g", "-n", "1", "-c", conf)
	waitDNS(t, p, "NOERROR")
	return p
}
