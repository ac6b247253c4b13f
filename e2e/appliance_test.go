//go:build linux

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// appliance is the device of the site with systemd as its first process, and homeward as its service: with the unit of
// packaging/systemd, its user, its sandbox and its watchdog.
type appliance struct {
	*process // systemd; nil before the first boot
	host     *host
	root     string // what outlives a power cut: etc, var, and what is laid over usr
}

// envRoot tells the prop "systemd" the root of the appliance.
const envRoot = "E2E_ROOT"

// newAppliance furnishes an appliance, with homeward installed, configured as by newDevice, and enabled. dropIn is added
// to the unit.
func newAppliance(t testing.TB, s *site, dropIn string) *appliance {
	t.Helper()
	for _, name := range []string{"/lib/systemd/systemd", "systemctl", "unshare", "nsenter"} {
		program(t, name)
	}
	if os.Geteuid() != 0 || !ownCgroups() {
		missing(t, "systemd needs root and a cgroup2 file system of its own")
	}
	if reason := os.Getenv(envBroken); reason != "" {
		t.Fatal(reason)
	}
	a := &appliance{host: s.device, root: t.TempDir()}
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
			"roots = [\"/etc/homeward/site-root.pem\"]\ndigest_over_tcp = true\n",
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

// boot starts systemd, and returns when it answers.
func (a *appliance) boot(t testing.TB) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a.process = start(t, a.host, "env", envProp+"=systemd", envRoot+"="+a.root,
		"unshare", "--pid", "--mount", "--cgroup", "--uts", "--ipc", "--fork", "--kill-child", self)
	eventually(t, "systemd has started", func() error {
		if err := a.running(); err != nil {
			return err
		}
		_, err := a.try("systemctl", "is-active", "basic.target")
		return err
	})
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := a.try("journalctl", "--no-pager", "--unit", "homeward")
			t.Logf("--- the journal of the appliance (last %d bytes):\n%s", logTail, out[max(0, len(out)-logTail):])
		}
	})
}

// try runs argv inside, and returns what it printed.
func (a *appliance) try(argv ...string) (string, error) {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", a.cmd.Process.Pid))
	if err != nil || len(children) == 0 {
		return "", errors.Join(errors.New("systemd has not begun"), err)
	}
	inside := []string{"--target", strings.TrimSpace(string(children)), "--all", "--root", "--wd=/"}
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

// becomeSystemd makes the first process of new namespaces the systemd of an appliance. It returns only when it cannot.
func becomeSystemd(root string) error {
	merged := root + "/merged"
	dirs := []string{"usr", "etc", "var", "run", "tmp", "proc", "sys", "dev", "root", "old"}
	mount := func(source, target, kind string, flags uintptr, data string) error {
		if err := syscall.Mount(source, target, kind, flags, data); err != nil {
			return fmt.Errorf("mount %s: %w", target, err)
		}
		return nil
	}
	err := errors.Join(os.MkdirAll(merged, 0o755), mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""), mount("tmpfs", merged, "tmpfs", 0, "mode=0755"))
	for _, dir := range dirs {
		err = errors.Join(err, os.MkdirAll(filepath.Join(merged, dir), 0o755), os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	for _, link := range []string{"bin", "sbin", "lib", "lib64"} {
		err = errors.Join(err, os.Symlink("usr/"+link, filepath.Join(merged, link)))
	}
	err = errors.Join(err,
		mount("overlay", merged+"/usr", "overlay", 0, "lowerdir="+root+"/usr:/usr"),
		mount(root+"/etc", merged+"/etc", "", syscall.MS_BIND, ""),
		mount(root+"/var", merged+"/var", "", syscall.MS_BIND, ""),
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
	return syscall.Exec("/usr/lib/systemd/systemd", []string{"systemd", "--system", "--show-status=no", "--unit=multi-user.target"},
		[]string{"container=e2e", "PATH=/usr/sbin:/usr/bin"})
}
