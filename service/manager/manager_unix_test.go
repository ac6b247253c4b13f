//go:build unix

package manager

import (
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
	for program, want := range map[string]string{
		"/opt/home ward/homeward": "cannot be the program of a service: letters, digits and . _ + - are possible",
		"/opt/{{Path}}/homeward":  "cannot be the program of a service: letters, digits and . _ + - are possible",
		"/home/tech/homeward":     "does not see /home/",
		"/root/homeward":          "does not see /root/",
		mine:                      "cannot be the program of a service: ", // of this user, or in a directory for everybody
	} {
		err := checkProgram(program)
		var refusal *Refusal
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), want) || !strings.Contains(refusal.Hint, "install it first: sudo install -m 755 "+program) {
			t.Errorf("%s: %v, want %q and a hint", program, err, want)
		}
	}
}
