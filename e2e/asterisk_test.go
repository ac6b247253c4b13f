//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"homeward/e2e/needs"
)

// asterisks are the releases of Debian that have Asterisk; Debian 12 has not.
var asterisks = []struct{ version, suite string }{{"16", "bullseye"}, {"22", "sid"}}

func asteriskRoot(suite string) []string {
	return []string{suite, "systemd-sysv", "asterisk", "jq", "ca-certificates"}
}

// eachAsterisk runs a test in a Debian with each Asterisk that can be had, on a site of its own. One will do: Debian keeps
// neither of them for ever.
func eachAsterisk(t *testing.T, test func(*testing.T, *site, *appliance)) {
	if testing.Short() {
		t.Skip("left out by -short")
	}
	canBoot(t)
	var none error
	had := false
	for _, asterisk := range asterisks {
		root, err := debianRoot(t, asteriskRoot(asterisk.suite))
		if err != nil {
			t.Logf("Asterisk %s is not to be had: %v", asterisk.version, err)
			none = err
			continue
		}
		had = true
		t.Run("Asterisk "+asterisk.version, func(t *testing.T) {
			s := newSite(t)
			test(t, s, &appliance{host: s.device, root: root, init: systemdInit})
		})
	}
	if !had {
		needs.Missing(t, "network", none.Error())
	}
}

// asterisk runs a command of Asterisk's.
func (a *appliance) asterisk(t testing.TB, command string) string {
	t.Helper()
	return a.run(t, "asterisk", "-rx", command)
}

// edit changes a file of the appliance.
func (a *appliance) edit(t testing.TB, path string, change func(string) string) {
	t.Helper()
	a.install(t, path, change(read(t, filepath.Join(a.root, path))))
}

