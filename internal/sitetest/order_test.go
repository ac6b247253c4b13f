package sitetest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// strangers gives empty packages for all imports: what is used inside this package is found without them.
type strangers struct{}

func (strangers) Import(name string) (*types.Package, error) {
	p := types.NewPackage(name, path.Base(name))
	p.MarkComplete()
	return p, nil
}

// The order of reading that doc.go gives is whole, and each file uses only those before it.
func TestFilesAreReadInOrder(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "# Files")
	place := map[string]int{"doc.go": 0}
	for word := range strings.FieldsSeq(list) {
		if strings.HasSuffix(word, ".go") {
			place[word] = len(place)
		}
	}
	fset := token.NewFileSet()
	var files []*ast.File
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_other.go") {
			continue
		}
		if _, ok := place[name]; !ok {
			t.Errorf("doc.go does not say when to read %s", name)
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	if len(place) != len(files) {
		t.Errorf("doc.go names %d files, there are %d", len(place), len(files))
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: strangers{}, Error: func(error) {}} // of the empty packages
	pkg, _ := config.Check("sitetest", fset, files, info)
	var wrong []string
	for id, object := range info.Uses {
		if object.Pkg() != pkg {
			continue
		}
		at, of := fset.Position(id.Pos()).Filename, fset.Position(object.Pos()).Filename
		if place[of] > place[at] {
			wrong = append(wrong, at+" uses "+id.Name+" of "+of+", which is read after it")
		}
	}
	slices.Sort(wrong)
	for _, w := range slices.Compact(wrong) {
		t.Error(w)
	}
}

// A type is what a reader holds in mind.
func TestTypesAreSmall(t *testing.T) {
	methods := map[string]int{}
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil {
				methods[types.ExprString(fn.Recv.List[0].Type)]++
			}
		}
	}
	for receiver, n := range methods {
		if n+methods["*"+receiver] > 20 {
			t.Errorf("%s has %d methods", receiver, n+methods["*"+receiver])
		}
	}
}
