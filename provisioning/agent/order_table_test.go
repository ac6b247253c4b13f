package agent

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"homeward/internal/golden"
	"homeward/provisioning"
)

const orderTable = "../../docs/device-order.md"

// TestDeviceOrderTable keeps docs/device-order.md what the scenarios say.
func TestDeviceOrderTable(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/order-*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var b strings.Builder
	b.WriteString("# The Lync device order, as the scenarios show it\n\n" +
		"`make generate` writes this page from `provisioning/agent/testdata/scenarios/order-*.txtar`. The end-to-end tests check the same\n" +
		"rows with BIND, dnsmasq, Kea and Kamailio. A dash means that the step was not reached.\n\n" +
		"| scenario | 1 internal-tls | 2 dhcp-tls | 3 internal-tcp | 4 dhcp-tcp | 5 external-tls | 6 external-tcp |\n" +
		"|---|---|---|---|---|---|---|\n")
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "| %s |", strings.TrimSpace(string(archive.Comment)))
		for step := provisioning.InternalTLS; step <= provisioning.ExternalTCP; step++ {
			fmt.Fprintf(&b, " %s |", outcome(archive, step))
		}
		b.WriteString("\n")
	}
	golden.Compare(t, orderTable, []byte(b.String()))
}

// outcome says in a word what became of a step in the expected timeline.
func outcome(archive *txtar.Archive, step provisioning.Step) string {
	result := "–"
	for _, section := range archive.Files {
		if section.Name != "timeline" {
			continue
		}
		for line := range strings.Lines(string(section.Data)) {
			words := strings.Fields(line)
			switch {
			case len(words) < 4 || words[2] != step.String():
			case words[1] == "lookup" && strings.Contains(line, " absent "):
				result = "absent"
			case words[1] == "attempt" && words[len(words)-1] == "ok":
				result = "**used**"
			case words[1] == "attempt":
				result = words[len(words)-1]
			}
		}
	}
	return result
}
