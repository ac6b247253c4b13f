//go:build linux

package e2e

import (
	"errors"
	"os"
	"strings"
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
