package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A test cites a rule by its number: in the name of a row or of a test function, or as the name of a scenario.
var (
	ruleOfRow      = regexp.MustCompile(`"([CDHKSTX][0-9]{2}) `)
	ruleOfTest     = regexp.MustCompile(`func Test([CDHKSTX][0-9]{2})[A-Z]`)
	ruleOfScenario = regexp.MustCompile(`^([RT][0-9]{2})-.*\.txtar$`)
	ruleInTable    = regexp.MustCompile(`(?m)^\| ([A-Z])([0-9]{2})(?:–[A-Z]([0-9]{2}))?(?:, [A-Z]([0-9]{2}))? \|`)
)

// Every number that a test cites is in docs/rules.md.
func TestRulesAreInTheTree(t *testing.T) {
	page, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, m := range ruleInTable.FindAllStringSubmatch(string(page), -1) {
		var from, to, also int
		from, _ = strconv.Atoi(m[2]) // digits, as the expression says; the others may be missing
		to, _ = strconv.Atoi(m[3])
		also, _ = strconv.Atoi(m[4])
		for n := from; n <= max(from, to); n++ {
			known[fmt.Sprintf("%s%02d", m[1], n)] = true
		}
		known[fmt.Sprintf("%s%02d", m[1], max(from, also))] = true
	}
	cited := 0
	cite := func(path, number string) {
		cited++
		if !known[number] {
			t.Errorf("%s cites %s, which is not in docs/rules.md", path, number)
		}
	}
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if m := ruleOfScenario.FindStringSubmatch(d.Name()); m != nil {
			cite(path, m[1])
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range append(ruleOfRow.FindAllStringSubmatch(string(text), -1), ruleOfTest.FindAllStringSubmatch(string(text), -1)...) {
			cite(path, m[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if cited < 300 {
		t.Errorf("only %d citations were found", cited)
	}
}

var (
	regressionOfTest = regexp.MustCompile(`func Test(?:Namespace)?(Mend|Field)([0-9]{2,3})`)
	regressionOfFile = regexp.MustCompile(`^(mend|field)-([0-9]{2,3})-.*\.txtar$`)
	regressionInPage = regexp.MustCompile(`(?m)^\| ([0-9]{2,3}) \|`)
)

// Every number of a regression or of a fault from the field that a test cites is in docs/regressions.md, and every number of
// the page has a test, and one row.
func TestRegressionsAreInTheTree(t *testing.T) {
	page, err := os.ReadFile("../../docs/regressions.md")
	if err != nil {
		t.Fatal(err)
	}
	mends, fields, ok := strings.Cut(string(page), "\n## Faults from the field\n")
	if !ok {
		t.Fatal("the page has no section for faults from the field")
	}
	cited := map[string][]string{} // by "mend 07"
	for kind, table := range map[string]string{"mend": mends, "field": fields} {
		for _, m := range regressionInPage.FindAllStringSubmatch(table, -1) {
			if _, twice := cited[kind+" "+m[1]]; twice {
				t.Errorf("docs/regressions.md has %s %s twice", kind, m[1])
			}
			cited[kind+" "+m[1]] = nil
		}
	}
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		found := regressionOfFile.FindAllStringSubmatch(d.Name(), -1)
		if strings.HasSuffix(path, "_test.go") {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			found = append(found, regressionOfTest.FindAllStringSubmatch(string(text), -1)...)
		}
		for _, m := range found {
			number := strings.ToLower(m[1]) + " " + m[2]
			if _, known := cited[number]; !known {
				t.Errorf("%s cites %s, which is not in docs/regressions.md", path, number)
			}
			cited[number] = append(cited[number], path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for number, paths := range cited {
		if len(paths) == 0 {
			t.Errorf("no test cites %s of docs/regressions.md", number)
		}
	}
}
