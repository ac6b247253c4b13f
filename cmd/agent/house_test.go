package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// maxMethods is how many methods of a type a reader holds in mind.
const maxMethods = 25

// large are types that have more. A row that is not needed any more fails.
var large = table(`
`)

// unordered are packages whose files are in no order of reading yet. A row that is not needed any more fails.
var unordered = table(`
`)

// table reads lines of the form "WHAT: REASON".
func table(lines string) map[string]string {
	rows := map[string]string{}
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		what, reason, _ := strings.Cut(strings.TrimSpace(line), ": ")
		rows[what] = reason
	}
	return rows
}

// makers are functions that have few callers by intent.
var makers = []struct{ pkg, function, callers, why string }{
	{"provisioning/signin", "evidence.standing", "Signer.stand", "what is shown and what is committed are one value"},
	{"provisioning/signin", "Signer.stand", "Signer.Accept Signer.Renew Signer.Believe", "that value is made when a Registrar accepts, renews or tells something"},
}

// room is a package of ours as the type checker sees it, without its tests.
type room struct {
	name  string // below the module
	fset  *token.FileSet
	files map[string]*ast.File // by base name
	info  *types.Info
	types *types.Package
}

// rooms are all packages of the module, as they are built here. They are read once.
var rooms = sync.OnceValues(func() ([]room, error) {
	type built struct {
		ImportPath, Dir, Export string
		GoFiles                 []string
		Module                  *struct{ Path string }
	}
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,Module", "./...")
	cmd.Dir, cmd.Stderr = filepath.Join("..", ".."), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	exports := map[string]string{}
	var ours []built
	for stream := json.NewDecoder(bytes.NewReader(out)); ; {
		var p built
		if err := stream.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		exports[p.ImportPath] = p.Export
		if p.Module != nil && p.Module.Path == module && len(p.GoFiles) > 0 {
			ours = append(ours, p)
		}
	}
	fset := token.NewFileSet()
	known := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	var all []room
	for _, p := range ours {
		r := room{name: strings.TrimPrefix(p.ImportPath, module+"/"), fset: fset, files: map[string]*ast.File{}}
		r.info = &types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}
		for _, name := range p.GoFiles {
			if r.files[name], err = parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments); err != nil {
				return nil, err
			}
		}
		config := types.Config{Importer: known}
		if r.types, err = config.Check(p.ImportPath, fset, slices.Collect(maps.Values(r.files)), r.info); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
})

func eachRoom(t *testing.T, do func(room)) {
	t.Helper()
	all, err := rooms()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		do(r)
	}
}

// file is the base name of the file in which something stands.
func (r room) file(at token.Pos) string { return filepath.Base(r.fset.Position(at).Filename) }

func TestHouseTypesAreHeldInMind(t *testing.T) {
	gone := maps.Clone(large)
	eachRoom(t, func(r room) {
		for _, name := range r.types.Scope().Names() {
			declared, ok := r.types.Scope().Lookup(name).(*types.TypeName)
			if !ok {
				continue
			}
			named, ok := declared.Type().(*types.Named)
			if !ok {
				continue
			}
			n := named.NumMethods()
			if i, ok := named.Underlying().(*types.Interface); ok {
				n = i.NumMethods()
			}
			full := r.name + "." + name
			delete(gone, full)
			switch reason := large[full]; {
			case n > maxMethods && reason == "":
				t.Errorf("%s has %d methods: cut it into types of at most %d", full, n, maxMethods)
			case n <= maxMethods && reason != "":
				t.Errorf("%s has only %d methods: take it out of the table", full, n)
			}
		}
	})
	for full := range gone {
		t.Errorf("%s is no more: take it out of the table", full)
	}
}

