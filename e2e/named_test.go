//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// startNamed serves the zone from h with BIND. It is authoritative only: names of other domains are refused.
func startNamed(t testing.TB, h *host, z zone) *process {
	t.Helper()
	p := startNamedWith(t, h, fmt.Sprintf("zone %q { type primary; file %q; };", sipDomain, write(t, t.TempDir(), "zone", z.file(h))))
	waitDNS(t, h, p, "NOERROR")
	return p
}

// startNamedWith runs BIND on h with the zones of a configuration file, authoritative only unless options say more.
func startNamedWith(t testing.TB, h *host, zones string, options ...string) *process {
	t.Helper()
	if len(options) == 0 {
		options = []string{"recursion no", "dnssec-validation no"}
	}
	dir := t.TempDir()
	conf := write(t, dir, "named.conf", fmt.Sprintf(`options {
	directory %q;
	pid-file none;
	session-keyfile none;
	listen-on { any; };
	listen-on-v6 { none; };
	querylog yes;
	%s;
};
controls { };
%s
`, dir, strings.Join(options, "; "), zones))
	return start(t, h, "named", "-g", "-n", "1", "-c", conf)
}
