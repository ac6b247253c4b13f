//go:build linux

package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Versions of the packages.
const (
	olderVersion = "1.0.0"
	newerVersion = "1.1.0" // made of the same source
	laterVersion = "2.0.0" // made of another source, see laterSource
)

// packages returns the directory with what is released as a version, for this kind of machine.
func packages(t testing.TB, version string) string {
	t.Helper()
	dir := filepath.Join(os.Getenv(envDir), version)
	defer lock(t, dir+".lock").Close()
	if _, err := os.Stat(dir + "/SHA256SUMS"); err == nil { // made for another test
		return dir
	}
	source := ".."
	if version == laterVersion {
		source = laterSource(t)
	}
	makePackages(t, source, dir, "v"+version)
	return dir
}

// laterSource is a copy of the source as that of a later version may be: with another store, and another example of a
// configuration.
func laterSource(t testing.TB) string {
	t.Helper()
	source := copySource(t)
	for file, change := range map[string][2]string{
		"cache/seal.go":              {"\nconst version = 1\n", "\nconst version = 2\n"},
		"internal/config/example.go": {"# homeward.toml: ", "# homeward.toml, again: "},
	} {
		code := read(t, source+"/"+file)
		if !strings.Contains(code, change[0]) {
			t.Fatalf("%s has no %q", file, change[0])
		}
		write(t, source, file, strings.Replace(code, change[0], change[1], 1))
	}
	return source
}

// makePackages makes what is released, as `make dist` does.
func makePackages(t testing.TB, source, dir, version string) {
	t.Helper()
	runTool(t, exec.Command(source+"/packaging/dist.sh", dir, version, "1700000000", "linux-amd64"))
}

// copySource copies the source without its history.
func copySource(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	runTool(t, exec.Command("tar", "--create", "--directory=..", "--exclude=./.git", "--exclude=./bin", "--exclude=./dist", "--file="+dir+"/source.tar", "."))
	runTool(t, exec.Command("tar", "--extract", "--no-same-owner", "--directory="+dir, "--file="+dir+"/source.tar"))
	if err := os.Remove(dir + "/source.tar"); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestPackagesAreReproducible: the same source in another place makes the same bytes.
func TestPackagesAreReproducible(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short")
	}
	one, two := t.TempDir()+"/dist", t.TempDir()+"/dist"
	makePackages(t, copySource(t), one, "v1.0.0")
	makePackages(t, copySource(t), two, "v1.0.0")
	sums := read(t, one+"/SHA256SUMS")
	if other := read(t, two+"/SHA256SUMS"); sums != other || strings.Count(sums, "\n") != 6 {
		t.Errorf("made twice:\n%sand\n%s", sums, other)
	}
}

// TestDebianPolicy: lintian, which knows the policy of Debian, has nothing to say.
func TestDebianPolicy(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short")
	}
	program(t, "lintian")
	out, err := exec.Command("lintian", "--allow-root", "--fail-on=error,warning", packages(t, olderVersion)+"/homeward_1.0.0_amd64.deb").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("lintian: %v\n%s", err, out)
	}
}

