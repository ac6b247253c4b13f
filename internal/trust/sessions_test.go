package trust

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeward/e2e/needs"
)

// openSSL runs a server of OpenSSL that sends back each line reversed, and returns where it is, and what ends it.
func openSSL(t *testing.T, version, at string, cert tls.Certificate) (addr string, stop func()) {
	t.Helper()
	needs.Program(t, "openssl")
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "server.pem")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s := exec.CommandContext(t.Context(), "openssl", "s_server", "-accept", at, "-cert", file, "-key", file, version, "-rev")
	out, err := s.StdoutPipe()
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if where, ok := strings.CutPrefix(lines.Text(), "ACCEPT"); ok {
			addr = cmp.Or(strings.TrimSpace(where), at) // it says which port it has chosen
			break
		}
	}
	if addr == "" {
		t.Fatal("openssl listens nowhere")
	}
	go io.Copy(io.Discard, out)
	return addr, func() { s.Process.Kill(); s.Wait() }
}

// said connects, and says a word after the handshake, so that the server has the time to send a session.
func said(t *testing.T, addr, host string, s Settings) (Met, error) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	secure, met, err := Handshake(t.Context(), conn, host, s)
	if err != nil {
		return met, err
	}
	fmt.Fprintln(secure, "abc")
	if answer, err := bufio.NewReader(secure).ReadString('\n'); err != nil || answer != "cba\n" {
		t.Fatalf("answer %q, error %v", answer, err)
	}
	return met, nil
}

// A session that a server of OpenSSL has given is resumed; and it is not even offered once that whereon it rests does not hold.
func TestSessions(t *testing.T) {
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		t.Run(version, func(t *testing.T) {
			ours, others := newAuthority(t), newAuthority(t)
			cert := ours.issue(t, func(*x509.Certificate) {})
			addr, stop := openSSL(t, version, "127.0.0.1:0", cert)
			defer func() { stop() }()
			sessions := &Sessions{}
			roots := func(of *authority) *x509.CertPool {
				pool := x509.NewCertPool()
				pool.AddCert(of.cert)
				return pool
			}
			good := Settings{Roots: roots(ours), Sessions: sessions}
			leaf, err := x509.ParseCertificate(cert.Certificate[0])
			if err != nil {
				t.Fatal(err)
			}
			pinned := Settings{Roots: roots(others), Pins: map[string]bool{Fingerprint(leaf): true}, Sessions: sessions}
			late := good
			late.Clock = func() time.Time { return leaf.NotAfter.Add(time.Minute) }
			for i, step := range []struct {
				what     string
				host     string
				settings Settings
				offered  bool
				problem  Problem
			}{
				{"the first", "fe01.contoso.com", good, false, believed},
				{"the second", "fe01.contoso.com", good, true, believed},
				{"another name", "pool01.contoso.com", good, false, believed},
				{"without sessions", "fe01.contoso.com", Settings{Roots: good.Roots}, false, believed},
				{"other roots", "fe01.contoso.com", Settings{Roots: roots(others), Sessions: sessions}, false, OtherKey},
				{"the roots are back, and the session is gone", "fe01.contoso.com", good, false, believed},
				{"the third", "fe01.contoso.com", good, true, believed},
				{"a pin in place of the root", "fe01.contoso.com", pinned, true, believed},
				{"the pin is withdrawn", "fe01.contoso.com", Settings{Roots: roots(others), Sessions: sessions}, false, OtherKey},
				{"again", "fe01.contoso.com", good, false, believed},
				{"the certificate has ended", "fe01.contoso.com", late, false, Expired},
			} {
				met, err := said(t, addr, step.host, step.settings)
				if problem := problemOf(t, err); met.Offered != step.offered || met.Resumed != step.offered || problem != step.problem {
					t.Fatalf("%d, %s: offered %v, resumed %v, %v", i, step.what, met.Offered, met.Resumed, err)
				}
				if step.what == "a pin in place of the root" && met.Anchor != Fingerprint(leaf) || step.settings.Pins == nil && met.Anchor != "" {
					t.Errorf("%s: the proof rests on %q", step.what, met.Anchor)
				}
				if step.problem == believed && met.Names[0] != "fe01.contoso.com" {
					t.Errorf("%s: shown %+v", step.what, met.Shown)
				}
			}
			if _, err := said(t, addr, "fe01.contoso.com", good); err != nil {
				t.Fatal(err)
			}
			stop() // a server that begins anew knows no sessions, and has another certificate
			_, stop = openSSL(t, version, addr, ours.issue(t, func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "new.contoso.com") }))
			met, err := said(t, addr, "fe01.contoso.com", good)
			if err != nil || !met.Offered || met.Resumed || len(met.Names) != 3 {
				t.Errorf("after a restart: offered %v, resumed %v, names %v, error %v", met.Offered, met.Resumed, met.Names, err)
			}
		})
	}
}

// A few sessions are kept, the latest; one for each host and address.
func TestSessionsAreFew(t *testing.T) {
	var s Sessions
	for i := range 3 * maxSessions {
		for range 2 {
			s.replace(session{host: "fe01.contoso.com", addr: fmt.Sprint(i), state: &tls.ClientSessionState{}})
		}
	}
	for i := range 3 * maxSessions {
		if _, ok := s.find("fe01.contoso.com", fmt.Sprint(i)); ok != (i >= 2*maxSessions) {
			t.Errorf("%d is kept: %v", i, ok)
		}
	}
	s.replace(session{host: "fe01.contoso.com", addr: fmt.Sprint(3*maxSessions - 1)})
	if len(s.kept) != maxSessions-1 {
		t.Errorf("%d are kept", len(s.kept))
	}
}
