package sitetest

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"homeward/e2e/needs"
	"homeward/e2e/netns"
)

// TestPidgin: pidgin-sipe, which others have written against real servers of Microsoft's, signs in to a simulated site, with NTLM
// and with a certificate that it has asked the site for. It verifies the signature of each message, and the site verifies its.
func TestPidgin(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	if err := netns.RaiseLoopback(); err != nil {
		t.Fatal(err)
	}
	finch := needs.Program(t, "finch")
	needs.Program(t, "/usr/lib/purple-2/libsipe.so")
	shim := buildShim(t)
	for _, test := range []struct {
		name, scheme, options string
		want                  []string // what the Registrar and the web services see of it, among other things
	}{
		{"NTLM, version 4", "ntlm", "version=4", []string{"REGISTER NTLM begins 401", "REGISTER NTLM authenticated 200", "SUBSCRIBE NTLM signed 200"}},
		{"NTLM, version 3", "ntlm", "version=3", []string{"REGISTER NTLM begins 401", "REGISTER NTLM authenticated 200", "SUBSCRIBE NTLM signed 200"}},
		{"NTLM, version 2", "ntlm", "version=2", []string{"REGISTER NTLM begins 401", "REGISTER NTLM authenticated 200", "SUBSCRIBE NTLM signed 200"}},
		{"a certificate", "tls-dsk", "", []string{"POST NTLM ticket 200", "POST  certificate 200", "REGISTER TLS-DSK handshake 401", "REGISTER TLS-DSK signed in with a certificate 200", "SUBSCRIBE TLS-DSK signed 200"}},
		{"a certificate, and no domain controller for the Registrar", "tls-dsk", "dcdown", []string{"REGISTER TLS-DSK signed in with a certificate 200", "SUBSCRIBE TLS-DSK signed 200"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := pidginSite(t, test.options)
			log := startFinch(t, s, finch, shim, test.scheme)
			sees := func(text string) func() error {
				return func() error {
					if all := proofs(s); !slices.Contains(all, text) {
						return fmt.Errorf("the site has not seen %q:\n%s", text, strings.Join(all, "\n"))
					}
					return nil
				}
			}
			for _, want := range test.want {
				eventually(t, sees(want))
			}
			if err := s.Apply("ask 10.0.0.5:5061 OPTIONS"); err != nil {
				t.Fatal(err)
			}
			eventually(t, sees("response "+strings.ToUpper(test.scheme)+" signed 200"))
			text, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(text), "signature of incoming message validated"); n < 3 || strings.Contains(string(text), "signature of incoming message is invalid") {
				t.Errorf("it has taken %d signatures:\n%s", n, text)
			}
		})
	}
}

// proofs are what has come to the servers of a site: method, scheme, what was proven, and the answer.
func proofs(s *Site) (all []string) {
	for _, e := range s.Log() {
		if e.Proof != "" {
			all = append(all, fmt.Sprintf("%s %s %s %d", e.What, e.Auth, e.Proof, e.Code))
		}
	}
	return all
}

// eventually waits for a program of others, which says nothing when it is done.
func eventually(t *testing.T, cond func() error) {
	t.Helper()
	const patience = 20 * time.Second
	tick, deadline := time.NewTicker(20*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for {
		err := cond()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after %v: %v", patience, err)
		}
	}
}

// buildShim makes the library without which pidgin-sipe reads no documents.
func buildShim(t *testing.T) string {
	t.Helper()
	shim := filepath.Join(t.TempDir(), "sax.so")
	needs.Program(t, "/usr/include/stdlib.h")
	if out, err := exec.CommandContext(t.Context(), needs.Program(t, "gcc"), "-shared", "-fPIC", "-o", shim, "testdata/sax.c", "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return shim
}

func pidginSite(t *testing.T, options string) *Site {
	t.Helper()
	s, err := Parse("pidgin", []byte(`
-- registrars --
10.0.0.5:5061 tls fe01.contoso.com lync user=CONTOSO\phone1 password=Passw0rd! schemes=NTLM,TLS-DSK web=web01.contoso.com `+options+`
10.0.0.8:443 tls web01.contoso.com web user=CONTOSO\phone1 password=Passw0rd!
`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

const pidginAccount = `<?xml version='1.0' encoding='UTF-8' ?>
<account version='1.0'><account>
<protocol>prpl-sipe</protocol><name>phone1@contoso.com,CONTOSO\phone1</name><password>Passw0rd!</password>
<settings>
<setting name='server' type='string'>fe01.contoso.com:5061</setting>
<setting name='transport' type='string'>tls</setting>
<setting name='authentication' type='string'>%s</setting>
</settings>
<settings ui='gnt-purple'><setting name='auto-login' type='bool'>1</setting></settings>
</account></account>
`

// startFinch starts the Pidgin of the terminal, with an account of a site, and returns its log. It trusts the certificates that
// the site shows, and finds the servers in a hosts file of its own.
func startFinch(t *testing.T, s *Site, finch, shim, scheme string) (log string) {
	t.Helper()
	dir := t.TempDir()
	trusted := filepath.Join(dir, "certificates", "x509", "tls_peers")
	if err := os.MkdirAll(trusted, 0o700); err != nil {
		t.Fatal(err)
	}
	hosts := "127.0.0.1 localhost\n"
	for name, at := range map[string]string{"fe01.contoso.com": "10.0.0.5:5061", "web01.contoso.com": "10.0.0.8:443"} {
		place := s.Loopback(netip.MustParseAddrPort(at))
		hosts += place.Addr().String() + " " + name + "\n"
		conn, err := tls.Dial("tcp", place.String(), &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		der := conn.ConnectionState().PeerCertificates[0].Raw
		conn.Close()
		write(t, filepath.Join(trusted, name), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	}
	write(t, filepath.Join(dir, "hosts"), hosts)
	write(t, filepath.Join(dir, "accounts.xml"), fmt.Sprintf(pidginAccount, scheme))
	log = filepath.Join(dir, "log")
	run := fmt.Sprintf("mount --bind %s/hosts /etc/hosts && exec %s -q -c 'LD_PRELOAD=%s exec %s -d -c %s 2>%s' /dev/null",
		dir, needs.Program(t, "script"), shim, finch, dir, log)
	needs.Program(t, "mount")
	cmd := exec.Command(needs.Program(t, "unshare"), "--mount", "--pid", "--fork", "--kill-child", needs.Program(t, "sh"), "-c", run)
	cmd.Env = append(os.Environ(), "HOME="+dir, "TERM=linux")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe() // it ends when its input does
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) { // and everything below it
			t.Error(err)
		}
		_ = cmd.Wait() // killed
		if text, err := os.ReadFile(log); t.Failed() && err == nil {
			t.Logf("%s", text)
		}
	})
	return log
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
