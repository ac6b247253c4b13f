//go:build linux

package netns

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"homeward/e2e/needs"
)

// inside is the environment of the child: the network namespace that it has left.
const inside = "TEST_NETWORK_NAMESPACE"

// Enter runs the test once more, in a child that has a network of its own, with a loopback that is down: the namespace of the root user, or one of an
// unprivileged user where that is allowed. It returns true in there. Outside it returns false when the child is done, and
// what became of the test there is what becomes of it here.
func Enter(t *testing.T) bool {
	t.Helper()
	return entered(t) || again(t, os.Args[0])
}

// EnterForPorts is Enter where ports below 1024 may not be opened; elsewhere the test is run as it is. Loopback is up.
func EnterForPorts(t *testing.T) bool {
	t.Helper()
	if entered(t) {
		raise(t)
		return true
	}
	return mayOpenPorts() || again(t, os.Args[0])
}

// EnterWithoutPorts is Enter where ports below 1024 may be opened, into where they may not. Loopback is up.
func EnterWithoutPorts(t *testing.T) bool {
	t.Helper()
	if entered(t) {
		raise(t)
		return true
	}
	const right = "-net_bind_service"
	return !mayOpenPorts() || again(t, needs.Program(t, "setpriv"), "--bounding-set="+right, "--inh-caps="+right, os.Args[0])
}

func mayOpenPorts() bool {
	l, err := net.Listen("tcp", "127.0.0.1:1023")
	if err == nil {
		l.Close()
	}
	return !errors.Is(err, fs.ErrPermission)
}

// entered says whether this is the child.
func entered(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) == "" {
		return false
	}
	if err := flagLoopback(0); err != nil { // leave to make a user namespace is not always leave to use it
		needs.Missing(t, "namespaces", err.Error())
	}
	return true
}

func raise(t *testing.T) {
	t.Helper()
	if err := RaiseLoopback(); err != nil {
		t.Fatal(err)
	}
}

// again is the child of a test, from its start to what became of it; it returns false. argv is the command line of this
// program.
func again(t *testing.T, argv ...string) bool {
	t.Helper()
	if testing.Short() {
		t.Skip("left out by -short")
	}
	left, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), argv[0], append(argv[1:], "-test.run="+only(t.Name()), "-test.v")...)
	cmd.Env = append(os.Environ(), inside+"="+left)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ENOSPC) {
		needs.Missing(t, "namespaces", err.Error())
	} else if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	if left := regexp.MustCompile(`: ` + needs.Mark + `(\S+): `).FindSubmatch(out.Bytes()); left != nil {
		needs.Missing(t, string(left[1]), "")
	}
	if !bytes.Contains(out.Bytes(), []byte("--- PASS: "+t.Name()+" ")) {
		t.Fatalf("it has not been run:\n%s", out.Bytes())
	}
	return false
}

// only is the pattern that one test alone matches.
func only(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

// RaiseLoopback brings up the loopback interface of the network namespace.
func RaiseLoopback() error { return flagLoopback(unix.IFF_UP) }

// flagLoopback gives the loopback interface flags besides those that it has.
func flagLoopback(flags uint16) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCGIFFLAGS, lo); err != nil {
		return fmt.Errorf("look at loopback: %w", err)
	}
	lo.SetUint16(lo.Uint16() | flags)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("change loopback: %w", err)
	}
	return nil
}