func TestHouseFilesAreReadInOrder(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // the orders name the files that Linux builds
	}
	gone := maps.Clone(unordered)
	eachRoom(t, func(r room) {
		delete(gone, r.name)
		problems := r.disorder()
		switch reason := unordered[r.name]; {
		case reason == "" && len(problems) > 0:
			t.Errorf("%s:\n\t%s", r.name, strings.Join(problems, "\n\t"))
		case reason != "" && len(problems) == 0:
			t.Errorf("%s is in order: take it out of the table", r.name)
		}
	})
	for name := range gone {
		t.Errorf("%s is no more: take it out of the table", name)
	}
}

// order is the paragraph of a package comment that says in which order its files are read: "Read a.go first, then b.go, c.go."
var order = regexp.MustCompile(`(?m)^Read (?:[^\n]+\n?)+`)

// disorder says where the files of a package are not in the order that doc.go gives; each may use what stands in itself and in
// those before it. Two files need no such line.
func (r room) disorder() []string {
	files := slices.DeleteFunc(slices.Sorted(maps.Keys(r.files)), func(name string) bool { return name == "doc.go" })
	var said string
	for _, f := range r.files {
		said += order.FindString(f.Doc.Text())
	}
	named := regexp.MustCompile(`[\w.]+\.go\b`).FindAllString(said, -1)
	if said == "" && len(files) <= 2 {
		back := slices.Clone(files)
		slices.Reverse(back)
		if problems := r.against(files); len(problems) == 0 {
			return nil
		}
		return r.against(back)
	}
	var problems []string
	unnamed := slices.DeleteFunc(slices.Clone(files), func(name string) bool { return slices.Contains(named, name) })
	if len(unnamed) > 0 {
		problems = append(problems, "not in the order of reading, which doc.go gives (\"Read a.go first, then b.go, c.go.\"): "+strings.Join(unnamed, " "))
	}
	for i, name := range named {
		if slices.Contains(named[:i], name) || !slices.Contains(files, name) {
			problems = append(problems, "the order of reading names "+name+", which is there not at all or twice")
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return r.against(named)
}

// against says which files use what stands in a later one.
func (r room) against(order []string) []string {
	var problems []string
	for user, used := range r.info.Uses {
		here, there := slices.Index(order, r.file(user.Pos())), slices.Index(order, r.file(used.Pos()))
		if used.Pkg() == r.types && here >= 0 && there > here {
			problems = append(problems, fmt.Sprintf("%s uses %s, which stands in %s", order[here], used.Name(), order[there]))
		}
	}
	slices.Sort(problems)
	return slices.Compact(problems)
}

func TestHouseMakersHaveFewCallers(t *testing.T) {
	for _, m := range makers {
		calls := 0
		eachRoom(t, func(r room) {
			r.eachFunction(func(_ string, d *ast.FuncDecl) {
				ast.Inspect(d, func(n ast.Node) bool {
					id, ok := n.(*ast.Ident)
					if !ok {
						return true
					}
					if f, ok := r.info.Uses[id].(*types.Func); ok && f.Pkg() != nil && f.Pkg().Path() == module+"/"+m.pkg && fullName(f) == m.function {
						calls++
						if caller := fullName(r.info.Defs[d.Name].(*types.Func)); r.name != m.pkg || !slices.Contains(strings.Fields(m.callers), caller) {
							t.Errorf("%s: %s calls %s, which it must not: %s", r.name, caller, m.function, m.why)
						}
					}
					return true
				})
			})
		})
		if calls == 0 {
			t.Errorf("%s.%s is called nowhere: the table is out of date", m.pkg, m.function)
		}
	}
}

// fullName is FUNCTION, or TYPE.METHOD.
func fullName(f *types.Func) string {
	receiver := f.Signature().Recv()
	if receiver == nil {
		return f.Name()
	}
	t := receiver.Type()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if named, ok := t.(*types.Named); ok {
		return named.Obj().Name() + "." + f.Name()
	}
	return f.Name()
}

// eachFunction goes through the functions of a package, in the order of its files.
func (r room) eachFunction(do func(file string, d *ast.FuncDecl)) {
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		for _, d := range r.files[name].Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
				do(name, d)
			}
		}
	}
}
