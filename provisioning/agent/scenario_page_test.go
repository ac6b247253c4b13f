package agent

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"homeward/internal/golden"
	"homeward/internal/sitetest"
)

const pageFile = "../../docs/simulated-site.md"

// The page lists what scenarios know, and nothing else, and its scenario is one.
func TestPageOfScenarios(t *testing.T) {
	page, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	for below, known := range map[string][]string{
		"Sections of a scenario": scenarioSections,
		"Lines of device":        slices.Collect(maps.Keys(deviceLines)),
		"Lines of cache":         slices.Collect(maps.Keys(recordLines)),
		"Verbs of a script":      slices.Collect(maps.Keys(verbs)),
	} {
		if diff := cmp.Diff(slices.Sorted(slices.Values(known)), slices.Sorted(slices.Values(sitetest.Listed(page, below)))); diff != "" {
			t.Errorf("%s (-known +page):\n%s", below, diff)
		}
	}
	played := 0
	for _, text := range sitetest.Examples(page) {
		archive := txtar.Parse([]byte(text))
		if slices.ContainsFunc(archive.Files, func(f txtar.File) bool { return f.Name == "timeline" }) {
			compareScenario(t, archive, pageFile)
			page = bytes.Replace(page, []byte(text), txtar.Format(archive), 1)
			played++
		}
	}
	if played == 0 {
		t.Error("no scenario in the page")
	}
	if golden.Update() {
		golden.Write(t, pageFile, page)
	}
}
