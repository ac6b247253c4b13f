// Package needs is the list of what tests use besides Go, needs.txt, and the way to leave a test out where the machine
// lacks it:
//
//	needs.Program(t, "dnsmasq")
//	needs.Missing(t, "root", "")
//
// With E2E=required in the environment, as in CI, what is missing is a failure.
package needs

import (
	_ "embed"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed needs.txt
var list string

// Need is a line of the list.
type Need struct {
	Name    string // a program, the path of a file, or what the machine grants
	Package string // the Debian package that brings it; "-": none does
	For     string // what it is for
}

// List is needs.txt.
func List() (all []Need) {
	for line := range strings.Lines(list) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] != "#" {
			all = append(all, Need{fields[0], fields[1], strings.Join(fields[2:], " ")})
		}
	}
	return all
}

// Packages are the Debian packages that the machine lacks, of those in the list.
func Packages() (missing []string) {
	seen := map[string]bool{"-": true}
	for _, n := range List() {
		if _, err := Find(n.Name); err != nil && !seen[n.Package] {
			missing, seen[n.Package] = append(missing, n.Package), true
		}
	}
	return missing
}

// administrators' programs, which an ordinary user of Debian may call and does not find.
const administration = "/usr/local/sbin:/usr/sbin:/sbin"

func init() {
	if path := os.Getenv("PATH"); path != "" && !strings.Contains(path, administration) {
		os.Setenv("PATH", path+":"+administration)
	}
}

// Find returns where a program or file of the list is.
func Find(name string) (string, error) {
	if !strings.Contains(name, "/") {
		return exec.LookPath(name)
	}
	found, err := filepath.Glob(name)
	if len(found) == 0 {
		return "", errors.Join(err, &fs.PathError{Op: "find", Path: name, Err: fs.ErrNotExist})
	}
	return found[0], nil
}

// Program returns where a program or file of the list is. Where it is not, the test is left out.
func Program(t testing.TB, name string) string {
	t.Helper()
	known(t, name)
	path, err := Find(name)
	if err != nil {
		Missing(t, name, "")
	}
	return path
}

// Missing leaves the test out, for want of something in the list; why is what the machine says to it, if it says anything.
func Missing(t testing.TB, name, why string) {
	t.Helper()
	n := known(t, name)
	text := Mark + name + ": " + n.For
	if n.Package != "-" {
		text += " (Debian: " + n.Package + ")"
	}
	if why != "" {
		text += ": " + why
	}
	if os.Getenv("E2E") == "required" {
		t.Fatal(text)
	}
	t.Skip(text)
}

// Mark is what the text of a test that is left out begins with; the name of what is missing follows it.
const Mark = "needs "

// known is the line of the list. Whoever uses what is not in there is told at once, wherever it is installed.
func known(t testing.TB, name string) Need {
	t.Helper()
	for _, n := range List() {
		if n.Name == name {
			return n
		}
	}
	t.Fatalf("%s is not in e2e/needs/needs.txt: add it, with the package that brings it", name)
	panic("unreachable")
}
