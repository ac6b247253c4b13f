package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"homeward/internal/config"
)

func configCommand(e env) *cobra.Command {
	return group("config", "Validate a configuration file, or print a commented example", []*cobra.Command{
		configCheckCommand(e),
		configExampleCommand(e),
	})
}

func configExampleCommand(e env) *cobra.Command {
	c := verb("example", "Print a commented configuration file", func(*cobra.Command) error {
		_, err := io.WriteString(e.stdout, config.Example())
		return err
	})
	c.Example = "homeward config example > homeward.toml"
	return c
}

// configAnswer is `config check --json`.
type configAnswer struct {
	Version  int            `json:"version"`
	Set      map[string]any `json:"set"`                // what differs from saying nothing; never a password
	Warnings []string       `json:"warnings,omitempty"` // what is valid and probably not meant
}

func configCheckCommand(e env) *cobra.Command {
	var asJSON bool
	c := verb("check [--json]", "Validate the configuration file and everything it refers to", func(c *cobra.Command) error {
		settings, err := loadSettings(c)
		if err != nil {
			return err
		}
		conf, err := checked(settings)
		if err != nil {
			return err
		}
		for _, doubt := range conf.Doubts() {
			e.remark("hint", doubt)
		}
		if asJSON {
			return printJSON(e.stdout, configAnswer{1, given(settings), conf.Warnings})
		}
		p := newPage(e.stdout)
		p.printf("%s\n", p.paint(good, "ok"))
		for _, k := range config.Keys() {
			if s := settings.Of(k.Name); s.From.Given() {
				p.row(k.Name, printable(show(k, s.Value)))
			}
		}
		for _, warning := range conf.Warnings {
			p.printf("%s %s\n", p.paint(warn, "warning:"), printable(warning))
		}
		return p.err
	})
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return &failure{code: exitUsage, err: &advised{fmt.Errorf("unexpected argument %q", args[0]), "give the file with --config " + args[0]}}
		}
		return nil
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// given returns the values that were set.
func given(s config.Settings) map[string]any {
	values := map[string]any{}
	for _, k := range config.Keys() {
		if at := s.Of(k.Name); at.From.Given() {
			values[k.Name] = k.Plain(at.Value)
		}
	}
	return values
}

// show returns the value as one line.
func show(k config.Key, v config.Value) string {
	if k.Kind == config.List || k.Kind == config.Command {
		return strings.Join(v.List, " ")
	}
	return fmt.Sprint(k.Plain(v))
}
