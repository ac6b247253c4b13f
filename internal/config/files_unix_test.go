//go:build unix

package config

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"homeward/e2e/needs"
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
		{"0644", "error: FILE has mode 0644, and must have 0600 or 0400"},
		{"0640", "error: FILE has mode 0640, and must have 0600 or 0400"},
		{"0700", "error: FILE has mode 0700, and must have 0600 or 0400"},
		{"blanks", "error: FILE contains more than one line"},
		{"lines", "error: FILE contains more than one line"},
		{"zero", "error: FILE is not plain text: write it in UTF-8"},
		{"marked", "secret"},
		{"empty", "error: FILE is empty"},
		{"large", "error: FILE is larger than 4096 bytes"},
		{"link", "error: FILE is not a regular file"},
		{"device", "error: FILE is not a regular file"},
		{"pipe", "error: FILE is not a regular file"},
		{".", "error: FILE is not a regular file"},
		{"missing", "error: there is no file FILE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			secret, _, err := readPassword(at(test.name), "", daemonUser{stateDir: dir})
			if got := strings.ReplaceAll(outcome(secret.Reveal(), err), at(test.name), "FILE"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Root, who looks at what the daemon does, may use what belongs to the daemon, and to nobody else.
func TestMend29PasswordOfTheDaemon(t *testing.T) {
	if os.Geteuid() != 0 {
		needs.Missing(t, "root", "")
	}
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
			secret, _, err := readPassword(path, "", daemonUser{stateDir: test.state})
			if secret.Reveal() != test.want || test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("got %q, %v", secret.Reveal(), err)
			}
		})
	}
}

// TestMend127PathsInCommands: what is to be run means the file, whatever its name.
func TestMend127PathsInCommands(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pass word; reboot")
	os.WriteFile(path, []byte("secret"), 0o644)
	_, _, err := readPassword(path, "", daemonUser{})
	var a *advised
	if !errors.As(err, &a) || a.hint != "run: chmod 0600 '"+path+"'" {
		t.Errorf("got %v, %+v", err, a)
	}
	os.Chmod(path, 0o666)
	if _, err := readFile(path); err == nil || !strings.HasSuffix(err.Error(), "; run: chmod o-w '"+path+"'") {
		t.Errorf("got %v", err)
	}
}

// The daemon that runs, or its service, tells whose the password may be: a state directory that was restored as root does not.
func TestMend59UserOfTheDaemon(t *testing.T) {
	if os.Geteuid() != 0 {
		needs.Missing(t, "root", "")
	}
	state := t.TempDir()
	path := filepath.Join(t.TempDir(), "password")
	os.WriteFile(path, []byte("secret"), 0o600)
	const refused = " belongs to user 12345, not to root or to the user of the daemon"
	const eitherWay = "if the daemon runs as 12345, run: chown -R 12345 STATE; otherwise: chown USER FILE, with the user as which it runs"
	for _, test := range []struct {
		name             string
		file, dir        int // their owners
		runs             int // the user that by tells of
		by               string
		want, says, hint string
	}{
		{name: "it runs", file: 12345, dir: 0, runs: 12345, by: "it runs as", want: "secret"},
		{name: "its service", file: 12345, dir: 0, runs: 12345, by: "the service runs as", want: "secret"},
		{name: "as another, to whom state_dir belongs no longer", file: 12345, dir: 12345, runs: 12346, by: "it runs as", says: refused + ": it runs as user 12346", hint: "run: chown 12346 FILE"},
		{name: "as root for once", file: 12345, dir: 12345, by: "it runs as", want: "secret"},
		{name: "as root, and so is its state", file: 12345, dir: 0, by: "it runs as", says: refused + ": state_dir belongs to root", hint: eitherWay},
		{name: "not known", file: 12345, dir: 0, says: refused + ": state_dir belongs to root", hint: eitherWay},
		{name: "not known, and the state is of a third", file: 12345, dir: 12346, says: refused + ": state_dir belongs to user 12346", hint: eitherWay},
	} {
		t.Run(test.name, func(t *testing.T) {
			os.Chown(path, test.file, test.file)
			os.Chown(state, test.dir, test.dir)
			asked := ""
			secret, _, err := readPassword(path, "", daemonUser{state, "/run/there", func(dir string) (int, string) { asked = dir; return test.runs, test.by }})
			said, hint := "", ""
			if err != nil {
				said = strings.TrimPrefix(err.Error(), path)
			}
			var a *advised
			if errors.As(err, &a) {
				hint = strings.NewReplacer(path, "FILE", state, "STATE").Replace(a.hint)
			}
			if secret.Reveal() != test.want || said != test.says || hint != test.hint || asked != "/run/there" {
				t.Errorf("got %q, %q with %q, of %q", secret.Reveal(), said, hint, asked)
			}
		})
	}
}