// TestOpenWrtPackage: there is no opkg here to install it with; what opkg reads is looked at.
func TestOpenWrtPackage(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short")
	}
	pack := unpack(t, strings.NewReader(read(t, packages(t, olderVersion)+"/homeward_1.0.0_x86_64.ipk")))
	if got := strings.Join(pack.list(), "\n"); got != `-rw-r--r-- ./debian-binary
-rw-r--r-- ./control.tar.gz
-rw-r--r-- ./data.tar.gz` {
		t.Errorf("the package holds\n%s", got)
	}
	control, data := unpack(t, strings.NewReader(pack.text("./control.tar.gz"))), unpack(t, strings.NewReader(pack.text("./data.tar.gz")))
	entries := append(control.list(), data.list()...)
	for _, want := range []string{
		"-rw-r--r-- ./conffiles", "-rw-r--r-- ./control", "-rwxr-xr-x ./postinst", "-rwxr-xr-x ./prerm",
		"-rw-r--r-- ./etc/homeward/homeward.toml", "-rwxr-xr-x ./etc/init.d/homeward", "-rwxr-xr-x ./usr/bin/homeward",
	} {
		if !slices.Contains(entries, want) {
			t.Errorf("%q is not in\n%s", want, strings.Join(entries, "\n"))
		}
	}
	for _, want := range []string{"Package: homeward\n", "Version: 1.0.0\n", "Architecture: x86_64\n"} {
		if got := control.text("./control"); !strings.Contains(got, want) {
			t.Errorf("control has no %q:\n%s", want, got)
		}
	}
	if got := control.text("./conffiles"); got != "/etc/homeward/homeward.toml\n" {
		t.Errorf("conffiles: %q", got)
	}
}

// TestAlpinePackage: there is no apk here to install it with; what apk reads is looked at, and its checksums are proven.
func TestAlpinePackage(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short")
	}
	program(t, "busybox")
	file := []byte(read(t, packages(t, olderVersion)+"/homeward_1.0.0_x86_64.apk"))
	stream := bytes.NewReader(file)
	control := unpack(t, stream) // the first member of the gzip file
	datahash := fmt.Sprintf("%x", sha256.Sum256(file[len(file)-stream.Len():]))
	data := unpack(t, stream)
	if stream.Len() > 0 {
		t.Errorf("%d bytes after the data", stream.Len())
	}
	for _, want := range []string{"pkgname = homeward\n", "pkgver = 1.0.0\n", "arch = x86_64\n", "datahash = " + datahash + "\n"} {
		if info := control.text(".PKGINFO"); !strings.Contains(info, want) {
			t.Errorf(".PKGINFO has no %q:\n%s", want, info)
		}
	}
	for _, f := range slices.Concat(control, data) {
		if f.Mode&^0o7777 != 0 { // apk reads octal digits alone, and refuses the whole package
			t.Errorf("%s has the mode %#o", f.Name, f.Mode)
		}
	}
	for _, f := range data {
		if f.Typeflag == tar.TypeReg && f.PAXRecords["APK-TOOLS.checksum.SHA1"] != fmt.Sprintf("%x", sha1.Sum([]byte(f.text))) {
			t.Errorf("%s has the checksum %q", f.Name, f.PAXRecords["APK-TOOLS.checksum.SHA1"])
		}
	}
	entries := data.list()
	for _, want := range []string{
		"-rw-r--r-- etc/homeward/homeward.toml", "-rwxr-xr-x etc/init.d/homeward", "-rwxr-xr-x usr/bin/homeward", "-rw-r--r-- usr/share/man/man1/homeward.1.gz",
	} {
		if !slices.Contains(entries, want) {
			t.Errorf("%q is not in\n%s", want, strings.Join(entries, "\n"))
		}
	}
}

