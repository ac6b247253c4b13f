//go:build linux

package netns

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestNetworkNamespace is what other packages have.
func TestNetworkNamespace(t *testing.T) { Run(t) }

func TestNamespaceIsItsOwn(t *testing.T) {
	Need(t)
	ours, err := os.Readlink("/proc/self/ns/net")
	theirs, errTheirs := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", os.Getppid()))
	if err != nil || errTheirs != nil || ours == theirs {
		t.Errorf("ours is %s, %v; that of Run %s, %v", ours, err, theirs, errTheirs)
	}
}

// What is missing is a skip, unless it is required.
func TestMissing(t *testing.T) {
	for required, want := range map[string]string{"": "--- SKIP: TestNetworkNamespace", "required": "--- FAIL: TestNetworkNamespace"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestNetworkNamespace$", "-test.v")
		cmd.Env = append(os.Environ(), "PATH=", "E2E="+required)
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), want) {
			t.Errorf("E2E=%s, without a program: want %s\n%s", required, want, out)
		}
	}
}
