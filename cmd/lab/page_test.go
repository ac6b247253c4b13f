package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeward/internal/sitetest"
)

// The lab serves every file that docs/simulated-site.md describes: its examples, scenarios, and the sites of check.
func TestLabServesThePage(t *testing.T) {
	if testing.Short() {
		t.Skip("opens sockets on loopback: left out by -short")
	}
	page, err := os.ReadFile("../../docs/simulated-site.md")
	if err != nil {
		t.Fatal(err)
	}
	described := append(sitetest.Listed(page, "Sections of a scenario"), sitetest.Listed(page, "Sections of a report")...)
	slices.Sort(described)
	if diff := cmp.Diff(slices.Compact(described), slices.Sorted(slices.Values(scenarioSections))); diff != "" {
		t.Errorf("-page +lab\n%s", diff)
	}
	for _, text := range sitetest.Examples(page) {
		l, err := open(t.TempDir(), "example", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		l.introduce(&said, "example")
		for _, what := range []string{"name server", "Registrar", "SIP address"} {
			if !strings.Contains(said.String(), what) {
				t.Errorf("%s is not in the introduction:\n%s", what, said.String())
			}
		}
		l.Close()
	}
}
