//go:build linux

package netns

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestNetworkNamespace is what other packages have.
func TestNetworkNamespace(t *testing.T) { Run(t) }

func TestNamespaceIsItsOwn(t *testing.T) {
	Need(t)
	if out, err := exec.Command("ip", "-oneline", "link").Output(); err != nil || strings.Count(string(out), "\n") != 1 {
		t.Errorf("there is more than the loopback: %v\n%s", err, out)
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
