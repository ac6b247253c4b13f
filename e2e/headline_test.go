//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mdlayher/packet"

	"homeward/internal/sitetest"
)

// headlineSite is a pool of Lync with its web services. No real one is to be had.
const headlineSite = `
-- zone --
_sipinternaltls._tcp SRV 0 0 5061 pool01
pool01 A 10.0.0.5
web01 A 10.0.0.8
-- dhcp --
denied
-- registrars --
10.0.0.5:5061 tls pool01.contoso.com lync user=CONTOSO\phone1 password=correct-horse web=web01.contoso.com
10.0.0.8:443 tls web01.contoso.com web user=CONTOSO\phone1 password=correct-horse
`

// TestHeadline: power cut, DNS and DHCP dead, Active Directory and web services down: registered, by last good and a certificate, and
// nothing secret has been in a packet, a file, a log or an answer. The daemon is the built one; it is killed while it runs, and started
// again.
func TestHeadline(t *testing.T) {
	h := newHeadline(t, headlineSite)
	h.configure(t, "user = 'CONTOSO\\phone1'", fmt.Sprintf("password_file = %q", secretFile(t, h.dir, "password", "correct-horse\n")))
	heard := overhear(t)
	h.boot(t)
	eventually(t, "registered", h.stands(false))
	if out, err := h.command("identity", "enrol").CombinedOutput(); err != nil {
		t.Fatalf("identity enrol: %v\n%s", err, out)
	}
	answers := h.answers(t)
	for _, change := range []string{
		"zone silent", "registrar 10.0.0.8:443 refuse", `registrar 10.0.0.5:5061 lync user=CONTOSO\phone1 password=correct-horse dcdown`,
	} {
		if err := h.site.Apply(change); err != nil {
			t.Fatal(err)
		}
	}
	h.kill(t)
	if err := os.RemoveAll(filepath.Join(h.dir, "run", "registrar.json")); err != nil {
		t.Fatal(err)
	}
	h.boot(t)
	eventually(t, "registered through last good", h.stands(true))
	h.signedIn(t)
	secrets := h.secrets(t)
	secrets["the password"], secrets["the password in UTF-16"] = []byte("correct-horse"), wide("correct-horse")
	h.search(t, answers, heard(), secrets)
}

// TestHeadlineByPIN: a device with a number and a PIN gets its certificate with them, and signs in at a Registrar that does not know
// the extended master secret: neither PIN nor anything else that is secret is seen anywhere.
func TestHeadlineByPIN(t *testing.T) {
	program(t, "openssl")
	const pin = "7395182640"
	h := newHeadline(t, strings.NewReplacer("web=web01", "dsk-openssl=no-ems web=web01", "10.0.0.8:443 tls web01.contoso.com web", "10.0.0.8:443 tls web01.contoso.com web phone=4711 pin="+pin).Replace(headlineSite))
	h.configure(t, `pin_sign_in = "experimental"`, `phone = "4711"`, fmt.Sprintf("pin_file = %q", secretFile(t, h.dir, "pin", pin+"\n")))
	heard := overhear(t)
	h.boot(t)
	eventually(t, "registered", h.stands(false))
	h.signedIn(t)
	if all := h.site.Handshakes(); len(all) == 0 || !strings.HasSuffix(all[0], "without the extended master secret") {
		t.Errorf("handshakes: %q", all)
	}
	secrets := h.secrets(t)
	secrets["the PIN"], secrets["the PIN in UTF-16"] = []byte(pin), wide(pin)
	h.search(t, h.answers(t), heard(), secrets)
}

// headline is a simulated pool on loopback, and the built homeward beside it.
type headline struct {
	site    *sitetest.Site
	servers []netip.AddrPort
	dir     string
	config  string
	device  *exec.Cmd
	log     bytes.Buffer // of all lives; read when they are over
}

func newHeadline(t *testing.T, text string) *headline {
	t.Helper()
	newSite(t) // skips where there is nothing to start, and nowhere to start it
	site, err := sitetest.Parse("headline", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	live, err := site.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { site.Close() })
	servers, err := live.Resolvers()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "hw") // short: a socket is below it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &headline{site: site, servers: servers, dir: dir}
}

func (h *headline) configure(t *testing.T, lines ...string) {
	t.Helper()
	lines = append(lines, `sip_address = "sip:phone1@contoso.com"`, `dhcp = "off"`, `log_level = "debug"`, fmt.Sprintf("roots = [%q]", write(t, h.dir, "ca.pem", string(h.site.Roots()))),
		fmt.Sprintf("dns_servers = [%q]", h.servers[0]), fmt.Sprintf("state_dir = %q", filepath.Join(h.dir, "state")), fmt.Sprintf("runtime_dir = %q", filepath.Join(h.dir, "run")))
	h.config = write(t, h.dir, "homeward.toml", strings.Join(lines, "\n")+"\n")
}

func (h *headline) command(args ...string) *exec.Cmd {
	return exec.Command(os.Getenv(envBinary), append(args, "--config", h.config)...)
}

func (h *headline) boot(t *testing.T) {
	t.Helper()
	h.device = h.command("run")
	h.device.Stdout, h.device.Stderr = &h.log, &h.log
	if err := h.device.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.kill(t) })
}

func (h *headline) kill(t *testing.T) {
	t.Helper()
	if h.device == nil {
		return
	}
	if err := h.device.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = h.device.Wait() // killed
	h.device = nil
}

// stands says whether the device is registered.
func (h *headline) stands(degraded bool) func() error {
	return func() error {
		text, err := os.ReadFile(filepath.Join(h.dir, "run", "registrar.json"))
		if err != nil {
			return err
		}
		var now struct {
			State    string
			Degraded bool
		}
		if err := json.Unmarshal(text, &now); err != nil || now.State != "registered" || now.Degraded != degraded {
			return fmt.Errorf("%s %w", text, errors.Join(err))
		}
		return nil
	}
}

// signedIn checks that a Registrar has taken the certificate.
func (h *headline) signedIn(t *testing.T) {
	t.Helper()
	log := h.site.Log()
	if !slices.ContainsFunc(log, func(e sitetest.Entry) bool {
		return e.What == "REGISTER" && e.Auth == "TLS-DSK" && e.Code == 200
	}) {
		t.Errorf("not with the certificate:\n%s", sitetest.Timeline(log))
	}
}

// overhear begins to note all packets on loopback; what it returns ends it, and gives them.
func overhear(t *testing.T) func() []byte {
	t.Helper()
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	const everything = 3 // ETH_P_ALL
	conn, err := packet.Listen(lo, packet.Raw, everything, nil)
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buffer := make([]byte, 1<<16); ; {
			n, _, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			all = append(all, buffer[:n]...)
		}
	}()
	t.Cleanup(func() { conn.Close() })
	return func() []byte {
		conn.Close()
		<-done
		return all
	}
}

// secretFile writes a file for its owner alone.
func secretFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
