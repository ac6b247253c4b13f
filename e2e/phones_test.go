//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const examples = "../packaging/examples"

// phone is one of the examples, installed as docs/phones.md says.
type phone struct {
	name    string // of its unit, its user, its directories, and what the example is called
	program string
	agent   string   // how the User-Agent of its REGISTER begins
	own     []string // files that its user alone may read
	call    string   // makes it call sip:phone2 of the site
}

const phoneUser = 951

var phones = []phone{
	{"linphone", "linphone-daemon", "Unknown", []string{"linphonerc.in"}, `echo call sip:phone2@contoso.com | nc.openbsd -N -U /run/linphone/phone`},
	{"baresip", "baresip", "baresip", []string{"accounts.in", "config"}, `echo '52:{"command":"dial","params":"sip:phone2@contoso.com"},' | nc.openbsd -N 127.0.0.1 4444`},
}

// TestPhoneFollows: a real phone signs in over TLS where homeward has, goes with it to the next Registrar when that one
// dies, and when it starts anew while DNS is silent it signs in there again and calls through it. Nobody touches it.
func TestPhoneFollows(t *testing.T) {
	for _, p := range phones {
		t.Run(p.name, func(t *testing.T) {
			for _, name := range []string{p.program, "jq", "nc.openbsd"} {
				program(t, name)
			}
			s := newSite(t)
			startDnsmasqDNS(t, s.dns, zoneWith(at("internal-tls"), second))
			startKea(t, s.dhcp, options{})
			dying := startKamailio(t, s, settings{places: []place{at("internal-tls")}})
			other := startKamailio(t, s, settings{places: []place{second}})
			startDhclient(t, s.device)
			a := newAppliance(t, s, "")
			p.install(t, a)
			a.boot(t)
			t.Cleanup(func() {
				if t.Failed() {
					out, _ := a.try("journalctl", "--no-pager", "--unit", p.name+"*")
					t.Logf("--- the journal of the phone (last %d bytes):\n%s", logTail, out[max(0, len(out)-logTail):])
				}
			})
			a.run(t, "systemctl", "enable", "--now", p.name, "homeward")
			p.awaitBinding(t, dying, "")
			dying.kill()
			before := p.awaitBinding(t, other, "")
			s.dns.fault(t, silentDNS)
			a.run(t, "systemctl", "restart", p.name)
			p.awaitBinding(t, other, before)
			a.run(t, "sh", "-c", p.call)
			eventually(t, "the Registrar sees the call", contains(t, other.log, "request INVITE by tls on "+second.addr))
		})
	}
}

// install puts the example on the appliance, with its user.
func (p phone) install(t *testing.T, a *appliance) {
	t.Helper()
	a.install(t, "etc/passwd", read(t, a.root+"/etc/passwd")+fmt.Sprintf("%s:x:%d:%[2]d::/nonexistent:/usr/sbin/nologin\n", p.name, phoneUser))
	group := strings.Replace(read(t, a.root+"/etc/group"), "homeward:x:950:\n", "homeward:x:950:"+p.name+"\n", 1)
	a.install(t, "etc/group", group+fmt.Sprintf("%s:x:%d:\n", p.name, phoneUser))
	for _, unit := range []string{p.name + ".service", p.name + "-follow.service"} {
		a.install(t, "etc/systemd/system/"+unit, read(t, filepath.Join(examples, p.name, unit)))
	}
	installScripts(t, a, "registrar-uri", p.name+"/"+p.name+"-follow")
	site := strings.NewReplacer("PASSWORD", password, "/etc/ssl/certs/ca-certificates.crt", "/etc/homeward/site-root.pem")
	for _, name := range p.own {
		path := filepath.Join("var/lib", p.name, name)
		a.install(t, path, site.Replace(read(t, filepath.Join(examples, p.name, name))))
		path = filepath.Join(a.root, path)
		if err := errors.Join(os.Chmod(path, 0o600), os.Chown(path, phoneUser, phoneUser)); err != nil {
			t.Fatal(err)
		}
	}
}

