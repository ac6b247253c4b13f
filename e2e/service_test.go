//go:build linux

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// ends runs argv inside, which must end with code, and returns what it printed.
func (a *appliance) ends(t testing.TB, code int, argv ...string) string {
	t.Helper()
	out, err := a.try(argv...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if got != code {
		t.Errorf("%s ends with %d, want %d:\n%s", strings.Join(argv, " "), got, code, out)
	}
	return out
}

// says runs argv inside, which must end with code, and have each of texts in what it printed.
func (a *appliance) says(t testing.TB, code int, argv []string, texts ...string) {
	t.Helper()
	out := a.ends(t, code, argv...)
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("%s does not say %q:\n%s", strings.Join(argv, " "), text, out)
		}
	}
}

// serviceVerb is a command line of `homeward service`.
func serviceVerb(args ...string) []string { return append([]string{"homeward", "service"}, args...) }

// managed asks the service manager through homeward.
func (a *appliance) managed(t testing.TB, code int) (s struct{ Installed, Enabled, Running bool }) {
	t.Helper()
	out := a.ends(t, code, serviceVerb("status", "--json")...)
	from, to := strings.Index(out, "{"), strings.LastIndex(out, "}")
	if from < 0 || json.Unmarshal([]byte(out[from:to+1]), &s) != nil {
		t.Fatalf("status --json:\n%s", out)
	}
	return s
}

// newBare is an appliance that has the program and nothing else of homeward, on a site where it can sign in.
func newBare(t *testing.T, init ...string) (*appliance, *registrar) {
	t.Helper()
	s := newSite(t)
	r := startKamailio(t, s, settings{})
	startKea(t, s.dhcp, full)
	startNamed(t, s.dns, zoneWith(at("dhcp-tls"))) // its addresses alone: DHCP must be asked, for which it takes a capability
	startDhclient(t, s.device)
	a := newAppliance(t, s, "")
	a.bare(t)
	if err := os.Remove(a.root + "/etc/homeward/homeward.toml"); err != nil {
		t.Fatal(err)
	}
	if init != nil {
		a.init = init
	}
	return a, r
}

// configure gives the appliance its SIP address, and the root certificate of the site.
func (a *appliance) configure(t testing.TB) {
	t.Helper()
	edit := fmt.Sprintf(`s/^#sip_address = .*/sip_address = "sip:%s@%s"/; $ a roots = ["/etc/homeward/site-root.pem"]`, sipUser, sipDomain)
	a.run(t, "sed", "--in-place", edit, "/etc/homeward/homeward.toml")
}