// installAsterisk installs homeward, and the example for Asterisk as docs/phones.md says.
func installAsterisk(t *testing.T, s *site, a *appliance) {
	t.Helper()
	s.device.address(t, "add", deviceAddr)
	a.trusts(t, s)
	runTool(t, exec.Command("chroot", a.root, "useradd", "--system", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", "homeward"))
	for path, text := range map[string]string{
		"etc/resolv.conf":       "nameserver " + dnsAddr + "\n",
		"etc/homeward/password": password + "\n",
		"etc/homeward/homeward.toml": fmt.Sprintf("sip_address = %q\ndhcp = \"off\"\n", "sip:"+sipUser+"@"+sipDomain) +
			`on_change = ["/usr/local/lib/homeward/asterisk-follow"]` + "\n",
		"etc/systemd/system/homeward.service": read(t, "../packaging/systemd/homeward.service"),
		"usr/bin/homeward":                    read(t, os.Getenv(envBinary)),
	} {
		a.install(t, path, text)
	}
	if err := errors.Join(os.Chmod(a.root+"/etc/homeward/password", 0o600), os.Chmod(a.root+"/usr/bin/homeward", 0o755)); err != nil {
		t.Fatal(err)
	}
	installScripts(t, a, "registrar-uri", "asterisk/asterisk-follow")
	a.edit(t, "etc/asterisk/pjsip.conf", func(text string) string {
		return text + strings.ReplaceAll(read(t, examples+"/asterisk/pjsip.conf"), "PASSWORD", password)
	})
	a.edit(t, "etc/asterisk/asterisk.conf", func(text string) string {
		return text + "\n[files]\nastctlpermissions = 0660\n"
	})
	runTool(t, exec.Command("chroot", a.root, "usermod", "--append", "--groups", "asterisk", "homeward"))
}

// boots starts an appliance with Asterisk, and tells what Asterisk knows when the test has failed.
func (a *appliance) boots(t *testing.T) {
	t.Helper()
	a.boot(t)
	eventually(t, "Asterisk has started", func() error {
		_, err := a.try("asterisk", "-rx", "core waitfullybooted")
		return err
	})
	t.Cleanup(func() {
		if t.Failed() {
			for _, command := range []string{"core show version", "pjsip show registrations", "pjsip show transports", "pjsip show contacts"} {
				out, _ := a.try("asterisk", "-rx", command)
				t.Logf("%s:\n%s", command, out)
			}
		}
	})
}

// TestMend25AsteriskFollows: Asterisk, with the example as it is shipped, signs in over TLS where homeward has, goes with it
// to the next Registrar when that one dies, and calls through it.
func TestMend25AsteriskFollows(t *testing.T) {
	eachAsterisk(t, func(t *testing.T, s *site, a *appliance) {
		startDnsmasqDNS(t, s.dns, zoneWith(at("internal-tls"), second))
		dying := startKamailio(t, s, settings{places: []place{at("internal-tls")}})
		other := startKamailio(t, s, settings{places: []place{second}})
		installAsterisk(t, s, a)
		a.boots(t)
		a.run(t, "systemctl", "enable", "--now", "homeward")
		p := phone{name: "asterisk", agent: "Asterisk"}
		p.awaitBinding(t, dying, "")
		dying.kill()
		p.awaitBinding(t, other, "")
		a.asterisk(t, "channel originate PJSIP/registrar-endpoint/sip:phone2@contoso.com application Wait 1")
		eventually(t, "the Registrar sees the call", contains(t, other.log, "request INVITE by tls on "+second.addr))
	})
}

// asteriskRegistrar is pjsip.conf of an Asterisk that is the Registrar of the site.
const asteriskRegistrar = `
[tls]
type=transport
protocol=tls
bind=%s:%d
method=tlsv1_2
cert_file=/etc/asterisk/site.pem
priv_key_file=/etc/asterisk/site.key
[phone1]
type=endpoint
context=default
disallow=all
allow=ulaw
auth=phone1
aors=phone1
[phone1]
type=auth
auth_type=userpass
username=phone1
password=%s
[phone1]
type=aor
max_contacts=MAX
remove_existing=yes
`

// TestMend25AsteriskIsTheRegistrar: what docs/phones.md says of one account for homeward and its phone. Asterisk calls one of
// the two, and where it lets an account have one binding, whoever registers takes it from the other.
func TestMend25AsteriskIsTheRegistrar(t *testing.T) {
	eachAsterisk(t, func(t *testing.T, s *site, a *appliance) {
		at := at("internal-tls")
		startNamed(t, s.dns, zoneWith(at))
		s.device.address(t, "add", deviceAddr)
		a.host = s.registrar
		config := fmt.Sprintf(asteriskRegistrar, at.addr, at.port, password)
		own := read(t, a.root+"/etc/asterisk/pjsip.conf")
		allow := func(bindings string) {
			a.install(t, "etc/asterisk/pjsip.conf", own+strings.ReplaceAll(config, "MAX", bindings))
		}
		cert, key := s.ca.issue(t, t.TempDir(), at.host)
		a.install(t, "etc/asterisk/site.pem", read(t, cert))
		a.install(t, "etc/asterisk/site.key", read(t, key))
		allow("2")
		a.boots(t)
		d := newDevice(t, s, `dhcp = "off"`)
		d.boot(t)
		d.awaitRegistered(t)
		a.contacts(t, 1)
		phone := startBaresip(t, s, at)
		both := a.contacts(t, 2)
		a.asterisk(t, "pjsip set history on")
		a.asterisk(t, "channel originate PJSIP/phone1 application Wait 1")
		eventually(t, "one of both is called", func() error {
			history := a.asterisk(t, "pjsip show history")
			if !slices.ContainsFunc(both, func(uri string) bool { return strings.Contains(history, "INVITE "+uri) }) {
				return fmt.Errorf("bindings %q, history\n%s", both, history)
			}
			return nil
		})
		a.asterisk(t, "channel request hangup all")
		if called := strings.Count(a.asterisk(t, "pjsip show history"), "INVITE sip:"); called != 1 {
			t.Errorf("%d of the two bindings are called", called)
		}
		phone.stop(t)
		d.stop(t)
		allow("1")
		a.asterisk(t, "core restart now")
		a.contacts(t, 0)
		d.boot(t)
		d.awaitRegistered(t)
		homeward := a.contacts(t, 1)
		phone = startBaresip(t, s, at)
		phones := a.takenFrom(t, homeward)
		if got := d.status(t); got.State != "registered" {
			t.Errorf("homeward knows of it: %+v", got)
		}
		d.kill()
		d.boot(t)
		taken := a.takenFrom(t, phones)
		// Where it is to hold no binding, the phone takes its own back, and keeps it.
		d.stop(t)
		phone.stop(t)
		startBaresip(t, s, at)
		phones = a.takenFrom(t, taken)
		write(t, d.dir, "homeward.toml", "binding = \"release\"\n"+read(t, d.config))
		for range 2 {
			d.boot(t)
			d.awaitRegistered(t)
			if now := a.contacts(t, 1); now[0] != phones[0] {
				t.Errorf("Asterisk has the binding %q, and not the phone's, %q", now, phones)
			}
			d.kill()
		}
	})
}

// contacts waits until Asterisk has so many bindings of the user, and returns their addresses.
func (a *appliance) contacts(t *testing.T, n int) (uris []string) {
	t.Helper()
	eventually(t, fmt.Sprintf("Asterisk has %d bindings", n), func() error {
		out, err := a.try("asterisk", "-rx", "pjsip show contacts")
		uris = nil
		for _, found := range contactURI.FindAllStringSubmatch(out, -1) {
			uris = append(uris, found[1])
		}
		if err != nil || len(uris) != n {
			return errors.Join(err, errors.New(out))
		}
		return nil
	})
	return uris
}

// takenFrom waits until the one binding is another one.
func (a *appliance) takenFrom(t *testing.T, before []string) (now []string) {
	t.Helper()
	eventually(t, "the binding is another's", func() error {
		if now = a.contacts(t, 1); now[0] == before[0] {
			return fmt.Errorf("it is %q", now)
		}
		return nil
	})
	return now
}

var contactURI = regexp.MustCompile(`Contact: +phone1/(sip:[^ ]+)`)