// TestAlpineScripts: with OpenRC BusyBox, whose shell is Alpine's, runs the scripts in the order in which apk does, and
// tar puts the files there.
func TestAlpineScripts(t *testing.T) {
	a, r := newElsewhere(t, "OpenRC")
	// Debian's BusyBox has no addgroup and no adduser. These note what they are asked for.
	a.install(t, "usr/local/sbin/addgroup", "#!/bin/sh\necho addgroup \"$@\" >>/var/asked\ngroupadd --system homeward\n")
	a.install(t, "usr/local/sbin/adduser", "#!/bin/sh\necho adduser \"$@\" >>/var/asked\nuseradd --system --gid homeward homeward\n")
	for _, name := range []string{"addgroup", "adduser"} {
		if err := os.Chmod(a.root+"/usr/local/sbin/"+name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(a.root + "/usr/local/bin/homeward"); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{olderVersion, laterVersion} {
		a.install(t, "var/"+version, read(t, packages(t, version)+"/homeward_"+version+"_x86_64.apk"))
	}
	a.boot(t)
	unpack := func(version string, what ...string) {
		a.run(t, append([]string{"tar", "--extract", "--gzip", "--warning=no-unknown-keyword", "--file=/var/" + version, "--directory=/"}, what...)...)
	}
	script := func(version, name string) string {
		unpack(version, name)
		return a.run(t, "busybox", "sh", "/"+name, version)
	}

	script(olderVersion, ".pre-install")
	if asked := a.run(t, "cat", "/var/asked"); asked != `addgroup -S homeward
adduser -S -D -H -h /nonexistent -s /sbin/nologin -G homeward -g homeward homeward` {
		t.Errorf("the user is made by\n%s", asked)
	}
	unpack(olderVersion, "etc", "usr")
	_, start, ok := strings.Cut(script(olderVersion, ".post-install"), "set sip_address in /etc/homeward/homeward.toml, then: ")
	if !ok {
		t.Fatal("the installation does not say what to do next")
	}
	a.configure(t)
	a.run(t, "sh", "-c", start)
	a.await(t, "registered", isRegistered)

	unpack(laterVersion, "etc/init.d", "usr")
	script(laterVersion, ".post-upgrade")
	a.await(t, "registered", isRegistered)
	if got := a.run(t, "sh", "-c", "/proc/$(pgrep --exact --full '/usr/bin/homeward run')/exe version"); !strings.HasPrefix(got, "homeward v"+laterVersion+"\n") {
		t.Errorf("after the upgrade there runs %s", got)
	}
	if got := a.run(t, "rc-update", "show", "default"); !strings.Contains(got, "homeward") {
		t.Errorf("OpenRC starts %s", got)
	}

	a.run(t, "env", "interface=eth0", "/usr/lib/homeward/homeward-dhcp-hook", "udhcpc", "bound")
	a.run(t, "ls", "/run/homeward-dhcp/eth0.udhcpc.env", "/run/homeward-credentials/password")
	script(laterVersion, ".pre-deinstall")
	if left := r.bindings(t); left != nil {
		t.Errorf("after the removal the Registrar still has %q", left)
	}
	if got := a.run(t, "rc-update", "show", "default"); strings.Contains(got, "homeward") {
		t.Errorf("after the removal OpenRC starts %s", got)
	}
	if left := a.run(t, "find", "/run", "-name", "homeward*"); left != "" {
		t.Errorf("after the removal there is\n%s", left)
	}
}

// entry is one of a tar file, with its contents.
type entry struct {
	*tar.Header
	text string
}

type entries []entry

// unpack reads one member of a gzip file, which is a tar file; root owns everything in it.
func unpack(t testing.TB, file io.Reader) (all entries) {
	t.Helper()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	z.Multistream(false)
	archive := tar.NewReader(z)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%s belongs to %d:%d", h.Name, h.Uid, h.Gid)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, entry{h, string(text)})
	}
	if _, err := io.Copy(io.Discard, z); err != nil { // and its checksum
		t.Fatal(err)
	}
	return all
}

// list has a line for each entry, with its mode.
func (all entries) list() (lines []string) {
	for _, e := range all {
		lines = append(lines, e.FileInfo().Mode().String()+" "+e.Name)
	}
	return lines
}

// text is what the entry with a name holds.
func (all entries) text(name string) string {
	for _, e := range all {
		if e.Name == name {
			return e.text
		}
	}
	return ""
}

// TestRPM: installed, upgraded and removed by rpm, with the scripts run beside a real systemd. What was set and learned
// stays.
func TestRPM(t *testing.T) {
	s := newSite(t)
	program(t, "rpm")
	r := startKamailio(t, s, settings{})
	startKea(t, s.dhcp, full)
	startNamed(t, s.dns, zoneWith(deviceOrder...))
	startDhclient(t, s.device)
	a := newAppliance(t, s, "")
	a.bare(t)
	os.Remove(a.root + "/usr/local/bin/homeward")
	os.RemoveAll(a.root + "/etc/homeward")
	a.install(t, "etc/site-root.pem", read(t, s.ca.file))
	a.install(t, "var/older.rpm", read(t, packages(t, olderVersion)+"/homeward-1.0.0-1.x86_64.rpm"))
	a.install(t, "var/later.rpm", read(t, packages(t, laterVersion)+"/homeward-2.0.0-1.x86_64.rpm"))
	a.boot(t)
	// This is Debian: rpm is to be told that it is meant, and its database knows nothing of systemd.
	rpm := func(args ...string) string {
		return a.run(t, append([]string{"rpm", "--force-debian", "--nodeps"}, args...)...)
	}

	if out := rpm("--install", "/var/older.rpm"); !strings.Contains(out, "systemctl enable --now homeward") {
		t.Errorf("the installation does not say what to do next:\n%s", out)
	}
	if got := a.run(t, "rpm", "--query", "--requires", "homeward"); got != "systemd" {
		t.Errorf("it needs\n%s", got)
	}
	edit := fmt.Sprintf(`s/^#sip_address = .*/sip_address = "sip:%s@%s"/; $ a roots = ["/etc/site-root.pem"]`, sipUser, sipDomain)
	a.run(t, "sed", "--in-place", edit, "/etc/homeward/homeward.toml")
	config := a.run(t, "cat", "/etc/homeward/homeward.toml")
	a.install(t, "etc/homeward/password", password+"\n")
	a.run(t, "chmod", "600", "/etc/homeward/password")
	a.run(t, "systemctl", "enable", "--now", "homeward")
	a.await(t, "registered", isRegistered)

	pid, record := a.show(t, "MainPID"), a.lastGood(t)
	rpm("--upgrade", "/var/later.rpm")
	if got := a.run(t, "homeward", "version"); !strings.HasPrefix(got, "homeward v2.0.0\n") {
		t.Errorf("installed is %s", got)
	}
	if now := a.show(t, "MainPID"); now == pid || now == "0" {
		t.Errorf("the daemon was process %s and is %s", pid, now)
	}
	a.await(t, "registered", isRegistered)
	if now := a.lastGood(t); now != record {
		t.Errorf("last good was\n%s\nand is\n%s", record, now)
	}
	if now := a.run(t, "cat", "/etc/homeward/homeward.toml"); now != config {
		t.Errorf("the configuration has changed:\n%s", now)
	}
	if now := a.run(t, "cat", "/etc/homeward/homeward.toml.rpmnew"); !strings.Contains(now, "homeward.toml, again") {
		t.Errorf("the new example is not beside it:\n%s", now)
	}
	if got := a.show(t, "UnitFileState"); got != "enabled" {
		t.Errorf("after the upgrade the service is %s", got)
	}

	a.run(t, "env", "interface=eth0", "/usr/lib/homeward/homeward-dhcp-hook", "udhcpc", "bound")
	a.run(t, "stat", "/run/homeward-dhcp/eth0.udhcpc.env")
	rpm("--erase", "homeward")
	if left := r.bindings(t); left != nil {
		t.Errorf("after the removal the Registrar still has %q", left)
	}
	if now := a.run(t, "cat", "/etc/homeward/homeward.toml.rpmsave"); now != config {
		t.Errorf("the saved configuration is\n%s", now)
	}
	if now := a.lastGood(t); now != record {
		t.Errorf("after the removal last good is\n%s", now)
	}
	a.run(t, "getent", "passwd", "homeward")
	if left, err := a.try("sh", "-c", "ls -d /usr/bin/homeward /run/homeward /run/homeward-dhcp /usr/share/doc/homeward /usr/lib/systemd/system/homeward.service "+
		"/etc/systemd/system/multi-user.target.wants/homeward.service 2>/dev/null"); err == nil {
		t.Errorf("after the removal there is\n%s", left)
	}
}