// TestServiceVerbs: a program that somebody has put there becomes a service of systemd, in the sandbox of the package, and
// ceases to be one.
func TestServiceVerbs(t *testing.T) {
	a, r := newBare(t)
	program(t, "useradd")
	a.boot(t)

	nobody := []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}
	a.says(t, 1, append(nobody, serviceVerb("install")...), "only root can install the service", "hint: run it as root: sudo homeward service install")
	a.says(t, 1, serviceVerb("start"), "the service is not installed", "hint: homeward service install")
	a.says(t, 3, serviceVerb("status"), "NOT INSTALLED", "hint: install it")
	a.run(t, "cp", "/usr/local/bin/homeward", "/tmp")
	a.says(t, 1, []string{"/tmp/homeward", "service", "install"}, "everybody can write to /tmp", "hint: install it first: sudo install -m 755 /tmp/homeward /usr/bin/homeward")
	a.run(t, "test", "!", "-e", "/etc/systemd/system/homeward.service", "-a", "!", "-e", "/etc/homeward/homeward.toml")

	a.run(t, "groupadd", "--system", "homeward") // an earlier try has left it
	a.run(t, "mv", "/etc/homeward", "/var/homeward")
	a.says(t, 0, []string{"sh", "-c", "umask 077; homeward service install"}, "created the user homeward", "installed for systemd: /etc/systemd/system/homeward.service",
		"next: set sip_address in /etc/homeward/homeward.toml, then: homeward service start")
	if mode := a.run(t, "stat", "--format=%A", "/etc/homeward"); mode != "drwxr-xr-x" {
		t.Errorf("the directory of the configuration is %s", mode)
	}
	a.run(t, "sh", "-c", "cp --preserve /var/homeward/* /etc/homeward")
	unit := strings.ReplaceAll(read(t, unitFile), "/usr/bin/homeward", "/usr/local/bin/homeward")
	if got := a.run(t, "cat", "/etc/systemd/system/homeward.service"); got != strings.TrimSpace(unit) {
		t.Errorf("the unit is not that of the package:\n%s", got)
	}
	if s := a.managed(t, 3); !s.Installed || !s.Enabled || s.Running {
		t.Errorf("after the installation: %+v", s)
	}
	a.says(t, 0, serviceVerb("install"), "already installed")
	a.says(t, 2, serviceVerb("start"), "systemd could not start the service: systemctl start homeward: exit status 1: Job for homeward", "sip_address: it is required", "hint: the log says why: journalctl --unit homeward")
	a.says(t, 3, serviceVerb("status"), "NOT RUNNING: it keeps exiting and being restarted", "activating (auto-restart)")

	a.configure(t)
	a.says(t, 0, serviceVerb("start"), "started")
	a.await(t, "registered", isRegistered)
	a.says(t, 0, append(nobody, serviceVerb("status")...), "running", "active (running)", "at boot        started")
	pid := a.show(t, "MainPID")
	a.run(t, "kill", "-KILL", pid)
	eventually(t, "started again after SIGKILL", func() error {
		if now := a.show(t, "MainPID"); now == pid || now == "0" {
			return fmt.Errorf("process %s", now)
		}
		return nil
	})
	a.await(t, "registered", isRegistered)
	pid = a.show(t, "MainPID")
	a.says(t, 0, serviceVerb("restart"), "restarted")
	if now := a.show(t, "MainPID"); now == pid || now == "0" {
		t.Errorf("restarted, it was process %s and is %s", pid, now)
	}
	a.await(t, "registered", isRegistered)
	a.says(t, 0, serviceVerb("stop"), "stopped")
	if left := r.bindings(t); left != nil {
		t.Errorf("after the stop the Registrar still has %q", left)
	}
	if s := a.managed(t, 3); !s.Installed || !s.Enabled || s.Running {
		t.Errorf("after the stop: %+v", s)
	}
	a.kill() // what is installed outlives a power cut
	a.boot(t)
	a.await(t, "registered", isRegistered)

	a.says(t, 0, serviceVerb("uninstall"), "stopped and removed", "configuration and state were kept: /etc/homeward, /var/lib/homeward")
	if left := r.bindings(t); left != nil {
		t.Errorf("after the removal the Registrar still has %q", left)
	}
	a.run(t, "test", "!", "-e", "/etc/systemd/system/homeward.service", "-a", "!", "-L", "/etc/systemd/system/multi-user.target.wants/homeward.service",
		"-a", "-s", "/etc/homeward/homeward.toml", "-a", "-s", "/var/lib/homeward/homeward.db", "-a", "!", "-e", "/run/homeward")
	a.says(t, 0, serviceVerb("uninstall"), "there was nothing to remove")
	a.says(t, 1, []string{"env", "PATH=/nowhere", "/usr/local/bin/homeward", "service", "install"}, "set up systemd: ", "systemctl") // which is not found
	a.run(t, "test", "!", "-e", "/etc/systemd/system/homeward.service")

	a.run(t, "systemctl", "mask", "homeward") // as the Debian package does when it is removed
	a.says(t, 1, serviceVerb("install"), "the service is masked: /etc/systemd/system/homeward.service leads to /dev/null", "hint: systemctl unmask homeward")
	a.run(t, "systemctl", "unmask", "homeward")

	t.Run("beside a package", func(t *testing.T) {
		a.says(t, 0, serviceVerb("install"), "installed for systemd")
		a.run(t, "cp", "/etc/systemd/system/homeward.service", "/usr/lib/systemd/system/homeward.service")
		a.run(t, "systemctl", "daemon-reload")
		a.says(t, 3, serviceVerb("status"), "file           /etc/systemd/system/homeward.service", "overridden     packaged service /usr/lib/systemd/system/homeward.service")
		a.says(t, 0, serviceVerb("install"), "the service is already installed")
		a.says(t, 0, serviceVerb("uninstall"), "the service now in use comes from a package: /usr/lib/systemd/system/homeward.service")
		a.says(t, 1, serviceVerb("uninstall"), "/usr/lib/systemd/system/homeward.service belongs to a package, and is removed with it")
		a.says(t, 0, serviceVerb("start"), "started")
		a.says(t, 0, serviceVerb("status"), "running", "at boot        not started", "file           /usr/lib/systemd/system/homeward.service")
		a.says(t, 0, serviceVerb("install"), "the packaged service is now started at boot: /usr/lib/systemd/system/homeward.service")
		if s := a.managed(t, 0); !s.Enabled {
			t.Errorf("after the installation: %+v", s)
		}
	})
}

