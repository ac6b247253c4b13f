//go:build linux

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// startNamed serves the zone from h with BIND. It is authoritative only: names of other domains are refused.
func startNamed(t testing.TB, h *host, z zone) *process {
	t.Helper()
	var records strings.Builder
	fmt.Fprintf(&records, "$ORIGIN %s.\n$TTL 60\n@ SOA dns hostmaster 1 3600 600 86400 60\n@ NS dns\ndns A %s\n", sipDomain, h.addr)
	for _, s := range z.srv {
		fmt.Fprintf(&records, "%s. SRV %d %d %d %s.\n", s.name, s.priority, s.weight, s.port, s.target)
	}
	for _, name := range slices.Sorted(maps.Keys(z.addrs)) {
		fmt.Fprintf(&records, "%s. A %s\n", name, z.addrs[name])
	}
	for _, record := range z.more {
		fmt.Fprintln(&records, record)
	}
	p := startNamedWith(t, h, fmt.Sprintf("zone %q { type primary; file %q; };", sipDomain, write(t, t.TempDir(), "zone", records.String())))
	waitDNS(t, h, p, "NOERROR")
	return p
}

// startNamedWith runs BIND on h with the zones of a configuration file.
func startNamedWith(t testing.TB, h *host, zones string) *process {
	t.Helper()
	dir := t.TempDir()
	conf := write(t, dir, "named.conf", fmt.Sprintf(`options {
	directory %q;
	pid-file none;
	session-keyfile none;
	listen-on { any; };
	listen-on-v6 { none; };
	recursion no;
	dnssec-validation no;
	querylog yes;
};
controls { };
%s
`, dir, zones))
	return start(t, h, "named", "-g", "-n", "1", "-c", conf)
}