// systemd's credential is used when it exists, whatever mode it shows.
func TestCredential(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(t.TempDir(), "password")
	credential := func(text string) {
		t.Helper()
		at := filepath.Join(dir, "password")
		os.Remove(at) // only root can write to the one before
		if err := os.WriteFile(at, []byte(text), 0o440); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(file, []byte("from the file\n"), 0o600)
	if got, _, err := readPassword(file, dir, daemonUser{stateDir: dir}); err != nil || got.Reveal() != "from the file" {
		t.Errorf("without a credential: %q, %v", got.Reveal(), err)
	}
	credential("from systemd\n")
	if got, _, err := readPassword(file, dir, daemonUser{stateDir: dir}); err != nil || got.Reveal() != "from systemd" {
		t.Errorf("with a credential: %q, %v", got.Reveal(), err)
	}
	credential("\n") // the default of our unit
	if got, _, err := readPassword(file, dir, daemonUser{stateDir: dir}); err != nil || got.Reveal() != "from the file" {
		t.Errorf("with an empty line for a credential: %q, %v", got.Reveal(), err)
	}
}

// TestMend20Roots: what cannot be read in a file of roots is left out and told, and the rest is used.
func TestMend20Roots(t *testing.T) {
	own, _, _, err := readRoots(nil)
	if roots, all := pools(own); roots != nil || all != nil || err != nil {
		t.Errorf("without files: %v; want the system's roots, which are nil", err)
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
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	good := block("CERTIFICATE", der)
	negative := block("CERTIFICATE", bytes.Replace(der, []byte{2, 1, 1}, []byte{2, 1, 0x81}, 1))
	damaged := strings.Replace(good, "\n", "\n!", 1)
	const tooLarge = "error: FILE is larger than 1048576 bytes"
	const none = "error: FILE contains no certificate, neither in PEM nor in DER"
	dir := t.TempDir()
	for _, test := range []struct{ name, text, want string }{
		{"one", good, ""},
		{"two, and text around", "Site root\n" + good + "\n# and another\n" + good, ""},
		{"with a byte order mark", "\ufeff" + good, ""},
		{"with CR LF", strings.ReplaceAll(good, "\n", "\r\n"), ""},
		{"in DER", string(der), ""},
		{"a key beside it", block("PRIVATE KEY", der) + good, ""},
		{"none", "hello", none},
		{"nothing", "", none},
		{"half of one in DER", string(der[:50]), none},
		{"in two bytes a letter", "\xff\xfe-\x00-\x00-\x00-\x00-\x00", none},
		{"a key", block("PRIVATE KEY", der), "error: FILE contains no certificate in PEM"},
		{"a negative serial number before a good one", negative + good, "FILE: certificate 1 was skipped: negative serial number"},
		{"one broken behind a good one", good + block("CERTIFICATE", der[1:]), "FILE: certificate 2 was skipped: malformed certificate"},
		{"a damaged block between two", good + damaged + good, "FILE: certificate 2 was skipped: its block is damaged or truncated"},
		{"cut in the second", good + good[:60], "FILE: certificate 2 was skipped: its block is damaged or truncated"},
		{"of OpenSSL's own form", good + block("TRUSTED CERTIFICATE", der), `FILE: certificate 2 was skipped: it is a "TRUSTED CERTIFICATE", not a CERTIFICATE; openssl x509 converts it`},
		{"only a negative one", negative, "error: FILE holds no usable certificate: certificate 1: negative serial number"},
		{"ten bad ones before a good one", strings.Repeat(negative, 10) + good, leftOuts(8) + "\n2 more certificates in roots were skipped"},
		{"too many", strings.Repeat(good, 1+maxRoots/len(good)), tooLarge},
		{"too much text before it", strings.Repeat("x", maxRoots) + good, tooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(dir, "roots.pem")
			os.WriteFile(path, []byte(test.text), 0o600)
			own, _, warnings, err := readRoots([]string{path})
			roots, all := pools(own)
			if got := strings.ReplaceAll(outcome(strings.Join(warnings, "\n"), err), path, "FILE"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			parsed, _ := x509.ParseCertificate(der)
			if err == nil && !(containsRoot(roots, parsed) && containsRoot(all(), parsed)) {
				t.Error("the certificate is not in the pool")
			}
		})
	}
	t.Run("a second file", func(t *testing.T) {
		bad, fine := filepath.Join(dir, "bad.pem"), filepath.Join(dir, "fine.pem")
		os.WriteFile(bad, []byte(negative), 0o600)
		os.WriteFile(fine, []byte(good), 0o600)
		if _, _, warnings, err := readRoots([]string{bad, fine}); err != nil || len(warnings) != 1 {
			t.Errorf("got %q, %v", warnings, err)
		}
		if _, _, _, err := readRoots([]string{fine, filepath.Join(dir, "missing.pem")}); err == nil {
			t.Error("a file that is missing was passed over")
		}
	})
}

// leftOuts are the warnings about so many certificates with a negative serial number.
func leftOuts(n int) string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("FILE: certificate %d was skipped: negative serial number", i+1)
	}
	return strings.Join(lines, "\n")
}

