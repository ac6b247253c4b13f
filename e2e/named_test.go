//go:build linux

package e2e

import (
	"fmt"
	"testing"
)

// startNamed serves the zone from h with BIND. It is authoritative only: names of other domains are refused.
func startNamed(t testing.TB, h *host, z zone) *process {
	t.Helper()
	p := startNamedWith(t, h, fmt.Sprintf("zone %q { type primary; file %q; };", sipDomain, write(t, t.TempDir(), "zone", z.file(h))))
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
