//go:build linux

package e2e

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"homeward/e2e/netns"
)

// Environment of the second start of the test binary, inside the namespaces.
const (
	envInside = "E2E_INSIDE" // "1": these are the namespaces
	envBinary = "E2E_BINARY" // the homeward binary; when set from outside, it is tested instead of a fresh build
	envDir    = "E2E_DIR"    // a directory for what several tests use; gone when they are over
	envBroken = "E2E_BROKEN" // why there is no binary; only the tests that need one fail
	envSkip   = "E2E_SKIP"   // why no test can run
	envProp   = "E2E_PROP"   // run this prop instead of the tests, see props_test.go
)

// TestMain builds the binary under test and starts the tests again inside private namespaces.
func TestMain(m *testing.M) {
	flag.Parse()
	switch {
	case os.Getenv(envProp) != "":
		os.Exit(runProp(os.Getenv(envProp)))
	case testing.Short(), flag.Lookup("test.list").Value.String() != "": // newSite skips
		os.Exit(m.Run())
	case os.Getenv(envInside) == "":
		os.Exit(outermost(m))
	}
	if err := furnish(); err != nil {
		os.Setenv(envSkip, err.Error())
	}
	os.Exit(m.Run())
}

// outermost is the first start. Where there are no namespaces to be had, the tests that need none are run here.
func outermost(m *testing.M) int {
	dir, err := os.MkdirTemp("", "homeward-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // the daemon is no longer root when it is started
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	os.Setenv(envDir, dir)
	build(dir)
	var code int
	if names := singly(); len(names) > 1 {
		code, err = sideBySide(names)
	} else {
		code, err = enter(os.Stdout, os.Args[1:]...)
	}
	if err != nil {
		os.Setenv(envSkip, err.Error())
		return m.Run()
	}
	return code
}

// build makes what the tests start, where the machine's network is: there is none inside.
func build(dir string) {
	if os.Getenv(envBinary) == "" {
		os.Setenv(envBinary, filepath.Join(dir, "homeward"))
		build := exec.Command("go", "build", "-o", os.Getenv(envBinary), "../cmd/agent")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			os.Setenv(envBroken, fmt.Sprintf("build homeward: %v\n%s", err, out))
		}
	}
	exec.Command("go", "tool", "-modfile=../packaging/nfpm.mod", "-n", "nfpm").Run()
}

// enter runs this test binary again in namespaces of its own; it returns the exit code. The process namespace is what ends
// every server, whatever becomes of the tests.
func enter(out io.Writer, args ...string) (int, error) {
	inside := exec.Command("/proc/self/exe", args...)
	inside.Stdout, inside.Stderr = out, out
	inside.Env = append(os.Environ(), envInside+"=1")
	for _, kind := range []string{"net", "mnt"} { // for outside
		own, err := os.Open("/proc/self/ns/" + kind)
		if err != nil {
			return 0, err
		}
		defer own.Close()
		inside.ExtraFiles = append(inside.ExtraFiles, own)
	}
	inside.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	if os.Geteuid() != 0 {
		inside.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		inside.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		inside.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	runtime.LockOSThread() // Pdeathsig follows the thread, not the process.
	if err := inside.Start(); err != nil {
		return 0, err
	}
	inside.Wait()
	return inside.ProcessState.ExitCode(), nil
}

// machine are the namespaces of the machine itself, its network and its mounts, as far as these are not they.
var machine []*os.File

// outside prepares a command that has the network and the files of the machine itself. It is for fetching what others
// publish, and for nothing else.
func outside(argv ...string) *exec.Cmd {
	cmd := exec.Command("nsenter", append([]string{"--net=/proc/self/fd/3", "--mount=/proc/self/fd/4"}, argv...)...)
	cmd.ExtraFiles = machine // the first free descriptors, 3 and 4
	return cmd
}

// furnish gives the new namespaces what programs expect: /proc of our processes, an empty /run, the loopback
// interface, and a resolv.conf that names the site's DNS server.
func furnish() error {
	for fd := 3; fd <= 4; fd++ { // see enter
		syscall.CloseOnExec(fd) // no server of a test is to have them
		machine = append(machine, os.NewFile(uintptr(fd), "machine"))
	}
	resolv, err := os.CreateTemp("", "homeward-e2e-resolv-")
	if err != nil {
		return err
	}
	defer os.Remove(resolv.Name()) // The mount keeps the file.
	if _, err := fmt.Fprintf(resolv, "nameserver %s\n", dnsAddr); err != nil {
		return err
	}
	if err := resolv.Chmod(0o644); err != nil {
		return err
	}
	for _, m := range []struct {
		source, target, kind string
		flags                uintptr
	}{
		{"", "/", "", syscall.MS_REC | syscall.MS_PRIVATE},
		{"proc", "/proc", "proc", 0},
		{"tmpfs", "/run", "tmpfs", 0},
		{resolv.Name(), "/etc/resolv.conf", "", syscall.MS_BIND},
	} {
		if err := syscall.Mount(m.source, m.target, m.kind, m.flags, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	return netns.RaiseLoopback()
}
