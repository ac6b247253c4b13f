//go:build linux

package netns

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const inside = "TEST_NETWORK_NAMESPACE"

// Run runs the tests named TestNamespace… in a child that has a network of its own: the namespace of the root user,
// or one of an unprivileged user where that is allowed. A skip in there is a skip here; with E2E=required it is a failure.
func Run(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped by -short")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		missing(t, "ip (iproute2) not installed")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNamespace", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ENOSPC) {
		missing(t, "needs root, or user namespaces: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	if bytes.Contains(out.Bytes(), []byte("--- SKIP")) {
		missing(t, "missing privilege or program, inside:\n%s", out.Bytes())
	}
}

// missing ends the test because the machine lacks something, as that of e2e does.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("E2E") == "required" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// Need skips a test that is not in the child of Run.
func Need(t *testing.T) {
	t.Helper()
	if os.Getenv(inside) == "" {
		t.Skip("run by TestNetworkNamespace")
	}
}
