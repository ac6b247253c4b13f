//go:build linux

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"homeward/e2e/needs"
)

// Root who runs into a read-only file system is not told to be root.
func TestMend29ForgetReadOnly(t *testing.T) {
	if os.Geteuid() != 0 {
		needs.Missing(t, "root", "")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "homeward.toml")
	config := "sip_address = \"sip:phone1@contoso.com\"\nstate_dir = \"" + dir + "/state\"\nruntime_dir = \"" + dir + "/run\"\n"
	for path, text := range map[string]string{file: config, filepath.Join(dir, "state", "last-good.json"): "{}"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-ec",
		`mount --bind "$0/state" "$0/state"; mount -o remount,ro,bind "$0/state"; exec homeward cache forget --config "$0/homeward.toml"`, dir)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	said := out.String()
	if cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(said, "homeward: error: not forgotten: "+dir+"/state/homeward.db: read-only file system\n") ||
		!strings.Contains(said, "mount the file system of "+dir+"/state read-write") || strings.Contains(said, "root") {
		t.Errorf("%v: %s", err, said)
	}
}

// Nobody is told to be whom they are.
func TestMend29AsWhom(t *testing.T) {
	got := asWhom(runAsRoot)
	if isRoot := os.Geteuid() == 0; isRoot == strings.Contains(got, "run the command as root") {
		t.Errorf("root is told %q, others %q", got, runAsRoot)
	}
}
