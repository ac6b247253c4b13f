//go:build unix

package manager

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A program that the user of the daemon does not see, or that somebody else than root can exchange, is no service.
func TestPrograms(t *testing.T) {
	if err := checkProgram("/bin/sh"); err != nil {
		t.Error(err)
	}
	mine := filepath.Join(t.TempDir(), "homeward")
	if err := os.WriteFile(mine, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		"/opt/home ward/homeward": "cannot be the program of a service: only letters, digits and . _ + - are allowed",
		"/opt/{{Path}}/homeward":  "cannot be the program of a service: only letters, digits and . _ + - are allowed",
		"/opt/it's/homeward":      "cannot be the program of a service: only letters, digits and . _ + - are allowed",
		mine:                      "cannot be the program of a service: ", // of this user, or in a directory for everybody
	}
	for _, dir := range hidden {
		cases[dir+"tech/homeward"] = "has no access to " + dir
	}
	shared := filepath.Join(t.TempDir(), "homeward")
	if os.Geteuid() == 0 {
		if err := errors.Join(os.WriteFile(shared, nil, 0o755), os.Chmod(shared, 0o775), os.Chown(shared, 0, 50)); err != nil {
			t.Fatal(err)
		}
		cases[shared] = "cannot be the program of a service: group 50 can write to " + shared
	}
	typed := map[string]string{"/opt/home ward/homeward": "'/opt/home ward/homeward'", "/opt/{{Path}}/homeward": "'/opt/{{Path}}/homeward'", "/opt/it's/homeward": `'/opt/it'\''s/homeward'`}
	for program, want := range cases {
		err := checkProgram(program)
		var refusal *Refusal
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), want) || !strings.Contains(refusal.Hint, "install it first: sudo install -m 755 "+cmp.Or(typed[program], program)+" ") {
			t.Errorf("%s: %v, want %q and a hint", program, err, want)
		}
	}
}
