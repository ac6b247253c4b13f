//go:build linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// makePackages makes what is released for this kind of machine, as `make dist` does, and returns the directory.
func makePackages(t testing.TB, source, version string) string {
	t.Helper()
	for _, name := range []string{"go", "dpkg-deb", "zip", "xz"} {
		program(t, name)
	}
	dir := filepath.Join(t.TempDir(), "dist")
	cmd := exec.Command(source+"/packaging/dist.sh", dir, version, "1700000000", "linux-amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make packages: %v\n%s", err, out)
	}
	return dir
}

// copySource copies the source without its history.
func copySource(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	runTool(t, exec.Command("tar", "--create", "--directory=..", "--exclude=./.git", "--exclude=./bin", "--exclude=./dist", "--file="+dir+"/source.tar", "."))
	runTool(t, exec.Command("tar", "--extract", "--directory="+dir, "--file="+dir+"/source.tar"))
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
	one, two := makePackages(t, copySource(t), "v1.0.0"), makePackages(t, copySource(t), "v1.0.0")
	sums := read(t, one+"/SHA256SUMS")
	if other := read(t, two+"/SHA256SUMS"); sums != other || strings.Count(sums, "\n") != 4 {
		t.Errorf("made twice:\n%sand\n%s", sums, other)
	}
}

