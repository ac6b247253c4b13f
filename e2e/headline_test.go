//go:build linux

package e2e

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mdlayher/packet"

	"github.com/homeward-agent/homeward/internal/sitetest"
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
// nothing secret has been in a packet. The daemon is the built one; it is killed while it runs, and started again.
func TestHeadline(t *testing.T) {
	newSite(t) // skips where there is nothing to start, and nowhere to start it
	site, err := sitetest.Parse("headline", []byte(headlineSite))
	if err != nil {
		t.Fatal(err)
	}
	live, err := site.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	servers, err := live.Resolvers()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "hw") // short: a socket is below it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	config := write(t, dir, "homeward.toml", fmt.Sprintf("sip_address = \"sip:phone1@contoso.com\"\nuser = 'CONTOSO\\phone1'\npassword_file = %q\nroots = [%q]\ndns_servers = [%q]\nstate_dir = %q\nruntime_dir = %q\ndhcp = \"off\"\n",
		secretFile(t, dir, "correct-horse\n"), write(t, dir, "ca.pem", string(site.Roots())), servers[0], filepath.Join(dir, "state"), filepath.Join(dir, "run")))
	boot := func() *exec.Cmd {
		cmd := exec.Command(os.Getenv(envBinary), "run", "--config", config)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _, _ = cmd.Process.Wait() })
		return cmd
	}
	stands := func(degraded bool) func() error {
		return func() error {
			text, err := os.ReadFile(filepath.Join(dir, "run", "registrar.json"))
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
	heard := overhear(t)
	device := boot()
	eventually(t, "registered", stands(false))
	if out, err := exec.Command(os.Getenv(envBinary), "identity", "enrol", "--config", config).CombinedOutput(); err != nil {
		t.Fatalf("identity enrol: %v\n%s", err, out)
	}
	for _, change := range []string{
		"zone silent", "registrar 10.0.0.8:443 refuse", `registrar 10.0.0.5:5061 lync user=CONTOSO\phone1 password=correct-horse dcdown`,
	} {
		if err := site.Apply(change); err != nil {
			t.Fatal(err)
		}
	}
	if err := device.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = device.Wait() // killed
	if err := os.RemoveAll(filepath.Join(dir, "run", "registrar.json")); err != nil {
		t.Fatal(err)
	}
	boot()
	eventually(t, "registered through last good", stands(true))
	log := site.Log()
	if !slices.ContainsFunc(log, func(e sitetest.Entry) bool {
		return e.What == "REGISTER" && e.Auth == "TLS-DSK" && e.Code == 200
	}) {
		t.Errorf("not with the certificate:\n%s", sitetest.Timeline(log))
	}
	packets := heard()
	if !bytes.Contains(packets, []byte("pool01")) { // of a question to DNS, and of a ClientHello
		t.Fatalf("%d bytes of packets, and none that is known", len(packets))
	}
	for what, secret := range secretsOf(t, dir) {
		if bytes.Contains(packets, secret) {
			t.Errorf("%s is in a packet", what)
		}
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

// secretsOf are what nobody may see on the way: the password, and the key of the device.
func secretsOf(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "state", "identity", "*", "key.pem"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("the key of the device: %v, %v", paths, err)
	}
	text, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("the key of the device is no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	private := key.(*rsa.PrivateKey)
	wide := make([]byte, 0, 2*len("correct-horse"))
	for _, b := range []byte("correct-horse") {
		wide = append(wide, b, 0)
	}
	return map[string][]byte{
		"the password": []byte("correct-horse"), "the password in UTF-16": wide, "the key of the device": text,
		"its exponent": private.D.Bytes(), "a prime of it": private.Primes[0].Bytes(),
	}
}

// secretFile writes a file for its owner alone.
func secretFile(t *testing.T, dir, text string) string {
	t.Helper()
	path := filepath.Join(dir, "password")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
