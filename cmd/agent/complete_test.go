package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

const completionDir = "../../packaging/completion"

// TestCompletionScripts keeps packaging/completion what cobra and this program make of it.
func TestCompletionScripts(t *testing.T) {
	for name, write := range map[string]func(*cobra.Command, io.Writer) error{
		"homeward.bash": func(c *cobra.Command, w io.Writer) error { return c.GenBashCompletionV2(w, true) },
		"_homeward":     (*cobra.Command).GenZshCompletion,
		"homeward.fish": func(c *cobra.Command, w io.Writer) error { return c.GenFishCompletion(w, true) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(rootCommand(env{}), &b); err != nil {
				t.Fatal(err)
			}
			compare(t, filepath.Join(completionDir, name), b.Bytes())
		})
	}
}

// completions are command lines with what a shell may offer at their end, of which there is only one.
var completions = []struct{ line, want string }{
	{"homeward sta", "status"},
	{"homeward cache sh", "show"},
	{"homeward help conf", "config"},
	{"homeward plan --ord", "--order"},
	{"homeward plan --order comm", "communicator"},
	{"homeward plan --order=comm", "communicator"},
	{"homeward run --strict-naming str", "strict"},
	{"homeward run --tls-min 1.3", "1.3"},
	{"homeward run --log-level de", "debug"},
	{"homeward run --dhcp inf", "inform"},
	{"homeward dhcp encode --for dns", "dnsmasq"},
}

func TestCompletionInBash(t *testing.T) {
	const library = "/usr/share/bash-completion/bash_completion"
	if _, err := os.Stat(library); err != nil {
		t.Skipf("SKIPPED: bash-completion is not installed: %v", err)
	}
	for _, test := range completions {
		t.Run(test.line, func(t *testing.T) {
			// What readline does: it splits the line at blanks and at COMP_WORDBREAKS. compopt works under it only.
			words := strings.Fields(strings.ReplaceAll(test.line, "=", " = "))
			script := `compopt() { :; }; . "$1" && . "$2" && shift 2 && COMP_LINE=$1 COMP_TYPE=9 && shift && COMP_POINT=${#COMP_LINE} COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) &&
				__start_homeward; printf '%s\n' "${COMPREPLY[@]}"`
			args := append([]string{"-c", script, "bash", library, filepath.Join(completionDir, "homeward.bash"), test.line}, words...)
			out, err := exec.Command("bash", args...).CombinedOutput()
			if got := strings.TrimSpace(string(out)); err != nil || got != test.want {
				t.Errorf("got %q (%v), want %q", got, err, test.want)
			}
		})
	}
}
