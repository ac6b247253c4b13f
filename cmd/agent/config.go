package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func configCommand(e env) *cobra.Command {
	return group("config", "Validate a configuration file, or print a commented example", []*cobra.Command{
		configCheckCommand(e),
		configExampleCommand(e),
	})
}

func configExampleCommand(e env) *cobra.Command {
	c := verb("example", "Print a commented configuration file", func(*cobra.Command) error {
		_, err := io.WriteString(e.stdout, exampleConfig())
		return err
	})
	c.Example = "homeward config example > homeward.toml"
	return c
}

// configAnswer is `config check --json`.
type configAnswer struct {
	Version  int            `json:"version"`
	Set      map[string]any `json:"set"` // what differs from saying nothing; never a password
	Warnings []string       `json:"warnings,omitempty"`
}

func configCheckCommand(e env) *cobra.Command {
	var asJSON bool
	c := verb("check [--json]", "Validate the configuration file and all that it names", func(c *cobra.Command) error {
		settings, err := loadSettings(c)
		if err != nil {
			return err
		}
		site, err := settings.site()
		if err != nil {
			return err
		}
		for _, doubt := range site.doubts() {
			e.remark("hint", doubt)
		}
		if asJSON {
			return printJSON(e.stdout, configAnswer{1, settings.given(), site.warnings})
		}
		p := newPage(e.stdout)
		p.printf("%s\n", p.paint(good, "ok"))
		for _, k := range keys {
			if s := settings[k.name]; s.from != "" {
				p.row(k.name, printable(k.show(s.value)))
			}
		}
		for _, warning := range site.warnings {
			p.printf("%s %s\n", p.paint(warn, "warning:"), printable(warning))
		}
		return p.err
	})
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return &failure{code: exitUsage, err: &advised{fmt.Errorf("unexpected argument %q", args[0]), "a file is named with --config " + args[0]}}
		}
		return nil
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// given returns the values that were set.
func (s settings) given() map[string]any {
	values := map[string]any{}
	for _, k := range keys {
		if at := s[k.name]; at.from != "" {
			values[k.name] = k.plain(at.value)
		}
	}
	return values
}

// plain returns the value in the type JSON knows for it.
func (k key) plain(v value) any {
	switch k.kind {
	case truth:
		return v.truth
	case list, command:
		return v.list
	default:
		return v.text
	}
}

// show returns the value as one line.
func (k key) show(v value) string {
	if k.kind == list || k.kind == command {
		return strings.Join(v.list, " ")
	}
	return fmt.Sprint(k.plain(v))
}

// exampleConfig is a file that says nothing but what is required, and explains the rest.
func exampleConfig() string {
	var b strings.Builder
	b.WriteString("# homeward.toml: configuration of homeward. Restart the daemon after a change.\n# What is commented out shows the default, or an example where there is none.\n")
	for _, k := range keys {
		b.WriteString("\n")
		for line := range strings.SplitSeq(k.doc, "\n") {
			fmt.Fprintf(&b, "# %s\n", line)
		}
		if k.name != "sip_address" {
			b.WriteString("#")
		}
		fmt.Fprintf(&b, "%s = %s\n", k.name, k.sample())
	}
	return b.String()
}
