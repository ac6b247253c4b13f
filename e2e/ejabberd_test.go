//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// startEjabberd runs ejabberd as the Registrar of a place. It has a Registrar of its own, written in Erlang (esip), that is neither
// Kamailio's nor Asterisk's. It is started without ejabberdctl, which wants a user of its own.
func startEjabberd(t testing.TB, s *site, p place) *process {
	t.Helper()
	program(t, "/usr/lib/*/ejabberd-*/ebin/ejabberd.app")
	program(t, "/usr/lib/erlang/lib/p1_sip-*/ebin/esip.app")
	dir := t.TempDir()
	cert, key := s.ca.issue(t, dir, p.host)
	config := fmt.Sprintf(`hosts: ["%s"]
certfiles: ["%s"]
ca_file: "%s"
listen:
  - {port: %d, ip: "%s", module: ejabberd_sip, transport: tcp, tls: true}
auth_method: internal
acme: {auto: false}
modules: {mod_sip: {}}
`, sipDomain, write(t, dir, "all.pem", read(t, cert)+read(t, key)), s.ca.file, p.port, p.addr)
	code, err := filepath.Glob("/usr/lib/*/ejabberd-*/ebin")
	if err != nil {
		t.Fatal(err)
	}
	argv := []string{"env", "HOME=" + dir, "ERL_CRASH_DUMP=/dev/null", "erl", "-noinput", "-pa"}
	for _, path := range code {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			argv = append(argv, path)
		}
	}
	server := start(t, s.registrar, append(argv, "-mnesia", "dir", fmt.Sprintf("%q", dir+"/spool"),
		"-ejabberd", "config", fmt.Sprintf("%q", write(t, dir, "ejabberd.yml", config)), "log_path", fmt.Sprintf("%q", dir+"/ejabberd.log"),
		"-s", "ejabberd", "-eval", fmt.Sprintf(`io:format("user: ~p~n", [ejabberd_auth:try_register(<<"%s">>, <<"%s">>, <<"%s">>)]).`, sipUser, sipDomain, password))...)
	eventually(t, "ejabberd knows the user", contains(t, server.log, "user: ok"))
	listens(t, server, p)
	return server
}

// TestEjabberd: the device signs in to ejabberd, keeps the binding, and gives it back.
func TestEjabberd(t *testing.T) {
	s := newSite(t)
	plugIn(t, s)
	startNamed(t, s.dns, zoneWith(fe01))
	startEjabberd(t, s, fe01)
	d := newDevice(t, s, `dhcp = "off"`)
	if r := d.check(t); r.Verdict != "ok" {
		t.Errorf("check: %s\n%s", r.Verdict, strings.Join(r.Summary, "\n"))
	}
	d.boot(t)
	d.awaitRegistered(t)
	if code := d.stop(t); code != 0 {
		t.Errorf("the daemon ends with %d", code)
	}
}
