//go:build linux

package e2e

import (
	"encoding/pem"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// rootsFile is a device whose file of roots holds this.
func rootsFile(content string) given {
	return onDevice(func(t testing.TB, d *device) { give(t, write(t, d.dir, "root.pem", content)) })
}

// configCheck runs `homeward config check`, and returns all that it prints.
func (d *device) configCheck(t testing.TB) (said string, code int) {
	t.Helper()
	cmd := d.host.command(t.Context(), d.argv("config", "check")...)
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// What an update of a bundle can bring keeps no device from starting: what cannot be read is left out, and told.
func TestField02OneBadRoot(t *testing.T) {
	common := newScene(t)
	root := read(t, common.ca.file)
	bad, _, _ := negativeSerial(t, common.site, "e2e old root")
	for _, test := range []struct{ name, roots, warning string }{
		{"a negative serial number before the right one", read(t, bad) + root, "certificate 1 was skipped: negative serial number"},
		{"a damaged block behind the right one", root + strings.Replace(root, "\n", "\n!!", 1), "certificate 2 was skipped: its block is damaged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := fault{given: with(published(fe01), rootsFile(test.roots))}.arrange(t, common)
			if out, code := d.configCheck(t); code != 0 || !strings.Contains(out, test.warning) {
				t.Errorf("config check ends with %d and does not say %q:\n%s", code, test.warning, out)
			}
			if r := d.check(t); r.Verdict != "ok" {
				t.Errorf("check: %s\n%s", r.Verdict, strings.Join(r.Summary, "\n"))
			}
			d.boot(t)
			d.awaitRegistered(t)
		})
	}
}

// The forms in which people have a root certificate are taken, or named; and a file that is too large is no file that ends early.
func TestField24RootsCutAndForms(t *testing.T) {
	common := newScene(t)
	root := read(t, common.ca.file)
	block, _ := pem.Decode([]byte(root))
	for _, test := range []struct{ name, roots, problem string }{
		{"DER", string(block.Bytes), ""},
		{"PEM behind a byte order mark", "\ufeff" + root, ""},
		{"the form of OpenSSL", strings.ReplaceAll(root, "CERTIFICATE", "TRUSTED CERTIFICATE"), `it is a "TRUSTED CERTIFICATE", not a CERTIFICATE; openssl x509 converts it`},
		{"of more than 1 MiB, with the right one last", strings.Repeat(root, 1<<20/len(root)) + root, "is larger than 1048576 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := fault{given: with(published(fe01), rootsFile(test.roots))}.arrange(t, common)
			said, code := d.configCheck(t)
			if test.problem == "" {
				if r := d.check(t); code != 0 || r.Verdict != "ok" {
					t.Errorf("config check ends with %d; check: %s\n%s", code, r.Verdict, strings.Join(r.Summary, "\n"))
				}
				return
			}
			if code != 2 || !strings.Contains(said, test.problem) {
				t.Errorf("config check ends with %d, and does not say %q:\n%s", code, test.problem, said)
			}
		})
	}
}

// TestMend89PageInPlaceOfTheRoot: a proxy has sent a page in place of the root. config check, the daemon and the example agree: what cannot
// be read is skipped as long as something can, and that nothing can is an error.
func TestMend89PageInPlaceOfTheRoot(t *testing.T) {
	const (
		page = "<!DOCTYPE html>\n<html><head><title>Log in</title></head></html>\n"
		told = "root.pem contains no certificate, but a web page (HTML)"
	)
	common := newScene(t)
	beside := onDevice(func(t testing.TB, d *device) {
		path := write(t, d.dir, "beside.pem", read(t, common.ca.file))
		give(t, path)
		d.without(t, "roots")
		give(t, write(t, d.dir, "homeward.toml", read(t, d.config)+fmt.Sprintf("roots = [%q, %q]\n", d.dir+"/root.pem", path)))
	})
	alone := fault{given: with(published(fe01), rootsFile(page))}.arrange(t, common)
	if said, code := alone.configCheck(t); code != 2 || !strings.Contains(said, told) || !strings.Contains(said, "hint: get the file again") {
		t.Errorf("config check ends with %d:\n%s", code, said)
	}
	d := fault{given: with(published(fe01), rootsFile(page), beside)}.arrange(t, common)
	if said, code := d.configCheck(t); code != 0 || !strings.Contains(said, told) {
		t.Errorf("config check ends with %d:\n%s", code, said)
	}
	d.boot(t)
	d.awaitRegistered(t)
}
