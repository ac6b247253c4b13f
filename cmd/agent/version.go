package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
)

// Set by the linker (-X main.version=1.2.3); without it the build information of Go is shown.
var (
	version string
	commit  string
	built   string // RFC 3339: the time of the commit
)

// versionAnswer is `version --json`.
type versionAnswer struct {
	Version string `json:"version"`          // of the program
	Commit  string `json:"commit,omitempty"` // of git
	Built   string `json:"built,omitempty"`  // when the commit was made
	Go      string `json:"go"`               // version of Go that it was built with
}

func versionCommand(e env) *cobra.Command {
	var asJSON bool
	c := verb("version [--json]", "Print version, commit and Go version", func(*cobra.Command) error {
		v := thisVersion()
		if asJSON {
			return printJSON(e.stdout, v)
		}
		p := newPage(e.stdout)
		p.printf("homeward %s\n", v.Version)
		p.row("commit", v.Commit)
		p.row("built", v.Built)
		p.row("Go", fmt.Sprintf("%s %s/%s", v.Go, runtime.GOOS, runtime.GOARCH))
		return p.err
	})
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func thisVersion() versionAnswer {
	v := versionAnswer{Version: version, Commit: commit, Built: built, Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Version = cmp.Or(v.Version, info.Main.Version)
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Commit = cmp.Or(v.Commit, s.Value)
			case "vcs.time":
				v.Built = cmp.Or(v.Built, s.Value)
			}
		}
	}
	v.Version = cmp.Or(v.Version, "(devel)")
	return v
}

// builtAt returns the time of the commit; zero if it is not known.
func (v versionAnswer) builtAt() time.Time {
	t, _ := time.Parse(time.RFC3339, v.Built) // unknown is a fine answer
	return t
}
