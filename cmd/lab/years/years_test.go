package years

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A few years; for a release `lab years` lives many more. A promise that is broken prints what led to it.
func TestYears(t *testing.T) {
	p := Plan{First: 1, N: 3, Episodes: DefaultEpisodes, Lived: 5 * 24 * time.Hour}
	if testing.Short() {
		p.N, p.Episodes, p.Lived = 1, 10, 24*time.Hour
	}
	var cuts, degraded, registrations int
	Live(t, p, func(c Count) {
		t.Log(c)
		cuts, degraded, registrations = cuts+c.Cuts, degraded+c.Degraded, registrations+c.Registrations
		for _, b := range c.Broken {
			t.Errorf("seed %d: %s", c.Seed, b)
		}
		if c.Trace != "" {
			t.Log(c.Trace)
		}
	})
	if cuts == 0 || degraded == 0 && !testing.Short() || registrations < p.N*p.Episodes/4 {
		t.Errorf("%d power cuts, %d registrations, %d of them through last good: years without trouble", cuts, registrations, degraded)
	}
}

// ARCHITECTURE.md has the promises that are checked, by the names of the checks.
func TestPromisesAreThoseOfTheArchitecture(t *testing.T) {
	page, err := os.ReadFile("../../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Promises\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| \\d+ \\| `([a-z.-]+)` \\|").FindAllStringSubmatch(section, -1) {
		listed = append(listed, row[1])
	}
	if !slices.Equal(listed, Promises) {
		t.Errorf("ARCHITECTURE.md has %q, checked are %q", listed, Promises)
	}
	files, _ := filepath.Glob("*.go")
	checked := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range regexp.MustCompile(`\.broken\("([a-z.-]+)"`).FindAllStringSubmatch(string(text), -1) {
			if checked[call[1]] = true; !slices.Contains(Promises, call[1]) {
				t.Errorf("%s: %q is no promise", file, call[1])
			}
		}
	}
	for _, name := range Promises {
		if !checked[name] {
			t.Errorf("%s is never checked", name)
		}
	}
	for _, m := range Broken() {
		if !slices.Contains(Promises, m.Promise) {
			t.Errorf("%s breaks %q, which is no promise", m.What, m.Promise)
		}
		text, err := os.ReadFile(filepath.Join("../../..", m.File))
		if n := strings.Count(string(text), m.Old); n != 1 || err != nil {
			t.Errorf("%s: %s has %d places to change, want one (%v)", m.What, m.File, n, err)
		}
	}
}