func installScripts(t *testing.T, a *appliance, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join("usr/local/lib/homeward", filepath.Base(name))
		a.install(t, path, read(t, filepath.Join(examples, name)))
		if err := os.Chmod(filepath.Join(a.root, path), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitBinding waits until the phone has a binding other than before, and returns it.
func (p phone) awaitBinding(t *testing.T, r *registrar, before string) (binding string) {
	t.Helper()
	eventually(t, p.name+" has a new binding", func() error {
		known := r.contacts(t)
		i := slices.IndexFunc(known, func(c contact) bool { return strings.HasPrefix(c.Agent, p.agent) && c.Address != before })
		if i < 0 {
			return fmt.Errorf("the Registrar has %+v", known)
		}
		binding = known[i].Address
		return nil
	})
	return binding
}

// TestOnChangeInTheSandbox: what the example for Asterisk does is possible where on_change runs, and the change of the
// Registrar reaches it.
func TestOnChangeInTheSandbox(t *testing.T) {
	program(t, "jq")
	s := newSite(t)
	startDnsmasqDNS(t, s.dns, zoneWith(at("internal-tls"), second))
	startKea(t, s.dhcp, options{})
	dying := startKamailio(t, s, settings{places: []place{at("internal-tls")}})
	startKamailio(t, s, settings{places: []place{second}})
	startDhclient(t, s.device)
	a := newAppliance(t, s, "")
	installScripts(t, a, "registrar-uri", "asterisk/asterisk-follow")
	a.install(t, "etc/homeward/homeward.toml", `on_change = ["/usr/local/lib/homeward/asterisk-follow"]`+"\n"+read(t, a.root+"/etc/homeward/homeward.toml"))
	a.boot(t)
	a.run(t, "systemctl", "enable", "--now", "homeward")
	included := func(p place) {
		t.Helper()
		eventually(t, "what Asterisk includes has "+p.host, func() error {
			out, err := a.try("stat", "--format=%a %U", "/run/homeward/pjsip-registrar.conf")
			if out != "644 homeward" {
				return fmt.Errorf("it is %q, %w", out, err)
			}
			if out = a.run(t, "cat", "/run/homeward/pjsip-registrar.conf"); !strings.Contains(out, "sip:"+p.host) {
				return errors.New(out)
			}
			return nil
		})
	}
	included(at("internal-tls"))
	dying.kill()
	included(second)
}

// TestFollowWrites: the loops beside the phones write a file when the phone is to have another Registrar and can take it
// now, and at no other time: they look every two seconds, for years, and the file is on flash.
func TestFollowWrites(t *testing.T) {
	program(t, "jq")
	const uri, another = "sip:fe01.contoso.com:5061;transport=tls;maddr=10.0.0.5", "sip:fe02.contoso.com:5061;transport=tls"
	for _, p := range []struct{ name, config, free, call string }{
		{"baresip", "accounts", `{"ok":true,"data":"--- Active calls (0) ---"}`, `{"ok":true,"data":"--- Active calls (1) ---"}`},
		{"linphone", "linphonerc", "Status: Error\nReason: No current call available.", "Status: Ok\nState: LinphoneCallStreamsRunning"},
	} {
		for _, c := range []struct{ name, has, answer, want string }{
			{"it has this Registrar", uri, p.free, uri},
			{"it has another", another, p.free, uri},
			{"it is in a call", another, p.call, another},
			{"it does not run", another, "", another},
		} {
			t.Run(p.name+": "+c.name, func(t *testing.T) {
				dir := t.TempDir()
				template := `password "\n"; <@REGISTRAR@>` + "\n"
				write(t, dir, p.config+".in", template)
				write(t, dir, p.config, strings.ReplaceAll(template, "@REGISTRAR@", c.has))
				asked := followOnce(t, p.name, dir, c.answer)
				if got, want := read(t, dir+"/"+p.config), strings.ReplaceAll(template, "@REGISTRAR@", c.want); got != want {
					t.Errorf("it is %q, want %q", got, want)
				}
				if left, _ := filepath.Glob(dir + "/*"); len(left) != 2 {
					t.Errorf("there is %q", left)
				}
				if strings.Contains(asked, "quit") != (c.has != c.want) {
					t.Errorf("the phone is told %q", asked)
				}
			})
		}
	}
}

// followOnce has the loop beside a phone look once, and returns what the phone is told, which answers always the same.
func followOnce(t *testing.T, name, dir, answer string) (asked string) {
	t.Helper()
	bin := t.TempDir()
	for file, text := range map[string]string{
		name + "-follow": read(t, filepath.Join(examples, name, name+"-follow")),
		"registrar-uri":  read(t, filepath.Join(examples, "registrar-uri")),
		"sleep":          "#!/bin/sh\nmkdir " + bin + "/slept\n", // the second time it fails, and the loop ends
		"nc.openbsd":     "#!/bin/sh\ncat >>" + bin + "/asked\ncat <<'E'\n" + answer + "\nE\n",
	} {
		if err := os.Chmod(write(t, bin, file, text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	file := write(t, bin, "registrar.json", `{"registrar":{"host":"fe01.contoso.com","port":5061,"transport":"tls","address":"10.0.0.5"}}`)
	write(t, bin, "asked", "")
	cmd := exec.Command(bin+"/"+name+"-follow", dir, file)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	out, _ := cmd.CombinedOutput() // it ends as sleep does
	t.Logf("%s", out)
	return read(t, bin+"/asked")
}

// TestRegistrarURI: what the examples make of registrar.json. A name that is none is not passed on to a phone.
func TestRegistrarURI(t *testing.T) {
	program(t, "jq")
	for _, c := range []struct{ registrar, want string }{
		{`{"host":"fe01.contoso.com","port":5061,"transport":"tls","address":"10.0.0.5"}`, "sip:fe01.contoso.com:5061;transport=tls;maddr=10.0.0.5\n"},
		{`{"host":"fe01.contoso.com","port":5060,"transport":"tcp"}`, "sip:fe01.contoso.com:5060;transport=tcp\n"},
		{`{"host":"2001:db8::5","port":5060,"transport":"tcp","address":"2001:db8::5"}`, "sip:[2001:db8::5]:5060;transport=tcp;maddr=2001:db8::5\n"},
		{`null`, ""},
		{`{"host":"fe01.contoso.com>\nquit","port":5060,"transport":"tcp"}`, ""},
		{`{"host":"fe01.contoso.com\"|&","port":5060,"transport":"tcp"}`, ""},
	} {
		file := write(t, t.TempDir(), "registrar.json", `{"version":1,"registrar":`+c.registrar+`}`)
		got, err := exec.Command(examples+"/registrar-uri", file).Output()
		if err != nil || string(got) != c.want {
			t.Errorf("%s\n got %q, %v\nwant %q", c.registrar, got, err, c.want)
		}
	}
}

// TestAsteriskExample: Debian 12 has no Asterisk. What is written for it adds to sections that the example has.
func TestAsteriskExample(t *testing.T) {
	for _, name := range []string{"jq", "sed"} {
		program(t, name)
	}
	dir := t.TempDir()
	for _, name := range []string{"registrar-uri", "asterisk/asterisk-follow"} {
		if err := os.Chmod(write(t, dir, filepath.Base(name), read(t, filepath.Join(examples, name))), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	file := write(t, dir, "registrar.json", `{"registrar":{"host":"fe01.contoso.com","port":5061,"transport":"tls","address":"10.0.0.5"}}`)
	out, _ := exec.Command(dir+"/asterisk-follow", file).CombinedOutput() // it ends with the reload, for which there is no Asterisk
	included := read(t, dir+"/pjsip-registrar.conf")
	if diff := cmp.Diff(`[registrar](+)
outbound_proxy=sip:fe01.contoso.com:5061\;transport=tls\;lr
[registrar-endpoint](+)
outbound_proxy=sip:fe01.contoso.com:5061\;transport=tls\;lr
`, included); diff != "" {
		t.Errorf("%s\n%s", diff, out)
	}
	example := read(t, examples+"/asterisk/pjsip.conf")
	for line := range strings.Lines(included) {
		if section, adds := strings.CutSuffix(line, "(+)\n"); adds && !strings.Contains(example, "\n"+section+"\n") {
			t.Errorf("%s: there is no such section", section)
		}
	}
}
