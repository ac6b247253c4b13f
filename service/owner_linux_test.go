package service

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"homeward/e2e/needs"
	"homeward/internal/safefile"
	"homeward/service/control"
)

func TestWhatRootMakesBelongsToTheDaemon(t *testing.T) {
	if os.Geteuid() != 0 {
		needs.Missing(t, "root", "")
	}
	const daemonUser = 65534
	dir := t.TempDir()
	if err := os.Chown(dir, daemonUser, daemonUser); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.WriteFile(elsewhere, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(dir, "registrar.json.new")); err != nil {
		t.Fatal(err)
	}
	s := openStory(filepath.Join(dir, "history.jsonl"))
	outageOf(s, 1)
	s.save(0)
	if err := safefile.Replace(filepath.Join(dir, "registrar.json"), []byte("{}"), stateFileMode); err != nil {
		t.Fatal(err)
	}
	runtimeDir := filepath.Join(t.TempDir(), "run")
	if err := control.MakeDir(runtimeDir, dir); err != nil {
		t.Fatal(err)
	}
	claim, err := control.Claim(filepath.Join(runtimeDir, "control.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer claim.Close()
	for name, want := range map[string]uint32{
		filepath.Join(dir, "history.jsonl"): daemonUser, filepath.Join(dir, "registrar.json"): daemonUser,
		runtimeDir: daemonUser, filepath.Join(runtimeDir, "control.lock"): daemonUser, elsewhere: 0,
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if of := info.Sys().(*syscall.Stat_t); of.Uid != want || of.Gid != want {
			t.Errorf("%s belongs to %d:%d, want %d", name, of.Uid, of.Gid, want)
		}
	}
	if kept, err := os.ReadFile(elsewhere); string(kept) != "keep" || err != nil {
		t.Errorf("what a link leads to now holds %q, %v", kept, err)
	}
}
