//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// maxExposure is the limit of the brief: chronyd has 3.7, systemd-resolved 2.2. What is left of ours is the network, a
// packet socket and the capability for it.
const maxExposure = 1.6

// TestUnit: systemd understands every line, and finds little exposed.
func TestUnit(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short")
	}
	program(t, "systemd-analyze")
	out, _ := exec.Command("systemd-analyze", "verify", "--man=no", unitFile).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "/usr/bin/homeward is not executable") { // it is not installed here
			t.Errorf("verify: %s", line)
		}
	}
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", unitFile).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	level := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindSubmatch(out)
	if level == nil {
		t.Fatalf("no exposure level in\n%s", out)
	}
	if exposure, err := strconv.ParseFloat(string(level[1]), 64); err != nil || exposure > maxExposure {
		t.Errorf("exposure %s, want at most %v\n%s", level[1], maxExposure, out)
	}
}

// TestServiceInItsSandbox: with the capability, the system calls and the files that the unit leaves it, the daemon asks
// DHCP and DNS, proves a certificate, signs in with the password of root's file, keeps last good, and starts through it
// when the power comes back during an outage.
func TestServiceInItsSandbox(t *testing.T) {
	s := newSite(t)
	r := startKamailio(t, s, settings{})
	startKea(t, s.dhcp, full)
	startNamed(t, s.dns, zoneWith(deviceOrder[1:]...))
	startDhclient(t, s.device)
	a := newAppliance(t, s, "")
	a.boot(t)
	a.run(t, "systemctl", "enable", "--now", "homeward") // and returns when READY=1 was heard
	registered := a.await(t, "registered", isRegistered)
	if got, want := registered.Registrar.String(), at("dhcp-tls").String(); got != want {
		t.Errorf("uses %s, want %s", got, want)
	}
	if got := a.show(t, "StatusText"); got != "registered with pool.contoso.com:5061" {
		t.Errorf("systemctl status shows %q", got)
	}
	held := a.run(t, "cat", "/proc/"+a.show(t, "MainPID")+"/status")
	for _, want := range []string{
		"Uid:\t950\t950\t950\t950\n", "CapEff:\t0000000000002000\n", "CapBnd:\t0000000000002000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n",
	} {
		if !strings.Contains(held, want) {
			t.Errorf("the process has not %q:\n%s", want, held)
		}
	}
	eventually(t, "last good is kept", func() error { // it is registered before that
		_, err := a.try("stat", "/var/lib/homeward/last-good.json")
		return err
	})
	modes := a.run(t, "stat", "--format=%n %A %U:%G", "/var/lib/homeward", "/var/lib/homeward/last-good.json", "/run/homeward/registrar.json")
	if want := `/var/lib/homeward drwxr-x--- homeward:homeward
/var/lib/homeward/last-good.json -rw-r----- homeward:homeward
/run/homeward/registrar.json -rw-r--r-- homeward:homeward`; modes != want {
		t.Errorf("files\n%s\nwant\n%s", modes, want)
	}

	s.dns.fault(t, silentDNS)
	s.dhcp.unplug(t)
	a.kill() // systemd and all: the power fails
	a.boot(t)
	a.await(t, "registered through last good", func(s status) bool { return s.State == "registered" && s.Degraded })

	a.run(t, "systemctl", "stop", "homeward")
	if got := a.show(t, "Result"); got != "success" {
		t.Errorf("stopping ends with %s", got)
	}
	if kept := a.run(t, "cat", "/run/homeward/registrar.json"); !strings.Contains(kept, `"state": "resting"`) {
		t.Errorf("after the stop registrar.json is\n%s", kept)
	}
	if left := r.bindings(t); left != nil {
		t.Errorf("after the stop the Registrar still has %q", left)
	}
	a.run(t, "test", "-s", "/var/lib/homeward/homeward.db")
}

// TestServiceNeverGivesUp: started before there is a network it waits, and neither ends nor holds up the boot; killed, or
// hung, it is started again, as often as it takes.
func TestServiceNeverGivesUp(t *testing.T) {
	s := newSite(t)
	startKamailio(t, s, settings{})
	startKea(t, s.dhcp, full)
	startNamed(t, s.dns, zoneWith(at("internal-tls")))
	a := newAppliance(t, s, "[Service]\nWatchdogSec=4\nRestartSec=100ms\n") // nobody waits for a minute here
	s.device.unplug(t)
	a.boot(t)
	a.run(t, "systemctl", "enable", "--now", "homeward")
	s.device.plug(t)
	startDhclient(t, s.device)
	a.await(t, "registered", isRegistered)
	if got := a.show(t, "NRestarts"); got != "0" {
		t.Errorf("%s restarts while it waited for the network", got)
	}
	for i, signal := range []string{"KILL", "KILL", "KILL", "KILL", "KILL", "KILL", "STOP"} { // systemd's own limit is 5 in 10 s
		a.run(t, "kill", "-"+signal, a.show(t, "MainPID"))
		eventually(t, fmt.Sprintf("started again after SIG%s", signal), func() error {
			if n := a.show(t, "NRestarts"); n != strconv.Itoa(i+1) {
				return fmt.Errorf("%s restarts, want %d", n, i+1)
			}
			if state := a.show(t, "ActiveState"); state != "active" {
				return errors.New(state)
			}
			return nil
		})
	}
	a.await(t, "registered", isRegistered)
	if journal := a.run(t, "journalctl", "--no-pager", "--unit", "homeward"); !strings.Contains(journal, "Watchdog timeout") {
		t.Error("no watchdog has ended the hung daemon")
	}
}
