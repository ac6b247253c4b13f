//go:build unix

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// C09, C10: a password that others can read, or that is no plain file, is refused; nothing waits.
func TestPasswordFile(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(at(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("0600", "secret\n", 0o600)
	write("0400", "secret", 0o400)
	write("0644", "secret", 0o644)
	write("0640", "secret", 0o640)
	write("0700", "secret", 0o700)
	write("windows", "secret\r\n", 0o600)
	write("blanks", " sec ret \n\n", 0o600)
	write("spaces", " sec ret ", 0o600)
	write("empty", "\n", 0o600)
	write("lines", "secret\nother", 0o600)
	write("zero", "sec\x00ret", 0o600)
	write("marked", "\ufeffsecret\r\n", 0o600)
	write("large", strings.Repeat("x", maxPassword+1), 0o600)
	os.Symlink(at("0600"), at("link"))
	os.Symlink("/dev/zero", at("device"))
	if err := syscall.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, want string }{
		{"0600", "secret"},
		{"0400", "secret"},
		{"windows", "secret"},
		{"spaces", " sec ret "},
		{"0644", "error: FILE has mode 0644; run: chmod 0600 FILE"},
		{"0640", "error: FILE has mode 0640; run: chmod 0600 FILE"},
		{"0700", "error: FILE has mode 0700; run: chmod 0600 FILE"},
		{"blanks", "error: FILE holds more than one line"},
		{"lines", "error: FILE holds more than one line"},
		{"zero", "error: FILE is not plain text: write it in UTF-8"},
		{"marked", "secret"},
		{"empty", "error: FILE is empty"},
		{"large", "error: FILE holds more than 4096 bytes"},
		{"link", "error: FILE is not a regular file"},
		{"device", "error: FILE is not a regular file"},
		{"pipe", "error: FILE is not a regular file"},
		{".", "error: FILE is not a regular file"},
		{"missing", "error: there is no file FILE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("CREDENTIALS_DIRECTORY", "")
			secret, err := readPassword(at(test.name), dir)
			if got := strings.ReplaceAll(outcome(secret.Reveal(), err), at(test.name), "FILE"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Root, who looks at what the daemon does, may use what belongs to the daemon, and to nobody else.
func TestMend29PasswordOfTheDaemon(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	state := t.TempDir()
	path := filepath.Join(t.TempDir(), "password")
	os.WriteFile(path, []byte("secret"), 0o600)
	for _, test := range []struct {
		name       string
		file, dir  int // their owners
		state      string
		mode       os.FileMode
		want, says string
	}{
		{name: "of the daemon", file: 12345, dir: 12345, state: state, mode: 0o600, want: "secret"},
		{name: "of root", file: 0, dir: 12345, state: state, mode: 0o600, want: "secret"},
		{name: "of somebody else", file: 12346, dir: 12345, state: state, mode: 0o600, says: "belongs to user 12346, not to root or to the user of the daemon"},
		{name: "of somebody, and the daemon is root", file: 12345, dir: 0, state: state, mode: 0o600, says: "belongs to user 12345"},
		{name: "of somebody, and nobody knows the daemon", file: 12345, dir: 12345, state: filepath.Join(path, "none"), mode: 0o600, says: "belongs to user 12345"},
		{name: "of the daemon, and others may read it", file: 12345, dir: 12345, state: state, mode: 0o640, says: "has mode 0640"},
	} {
		t.Run(test.name, func(t *testing.T) {
			os.Chown(path, test.file, test.file)
			os.Chmod(path, test.mode)
			os.Chown(state, test.dir, test.dir)
			secret, err := readPassword(path, test.state)
			if secret.Reveal() != test.want || test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("got %q, %v", secret.Reveal(), err)
			}
		})
	}
}

// systemd's credential is used when it exists, whatever mode it shows.
func TestCredential(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	file := filepath.Join(t.TempDir(), "password")
	os.WriteFile(file, []byte("from the file\n"), 0o600)
	if got, err := readPassword(file, dir); err != nil || got.Reveal() != "from the file" {
		t.Errorf("without a credential: %q, %v", got.Reveal(), err)
	}
	os.WriteFile(filepath.Join(dir, "password"), []byte("from systemd\n"), 0o440)
	if got, err := readPassword(file, dir); err != nil || got.Reveal() != "from systemd" {
		t.Errorf("with a credential: %q, %v", got.Reveal(), err)
	}
	os.WriteFile(filepath.Join(dir, "password"), []byte("\n"), 0o440) // the default of our unit
	if got, err := readPassword(file, dir); err != nil || got.Reveal() != "from the file" {
		t.Errorf("with an empty line for a credential: %q, %v", got.Reveal(), err)
	}
}

func TestRoots(t *testing.T) {
	if pool, err := readRoots(nil); pool != nil || err != nil {
		t.Errorf("without files: %v, %v; want the system's roots, which are nil", pool, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), RawSubject: []byte("0\x00"), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	good := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	dir := t.TempDir()
	for _, test := range []struct{ name, text, want string }{
		{"one", string(good), ""},
		{"two, and text around", "Site root\n" + string(good) + "\n# and another\n" + string(good), ""},
		{"none", "hello", "error: FILE holds no certificate in PEM form"},
		{"a key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "error: FILE holds no certificate in PEM form"},
		{"DER", string(der), "error: FILE holds no certificate in PEM form"},
		{"one broken", string(good) + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der[1:]})), "error: FILE: certificate 2: x509: malformed certificate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(dir, "roots.pem")
			os.WriteFile(path, []byte(test.text), 0o600)
			_, err := readRoots([]string{path})
			if got := strings.ReplaceAll(outcome("", err), path, "FILE"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// C01, C03, C10 for the configuration: what is no small file is refused, and nothing waits.
func TestFilesThatAreNoConfiguration(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	os.WriteFile(at("large"), make([]byte, 10<<20), 0o600)
	os.WriteFile(at("open"), nil, 0o600)
	os.Chmod(at("open"), 0o666)
	os.Symlink(at("large"), at("link"))
	if err := syscall.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, want string }{
		{"missing", "configuration: there is no file FILE"},
		{"large", "configuration: FILE has 10485760 bytes, 65536 are possible"},
		{"link", "configuration: FILE has 10485760 bytes, 65536 are possible"},
		{"open", "configuration: FILE can be written by everybody; run: chmod o-w FILE"},
		{"pipe", "configuration: FILE is not a regular file"},
		{".", "configuration: FILE is not a regular file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := loadFrom("--config", at(test.name))
			if got := strings.ReplaceAll(outcome("", err), at(test.name), "FILE"); got != "error: "+test.want {
				t.Errorf("got %s", got)
			}
		})
	}
}
