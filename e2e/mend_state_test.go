//go:build linux

package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"homeward/e2e/needs"
)

// TestMend59StateRestoredAsRoot: the state directory was restored as root, and the daemon is the user of the service, to whom its
// password belongs. check, as root, takes the password for that of the daemon, and says whose the directory should be; the password of
// a third is refused.
func TestMend59StateRestoredAsRoot(t *testing.T) {
	if !asService() {
		needs.Missing(t, "root", "")
	}
	_, _, d := newSiteWithDevice(t, deviceAddr)
	give(t, d.dir+"/password")
	if err := errors.Join(os.Chown(d.dir+"/state", 0, 0), os.Chmod(d.dir+"/state", 0o700)); err != nil {
		t.Fatal(err)
	}
	d.boot(t)
	d.awaitRegistered(t)
	r := d.check(t)
	said := r.said()
	if r.Verdict != "degraded" || !strings.Contains(said, d.dir+"/state belongs to root, but the daemon runs as ") || !strings.Contains(said, "Run: chown -R ") || !strings.Contains(said, " "+d.dir+"/state.") {
		t.Errorf("check says %s\n%s", r.Verdict, said)
	}
	if err := os.Chown(d.dir+"/password", serviceID+1, serviceID+1); err != nil {
		t.Fatal(err)
	}
	if out, code := d.run(t, "check", "--json"); code != 2 || !strings.Contains(out, `"fault": "password.file"`) || strings.Contains(out, "no-default-route") {
		t.Errorf("with the password of a third check ends with %d:\n%s", code, out)
	}
}

// TestMend112FullStateDirectory: nothing more can be stored in the state directory. check says so beside a daemon, where all else is well, and
// without one; so does status. Once there is space, nobody does.
func TestMend112FullStateDirectory(t *testing.T) {
	_, _, d := newSiteWithDevice(t, deviceAddr)
	state := d.dir + "/state"
	if err := syscall.Mount("tmpfs", state, "tmpfs", 0, "size=1m,mode=0750"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(state, syscall.MNT_DETACH) })
	give(t, state)
	d.boot(t)
	d.awaitRegistered(t)
	d.awaitCommitted(t)
	filler, err := os.Create(filepath.Join(state, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	filler.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	words := "here is no space left on the file system of " + state + ": last good, the history and certificates cannot be stored"
	if r := d.check(t); r.Verdict != "degraded" || r.Fault != "store.no-space" || !strings.Contains(r.said(), words) {
		t.Errorf("check says %s, %s\n%s", r.Verdict, r.Fault, r.said())
	}
	if out, _ := d.run(t, "status"); !strings.Contains(out, words) {
		t.Errorf("status says\n%s", out)
	}
	d.stop(t)
	if out, _ := d.run(t, "check"); !strings.Contains(out, words) {
		t.Errorf("without a daemon check says\n%s", out)
	}
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	if out, _ := d.run(t, "check"); strings.Contains(out, "no space") {
		t.Errorf("once there is space check says\n%s", out)
	}
}
