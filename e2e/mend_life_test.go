//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMend06RootFollowsNoLink: the user of the daemon has put links to files of root's into its directories. Root runs the daemon
// by hand, and asks for what it has left: no such file is read, written, or given away.
func TestMend06RootFollowsNoLink(t *testing.T) {
	_, _, d := newSiteWithDevice(t, deviceAddr)
	precious := t.TempDir()
	lead := func(names ...string) {
		t.Helper()
		for _, name := range names {
			link, file := filepath.Join(d.dir, name), write(t, precious, filepath.Base(name), "keep\n")
			os.Remove(link)
			if err := os.Symlink(file, link); err != nil {
				t.Fatal(err)
			}
		}
	}
	untouched := func() {
		t.Helper()
		files, err := os.ReadDir(precious)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			info, err := f.Info()
			if err != nil {
				t.Fatal(err)
			}
			text := read(t, filepath.Join(precious, f.Name()))
			if of := info.Sys().(*syscall.Stat_t); text != "keep\n" || info.Mode() != 0o600 || int(of.Uid) != os.Geteuid() {
				t.Errorf("%s is of user %d, has mode %v and holds\n%s", f.Name(), of.Uid, info.Mode(), text)
			}
		}
	}
	state := []string{"state/history.jsonl", "state/homeward.db", "state/last-good.json"}
	lead(state...)
	lead("state/homeward.db.tmp", "state/last-good.json.tmp", "run/registrar.json", "run/registrar.json.new")
	d.process = start(t, d.host, d.argv("run")...)
	d.awaitRegistered(t)
	d.awaitCommitted(t)
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	untouched()
	for _, command := range [][]string{{"history"}, {"cache", "show"}, {"cache", "export"}, {"cache", "forget"}} {
		lead(state...)
		if out, _ := d.run(t, command...); strings.Contains(out, "keep") {
			t.Errorf("%q prints what a link leads to:\n%s", command, out)
		}
		untouched()
	}
	for _, name := range []string{"run/control.lock", "run/control.sock"} {
		lead(name)
		p := start(t, d.host, d.argv("run")...)
		eventually(t, "a daemon over a link has ended", func() error {
			if p.running() == nil {
				return errors.New("it runs")
			}
			return nil
		})
		if code := p.cmd.ProcessState.ExitCode(); code != 1 {
			t.Errorf("%s is a link: exit code %d", name, code)
		}
		untouched()
		if err := os.Remove(filepath.Join(d.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMend07TextInALeasePlace: somebody's text stands where networkd keeps the lease of the interface, 16 KB of lines that
// none of its leases has. It costs neither the memory of the device nor the registration.
func TestMend07TextInALeasePlace(t *testing.T) {
	const leases, limit = "/run/systemd/netif/leases", 64 << 10 // KiB
	s := newSite(t)
	startNamed(t, s.dns, zoneWith(at("internal-tls")))
	startKamailio(t, s, settings{})
	plugIn(t, s)
	index, _, _ := strings.Cut(s.device.run(t, "ip", "-o", "link", "show", "dev", "eth0"), ":")
	if err := os.MkdirAll(leases, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(filepath.Dir(leases)) })
	file := write(t, leases, index, strings.Repeat("x\n", 8<<10))
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	d := newDevice(t, s, `dhcp = "lease"`)
	d.boot(t)
	d.awaitRegistered(t)
	for line := range strings.Lines(read(t, fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))) {
		if peak, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(peak), " kB"))
			if err != nil || kib > limit {
				t.Errorf("it took %s of memory, %d KiB are plenty", strings.TrimSpace(peak), limit)
			}
			return
		}
	}
	t.Error("the system does not say how much memory it took")
}

// TestMend08GroupMemberTakesAllPlaces: somebody of the group takes every place of the control socket, and takes it again. The
// watchdog is fed all the same, and root is answered.
func TestMend08GroupMemberTakesAllPlaces(t *testing.T) {
	s := newSite(t)
	startKamailio(t, s, settings{})
	startKea(t, s.dhcp, full)
	startNamed(t, s.dns, zoneWith(at("internal-tls")))
	startDhclient(t, s.device)
	a := newAppliance(t, s, "[Service]\nWatchdogSec=4\n") // nobody waits for a minute here
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a.install(t, "usr/local/bin/prop", read(t, self))
	if err := os.Chmod(a.root+"/usr/local/bin/prop", 0o755); err != nil {
		t.Fatal(err)
	}
	a.boot(t)
	a.run(t, "systemctl", "enable", "--now", "homeward")
	a.await(t, "registered", isRegistered)
	a.run(t, "sh", "-c", `setpriv --reuid=1000 --regid=homeward --clear-groups --no-new-privs \
		env "`+envProp+`=hold /run/homeward/control.sock" prop >/tmp/prop.log 2>&1 &`)
	eventually(t, "all places are taken", func() error {
		if said := a.run(t, "cat", "/tmp/prop.log"); said != "taken" {
			return errors.New(said)
		}
		return nil
	})
	fed := a.show(t, "WatchdogTimestampMonotonic")
	for range 6 { // 1 s each: the time in which a daemon that does not feed it is ended
		eventually(t, "the watchdog is fed", func() error {
			if n := a.show(t, "NRestarts"); n != "0" {
				t.Fatalf("%s restarts", n)
			}
			before := fed
			if fed = a.show(t, "WatchdogTimestampMonotonic"); fed == before {
				return errors.New("last at " + fed)
			}
			return nil
		})
		if out, err := a.try("homeward", "status", "--json"); err != nil {
			t.Fatalf("root is not answered: %v\n%s", err, out)
		}
	}
}

