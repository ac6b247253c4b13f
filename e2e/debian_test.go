//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Debian 12 as it comes, with the ways to a network and to roots of trust that it installs by default.
var debian = []string{"bookworm", "systemd-sysv", "ifupdown", "isc-dhcp-client", "ca-certificates"}

// debianRoot is the root of a fresh Debian. What debootstrap makes is kept from run to run in the user's cache directory.
func debianRoot(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"debootstrap", "tar", "nsenter"} {
		program(t, name)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	made := filepath.Join(cache, "homeward-e2e", strings.Join(debian, "+")+".tar")
	if _, err := os.Stat(made); errors.Is(err, os.ErrNotExist) {
		bootstrap(t, made)
	}
	root := t.TempDir()
	runTool(t, exec.Command("tar", "--extract", "--file="+made, "--directory="+root))
	return root
}

// bootstrap makes the root, as a tar file. Packages are fetched where the machine's own network is; their scripts run
// in here, where there is none.
func bootstrap(t testing.TB, tarball string) {
	t.Helper()
	dir := t.TempDir()
	packages, root := dir+"/packages.tar", dir+"/root"
	args := []string{"--variant=minbase", "--include=" + strings.Join(debian[1:], ","), debian[0]}
	if out, err := outside(append([]string{"debootstrap", "--make-tarball=" + packages}, append(args, dir+"/fetched")...)...).CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("debootstrap cannot fetch Debian: %v\n%s", err, out[max(0, len(out)-logTail):]))
	}
	runTool(t, exec.Command("debootstrap", append([]string{"--unpack-tarball=" + packages}, append(args, root)...)...))
	if err := os.MkdirAll(filepath.Dir(tarball), 0o755); err != nil {
		t.Fatal(err)
	}
	runTool(t, exec.Command("tar", "--create", "--file="+tarball+".new", "--directory="+root, "--exclude=./etc/resolv.conf", "."))
	if err := os.Rename(tarball+".new", tarball); err != nil {
		t.Fatal(err)
	}
}

func runTool(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
}

// newDebian furnishes an appliance with a Debian of its own, which asks DHCP for its address and trusts the site.
func newDebian(t testing.TB, s *site) *appliance {
	t.Helper()
	canBoot(t)
	a := &appliance{host: s.device, root: debianRoot(t), init: systemdInit}
	a.install(t, "etc/network/interfaces", "auto lo eth0\niface lo inet loopback\niface eth0 inet dhcp\n")
	a.install(t, "usr/local/share/ca-certificates/site.crt", read(t, s.ca.file))
	runTool(t, exec.Command("chroot", a.root, "update-ca-certificates"))
	return a
}

// withNewerStore is a copy of the source whose store has a newer version.
func withNewerStore(t testing.TB) string {
	t.Helper()
	source := copySource(t)
	const this, next = "\nconst version = 1\n", "\nconst version = 2\n"
	code := read(t, source+"/cache/seal.go")
	if !strings.Contains(code, this) {
		t.Fatalf("cache/seal.go has no line %q", this)
	}
	write(t, source, "cache/seal.go", strings.Replace(code, this, next, 1))
	return source
}

// powerOff shuts the appliance down.
func (a *appliance) powerOff(t testing.TB) {
	t.Helper()
	a.run(t, "systemctl", "poweroff")
	select {
	case <-a.done:
	case <-time.After(patience):
		t.Fatal("the appliance does not shut down")
	}
}

// lastGood is the record as it is on the disk.
func (a *appliance) lastGood(t testing.TB) string {
	t.Helper()
	return a.run(t, "cat", "/var/lib/homeward/last-good.json")
}

// traces are what is left of homeward on the appliance: files, and the user.
func (a *appliance) traces(t testing.TB) []string {
	t.Helper()
	return strings.Fields(a.run(t, "sh", "-c", `find / /run -xdev -path '*homeward*' ! -path '/root/*'
grep --only-matching --with-filename ^homeward: /etc/passwd /etc/group /etc/shadow /etc/gshadow || true`))
}

