//go:build linux

package e2e

import (
	"bufio"
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
	name     string // of its unit, its user, and the directory of the example
	program  string
	agent    string    // how the User-Agent of its REGISTER begins
	files    []example // those of its own
	onChange string    // its line in homeward.toml
}

type example struct {
	from, to string
	mode     os.FileMode
}

const phoneUser = 951

var phones = []phone{
	{name: "linphone", program: "linphone-daemon", agent: "Unknown", files: []example{
		{"linphone/linphonerc", "etc/linphone/linphonerc", 0o400},
		{"linphone/linphone.service", "etc/systemd/system/linphone.service", 0o644},
		{"linphone/linphone-follow", "usr/local/lib/homeward/linphone-follow", 0o755},
	}, onChange: `on_change = ["/usr/local/lib/homeward/linphone-follow", "sip:phone1@contoso.com"]`},
	{name: "baresip", program: "baresip", agent: "baresip", files: []example{
		{"baresip/config", "var/lib/baresip/config", 0o600},
		{"baresip/accounts.in", "var/lib/baresip/accounts.in", 0o600},
		{"baresip/baresip.service", "etc/systemd/system/baresip.service", 0o644},
		{"baresip/baresip-follow.service", "etc/systemd/system/baresip-follow.service", 0o644},
		{"baresip/baresip-follow", "usr/local/lib/homeward/baresip-follow", 0o755},
	}},
}

// TestPhoneFollows: a real phone signs in over TLS where homeward has, goes with it to the next Registrar when that one
// dies, and when it starts anew while DNS is silent it signs in there again. Nobody touches it.
func TestPhoneFollows(t *testing.T) {
	for _, p := range phones {
		t.Run(p.name, func(t *testing.T) {
			for _, name := range []string{p.program, "jq", "busybox"} {
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
		})
	}
}

// install puts the example on the appliance, with its user; homeward is in its group.
func (p phone) install(t *testing.T, a *appliance) {
	t.Helper()
	a.install(t, "etc/passwd", read(t, a.root+"/etc/passwd")+fmt.Sprintf("%s:x:%d:%[2]d::/nonexistent:/usr/sbin/nologin\n", p.name, phoneUser))
	a.install(t, "etc/group", read(t, a.root+"/etc/group")+fmt.Sprintf("%s:x:%d:homeward\n", p.name, phoneUser))
	a.install(t, "etc/homeward/homeward.toml", p.onChange+"\n"+read(t, a.root+"/etc/homeward/homeward.toml"))
	site := strings.NewReplacer("PASSWORD", password, "/etc/ssl/certs/ca-certificates.crt", "/etc/homeward/site-root.pem")
	for _, f := range append(p.files, example{"registrar-uri", "usr/local/lib/homeward/registrar-uri", 0o755}) {
		a.install(t, f.to, site.Replace(read(t, filepath.Join(examples, f.from))))
		at := filepath.Join(a.root, f.to)
		if err := os.Chmod(at, f.mode); err != nil {
			t.Fatal(err)
		}
		if f.mode&0o077 != 0 {
			continue
		}
		if err := os.Chown(at, phoneUser, phoneUser); err != nil { // there is a password in it
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

// pjsipOptions are those of the example, as far as configs/samples/pjsip.conf.sample of Asterisk lists them.
var pjsipOptions = map[string][]string{
	"transport":    {"protocol", "bind", "ca_list_file", "verify_server"},
	"registration": {"server_uri", "client_uri", "contact_user", "outbound_auth", "outbound_proxy", "max_retries", "retry_interval", "line", "endpoint"},
	"auth":         {"auth_type", "username", "password"},
	"endpoint":     {"context", "disallow", "allow", "from_user", "from_domain", "outbound_auth", "outbound_proxy"},
}

// TestAsteriskExample: Debian 12 has no Asterisk. What is written for it has only options that it documents, and adds to
// sections that there are.
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
	types, section := map[string]string{}, ""
	lines := bufio.NewScanner(strings.NewReader(read(t, examples+"/asterisk/pjsip.conf") + included))
	for lines.Scan() {
		line := lines.Text()
		key, val, isOption := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == ';' || line[0] == '#':
		case line[0] == '[':
			section = strings.TrimSuffix(strings.Trim(line, "[](+)"), "]")
			if strings.HasSuffix(line, "(+)") && types[section] == "" {
				t.Errorf("%s: there is no such section", line)
			}
		case key == "type":
			types[section] = val
		case !isOption || !slices.Contains(pjsipOptions[types[section]], key):
			t.Errorf("[%s] of type %q: %q", section, types[section], line)
		}
	}
}
