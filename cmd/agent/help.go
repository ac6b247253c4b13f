package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// verbGroups is the order in which help and the manual page name the verbs: what a tech types most comes first. A verb
// that is in none of them comes last.
var verbGroups = []struct{ title, verbs string }{
	{"See what the device does", "status history cache"},
	{"Find out what is wrong", "check plan dhcp bundle"},
	{"Set up and run", "config run service"},
}

// exitCodes are what a command may end with.
var exitCodes = []struct {
	code    int
	meaning string
}{
	{0, "fine"},
	{exitFailed, "failed"},
	{exitUsage, "the command line or the configuration is wrong"},
	{exitNotRunning, "the daemon is not running; for service status: it is not running, or not installed"},
	{exitNotRegistered, "not registered (status), nothing usable (plan), sign-in not possible (check), no usable answer (dhcp), no record (cache)"},
}

// grouped returns the verbs below a command under the titles of verbGroups; without title where there are none.
func grouped(c *cobra.Command) []verbGroup {
	rest := slices.DeleteFunc(slices.Clone(c.Commands()), func(verb *cobra.Command) bool { return verb.Hidden })
	if c.HasParent() {
		return []verbGroup{{"Verbs", rest}}
	}
	var groups []verbGroup
	for _, g := range verbGroups {
		group := verbGroup{title: g.title}
		for name := range strings.FieldsSeq(g.verbs) {
			if i := slices.IndexFunc(rest, func(verb *cobra.Command) bool { return verb.Name() == name }); i >= 0 {
				group.verbs = append(group.verbs, rest[i])
				rest = slices.Delete(rest, i, i+1)
			}
		}
		groups = append(groups, group)
	}
	return append(groups, verbGroup{"More", rest})
}

type verbGroup struct {
	title string
	verbs []*cobra.Command
}

// printHelp is the help of every command.
func printHelp(c *cobra.Command, _ []string) {
	p := newPage(c.OutOrStdout())
	p.printf("%s.\n", strings.TrimSuffix(c.Short, "."))
	if c.Long != "" {
		p.printf("\n%s\n", c.Long)
	}
	p.printf("\n%s  %s\n", p.paint(bold, "Usage:"), c.UseLine())
	if c.HasSubCommands() {
		for _, g := range grouped(c) {
			p.title(g.title)
			for _, verb := range g.verbs {
				p.printf("  %-10s  %s\n", verb.Name(), verb.Short)
			}
		}
	}
	settings, others := flagsOf(c)
	if settings.HasFlags() {
		p.title("Settings, which override those in the file")
		p.asIs("%s", settings.FlagUsagesWrapped(p.width))
	}
	p.title("Flags")
	p.asIs("%s", others.FlagUsagesWrapped(p.width))
	if c.Example != "" {
		p.title("Examples")
		for line := range strings.SplitSeq(c.Example, "\n") {
			p.asIs("  %s\n", line)
		}
	}
	if !c.HasParent() {
		p.title("Exit codes")
		for _, e := range exitCodes {
			p.printf("  %d  %s\n", e.code, e.meaning)
		}
	}
	if c.HasSubCommands() {
		p.printf("\nMore about a verb: %s VERB --help\n", c.CommandPath())
	}
}

// flagsOf returns the flags of a command in the order of their definition: those that are settings, and the others,
// those of every command last.
func flagsOf(c *cobra.Command) (settings, others *pflag.FlagSet) {
	c.InitDefaultHelpFlag()
	c.Flags().SortFlags = false
	c.Flags().Lookup("help").Usage = "show this help"
	settings, others = new(pflag.FlagSet), new(pflag.FlagSet)
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if _, ok := f.Value.(*flagValue); ok {
			settings.AddFlag(f)
		} else {
			others.AddFlag(f)
		}
	})
	return settings, others
}

func (p *page) title(text string) { p.printf("\n%s\n", p.paint(bold, text+":")) }
