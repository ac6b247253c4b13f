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
