package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// helpOf is what a user reads of a command.
func helpOf(t *testing.T, c *cobra.Command) string {
	t.Helper()
	var out bytes.Buffer
	if code := run(t.Context(), env{stdout: &out, stderr: &out}, append(strings.Fields(c.CommandPath())[1:], "--help")); code != 0 {
		t.Errorf("%s --help: exit code %d", c.CommandPath(), code)
	}
	return out.String()
}

func everyCommand(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, below := range c.Commands() {
		everyCommand(below, visit)
	}
}

// Nothing is said twice in the help of one command.
func TestMend29HelpSaysThingsOnce(t *testing.T) {
	everyCommand(rootCommand(env{}), func(c *cobra.Command) {
		said := map[string]bool{}
		prose, _, _ := strings.Cut(helpOf(t, c), "\nUsage:")
		for sentence := range strings.SplitSeq(strings.Join(strings.Fields(prose), " "), ". ") {
			sentence = strings.TrimSuffix(sentence, ".")
			if said[sentence] {
				t.Errorf("%s --help says twice: %s", c.CommandPath(), sentence)
			}
			said[sentence] = true
		}
	})
}

// What the help says of check is what check does, and what README says of it: time servers are asked.
func TestMend29HelpOfCheck(t *testing.T) {
	check, _, _ := rootCommand(env{}).Find([]string{"check"})
	help := strings.Join(strings.Fields(helpOf(t, check)), " ")
	does, not, found := strings.Cut(help, "What other phones use and this device does not")
	if !found || !strings.Contains(does, "time servers that DHCP and DNS name are asked") || strings.Contains(not, "time server") {
		t.Errorf("check --help tells of time servers what is not so:\n%s", help)
	}
}

// A flag that a command refuses is not offered.
func TestMend29HelpOfService(t *testing.T) {
	everyCommand(rootCommand(env{}), func(c *cobra.Command) {
		refuses := strings.HasPrefix(c.CommandPath(), "homeward service")
		if offers := strings.Contains(helpOf(t, c), "--config FILE"); offers == refuses {
			t.Errorf("%s --help offers --config: %t", c.CommandPath(), offers)
		}
	})
}

// The daemon starts without the other verbs, and is the same for it.
func TestDaemonAlone(t *testing.T) {
	for line, want := range map[string]bool{
		"run": true, "run --log-level debug": true, "--config run run": true,
		"": false, "--config run": false, "help run": false, "check run": false, "--version run": false, "--config=run plan": false,
	} {
		if got := isDaemon(strings.Fields(line)); got != want {
			t.Errorf("homeward %s: %t", line, got)
		}
	}
	help := func(root *cobra.Command, out *bytes.Buffer) string {
		root.SetArgs([]string{"run", "--help"})
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Error(err)
		}
		return out.String()
	}
	var alone, whole bytes.Buffer
	if got, want := help(rootOf(env{stdout: &alone}, runCommand(env{})), &alone), help(rootCommand(env{stdout: &whole}), &whole); got != want || want == "" {
		t.Errorf("run --help says\n%s\nwith the other verbs beside it\n%s", got, want)
	}
}