// holdSocket is main of the prop "hold": it begins to ask, on many connections of a socket, and never comes to the end of the
// question. A connection that is closed is replaced.
func holdSocket(path string) {
	begun := make(chan error)
	for i := range 64 {
		go func() {
			again := time.NewTicker(20 * time.Millisecond)
			for first := true; ; first = false {
				<-again.C
				conn, err := net.Dial("unix", path)
				if first {
					begun <- err
				}
				if err != nil {
					continue
				}
				question := "GET /v1/history?follow HTTP/1.1\r\nHost: homeward\r\n"
				if i%2 == 0 {
					question += "\r\n" // the whole question, of one who does not listen
				}
				io.WriteString(conn, question)
				conn.Read(make([]byte, 1))
				if i%2 != 0 {
					io.Copy(io.Discard, conn)
				}
				conn.Close()
			}
		}()
	}
	for range 64 {
		if err := <-begun; err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println("taken")
	select {}
}

// TestMend09ManyIdleScrapers: six hundred connections that say nothing do not take the descriptors that the service needs.
func TestMend09ManyIdleScrapers(t *testing.T) {
	_, _, d := newSiteWithDevice(t, deviceAddr, `metrics_listen = ":9187"`)
	d.boot(t)
	d.awaitRegistered(t)
	for range 600 {
		conn, err := net.DialTimeout("tcp", deviceAddr+":9187", patience)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if page := scrape(t); !strings.Contains(page, `homeward_state{state="registered"} 1`) {
		t.Errorf("the metrics are\n%s", page)
	}
	if s := d.status(t); s.State != "registered" {
		t.Errorf("status %+v", s)
	}
	open, err := os.ReadDir("/proc/" + strconv.Itoa(d.cmd.Process.Pid) + "/fd")
	if err != nil || len(open) > 64 {
		t.Errorf("the daemon has %d descriptors, %v", len(open), err)
	}
}

// TestMend10ResolvConfIsAPipe: nobody writes into the pipe that somebody has put in the place of resolv.conf. The daemon answers
// and ends, and so does plan.
func TestMend10ResolvConfIsAPipe(t *testing.T) {
	_, _, d := newSiteWithDevice(t, deviceAddr)
	pipe := d.dir + "/pipe"
	if err := errors.Join(syscall.Mkfifo(pipe, 0o644), os.Chmod(pipe, 0o644)); err != nil {
		t.Fatal(err)
	}
	beside := []string{"sh", "-c", `umount /etc/resolv.conf && mount --bind "$0" /etc/resolv.conf && exec "$@"`, pipe} // in the mount namespace of ip netns exec
	d.boot(t, beside...)
	d.await(t, "resting", func(s status) bool { return s.State == "resting" })
	if log := d.output(t); strings.Count(log, "the name servers of this device cannot be read") != 1 || !strings.Contains(log, "/etc/resolv.conf is not a regular file") {
		t.Errorf("the log does not say once why:\n%s", log)
	}
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	plan := start(t, d.host, append(beside, d.argv("plan")...)...)
	eventually(t, "plan has ended", func() error {
		if plan.running() == nil {
			return errors.New("it runs")
		}
		return nil
	})
	if code := plan.cmd.ProcessState.ExitCode(); code != 4 {
		t.Errorf("plan ends with %d", code)
	}
}

// TestMend24SignalsWhileUnregistering: whoever cannot wait and sends one signal after the other does not keep the daemon from
// taking its binding back, and from telling the phone.
func TestMend24SignalsWhileUnregistering(t *testing.T) {
	for name, rule := range map[string]string{"the Registrar answers": "", "the Registrar is silent": blackHole} {
		t.Run(name, func(t *testing.T) {
			s, r, d := newSiteWithDevice(t, deviceAddr)
			d.boot(t)
			d.awaitRegistered(t)
			if rule != "" {
				s.registrar.fault(t, at("internal-tls").match()+rule)
			}
			for i := 0; d.running() == nil; i++ {
				d.cmd.Process.Signal([]os.Signal{syscall.SIGTERM, syscall.SIGINT}[i%2])
				select {
				case <-d.done:
				case <-time.After(time.Millisecond):
				}
				if i == int(patience/time.Millisecond) {
					t.Fatal("it does not end")
				}
			}
			if code := d.cmd.ProcessState.ExitCode(); code != 0 {
				t.Errorf("it ended with %v", d.cmd.ProcessState)
			}
			if now := d.registrarFile(t); now.State != "resting" || now.Registrar != nil {
				t.Errorf("registrar.json says %+v", now)
			}
			if left := r.bindings(t); rule == "" && left != nil {
				t.Errorf("the Registrar still has %q", left)
			}
		})
	}
}