// readmeInstall are the lines of README.md that install homeward on Debian.
func readmeInstall(t testing.TB) []string {
	t.Helper()
	block := regexp.MustCompile("(?s)\nOn Debian[^\n]*:\n\n```\n(.*?)```").FindStringSubmatch(read(t, "../README.md"))
	if block == nil {
		t.Fatal("README.md does not say how to install on Debian")
	}
	return strings.Split(strings.TrimSpace(block[1]), "\n")
}

// follow does what a line of README.md says, in /root, with an editor that sets the SIP address and fingers that type
// the password.
func (a *appliance) follow(t testing.TB, line string) string {
	t.Helper()
	return a.run(t, "sh", "-ec", fmt.Sprintf(`cd /root
sudo() { "$@"; }
sudoedit() { sed --in-place 's/^#sip_address = .*/sip_address = "sip:%s@%s"/' "$1"; }
echo '%s' | { %s
}`, sipUser, sipDomain, password, line))
}

// TestDebianRoot is the life of a device: README.md is followed on a fresh Debian, the daemon is killed, the device is
// started again, the package upgraded, downgraded, removed and purged.
func TestDebianRoot(t *testing.T) {
	s := newSite(t)
	r := startKamailio(t, s, settings{})
	startKea(t, s.dhcp, full)
	startNamed(t, s.dns, zoneWith(deviceOrder...))
	a := newDebian(t, s)
	older, newer, newest := makePackages(t, "..", "v1.0.0"), makePackages(t, "..", "v1.1.0"), makePackages(t, withNewerStore(t), "v2.0.0")
	a.install(t, "root/homeward_1.0.0_amd64.deb", read(t, older+"/homeward_1.0.0_amd64.deb"))
	a.install(t, "var/newer.deb", read(t, newer+"/homeward_1.1.0_amd64.deb"))
	a.install(t, "var/newest.deb", read(t, newest+"/homeward_2.0.0_amd64.deb"))
	a.boot(t)
	registered := func(what string, wanted func(status) bool) {
		t.Helper()
		a.await(t, what, wanted)
		if got := r.bindings(t); len(got) != 1 {
			t.Errorf("%s: the Registrar has %q", what, got)
		}
	}
	installed := func(version string) {
		t.Helper()
		if got := a.run(t, "homeward", "version"); !strings.HasPrefix(got, "homeward "+version+"\n") {
			t.Errorf("installed is %s, want %s", got, version)
		}
	}

	// Installed.
	lines := readmeInstall(t)
	if out := a.follow(t, lines[0]); !strings.Contains(out, "sip_address") {
		t.Errorf("the installation does not say what to do next:\n%s", out)
	}
	installed("v1.0.0")
	if got := a.show(t, "UnitFileState") + " " + a.show(t, "ActiveState"); got != "enabled inactive" {
		t.Errorf("after the installation the service is %s", got)
	}
	if out, err := a.try("systemctl", "start", "homeward"); err == nil || !strings.Contains(out, "journalctl") {
		t.Errorf("started without a SIP address: error %v, it says\n%s", err, out)
	}
	if journal := a.run(t, "journalctl", "--unit=homeward"); !strings.Contains(journal, "sip_address: it is required") {
		t.Errorf("the journal does not say what is missing:\n%s", journal)
	}
	for _, line := range lines[1:] {
		a.follow(t, line)
	}
	registered("registered", isRegistered)
	if got := a.run(t, "homeward", "status"); !strings.Contains(got, "registered since") || !strings.Contains(got, at("internal-tls").host) {
		t.Errorf("homeward status says\n%s", got)
	}

	// Killed.
	pid := a.show(t, "MainPID")
	a.run(t, "sh", "-c", "kill -KILL "+pid)
	eventually(t, "systemd has started it again", func() error {
		if now := a.show(t, "MainPID"); now == pid || now == "0" || a.show(t, "ActiveState") != "active" {
			return fmt.Errorf("the daemon was process %s and is %s", pid, now)
		}
		return nil
	})
	registered("registered after it was killed", isRegistered)

	// Switched off and on.
	a.powerOff(t)
	if left := r.bindings(t); left != nil {
		t.Errorf("after the device was switched off the Registrar still has %q", left)
	}
	a.boot(t)
	registered("registered after the device was started again", isRegistered)

	// Upgraded: nothing is asked, the configuration and last good stay.
	edited := a.run(t, "cat", "/etc/homeward/homeward.toml")
	pid, record := a.show(t, "MainPID"), a.lastGood(t)
	a.run(t, "dpkg", "--install", "/var/newer.deb")
	installed("v1.1.0")
	if now := a.show(t, "MainPID"); now == pid || now == "0" {
		t.Errorf("the upgrade has not started the daemon again: it was process %s and is %s", pid, now)
	}
	registered("registered after the upgrade", isRegistered)
	if now := a.lastGood(t); now != record {
		t.Errorf("last good was\n%s\nand is\n%s", record, now)
	}

	// To a version with another store, and back: the older one leaves alone what it does not understand, says so, and
	// does its work.
	a.run(t, "dpkg", "--install", "/var/newest.deb")
	installed("v2.0.0")
	a.await(t, "registered with the newest version", isRegistered)
	a.run(t, "homeward", "cache", "forget") // what it learns now it writes in its own way
	a.run(t, "systemctl", "restart", "homeward")
	registered("registered with another store", isRegistered)
	if record = a.lastGood(t); !strings.Contains(record, `"version": 2`) {
		t.Fatalf("the newest version wrote\n%s", record)
	}
	database := a.run(t, "sha256sum", "/var/lib/homeward/homeward.db")
	a.run(t, "dpkg", "--install", "/var/newer.deb")
	installed("v1.1.0")
	registered("registered beside a newer store", func(s status) bool { return s.State == "registered" })
	a.run(t, "systemctl", "stop", "homeward")
	if now := a.lastGood(t); now != record {
		t.Errorf("last good of the newest version was\n%s\nand is\n%s", record, now)
	}
	if now := a.run(t, "sha256sum", "/var/lib/homeward/homeward.db"); now != database {
		t.Errorf("the database of the newest version was %s and is %s", database, now)
	}
	if journal := a.run(t, "journalctl", "--unit=homeward"); !strings.Contains(journal, "cache-too-new") {
		t.Errorf("the journal does not say that the store is newer:\n%s", journal)
	}
	a.run(t, "dpkg", "--install", "/var/newest.deb")
	a.run(t, "systemctl", "start", "homeward")
	registered("registered with the newest version again", isRegistered)
	if now := a.run(t, "cat", "/etc/homeward/homeward.toml"); now != edited {
		t.Errorf("the configuration was\n%s\nand is\n%s", edited, now)
	}

	// Removed: what was set and what was learned stays. Purged: nothing does.
	a.run(t, "dpkg", "-r", "homeward")
	if left := r.bindings(t); left != nil {
		t.Errorf("after the removal the Registrar still has %q", left)
	}
	left := a.traces(t)
	for path, want := range map[string]bool{
		"/etc/homeward/homeward.toml": true, "/etc/homeward/password": true, "/var/lib/homeward/homeward.db": true, "/var/lib/homeward/last-good.json": true,
		"/usr/bin/homeward": false, "/usr/lib/systemd/system/homeward.service": false, "/run/homeward": false,
	} {
		if slices.Contains(left, path) != want {
			t.Errorf("after the removal: %s is there: %v, want %v", path, !want, want)
		}
	}
	a.run(t, "dpkg", "-P", "homeward")
	if left := a.traces(t); len(left) > 0 {
		t.Errorf("after the purge there is %q", left)
	}
}
