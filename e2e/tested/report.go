package main

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"homeward/e2e/needs"
)

// event is a line of go test -json (cmd/test2json).
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// Our choices of how much is printed.
const (
	longTest   = 5.0 // seconds; a test that takes longer gets a line of its own
	namesShown = 6   // names of tests in one line
)

// report is what became of the tests. Who reads the events of a group holds the lock for one event.
type report struct {
	sync.Mutex
	out      io.Writer
	packages map[string]*tests
	failed   []string            // what failed
	left     map[string][]string // what was missing, and the tests left out for it
	count    int                 // tests that were left out
	all      int                 // tests, of which some have parts
}

// tests are those of a package.
type tests struct {
	lines  []line
	result map[string]string // of each test, by its name: running, pass, fail or skip
}

type line struct{ test, text string }

func newReport(out io.Writer) *report {
	return &report{out: out, packages: map[string]*tests{}, left: map[string][]string{}}
}

func (r *report) print(text string) { fmt.Fprint(r.out, text) }

// broken is a failure that is not one of a test.
func (r *report) broken(what string) {
	r.Lock()
	defer r.Unlock()
	r.failed = append(r.failed, what)
	fmt.Fprintln(r.out, what)
}

func (r *report) take(e event) {
	if e.Action == "build-output" {
		r.print(e.Output)
		return
	} else if e.Package == "" { // build-fail: its packages fail
		return
	}
	p := r.packages[e.Package]
	if p == nil {
		p = &tests{result: map[string]string{}}
		r.packages[e.Package] = p
	}
	switch e.Action {
	case "run":
		p.result[e.Test] = "running"
	case "output":
		p.lines = append(p.lines, line{e.Test, e.Output})
	case "pass", "fail", "skip":
		p.result[e.Test] = e.Action
		if e.Test == "" {
			r.endPackage(e.Package, p)
		} else if !strings.Contains(e.Test, "/") {
			r.endTest(e, p)
		}
	}
}

// frame are the lines of go test around what tests say.
var frame = regexp.MustCompile(`^(=== |PASS$|FAIL$)`)

// endTest prints what a test and its parts have said, if it failed, and sorts those that were left out.
func (r *report) endTest(e event, p *tests) {
	r.all++
	if e.Action == "fail" {
		r.failed = append(r.failed, short(e.Package)+" "+e.Test)
	} else if p.leftOut(e.Test) {
		r.count++
	} else if e.Elapsed >= longTest {
		fmt.Fprintf(r.out, "    \t%s %s\t%.1fs\n", short(e.Package), e.Test, e.Elapsed)
	}
	why := map[string]string{}
	for _, l := range p.lines {
		if p.result[l.test] == "fail" && !frame.MatchString(l.text) {
			r.print(l.text)
		}
		if need := reason.FindStringSubmatch(l.text); need != nil {
			why[l.test] = need[1]
		}
	}
	for name, result := range p.result {
		if result == "skip" && (name == e.Test || strings.HasPrefix(name, e.Test+"/")) {
			missing := why[name]
			r.left[missing] = append(r.left[missing], short(e.Package)+" "+e.Test)
		}
	}
	p.lines = slices.DeleteFunc(p.lines, func(l line) bool { return l.test == e.Test || strings.HasPrefix(l.test, e.Test+"/") })
}

// reason is how a test says why it is left out.
var reason = regexp.MustCompile(`^\s+\S+\.go:\d+: ` + needs.Mark + `(\S+): `)

// leftOut says whether a test was left out, or each of its parts.
func (p *tests) leftOut(name string) bool {
	if p.result[name] != "pass" {
		return p.result[name] == "skip"
	}
	parts := 0
	for part, result := range p.result {
		if below, ok := strings.CutPrefix(part, name+"/"); ok && !strings.Contains(below, "/") {
			if parts++; result == "fail" || !p.leftOut(part) {
				return false
			}
		}
	}
	return parts > 0
}

// endPackage prints the line of a package; if it failed, what was said outside tests, and by those that have not ended.
func (r *report) endPackage(name string, p *tests) {
	for _, l := range p.lines {
		if !frame.MatchString(strings.TrimSuffix(l.text, "\n")) && (l.test == "" || p.result[""] == "fail") && !strings.HasPrefix(l.text, "?") {
			r.print(l.text)
		}
	}
	for test, result := range p.result {
		if result == "running" && !strings.Contains(test, "/") {
			r.failed = append(r.failed, short(name)+" "+test+" has not ended")
		}
	}
	if p.result[""] == "fail" && !slices.ContainsFunc(r.failed, func(f string) bool { return strings.HasPrefix(f, short(name)+" ") }) {
		r.failed = append(r.failed, short(name)+" as a whole")
	}
	p.lines = nil
}

// end prints the end of the report, and returns how many tests were left out, as a whole or in part.
func (r *report) end() int {
	for _, name := range slices.Sorted(maps.Keys(r.packages)) {
		if r.packages[name].result[""] == "" {
			r.broken(short(name) + " has not ended")
		}
	}
	leftPartly := 0
	for _, names := range r.left {
		leftPartly += len(names)
	}
	if leftPartly > 0 {
		r.printLeft()
	}
	verdict := fmt.Sprintf("%d tests: %d passed, %d left out", r.all, r.all-r.count-r.failures(), r.count)
	if len(r.failed) == 0 {
		fmt.Fprintf(r.out, "\n%s\n", verdict)
		return leftPartly
	}
	fmt.Fprintf(r.out, "\nFAILED\n  %s\n%s, %d failed\n", strings.Join(r.failed, "\n  "), verdict, r.failures())
	return leftPartly
}

// failures are the tests that failed.
func (r *report) failures() (n int) {
	for _, p := range r.packages {
		for name, result := range p.result {
			if result == "fail" && name != "" && !strings.Contains(name, "/") {
				n++
			}
		}
	}
	return n
}

// printLeft says what was left out, for want of what, and what to install.
func (r *report) printLeft() {
	fmt.Fprint(r.out, "\nLeft out on this machine, for want of\n")
	for _, need := range needs.List() {
		if names := r.left[need.Name]; names != nil {
			fmt.Fprintf(r.out, "  %s: %s\n      %s\n", need.Name, need.For, some(names))
		}
	}
	if names := r.left[""]; names != nil {
		fmt.Fprintf(r.out, "  something that they do not tell\n      %s\n", some(names))
	}
	if packages := needs.Packages(); len(packages) > 0 {
		fmt.Fprintf(r.out, "All programs of e2e/needs/needs.txt are there after (Debian starts the servers among them):\n"+
			"  sudo apt-get install --no-install-recommends %s\n", strings.Join(packages, " "))
	}
}

// some names tests, not all when there are many.
func some(names []string) string {
	slices.Sort(names)
	names = slices.Compact(names)
	if more := len(names) - namesShown; more > 0 {
		names = append(names[:namesShown:namesShown], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// short is the name of a package below the module.
func short(pkg string) string {
	for range 3 {
		if _, below, ok := strings.Cut(pkg, "/"); ok {
			pkg = below
		}
	}
	return pkg
}
