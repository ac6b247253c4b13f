package dsk

import (
	"bufio"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"homeward/e2e/needs"
)

// TestOpenSSL: OpenSSL at the other end has the same keys, with and without the extended master secret, which crypto/tls does
// not tell of where it was not agreed on.
func TestOpenSSL(t *testing.T) {
	needs.Program(t, "openssl")
	phone, pool := issue(t, "phone1@contoso.com", false, 0), issue(t, "fe01.contoso.com", false, 0)
	dir := t.TempDir()
	der, err := x509.MarshalPKCS8PrivateKey(pool.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	server := filepath.Join(dir, "server.pem")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pool.Certificate[0]})...)
	plain := filepath.Join(dir, "openssl.cnf")
	conf := "openssl_conf = o\n[o]\nssl_conf = s\n[s]\nsystem_default = d\n[d]\nOptions = -ExtendedMasterSecret\n"
	for file, content := range map[string]string{server: string(text), plain: conf} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ version, suite string }{
		{"-tls1", "AES128-SHA"}, {"-tls1", "ECDHE-RSA-AES256-SHA"}, {"-tls1_1", "AES256-SHA"}, {"-tls1_2", "AES128-SHA"},
		{"-tls1_2", "ECDHE-RSA-AES256-SHA"}, {"-tls1_2", "ECDHE-RSA-AES256-GCM-SHA384"}, {"-tls1_2", "AES128-GCM-SHA256"},
	} {
		for _, extended := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s %s extended=%v", test.version, test.suite, extended), func(t *testing.T) {
				s := exec.CommandContext(t.Context(), "openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-cert", server, "-key", server, test.version,
					"-cipher", test.suite+":@SECLEVEL=0", "-Verify", "1", "-keymatexport", label, "-keymatexportlen", fmt.Sprint(blockSize))
				if s.Env = os.Environ(); !extended {
					s.Env = append(s.Env, "OPENSSL_CONF="+plain)
				}
				if saw := talk(t, s, Settings{Certificate: phone, AllSuites: true, Verify: anyone}); saw != extended {
					t.Errorf("extended master secret: %v", saw)
				}
			})
		}
	}
}

// talk does a handshake with a server of OpenSSL, compares the keys, and says whether it was with the extended master secret.
func talk(t *testing.T, s *exec.Cmd, settings Settings) (extended bool) {
	t.Helper()
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := s.StdinPipe() // it ends when its input does
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Wait()
	defer in.Close()
	lines := bufio.NewScanner(out)
	line := func(prefix string) string {
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), prefix); ok {
				return strings.TrimSpace(rest)
			}
		}
		t.Fatalf("openssl has not said %q", prefix)
		return ""
	}
	conn, err := net.Dial("tcp", line("ACCEPT"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	h, flight := Start(settings)
	defer h.Close()
	var material string
	for !h.Done() {
		if _, err := conn.Write(flight); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 64<<10)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if flight, err = h.Step(b[:n]); err != nil {
			t.Fatal(err)
		}
	}
	conn.Close() // the server ends, and says what it has not said yet
	for lines.Scan() {
		if value, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "Keying material: "); ok {
			material = value
		}
	}
	block, err := hex.DecodeString(material)
	if err != nil || len(block) != blockSize {
		t.Fatalf("keying material %q", material)
	}
	security, err := h.Security(SHA1)
	if err != nil {
		t.Fatal(err)
	}
	want := newSecurity(block, macHash(SHA1, h.state.Version, h.state.CipherSuite))
	if security.Sign("text") != want.Sign("text") || !security.Verify("text", hex.EncodeToString(want.server("text"))) {
		t.Error("other keys than those of OpenSSL")
	}
	_, err = h.state.ExportKeyingMaterial(label, nil, blockSize) // which crypto/tls refuses where it was not agreed on
	return err == nil
}
