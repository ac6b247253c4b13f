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

	"homeward/e2e/needs"
	"homeward/internal/golden"
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
			golden.Compare(t, filepath.Join(completionDir, name), b.Bytes())
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
	needs.Program(t, library)
	testCompletion(t, func(line string) *exec.Cmd {
		// What readline does: it splits the line at blanks and at COMP_WORDBREAKS. compopt works under it only.
		words := strings.Fields(strings.ReplaceAll(line, "=", " = "))
		script := `compopt() { :; }; . "$1" && . "$2" && shift 2 && COMP_LINE=$1 COMP_TYPE=9 && shift && COMP_POINT=${#COMP_LINE} COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) &&
			__start_homeward; printf '%s\n' "${COMPREPLY[@]}"`
		return exec.Command("bash", append([]string{"-c", script, "bash", library, filepath.Join(completionDir, "homeward.bash"), line}, words...)...)
	})
}

// TestCompletionInZsh types into a shell on a terminal: completion works nowhere else. Control-X prints the line.
func TestCompletionInZsh(t *testing.T) {
	const script = `zmodload zsh/zpty && zpty shell zsh -f -i &&
		zpty -w shell "PS1=; fpath=(${(q)1} \$fpath); autoload -U compinit; compinit -u -D
			report() { print -r -- \"<\$BUFFER>\" }; zle -N report; bindkey '^X' report; print re''ady" &&
		zpty -r shell out '*ready*' && zpty -w -n shell $2$'\t\x18' && zpty -r shell out '*<*>*' && print -r -- ${${out##*<}%%>*}`
	testCompletion(t, func(line string) *exec.Cmd {
		return exec.Command("zsh", "-f", "-c", script, "zsh", completionDir, line)
	})
}

func TestCompletionInFish(t *testing.T) {
	script := "source " + completionDir + "/homeward.fish; complete -C $argv[1]"
	testCompletion(t, func(line string) *exec.Cmd {
		shell := exec.Command("fish", "--no-config", "-c", script, line)
		shell.Env = append(os.Environ(), "HOME="+t.TempDir())
		return shell
	})
}

// testCompletion runs a shell for each of the completions. It prints the last word, or the whole line.
func testCompletion(t *testing.T, shell func(line string) *exec.Cmd) {
	needs.Program(t, shell("").Args[0])
	for _, test := range completions {
		t.Run(test.line, func(t *testing.T) {
			t.Parallel() // a shell on a terminal takes its time
			out, err := shell(test.line).CombinedOutput()
			got, _, _ := strings.Cut(string(out), "\t") // what follows describes it
			got = strings.TrimSpace(got)
			if got = got[strings.LastIndexAny(got, " =")+1:]; err != nil || got != test.want {
				t.Errorf("got %q (%v), want %q", out, err, test.want)
			}
		})
	}
}
