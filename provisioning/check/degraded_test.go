package check

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestMend255SaysWhereItSignsIn: the verdict about a device that signs in says where, or through what else, before or in the same breath as what is wrong.
func TestMend255SaysWhereItSignsIn(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sites: %v", err)
	}
	says := regexp.MustCompile(`signs in (to|there|over|through)|is registered as|has signed in`)
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, section := range archive.Files {
			lines := strings.SplitN(string(section.Data), "\n", 3)
			if section.Name == "report" && strings.HasPrefix(lines[0], "degraded") && !says.MatchString(lines[1]) {
				t.Errorf("%s: %s", file, lines[1])
			}
		}
	}
}