// otherManager is a service manager besides systemd that can be had here. BusyBox is the first process: it does what System
// V init does, with the same inittab.
type otherManager struct {
	needs string
	files map[string]string
	is    string // the file that it reads, in the tree
	log   string // where the log is
}

var otherManagers = map[string]otherManager{
	"System V init": {
		"service",
		map[string]string{
			"etc/inittab": "::respawn:/usr/bin/busybox syslogd -n -O /var/log/messages\n" +
				"::wait:/bin/sh -c 'for script in /etc/rc2.d/S*; do $script start; done'\n",
			"etc/rc2.d/.keep": "", "etc/rc0.d/.keep": "",
		},
		"../packaging/sysv/homeward", "/var/log/messages",
	},
	"OpenRC": {
		"openrc-run",
		map[string]string{
			"etc/inittab":                 "::sysinit:/sbin/openrc sysinit\n::wait:/sbin/openrc boot\n::wait:/sbin/openrc default\n",
			"etc/runlevels/boot/.keep":    "",
			"etc/runlevels/sysinit/.keep": "",
			"etc/runlevels/default/.keep": "",
		},
		"../packaging/openrc/homeward", "/var/log/homeward.log",
	},
}

// atWork waits until the service manager is: a boot begins with init alone.
func (a *appliance) atWork(t *testing.T, manager string) {
	t.Helper()
	a.boot(t)
	eventually(t, manager+" is at work", func() error {
		if out, _ := a.try(serviceVerb("status")...); !strings.Contains(out, "manager        "+manager) {
			return errors.New(out)
		}
		return nil
	})
}

// newElsewhere is a bare appliance with another service manager.
func newElsewhere(t *testing.T, manager string) (*appliance, *registrar) {
	t.Helper()
	m := otherManagers[manager]
	for _, name := range []string{"busybox", "setpriv", "start-stop-daemon", "useradd", "pgrep", m.needs} {
		program(t, name)
	}
	a, r := newBare(t, "/usr/local/sbin/init")
	a.install(t, "usr/local/sbin/init", read(t, "/usr/bin/busybox")) // by its name it knows what to be, and is known
	for path, text := range m.files {
		a.install(t, path, text)
	}
	a.install(t, "etc/init.d/.keep", "")
	a.install(t, "var/lib/.keep", "")
	if err := errors.Join(os.Chmod(a.root+"/usr/local/sbin/init", 0o755), os.Symlink("/run", a.root+"/var/run")); err != nil {
		t.Fatal(err)
	}
	return a, r
}

// TestServiceVerbsElsewhere: the same without systemd, and its scripts do what its unit does: one capability, no
// directory that is missing, the password of root's file, a start after every end.
func TestServiceVerbsElsewhere(t *testing.T) {
	for name, m := range otherManagers {
		t.Run(name, func(t *testing.T) {
			a, r := newElsewhere(t, name)
			a.atWork(t, name)
			t.Cleanup(func() {
				if t.Failed() {
					out, _ := a.try("cat", m.log)
					t.Logf("--- %s:\n%s", m.log, out[max(0, len(out)-logTail):])
				}
			})
			if name == "System V init" {
				a.staleNumber(t)
			}
			a.livesAsService(t, r, name, m.is)
			if log := a.run(t, "cat", m.log); !strings.Contains(log, "homeward starts") {
				t.Errorf("the log is not in %s:\n%s", m.log, log)
			}
			if name == "System V init" {
				a.run(t, "sh", "-c", "mkdir /etc/away && mv /etc/rc?.d /etc/away")
				a.says(t, 1, serviceVerb("install"), "nothing starts the service at boot", "hint: have something run this at boot: /etc/init.d/homeward start")
			}
		})
	}
}

