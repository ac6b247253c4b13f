package main

import (
	"go/ast"
	"go/types"
	"regexp"
	"strings"
	"testing"
)

// searched are functions that look into a text that was made for people, and why: those down to Manager.write
// set it for the eye and find nothing out, the others have to go. A row that is not needed any more fails.
var searched = table(`
cmd/agent env.remark: writes each line of a remark as one
cmd/agent bundleSource.hidePassword: leaves out a path
cmd/agent page.printf: wraps lines
cmd/agent progress: shows the first line
provisioning/check sentence: gives a sentence its capital and its full stop
service Story.stop: keeps the first line: below it is a stack
service/manager Manager.write: the text is a file to write: is it a script?
`)

// judged are the packages that may not.
var judged = regexp.MustCompile(`^(provisioning|service|cmd/agent|internal/config)(/|$)`)

// searches are the functions of strings and bytes that find something out about a text. What regexp does is all of the kind.
var searches = regexp.MustCompile(`^(Contains|HasPrefix|HasSuffix|Cut|CutPrefix|CutSuffix|Trim|TrimPrefix|TrimSuffix|TrimLeft|TrimRight|Replace|ReplaceAll|Index|LastIndex|Count|EqualFold|Split|Fields)`)

// forPeople are the names of texts that are made for people. What a program needs to know of them has a type.
var forPeople = regexp.MustCompile(`(?i)^(detail|hint|said|problem|title|text)$`)

// Facts stay facts until they are shown: nobody searches a sentence, or an error's text.
func TestHouseNobodySearchesASentence(t *testing.T) {
	seen := map[string]bool{}
	eachRoom(t, func(r room) {
		if !judged.MatchString(r.name) {
			return
		}
		text := newTexts(r)
		r.eachFunction(func(_ string, d *ast.FuncDecl) {
			where := r.name + " " + fullName(r.info.Defs[d.Name].(*types.Func))
			ast.Inspect(d, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || !r.looksInto(call) {
					return true
				}
				for _, arg := range call.Args {
					if what := text.in(arg, 3); what != "" {
						seen[where] = true
						if searched[where] == "" {
							t.Errorf("%s: %s looks into %s, which is a text for people: have its maker return a kind or a value", r.fset.Position(call.Pos()), where, what)
						}
					}
				}
				return true
			})
		})
	})
	for where := range searched {
		if !seen[where] {
			t.Errorf("%s searches no sentence: take it out of the table", where)
		}
	}
}

// looksInto says whether a call looks into a text.
func (r room) looksInto(call *ast.CallExpr) bool {
	var name *ast.Ident
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		name = f
	case *ast.SelectorExpr:
		name = f.Sel
	default:
		return false
	}
	f, ok := r.info.Uses[name].(*types.Func)
	if !ok || f.Pkg() == nil {
		return false
	}
	switch f.Pkg().Path() {
	case "strings", "bytes":
		return searches.MatchString(f.Name())
	case "regexp":
		return !strings.Contains(f.Name(), "Compile") && f.Name() != "QuoteMeta"
	default:
		return false
	}
}

// texts knows where local variables come from.
type texts struct {
	room
	from map[types.Object]ast.Expr
}

func newTexts(r room) texts {
	t := texts{r, map[types.Object]ast.Expr{}}
	for _, f := range r.files {
		ast.Inspect(f, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == len(a.Rhs) {
				for i, l := range a.Lhs {
					if id, ok := l.(*ast.Ident); ok && r.info.Defs[id] != nil {
						t.from[r.info.Defs[id]] = a.Rhs[i]
					}
				}
			}
			return true
		})
	}
	return t
}

// isText says whether a name is that of a text for people: a string that is called so, or the method of an error.
func (t texts) isText(name *ast.Ident) bool {
	switch o := t.info.Uses[name].(type) {
	case *types.Func:
		return o.Name() == "Error" && o.Signature().Recv() != nil
	case *types.Var, *types.Const:
		basic, ok := o.Type().Underlying().(*types.Basic)
		return ok && basic.Info()&types.IsString != 0 && forPeople.MatchString(o.Name())
	default:
		return false
	}
}

// in names what there is in an expression of texts for people, or "". It goes back through so many local variables.
func (t texts) in(e ast.Expr, back int) (what string) {
	ast.Inspect(e, func(n ast.Node) bool {
		x, ok := n.(ast.Expr)
		if !ok || what != "" {
			return false
		}
		if typ := t.info.TypeOf(x); typ != nil && types.Identical(typ, types.Universe.Lookup("error").Type()) {
			what = "an error"
		}
		switch x := x.(type) {
		case *ast.FuncLit:
			return false
		case *ast.Ident:
			if t.isText(x) {
				what = x.Name
			} else if from := t.from[t.info.Uses[x]]; from != nil && back > 0 {
				what = t.in(from, back-1)
			}
		}
		return what == ""
	})
	return what
}
