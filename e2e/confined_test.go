//go:build linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// TestDaemonIsConfined: every daemon that a test starts is in the box of its unit, and the box is closed.
func TestDaemonIsConfined(t *testing.T) {
	_, _, d := newSiteWithDevice(t, deviceAddr)
	d.boot(t)
	d.awaitRegistered(t)
	d.awaitCommitted(t)
	proc := "/proc/" + strconv.Itoa(d.cmd.Process.Pid)
	if command := read(t, proc+"/cmdline"); !strings.HasPrefix(command, os.Getenv(envBinary)+"\x00") {
		t.Errorf("the process is %q", command)
	}
	want := []string{"Umask:\t0027\n", "CapPrm:\t0000000000002000\n", "CapEff:\t0000000000002000\n", "CapBnd:\t0000000000002000\n",
		"CapAmb:\t0000000000002000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"}
	if asService() {
		want = append(want, "Uid:\t950\t950\t950\t950\n", "Gid:\t950\t950\t950\t950\n", "Groups:\t \n")
	}
	status := read(t, proc+"/status")
	for _, line := range want {
		if !strings.Contains(status, line) {
			t.Errorf("the process has not %q:\n%s", line, status)
		}
	}
	if limits := strings.Join(strings.Fields(read(t, proc+"/limits")), " "); !strings.Contains(limits, "Max open files 256 256 files") {
		t.Errorf("limits %s", limits)
	}
	if environ := read(t, proc+"/environ"); !strings.Contains(environ, "GOMEMLIMIT=40MiB\x00") || strings.Contains(environ, "E2E") {
		t.Errorf("environment %q", environ)
	}
	if mode := strings.TrimSpace(d.host.run(t, "stat", "--format=%A", d.dir+"/state/last-good.json")); mode != "-rw-r-----" {
		t.Errorf("last good has mode %s", mode)
	}
	if log := d.output(t); strings.Contains(log, "not permitted") || strings.Contains(log, "not supported") {
		t.Errorf("something is refused:\n%s", log)
	}

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envProp+"=refusals")
	got, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	if diff := cmp.Diff(`fchown                  errno 0                   operation not permitted
fchmod, set user ID     errno 0                   operation not permitted
mmap, written and run   errno 0                   operation not permitted
personality             errno 0                   operation not permitted
sched_setaffinity       invalid argument          operation not permitted
setns                   bad file descriptor       operation not permitted
unshare                 invalid argument          operation not permitted
clone3                  invalid argument          function not implemented
socket, of no use       invalid argument          address family not supported by protocol
socket, of use          invalid argument          invalid argument
fchmod                  errno 0                   errno 0
`, string(got)); diff != "" {
		t.Errorf("system calls without and within the box: -want +got\n%s", diff)
	}
}

// tryRefusals is main of the prop "refusals": it makes system calls, without and then within the box, and prints the errors.
// Where the arguments are wrong on purpose, the filter comes before those who would say so.
func tryRefusals() error {
	calls := []struct {
		name string
		call [5]uintptr // and its arguments; the file of fchown and fchmod is a pipe
	}{
		{"fchown", [5]uintptr{unix.SYS_FCHOWN, 0, ^uintptr(0), ^uintptr(0)}},
		{"fchmod, set user ID", [5]uintptr{unix.SYS_FCHMOD, 0, unix.S_ISUID | 0o600}},
		{"mmap, written and run", [5]uintptr{unix.SYS_MMAP, 0, 1, unix.PROT_WRITE | unix.PROT_EXEC, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS}},
		{"personality", [5]uintptr{unix.SYS_PERSONALITY, 0x0040000}}, // ADDR_NO_RANDOMIZE of linux/personality.h
		{"sched_setaffinity", [5]uintptr{unix.SYS_SCHED_SETAFFINITY}},
		{"setns", [5]uintptr{unix.SYS_SETNS, ^uintptr(0)}},
		{"unshare", [5]uintptr{unix.SYS_UNSHARE, unix.CLONE_NEWUSER}}, // a process with threads must not
		{"clone3", [5]uintptr{unix.SYS_CLONE3}},
		{"socket, of no use", [5]uintptr{unix.SYS_SOCKET, unix.AF_ALG, 15}},
		{"socket, of use", [5]uintptr{unix.SYS_SOCKET, unix.AF_PACKET, 15}},
		{"fchmod", [5]uintptr{unix.SYS_FCHMOD, 0, 0o600}},
	}
	pipe, end, err := os.Pipe()
	if err != nil {
		return err
	}
	defer end.Close()
	if err := pipe.Chown(serviceID, serviceID); err != nil && asService() { // only what is one's own may be changed anyway
		return err
	}
	errors := make([][2]error, len(calls))
	for round := range 2 {
		if round == 1 {
			if _, err := confine(); err != nil {
				return err
			}
		}
		for i, c := range calls {
			if c.call[0] == unix.SYS_FCHOWN || c.call[0] == unix.SYS_FCHMOD {
				c.call[1] = pipe.Fd()
			}
			_, _, errors[i][round] = unix.Syscall6(c.call[0], c.call[1], c.call[2], c.call[3], c.call[4], ^uintptr(0), 0)
		}
	}
	for i, c := range calls {
		fmt.Printf("%-23s %-25v %v\n", c.name, errors[i][0], errors[i][1])
	}
	return nil
}