// TestMend304HungDaemon: a daemon that hangs outlives neither a restart nor a stop.
func TestMend304HungDaemon(t *testing.T) {
	for name := range otherManagers {
		t.Run(name, func(t *testing.T) {
			a, _ := newElsewhere(t, name)
			a.atWork(t, name)
			a.says(t, 0, serviceVerb("install"), "installed for "+name)
			a.configure(t)
			a.says(t, 0, serviceVerb("start"), "started")
			pid := a.daemon(t, "")
			for _, order := range []struct{ verb, says string }{{"restart", "restarted"}, {"stop", "stopped"}} {
				a.run(t, "kill", "-STOP", pid)
				a.says(t, 0, serviceVerb(order.verb), order.says)
				if _, err := a.try("kill", "-0", pid); err == nil {
					t.Errorf("the daemon that hung is there after %s", order.verb)
				}
				if order.verb == "restart" {
					pid = a.daemon(t, pid)
				}
			}
			if s := a.managed(t, 3); s.Running {
				t.Errorf("after the stop: %+v", s)
			}
		})
	}
}

// TestNoServiceManager: OpenRC is installed, and nothing of it runs.
func TestNoServiceManager(t *testing.T) {
	a := newAppliance(t, newSite(t), "")
	program(t, "openrc-run")
	a.init = []string{"/usr/bin/sleep", "infinity"}
	a.boot(t)
	for _, verb := range []string{"install", "start", "status", "uninstall"} {
		a.says(t, 1, serviceVerb(verb), `homeward does not support the service manager of this system: the first process is "sleep"`, "hint: have something run this, and restart it whenever it exits: homeward run")
	}
	a.run(t, "test", "!", "-e", "/etc/init.d/homeward")
}

// staleNumber: the number of a process in a file that a dead daemon has left is that of another process now. It is not stopped.
func (a *appliance) staleNumber(t *testing.T) {
	a.install(t, "var/homeward", read(t, "../packaging/sysv/homeward"))
	a.run(t, "sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $! >/run/homeward.pid")
	a.ends(t, 3, "sh", "/var/homeward", "status")
	a.ends(t, 0, "sh", "/var/homeward", "stop")
	a.run(t, "pgrep", "--exact", "sleep")
}