// containsRoot says whether a pool trusts a certificate.
func containsRoot(pool *x509.CertPool, c *x509.Certificate) bool {
	with := pool.Clone()
	with.AddCert(c)
	return with.Equal(pool)
}

// C01, C03, C10 for the configuration: what is no small file is refused, and nothing waits.
func TestFilesThatAreNoConfiguration(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	os.WriteFile(at("large"), bytes.Repeat([]byte("#"), 10<<20), 0o600)
	os.WriteFile(at("one byte too large"), bytes.Repeat([]byte("#"), maxFile+1), 0o600)
	os.WriteFile(at("as large as is possible"), bytes.Repeat([]byte("#"), maxFile), 0o600)
	os.WriteFile(at("two bytes a letter"), []byte("\xff\xfeu\x00s\x00e\x00r\x00"), 0o600)
	os.WriteFile(at("open"), nil, 0o600)
	os.Chmod(at("open"), 0o666)
	os.Symlink(at("large"), at("link"))
	if err := syscall.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, want string }{
		{"missing", "configuration: there is no file FILE"},
		{"large", "configuration: FILE is larger than 65536 bytes"},
		{"as large as is possible", `sip_address: it is required, such as "sip:phone1@contoso.com"`},
		{"one byte too large", "configuration: FILE is larger than 65536 bytes"},
		{"two bytes a letter", "configuration: FILE is not plain text: write it in UTF-8"},
		{"link", "configuration: FILE is larger than 65536 bytes"},
		{"open", "configuration: FILE can be written by everybody; run: chmod o-w FILE"},
		{"pipe", "configuration: FILE is not a regular file"},
		{".", "configuration: FILE is not a regular file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := loadFrom(t, Source{File: at(test.name), Named: true})
			if got := strings.ReplaceAll(outcome("", err), at(test.name), "FILE"); got != "error: "+test.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

// What is known of the file that a password is from. One that a service manager has copied has no name, and is the usual one only where
// that holds the same.
func TestMend250WhenThePasswordWasChanged(t *testing.T) {
	at := time.Date(2024, 11, 28, 12, 0, 0, 0, time.UTC)
	const long, none = "secret-of-a-test\n", "\n"
	for name, test := range map[string]struct {
		own, usual, copied string        // what is in them; "": there is none
		since              time.Duration // from the change of the usual one to the copy
		path               string        // the setting; "": own
		from               string        // the file that is named
		changed            time.Time
	}{
		"a file":                          {own: long, from: "own", changed: at},
		"no file":                         {path: none},
		"a copy of the usual file":        {own: long, usual: long, copied: long, since: time.Hour, changed: at.Add(-time.Hour)},
		"copied in the same instant":      {own: long, usual: long, copied: long, changed: at},
		"copied before it was changed":    {own: long, usual: long, copied: long, since: -time.Hour, changed: at.Add(time.Hour)},
		"a copy of another as long":       {own: long, usual: strings.ToUpper(long), copied: long, since: time.Hour},
		"a copy of a longer one":          {own: long, usual: "a-" + long, copied: long, since: time.Hour},
		"the usual file is not there":     {own: long, copied: long},
		"an empty credential":             {own: long, usual: none, copied: none, since: time.Hour, from: "own", changed: at},
		"no credential":                   {own: long, usual: long, since: time.Hour, from: "own", changed: at},
		"a credential of another name":    {usual: long, since: time.Hour, path: "given/another"},
		"the credential, and by its path": {usual: long, copied: long, since: time.Hour, path: "given/password", changed: at.Add(-time.Hour)},
	} {
		dir := t.TempDir()
		in := func(name string) string { return filepath.Join(dir, name) }
		if err := os.Mkdir(in("given"), 0o700); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"own": test.own, "usual": test.usual, "given/password": test.copied, "given/another": long} {
			when := at
			if file == "usual" {
				when = at.Add(-test.since)
			}
			if text == "" {
				continue
			}
			if err := errors.Join(os.WriteFile(in(file), []byte(text), 0o600), os.Chtimes(in(file), when, when)); err != nil {
				t.Fatal(err)
			}
		}
		c := Config{credentials: in("given"), usualPassword: in("usual")}
		path := in(cmp.Or(test.path, "own"))
		if test.path == none {
			path = ""
		}
		if test.from != "" {
			test.from = in(test.from)
		}
		err := c.usePassword(path)
		if p := &c.Policy; err != nil || p.PasswordFile != test.from || !p.PasswordChanged.Equal(test.changed) || (p.Password == "") != (path == "") {
			t.Errorf("%s: %s, %s, %v", name, p.PasswordFile, p.PasswordChanged, err)
		}
	}
}

// What our own scripts have copied is the usual file, which the daemon may not read: as long as the copy, and no newer.
func TestMend260CopiedByOurScripts(t *testing.T) {
	dir, at := t.TempDir(), time.Date(2024, 11, 28, 12, 0, 0, 0, time.UTC)
	write := func(name, text string, when time.Time) fs.FileInfo {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, when, when)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	copied := write("copy", "secret\n", at)
	for name, test := range map[string]struct {
		text string
		when time.Time
		want time.Time
	}{
		"older":          {"secret\n", at.Add(-time.Hour), at.Add(-time.Hour)},
		"of the instant": {"secret\n", at, at},
		"newer":          {"secret\n", at.Add(time.Second), time.Time{}},
		"longer":         {"secret2\n", at.Add(-time.Hour), time.Time{}},
	} {
		write("usual", test.text, test.when)
		if got := beforeCopy(filepath.Join(dir, "usual"), "secret", copied, true); !got.Equal(test.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := beforeCopy(filepath.Join(dir, "none"), "secret", copied, true); !got.IsZero() {
		t.Errorf("none: %s", got)
	}
	for _, manager := range []string{"openrc", "sysv", "freebsd"} {
		script, err := os.ReadFile("../../packaging/" + manager + "/homeward")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(scripted, func(dir string) bool { return strings.Contains(string(script), "\ncredentials="+dir+"\n") }) {
			t.Errorf("%s puts the password elsewhere", manager)
		}
	}
}

// A time that no file can have is that of a wrong clock, or of an image whose files have all the same.
func TestMend260TimesOfFiles(t *testing.T) {
	now := time.Date(2024, 11, 28, 12, 0, 0, 0, time.UTC)
	for at, want := range map[time.Time]time.Time{
		now: now, now.Add(time.Second): {}, now.AddDate(8000, 0, 0): {}, time.Unix(0, 0): {}, now.Add(-time.Millisecond): now.Add(-time.Second), {}: {},
		time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC): time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got := plausible(at, now); !got.Equal(want) {
			t.Errorf("%s: %s", at, got)
		}
	}
}
