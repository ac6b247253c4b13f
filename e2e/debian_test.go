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

	"homeward/e2e/needs"
)

// Debian 12 as it comes, with the ways to a network and to roots of trust that it installs by default.
var debian = []string{"bookworm", "systemd-sysv", "ifupdown", "isc-dhcp-client", "ca-certificates"}

// TestRoots makes what other tests boot, while they do something else. Whether one can do without a root is theirs to say.
func TestRoots(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short")
	}
	canBoot(t)
	roots := [][]string{debian}
	for _, d := range clientRoots {
		roots = append(roots, d.root)
	}
	for _, a := range asterisks {
		roots = append(roots, asteriskRoot(a.suite))
	}
	for _, root := range roots {
		if _, err := debianTarball(t, root); err != nil {
			t.Logf("%s: %v", root, err)
		}
	}
}

// debianRoot is the root of a fresh Debian: a suite, and packages. The error says why it is not to be had.
func debianRoot(t testing.TB, wanted []string) (string, error) {
	t.Helper()
	made, err := debianTarball(t, wanted)
	if err != nil {
		return "", err
	}
	root := t.TempDir()
	runTool(t, exec.Command("tar", "--extract", "--file="+made, "--directory="+root))
	return root, nil
}

// debianTarball is such a root as a file. What debootstrap makes is kept from run to run in the user's cache directory.
func debianTarball(t testing.TB, wanted []string) (string, error) {
	t.Helper()
	for _, name := range []string{"debootstrap", "tar", "nsenter"} {
		program(t, name)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	made := filepath.Join(cache, "homeward-e2e", strings.Join(wanted, "+")+".tar")
	defer lock(t, made+".lock").Close()
	if _, err := os.Stat(made); errors.Is(err, os.ErrNotExist) {
		return made, bootstrap(t, made, wanted)
	}
	return made, nil
}

// bootstrap makes the root, as a tar file. Packages are fetched where the machine's own network is; their scripts run
// in here, where there is none.
func bootstrap(t testing.TB, tarball string, wanted []string) error {
	t.Helper()
	dir := t.TempDir()
	packages, root := dir+"/packages.tar", dir+"/root"
	args := []string{"--variant=minbase", "--include=" + strings.Join(wanted[1:], ","), wanted[0]}
	if out, err := outside(append([]string{"debootstrap", "--make-tarball=" + packages}, append(args, dir+"/fetched")...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("debootstrap cannot fetch Debian %s: %w\n%s", wanted[0], err, out[max(0, len(out)-logTail):])
	}
	if out, err := exec.Command("debootstrap", append([]string{"--unpack-tarball=" + packages}, append(args, root)...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("debootstrap cannot install Debian %s: %w\n%s", wanted[0], err, out[max(0, len(out)-logTail):])
	}
	if err := os.MkdirAll(filepath.Dir(tarball), 0o755); err != nil {
		t.Fatal(err)
	}
	runTool(t, exec.Command("tar", "--create", "--file="+tarball+".new", "--directory="+root, "--exclude=./etc/resolv.conf", "."))
	return os.Rename(tarball+".new", tarball)
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
	root, err := debianRoot(t, debian)
	if err != nil {
		needs.Missing(t, "network", err.Error())
	}
	a := &appliance{host: s.device, root: root, init: systemdInit}
	a.install(t, "etc/network/interfaces", "auto lo eth0\niface lo inet loopback\niface eth0 inet dhcp\n")
	a.trusts(t, s)
	return a
}

// trusts puts the root of the site among those that the system trusts.
func (a *appliance) trusts(t testing.TB, s *site) {
	t.Helper()
	a.install(t, "usr/local/share/ca-certificates/site.crt", read(t, s.ca.file))
	runTool(t, exec.Command("chroot", a.root, "update-ca-certificates"))
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
	return strings.Fields(a.run(t, "sh", "-c", `find / /run -xdev -path '*homeward*' ! -path '/mnt/*'
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

// follow does what a line of README.md says, in /mnt, with an editor that sets the SIP address and fingers that type
// the password.
func (a *appliance) follow(t testing.TB, line string) string {
	t.Helper()
	return a.run(t, "sh", "-ec", fmt.Sprintf(`cd /mnt
sudo() { "$@"; }
sudoedit() { sed --in-place 's/^#sip_address = .*/sip_address = "sip:%s@%s"/' "$1"; }
echo '%s' | { %s
}`, sipUser, sipDomain, password, line))
}

// TestDebianRoot is the life of a device that begins as a fresh Debian.
func TestDebianRoot(t *testing.T) {
	s := newSite(t)
	startKea(t, s.dhcp, full)
	startNamed(t, s.dns, zoneWith(deviceOrder...))
	d := &debianDevice{newDebian(t, s), startKamailio(t, s, settings{})}
	d.bring(t, "/mnt", olderVersion)
	d.bring(t, "/mnt/upgrades", newerVersion)
	d.bring(t, "/mnt/upgrades", laterVersion)
	d.boot(t)
	d.isInstalled(t)
	d.isKilled(t)
	d.isUsedByHand(t)
	d.isRestarted(t)
	d.isUpgraded(t, newerVersion)
	d.isUpgraded(t, laterVersion)
	d.meetsNewerStore(t)
	d.isRemoved(t)
}

// debianDevice is the device of TestDebianRoot, with the Registrar of its site.
type debianDevice struct {
	*appliance
	registrar *registrar
}

// registers waits until the daemon's status is as wanted; then the Registrar knows the device.
func (d *debianDevice) registers(t testing.TB, when string, wanted func(status) bool) {
	t.Helper()
	d.await(t, "registered "+when, wanted)
	if got := d.registrar.bindings(t); len(got) != 1 {
		t.Errorf("%s the Registrar has %q", when, got)
	}
}

// unregistered looks whether the Registrar has forgotten the device.
func (d *debianDevice) unregistered(t testing.TB, when string) {
	t.Helper()
	if left := d.registrar.bindings(t); left != nil {
		t.Errorf("%s the Registrar still has %q", when, left)
	}
}

// bring puts the package of a version into a directory.
func (d *debianDevice) bring(t testing.TB, dir, version string) {
	t.Helper()
	file := "/homeward_" + version + "_amd64.deb"
	d.install(t, dir+file, read(t, packages(t, version)+file))
}

// dpkg installs a version.
func (d *debianDevice) dpkg(t testing.TB, version string) {
	t.Helper()
	d.run(t, "dpkg", "--install", "/mnt/upgrades/homeward_"+version+"_amd64.deb")
	if got := d.run(t, "homeward", "version"); !strings.HasPrefix(got, "homeward v"+version+"\n") {
		t.Errorf("installed is %s, want %s", got, version)
	}
}

// isInstalled: the package says what is to be set, and so does a start without it; after the lines of README.md the device
// is registered.
func (d *debianDevice) isInstalled(t testing.TB) {
	t.Helper()
	lines := readmeInstall(t)
	if out := d.follow(t, lines[0]); !strings.Contains(out, "set sip_address in /etc/homeward/homeward.toml") {
		t.Errorf("the installation does not say what to do next:\n%s", out)
	}
	if got := d.show(t, "UnitFileState") + " " + d.show(t, "ActiveState"); got != "enabled inactive" {
		t.Errorf("after the installation the service is %s", got)
	}
	if out, err := d.try("systemctl", "start", "homeward"); err == nil || !strings.Contains(out, "journalctl") {
		t.Errorf("started without a SIP address: error %v, it says\n%s", err, out)
	}
	if journal := d.run(t, "journalctl", "--unit=homeward"); !strings.Contains(journal, "sip_address: it is required") {
		t.Errorf("the journal does not say what is missing:\n%s", journal)
	}
	for _, line := range lines[1:] {
		d.follow(t, line)
	}
	d.registers(t, "after the installation", isRegistered)
	if got := d.run(t, "homeward", "status"); !strings.Contains(got, "registered since") || !strings.Contains(got, at("internal-tls").host) {
		t.Errorf("homeward status says\n%s", got)
	}
	// A command takes the password from where systemd does.
	if got := d.run(t, "homeward", "config", "check"); strings.Contains(got, "password") {
		t.Errorf("homeward config check says\n%s", got)
	}
	d.run(t, "homeward", "check")
}

// isKilled: systemd starts the daemon again.
func (d *debianDevice) isKilled(t testing.TB) {
	t.Helper()
	pid := d.show(t, "MainPID")
	d.run(t, "sh", "-c", "kill -KILL "+pid)
	eventually(t, "systemd has started it again", func() error {
		if now, state := d.show(t, "MainPID"), d.show(t, "ActiveState"); now == pid || now == "0" || state != "active" {
			return fmt.Errorf("the daemon was process %s and is %s, %s", pid, now, state)
		}
		return nil
	})
	d.registers(t, "after it was killed", isRegistered)
}

// isUsedByHand: what root makes while the service is stopped is no loss for the daemon, which is not root.
func (d *debianDevice) isUsedByHand(t testing.TB) {
	t.Helper()
	d.run(t, "systemctl", "stop", "homeward")
	d.run(t, "homeward", "cache", "forget")
	d.run(t, "timeout", "--preserve-status", "3", "homeward", "run")
	d.run(t, "systemctl", "start", "homeward")
	d.registers(t, "after commands of root", isRegistered)
	if foreign := d.run(t, "find", "/var/lib/homeward", "/run/homeward", "!", "-user", "homeward", "-o", "-name", "*damaged*"); foreign != "" {
		t.Errorf("after commands of root there is\n%s", foreign)
	}
}

// isRestarted: switched off and on, the device is back by itself.
func (d *debianDevice) isRestarted(t testing.TB) {
	t.Helper()
	d.powerOff(t)
	d.unregistered(t, "after the device was switched off")
	d.boot(t)
	d.registers(t, "after the device was started again", isRegistered)
}

// isUpgraded: the new daemon takes over; the edited configuration and last good stay, and nobody is asked.
func (d *debianDevice) isUpgraded(t testing.TB, version string) {
	t.Helper()
	pid, config, record := d.show(t, "MainPID"), d.run(t, "cat", "/etc/homeward/homeward.toml"), d.lastGood(t)
	d.dpkg(t, version)
	if now := d.show(t, "MainPID"); now == pid || now == "0" {
		t.Errorf("the upgrade has not started the daemon again: it was process %s and is %s", pid, now)
	}
	d.registers(t, "after the upgrade", isRegistered)
	if now := d.run(t, "cat", "/etc/homeward/homeward.toml"); now != config {
		t.Errorf("the configuration was\n%s\nand is\n%s", config, now)
	}
	if now := d.lastGood(t); now != record {
		t.Errorf("last good was\n%s\nand is\n%s", record, now)
	}
}

// meetsNewerStore: after a downgrade the daemon leaves alone what it does not understand, says so, and does its work.
func (d *debianDevice) meetsNewerStore(t testing.TB) {
	t.Helper()
	d.run(t, "homeward", "cache", "forget") // what it learns now it writes in its own way
	d.run(t, "systemctl", "restart", "homeward")
	d.registers(t, "with another store", isRegistered)
	database, record := d.run(t, "sha256sum", "/var/lib/homeward/homeward.db"), d.lastGood(t)
	if !strings.Contains(record, `"version": 2`) {
		t.Fatalf("the later version wrote\n%s", record)
	}

	d.dpkg(t, newerVersion)
	d.registers(t, "beside a newer store", isRegistered)
	d.run(t, "systemctl", "stop", "homeward")
	if now := d.run(t, "sha256sum", "/var/lib/homeward/homeward.db"); now != database {
		t.Errorf("the database of the later version was %s and is %s", database, now)
	}
	if now := d.lastGood(t); now != record {
		t.Errorf("last good of the later version was\n%s\nand is\n%s", record, now)
	}
	if journal := d.run(t, "journalctl", "--unit=homeward"); !strings.Contains(journal, "cache-too-new") {
		t.Errorf("the journal does not say that the store is newer:\n%s", journal)
	}
	if shown, err := d.try("homeward", "cache", "show"); err == nil || !strings.Contains(shown, "made by a newer version of homeward") {
		t.Errorf("cache show: error %v, it says\n%s", err, shown)
	}

	d.dpkg(t, laterVersion)
	d.run(t, "systemctl", "start", "homeward")
	d.registers(t, "with the later version again", isRegistered)
}

// isRemoved: what was set and what was learned stays, until it is purged.
func (d *debianDevice) isRemoved(t testing.TB) {
	t.Helper()
	d.run(t, "env", "interface=eth0", "/usr/lib/homeward/homeward-dhcp-hook", "udhcpc", "bound")
	d.run(t, "stat", "/run/homeward-dhcp/eth0.udhcpc.env")
	d.run(t, "dpkg", "-r", "homeward")
	d.unregistered(t, "after the removal")
	left := d.traces(t)
	for path, want := range map[string]bool{
		"/etc/homeward/homeward.toml": true, "/etc/homeward/password": true, "/var/lib/homeward/homeward.db": true, "/var/lib/homeward/last-good.json": true,
		"/usr/bin/homeward": false, "/usr/lib/systemd/system/homeward.service": false, "/run/homeward": false, "/run/homeward-dhcp": false,
	} {
		if slices.Contains(left, path) != want {
			t.Errorf("after the removal: %s is there: %v, want %v", path, !want, want)
		}
	}
	d.dpkg(t, newerVersion)
	d.run(t, "systemctl", "start", "homeward")
	d.await(t, "registered after another installation", func(s status) bool { return s.State == "registered" })
	if got := d.show(t, "UnitFileState"); got != "enabled" {
		t.Errorf("after another installation the service is %s", got)
	}
	d.run(t, "dpkg", "-P", "homeward")
	if left := d.traces(t); len(left) > 0 {
		t.Errorf("after the purge there is %q", left)
	}
	d.run(t, "groupadd", "homeward") // somebody else has made the group
	d.dpkg(t, newerVersion)
	if got := d.run(t, "id", "--group", "--name", "homeward"); got != "homeward" {
		t.Errorf("the group of the user is %s", got)
	}
}
