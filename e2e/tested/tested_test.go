package main

import (
	"bytes"
	_ "embed"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What follows is a package with tests of every kind, and what makes it fail.
var (
	//go:embed testdata/suite.txt
	suite string
	//go:embed testdata/failing.txt
	failing string
	//go:embed testdata/panicking.txt
	panicking string
)

// anyTime is what differs from run to run, and the machine's own list of what to install.
var anyTime = regexp.MustCompile(`[0-9.]+s\b|(?m)^All programs.*\n.*\n`)

// outcome runs go test on a package of its own.
func outcome(t *testing.T, text string) (*report, string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module suite\n\ngo 1.26\n", "suite_test.go": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	var out bytes.Buffer
	r := newReport(&out)
	if err := r.run([]string{"."}); err != nil {
		r.broken(err.Error())
	}
	r.end()
	return r, anyTime.ReplaceAllString(out.String(), "")
}

// TestMend27Report: what is left out is listed once, at the end; a test all of whose parts were left out has not passed.
func TestMend27Report(t *testing.T) {
	r, got := outcome(t, suite)
	want := "ok  \tsuite\t\n" + `
Left out on this machine, for want of
  kea-dhcp4: a DHCP server
      suite TestAllLeft, suite TestPartlyLeft
  ip: networks of machines that do not exist
      suite TestAllLeft, suite TestLeft
  something that they do not tell
      suite TestShort

5 tests: 2 passed, 3 left out
`
	if diff := cmp.Diff(want, got); diff != "" || len(r.failed) > 0 {
		t.Errorf("failed %q (-want +got):\n%s", r.failed, diff)
	}
}

// What a failed test says is shown, and nothing that fails is lost.
func TestFailures(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"a part", failing, "suite TestBad"},
		{"no test", panicking, "suite TestPanic has not ended"},
		{"not even built", "func TestBroken(t *testing.T) { undefined() }", "suite as a whole"},
		{"no Go", "}", "suite as a whole"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, got := outcome(t, suite+test.text)
			if len(r.failed) != 1 || r.failed[0] != test.want || !strings.Contains(got, "\nFAILED\n  "+test.want+"\n") {
				t.Errorf("failed %q, want %s:\n%s", r.failed, test.want, got)
			}
			said := map[string]string{"a part": "this is wrong", "no test": "panic: the end", "not even built": "undefined", "no Go": "expected declaration"}[test.name]
			if !strings.Contains(got, said) || strings.Contains(got, "not shown") {
				t.Errorf("it says\n%s", got)
			}
		})
	}
	var out bytes.Buffer
	r := newReport(&out)
	if err := r.run([]string{"-no-such-flag"}); err == nil && len(r.failed) == 0 {
		t.Errorf("go test that cannot start counts as passed:\n%s", &out)
	}
	if _, err := r.read(strings.NewReader(`{"Action":"start","Package":"x/y/z/cut"}`)); err != nil {
		t.Fatal(err)
	}
	if r.end(); !strings.Contains(out.String(), "cut has not ended") {
		t.Errorf("a package that never ended:\n%s", &out)
	}
}

// Groups that run side by side share one report: a line for each package, what failed in each, and what was left out once. A group
// that cannot start is not hidden by a failure of the one beside it.
func TestSideBySide(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"go.mod":         "module suite\n\ngo 1.26\n",
		"good/a_test.go": suite,
		"bad/b_test.go":  suite + failing,
		"last/c_test.go": suite,
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	all := groups(strings.Fields("-- -count=1 ./good ++ -count=1 ./bad ++ -C nowhere -- ./last"))
	if diff := cmp.Diff([][][]string{{{"-count=1", "./good"}, {"-count=1", "./bad"}, {"-C", "nowhere"}}, {{"./last"}}}, all); diff != "" {
		t.Fatalf("groups (-want +got):\n%s", diff)
	}
	var out bytes.Buffer
	r := newReport(&out)
	r.runAll(all)
	r.end()
	got := anyTime.ReplaceAllString(out.String(), "")
	want := []string{"bad TestBad", "go test -C nowhere: exit status 2"}
	if slices.Sort(r.failed); !slices.Equal(r.failed, want) {
		t.Errorf("failed %q, want %q", r.failed, want)
	}
	for text, times := range map[string]int{
		"ok  \tsuite/good\t": 1, "FAIL\tsuite/bad\t": 1, "ok  \tsuite/last\t": 1, "this is wrong": 1, "not shown": 0, "Left out on this machine": 1,
		"16 tests: 6 passed, 9 left out, 1 failed": 1,
	} {
		if n := strings.Count(got, text); n != times {
			t.Errorf("%q is there %d times, want %d:\n%s", text, n, times, got)
		}
	}
	if last := strings.Index(got, "suite/last"); last < strings.Index(got, "suite/good") || last < strings.Index(got, "suite/bad") {
		t.Errorf("a group begins before those that come before it have ended:\n%s", got)
	}
}