// livesAsService is the life of a service whose manager has scripts, from its installation to its removal.
func (a *appliance) livesAsService(t *testing.T, r *registrar, manager, like string) {
	const file = "/etc/init.d/homeward"
	a.says(t, 1, serviceVerb("start"), "the service is not installed", "hint: homeward service install")
	a.says(t, 3, serviceVerb("status"), "NOT INSTALLED", "manager        "+manager)
	a.says(t, 0, serviceVerb("install"), "created the user homeward", "installed for "+manager+": "+file, "next: set sip_address in ")
	script := strings.ReplaceAll(read(t, like), "/usr/bin/homeward", "/usr/local/bin/homeward")
	if got := a.run(t, "cat", file); got != strings.TrimSpace(script) {
		t.Errorf("the script is not that of the package:\n%s", got)
	}
	if s := a.managed(t, 3); !s.Installed || !s.Enabled || s.Running {
		t.Errorf("after the installation: %+v", s)
	}
	a.says(t, 0, serviceVerb("install"), "already installed")
	a.says(t, 2, serviceVerb("start"), "sip_address: it is required")

	a.configure(t)
	a.run(t, "chmod", "600", "/etc/homeward/homeward.toml") // root can read it; the daemon ends
	a.says(t, 1, serviceVerb("start"), "the daemon does not answer: it keeps exiting and being restarted", "hint: the log says why: ")
	a.says(t, 3, serviceVerb("status"), "NOT RUNNING: it keeps exiting and being restarted", "at boot        started")
	a.run(t, "chmod", "644", "/etc/homeward/homeward.toml")
	a.says(t, 0, serviceVerb("start"), "started")
	a.await(t, "registered", isRegistered)
	a.says(t, 0, serviceVerb("status"), "running", "at boot        started")
	a.says(t, 0, serviceVerb("start"), "started") // it was
	pid := a.daemon(t, "")
	held := a.run(t, "cat", "/proc/"+pid+"/status")
	for _, want := range []string{"CapEff:\t0000000000002000\n", "CapBnd:\t0000000000002000\n", "NoNewPrivs:\t1\n"} {
		if !strings.Contains(held, want) {
			t.Errorf("the process has not %q:\n%s", want, held)
		}
	}
	modes := a.run(t, "stat", "--format=%n %A %U:%G", "/proc/"+pid, "/var/lib/homeward", "/var/lib/homeward/last-good.json", "/run/homeward/registrar.json",
		"/run/homeward-credentials", "/run/homeward-credentials/password")
	if want := "/proc/" + pid + ` dr-xr-xr-x homeward:homeward
/var/lib/homeward drwxr-x--- homeward:homeward
/var/lib/homeward/last-good.json -rw-r----- homeward:homeward
/run/homeward/registrar.json -rw-r--r-- homeward:homeward
/run/homeward-credentials drwx--x--x root:root
/run/homeward-credentials/password -r-------- homeward:root`; modes != want {
		t.Errorf("files\n%s\nwant\n%s", modes, want)
	}
	a.run(t, "kill", "-KILL", pid)
	pid = a.daemon(t, pid)
	a.await(t, "registered", isRegistered)
	a.says(t, 0, serviceVerb("restart"), "restarted")
	a.daemon(t, pid)
	a.await(t, "registered", isRegistered)
	a.says(t, 0, serviceVerb("stop"), "stopped")
	if left := r.bindings(t); left != nil {
		t.Errorf("after the stop the Registrar still has %q", left)
	}
	a.run(t, "test", "!", "-e", "/run/homeward-credentials/password")
	a.says(t, 0, serviceVerb("stop"), "stopped") // it was
	if s := a.managed(t, 3); !s.Installed || !s.Enabled || s.Running {
		t.Errorf("after the stop: %+v", s)
	}
	a.kill()
	a.boot(t)
	a.await(t, "registered", isRegistered)

	a.says(t, 0, serviceVerb("uninstall"), "stopped and removed", "configuration and state were kept: /etc/homeward, /var/lib/homeward")
	if left := r.bindings(t); left != nil {
		t.Errorf("after the removal the Registrar still has %q", left)
	}
	if left := a.run(t, "sh", "-c", "find /etc -name '*homeward' ! -type d; find /run -name 'homeward*'"); left != "" {
		t.Errorf("after the removal there is %s", left)
	}
	a.run(t, "test", "-s", "/etc/homeward/homeward.toml", "-a", "-s", "/var/lib/homeward/homeward.db")
	a.says(t, 0, serviceVerb("uninstall"), "there was nothing to remove")

	a.says(t, 0, serviceVerb("install"), "installed for "+manager)
	a.run(t, "mkdir", "--parents", "/var/lib/dpkg/info") // what dpkg knows of a package that has brought the file
	a.run(t, "sh", "-c", `cd /var/lib/dpkg && echo "$1" >info/homeward.list && printf '%s\n' 'Package: homeward' 'Status: install ok installed' \
		'Version: 1.0.0' 'Architecture: amd64' 'Maintainer: nobody' 'Description: homeward' >status`, "sh", file)
	a.run(t, "sh", "-c", "rm -f /etc/rc?.d/*homeward /etc/runlevels/*/homeward") // a package leaves that to the administrator
	a.says(t, 0, serviceVerb("install"), "the packaged service is now started at boot: "+file)
	if s := a.managed(t, 3); !s.Enabled {
		t.Errorf("after the installation: %+v", s)
	}
	a.says(t, 1, serviceVerb("uninstall"), file+" belongs to a package, and is removed with it", "hint: remove the package")
}

// daemon waits until there is a daemon that is not the process before, and returns its number.
func (a *appliance) daemon(t testing.TB, before string) (pid string) {
	t.Helper()
	eventually(t, "there is another daemon", func() (err error) {
		if pid, err = a.try("pgrep", "--exact", "--full", "/usr/local/bin/homeward run"); err == nil && pid == before {
			err = errors.New("it is the same as before")
		}
		return err
	})
	return pid
}
