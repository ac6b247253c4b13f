package needs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const tree = "../.."

// calls are the functions that start or look up a program, with the place of its name among the arguments. What e2e starts
// on a host of its own is looked up at run time.
var calls = map[string]int{
	"exec.Command": 0, "exec.LookPath": 0, "exec.CommandContext": 1,
	"needs.Program": 1, "needs.Missing": 1, "program": 1, "start": 2, "h.run": 1, "s.device.run": 1,
}

// ours are programs that are there wherever the tests are: Go, and what they build.
var ours = []string{"go", "homeward", "/proc/self/exe"}

// TestMend27List: every program that a test starts is in the list, what is in the list is used, and a test is left out
// for want of something in the list, or by -short.
func TestMend27List(t *testing.T) {
	listed, used := map[string]bool{}, map[string]bool{}
	for _, n := range List() {
		if listed[n.Name] {
			t.Errorf("%s is twice in needs.txt", n.Name)
		}
		listed[n.Name] = true
	}
	for path, file := range testFiles(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				for _, word := range strings.Fields(unquote(n)) {
					used[word] = true
				}
			case *ast.CallExpr:
				called := nameOf(n.Fun)
				at, starts := calls[called]
				if name := argument(n, at); starts && name != "" && !listed[name] && !slices.Contains(ours, name) {
					t.Errorf("%s: %s(%q): that is not in needs.txt", path, called, name)
				}
				if skips := strings.HasSuffix(called, ".Skip") || strings.HasSuffix(called, ".Skipf"); skips && !strings.Contains(argument(n, 0), "left out by -short") {
					t.Errorf("%s: %s: a test is left out by needs.Program, needs.Missing or -short", path, called)
				}
			}
			return true
		})
	}
	for _, name := range []string{"Makefile", ".ci/run", "packaging/dist.sh"} {
		text, err := os.ReadFile(filepath.Join(tree, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(" \n\t()$;\"'`", r) }) {
			used[word] = true
		}
	}
	for _, n := range List() {
		if !used[n.Name] && !used[n.Package] {
			t.Errorf("%s is in needs.txt, and nothing uses it", n.Name)
		}
	}
}

// testFiles are the tests of the tree, and the props that are no tests by name.
func testFiles(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		prop := strings.HasPrefix(path, tree+"/e2e/netns/") || strings.HasPrefix(path, tree+"/internal/brokertest/")
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") && !prop || filepath.Ext(path) != ".go" {
			return err
		}
		files[path], err = parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		return err
	})
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files with tests: %v", len(files), err)
	}
	return files
}

// nameOf is a function as it is written: a.b.c.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return nameOf(e.X) + "." + e.Sel.Name
	}
	return ""
}

// argument is an argument that is a literal text.
func argument(call *ast.CallExpr, at int) string {
	if at >= len(call.Args) {
		return ""
	}
	if text, ok := call.Args[at].(*ast.BasicLit); ok {
		return unquote(text)
	}
	return ""
}

func unquote(b *ast.BasicLit) string {
	text, err := strconv.Unquote(b.Value)
	if err != nil {
		return b.Value
	}
	return text
}

// What is missing leaves a test out, says what to install, and is a failure where everything is required; what is not in
// the list is a failure everywhere.
func TestMissing(t *testing.T) {
	if name := os.Getenv("NEEDS_TEST"); name != "" {
		Program(t, name)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, required, want, says string }{
		{"kea-dhcp4", "", "--- SKIP", "needs kea-dhcp4: a DHCP server (Debian: kea-dhcp4-server)\n"},
		{"kea-dhcp4", "required", "--- FAIL", "needs kea-dhcp4: a DHCP server (Debian: kea-dhcp4-server)\n"},
		{"/dev/ptmx", "", "--- PASS", ""},
		{"root", "", "--- SKIP", "needs root: the rights of root\n"},
		{"true", "", "--- FAIL", "true is not in e2e/needs/needs.txt"},
	} {
		cmd := exec.Command(self, "-test.run=^TestMissing$", "-test.v")
		cmd.Env = append(os.Environ(), "PATH=", "NEEDS_TEST="+test.name, "E2E="+test.required)
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), test.want+": TestMissing") || !strings.Contains(string(out), test.says) {
			t.Errorf("%+v:\n%s", test, out)
		}
	}
}