// TestOpenWrtPackage: there is no opkg here to install it with; what opkg reads is looked at.
func TestOpenWrtPackage(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short")
	}
	dir := makePackages(t, "..", "v1.0.0")
	tar := func(args ...string) string {
		cmd := exec.Command("tar", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("tar %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	if got := tar("xvzf", "homeward_1.0.0_x86_64.ipk"); got != "./debian-binary\n./control.tar.gz\n./data.tar.gz\n" {
		t.Errorf("the package holds\n%s", got)
	}
	for _, want := range []string{
		"drwxr-xr-x 0/0 ./", "-rw-r--r-- 0/0 ./conffiles", "-rw-r--r-- 0/0 ./control", "-rwxr-xr-x 0/0 ./postinst", "-rwxr-xr-x 0/0 ./prerm",
		"-rw-r--r-- 0/0 ./etc/homeward/homeward.toml", "-rwxr-xr-x 0/0 ./etc/init.d/homeward", "-rwxr-xr-x 0/0 ./usr/bin/homeward",
	} {
		entries := tar("tvzf", "control.tar.gz", "--numeric-owner") + tar("tvzf", "data.tar.gz", "--numeric-owner")
		if !slices.ContainsFunc(strings.Split(entries, "\n"), func(line string) bool {
			f := strings.Fields(line)
			return len(f) == 6 && f[0]+" "+f[1]+" "+f[5] == want
		}) {
			t.Errorf("%q is not in\n%s", want, entries)
		}
	}
	tar("xzf", "control.tar.gz")
	if control := read(t, dir+"/control"); !strings.Contains(control, "Package: homeward\nVersion: 1.0.0\nArchitecture: x86_64\n") {
		t.Errorf("control\n%s", control)
	}
}

// TestDebianPackage: nothing is asked, one line is edited; an upgrade and a downgrade restart the daemon and keep what it
// has; remove leaves configuration and state, purge leaves nothing.
func TestDebianPackage(t *testing.T) {
	s := newSite(t)
	program(t, "dpkg")
	older, newer := makePackages(t, "..", "v1.0.0")+"/homeward_1.0.0_amd64.deb", makePackages(t, "..", "v1.1.0")+"/homeward_1.1.0_amd64.deb"
	r := startKamailio(t, s, settings{})
	startKea(t, s.dhcp, full)
	startNamed(t, s.dns, zoneWith(deviceOrder...))
	startDhclient(t, s.device)
	a := newAppliance(t, s, "")
	a.bare(t)
	os.Remove(a.root + "/usr/local/bin/homeward")
	os.RemoveAll(a.root + "/etc/homeward")
	a.install(t, "etc/site-root.pem", read(t, s.ca.file))
	a.install(t, "var/older.deb", read(t, older))
	a.install(t, "var/newer.deb", read(t, newer))
	// What Debian brings, as far as dpkg and the package ask for it.
	needs, err := exec.Command("dpkg", "--status", "passwd", "init-system-helpers").Output()
	if err != nil {
		t.Fatal(err)
	}
	a.install(t, "var/lib/dpkg/status", string(needs))
	for _, dir := range []string{"info", "updates", "triggers"} {
		a.install(t, "var/lib/dpkg/"+dir+"/.keep", "")
	}
	a.install(t, "usr/sbin/policy-rc.d", "#!/bin/sh\nexit 0\n") // what it may be here is not what it is on a device
	if err := os.Chmod(a.root+"/usr/sbin/policy-rc.d", 0o755); err != nil {
		t.Fatal(err)
	}
	a.boot(t)

	a.run(t, "dpkg", "--install", "/var/older.deb")
	if got := a.show(t, "UnitFileState") + " " + a.show(t, "ActiveState"); got != "enabled inactive" {
		t.Errorf("after the installation the service is %s", got)
	}
	if _, err := a.try("systemctl", "start", "homeward"); err == nil {
		t.Error("the service starts without a SIP address")
	}
	if journal := a.run(t, "journalctl", "--unit=homeward"); !strings.Contains(journal, "sip_address: it is required") {
		t.Errorf("the journal does not say what is missing:\n%s", journal)
	}
	a.run(t, "systemctl", "stop", "homeward")
	edit := fmt.Sprintf(`s/^#sip_address = .*/sip_address = "sip:%s@%s"/; $ a roots = ["/etc/site-root.pem"]`, sipUser, sipDomain)
	a.run(t, "sed", "--in-place", edit, "/etc/homeward/homeward.toml")
	a.install(t, "etc/homeward/password", password+"\n")
	a.run(t, "chmod", "600", "/etc/homeward/password")
	a.run(t, "systemctl", "start", "homeward")
	a.await(t, "registered", isRegistered)
	config := a.run(t, "cat", "/etc/homeward/homeward.toml")

	for _, step := range []struct{ file, version string }{{"newer", "v1.1.0"}, {"older", "v1.0.0"}} {
		pid, record := a.show(t, "MainPID"), a.run(t, "cat", "/var/lib/homeward/last-good.json")
		a.run(t, "dpkg", "--install", "/var/"+step.file+".deb")
		if got := a.run(t, "homeward", "version"); !strings.HasPrefix(got, "homeward "+step.version) {
			t.Errorf("%s: installed is %s", step.file, got)
		}
		if now := a.show(t, "MainPID"); now == pid || now == "0" {
			t.Errorf("%s: the daemon was process %s and is %s", step.file, pid, now)
		}
		a.await(t, "registered", isRegistered)
		if now := a.run(t, "cat", "/var/lib/homeward/last-good.json"); now != record {
			t.Errorf("%s: last good was\n%s\nand is\n%s", step.file, record, now)
		}
		if now := a.run(t, "cat", "/etc/homeward/homeward.toml"); now != config {
			t.Errorf("%s: the configuration has changed:\n%s", step.file, now)
		}
	}

	a.run(t, "dpkg", "--remove", "homeward")
	if left := r.bindings(t); left != nil {
		t.Errorf("after the removal the Registrar still has %q", left)
	}
	a.run(t, "test", "-s", "/var/lib/homeward/homeward.db", "-a", "-s", "/etc/homeward/homeward.toml", "-a", "!", "-e", "/usr/bin/homeward")

	a.run(t, "dpkg", "--install", "/var/newer.deb")
	a.run(t, "systemctl", "start", "homeward")
	a.await(t, "registered again", isRegistered)
	a.run(t, "dpkg", "--purge", "homeward")
	left, _ := a.try("sh", "-c", "ls -d /var/lib/homeward /run/homeward /etc/homeward /usr/bin/homeward /usr/share/doc/homeward /usr/lib/systemd/system/homeward.service "+
		"/etc/systemd/system/multi-user.target.wants/homeward.service 2>/dev/null; grep ^homeward: /etc/passwd /etc/group")
	if left != "" {
		t.Errorf("after the purge there is\n%s", left)
	}
}
