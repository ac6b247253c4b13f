//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"homeward/e2e/needs"
)

// appliance is the device of the site with systemd as its first process, and homeward as its service: with the unit of
// packaging/systemd, its user, its sandbox and its watchdog.
type appliance struct {
	*process // its first process; nil before the first boot
	host     *host
	root     string   // what outlives a power cut: etc, var, and what is laid over usr
	init     []string // its first process
}

// systemdInit is the first process of an appliance.
var systemdInit = []string{"/usr/lib/systemd/systemd", "--system", "--show-status=no", "--unit=multi-user.target"}

// What the prop "appliance" is told: the root, and the command line of the first process, a word in a line.
const (
	envRoot = "E2E_ROOT"
	envInit = "E2E_INIT"
)

// newAppliance furnishes an appliance, with homeward installed, configured as by newDevice, and enabled. dropIn is added
// to the unit.
func newAppliance(t testing.TB, s *site, dropIn string) *appliance {
	t.Helper()
	canBoot(t)
	if reason := os.Getenv(envBroken); reason != "" {
		t.Fatal(reason)
	}
	a := &appliance{host: s.device, root: t.TempDir(), init: systemdInit}
	for path, text := range map[string]string{
		"etc/passwd":                 "root:x:0:0::/root:/bin/sh\nhomeward:x:950:950::/nonexistent:/usr/sbin/nologin\n",
		"etc/group":                  "root:x:0:\nhomeward:x:950:\n",
		"etc/nsswitch.conf":          "passwd: files\ngroup: files\n",
		"etc/machine-id":             "",
		"etc/resolv.conf":            "nameserver " + dnsAddr + "\n",
		"etc/homeward/password":      password + "\n",
		"etc/homeward/site-root.pem": read(t, s.ca.file),
		"etc/systemd/system/homeward.service.d/test.conf": dropIn,
		"usr/lib/systemd/system/homeward.service":         read(t, "../packaging/systemd/homeward.service"),
		"usr/bin/homeward":                                read(t, os.Getenv(envBinary)),
		"etc/homeward/homeward.toml": fmt.Sprintf("sip_address = %q\n", "sip:"+sipUser+"@"+sipDomain) +
			"roots = [\"/etc/homeward/site-root.pem\"]\ncredentials_over_tcp = true\n",
	} {
		a.install(t, path, text)
	}
	for _, path := range []string{"etc/homeward/password", "usr/bin/homeward"} {
		mode := map[string]os.FileMode{"etc/homeward/password": 0o600, "usr/bin/homeward": 0o755}[path]
		if err := os.Chmod(filepath.Join(a.root, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// canBoot skips the test where no systemd can be started beside the machine's own.
func canBoot(t testing.TB) {
	t.Helper()
	for _, name := range []string{"/lib/systemd/systemd", "systemctl", "unshare", "nsenter"} {
		program(t, name)
	}
	if !asService() { // an ordinary user is root in here, but is nobody else
		needs.Missing(t, "root", "")
	}
	if !ownCgroups() {
		needs.Missing(t, "cgroup2", "")
	}
}

// install puts a file on the appliance, for everybody to read.
func (a *appliance) install(t testing.TB, path, text string) {
	t.Helper()
	at := filepath.Join(a.root, path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// bare takes away what a package brings but the program, which is moved to where people put their own.
func (a *appliance) bare(t testing.TB) {
	t.Helper()
	a.install(t, "usr/local/bin/homeward", read(t, a.root+"/usr/bin/homeward"))
	err := errors.Join(os.Chmod(a.root+"/usr/local/bin/homeward", 0o755),
		os.Remove(a.root+"/usr/bin/homeward"), os.Remove(a.root+"/usr/lib/systemd/system/homeward.service"))
	if err != nil {
		t.Fatal(err)
	}
	a.install(t, "etc/passwd", "root:x:0:0::/root:/bin/sh\n")
	a.install(t, "etc/group", "root:x:0:\n")
	a.install(t, "etc/shadow", "root:*:20000::::::\n")
}

// inAppliance is in the environment of the first process of an appliance.
const inAppliance = "container=e2e"

// boot starts the first process, and returns when it has done what there is to do at a boot.
func (a *appliance) boot(t testing.TB) {
	t.Helper()
	if name, _, _ := strings.Cut(t.Name(), "/"); !slices.Contains(inTurn, name) {
		t.Fatalf("%s boots an appliance: it belongs into the list inTurn", name)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a.process = start(t, a.host, "env", envProp+"=appliance", envRoot+"="+a.root, envInit+"="+strings.Join(a.init, "\n"),
		"unshare", "--pid", "--mount", "--cgroup", "--uts", "--ipc", "--fork", "--kill-child", self)
	started := func() error { // executing it is the last thing that becomeInit does
		environ, err := os.ReadFile("/proc/" + a.first() + "/environ")
		if err == nil && !bytes.Contains(environ, []byte(inAppliance)) {
			err = errors.New("the first process has not been executed")
		}
		return err
	}
	if a.init[0] == systemdInit[0] {
		started = func() error {
			_, err := a.try("systemctl", "is-active", "basic.target")
			return err
		}
	}
	eventually(t, "the appliance has started", func() error {
		return errors.Join(a.running(), started())
	})
	booted, first := a.process, a.first()
	t.Cleanup(func() {
		booted.kill()
		eventually(t, "the appliance writes no more", func() error { return ended(first) })
	})
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := a.try("journalctl", "--no-pager", "--unit", "homeward")
			t.Logf("--- the journal of the appliance (last %d bytes):\n%s", logTail, out[max(0, len(out)-logTail):])
		}
	})
}

// first is its first process, as it is called out here; "" before it has one.
func (a *appliance) first() string {
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", a.cmd.Process.Pid))
	return strings.TrimSpace(string(children))
}

// ended says whether a process has ended, and with it all of the process namespace whose first it is.
func ended(pid string) error {
	state, err := os.ReadFile("/proc/" + pid + "/stat")
	if err == nil && !strings.Contains(string(state), ") Z ") {
		return fmt.Errorf("process %s", state)
	}
	return nil
}

// try runs argv inside, and returns what it printed.
func (a *appliance) try(argv ...string) (string, error) {
	first := a.first()
	if first == "" {
		return "", errors.New("it has not begun")
	}
	inside := []string{"--target", first, "--all", "--root", "--wd"}
	out, err := exec.Command("nsenter", append(inside, argv...)...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, out)
	}
	return strings.TrimSpace(string(out)), err
}

// run runs argv inside; it must succeed.
func (a *appliance) run(t testing.TB, argv ...string) string {
	t.Helper()
	out, err := a.try(argv...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// show returns a property of the unit, such as MainPID.
func (a *appliance) show(t testing.TB, property string) string {
	t.Helper()
	return a.run(t, "systemctl", "show", "--property="+property, "--value", "homeward")
}

// await waits until the daemon's status is as wanted.
func (a *appliance) await(t testing.TB, what string, wanted func(status) bool) status {
	t.Helper()
	var s status
	eventually(t, "homeward is "+what, func() error {
		out, err := a.try("homeward", "status", "--json")
		s = status{}
		if json.Unmarshal([]byte(out), &s) != nil || !wanted(s) {
			return errors.Join(fmt.Errorf("status %s", out), err)
		}
		return nil
	})
	return s
}

func isRegistered(s status) bool { return s.State == "registered" && !s.Degraded }

// ownCgroups says whether this kernel lets us mount a cgroup2 file system.
func ownCgroups() bool {
	known, err := os.ReadFile("/proc/filesystems")
	return err == nil && strings.Contains(string(known), "\tcgroup2\n")
}

// becomeInit makes the first process of new namespaces that of an appliance. It returns only when it cannot.
func becomeInit(root string, argv []string) error {
	merged := root + "/merged"
	_, err := os.Lstat(root + "/bin")
	whole := err == nil // a root of its own: nothing is laid over anything
	if whole {
		merged = root
	}
	dirs := []string{"usr", "etc", "var", "var/log", "run", "tmp", "proc", "sys", "dev", "root", "work", "old"}
	mount := func(source, target, kind string, flags uintptr, data string) error {
		if err := syscall.Mount(source, target, kind, flags, data); err != nil {
			return fmt.Errorf("mount %s: %w", target, err)
		}
		return nil
	}
	if err = mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); whole {
		err = errors.Join(err, mount(root, root, "", syscall.MS_BIND, ""), os.MkdirAll(root+"/old", 0o755))
	} else {
		err = errors.Join(err, os.MkdirAll(merged, 0o755), mount("tmpfs", merged, "tmpfs", 0, "mode=0755"))
		for _, dir := range dirs {
			err = errors.Join(err, os.MkdirAll(filepath.Join(merged, dir), 0o755), os.MkdirAll(filepath.Join(root, dir), 0o755))
		}
		for _, link := range []string{"bin", "sbin", "lib", "lib64"} {
			err = errors.Join(err, os.Symlink("usr/"+link, filepath.Join(merged, link)))
		}
		err = errors.Join(err,
			mount("overlay", merged+"/usr", "overlay", 0, "lowerdir=/usr,upperdir="+root+"/usr,workdir="+root+"/work"),
			mount(root+"/etc", merged+"/etc", "", syscall.MS_BIND, ""),
			mount(root+"/var", merged+"/var", "", syscall.MS_BIND, ""),
		)
	}
	err = errors.Join(err,
		mount("proc", merged+"/proc", "proc", 0, ""),
		mount("sysfs", merged+"/sys", "sysfs", syscall.MS_RDONLY, ""),
		mount("cgroup2", merged+"/sys/fs/cgroup", "cgroup2", 0, ""),
		mount("tmpfs", merged+"/run", "tmpfs", 0, "mode=0755"),
		mount("tmpfs", merged+"/tmp", "tmpfs", 0, ""),
		mount("tmpfs", merged+"/dev", "tmpfs", 0, "mode=0755"),
		os.Mkdir(merged+"/dev/shm", 0o1777),
		os.Mkdir(merged+"/dev/pts", 0o755),
		mount("devpts", merged+"/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666"),
		os.Symlink("pts/ptmx", merged+"/dev/ptmx"),
	)
	for _, device := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		node := filepath.Join(merged, "dev", device)
		err = errors.Join(err, os.WriteFile(node, nil, 0o666), mount("/dev/"+device, node, "", syscall.MS_BIND, ""))
	}
	err = errors.Join(err,
		syscall.PivotRoot(merged, merged+"/old"), os.Chdir("/"),
		syscall.Unmount("/old", syscall.MNT_DETACH),
		mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""), // credentials are mounted elsewhere and appear here
	)
	if err != nil {
		return err
	}
	runtime.LockOSThread() // What unshare has asked for, to be killed with it, holds for the thread that it started alone.
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0); errno != 0 {
		return errno
	}
	return syscall.Exec(argv[0], argv, []string{inAppliance, "PATH=/usr/sbin:/usr/bin"})
}
