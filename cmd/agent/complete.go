package main

import (
	"net"
	"strings"

	"github.com/spf13/cobra"

	"homeward/internal/config"
)

// The scripts of packaging/completion ask the binary what can follow (`homeward __complete`, of cobra). They offer
// file names wherever nothing is said here.

// complete says what the values of a flag are; none: they are free text.
func complete(c *cobra.Command, flag string, values ...string) {
	completeBy(c, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

func completeBy(c *cobra.Command, flag string, by cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, by); err != nil {
		panic(err) // there is no such flag
	}
}

// completeKey does the same for the flag of a key.
func completeKey(c *cobra.Command, k config.Key) {
	switch flag := k.Flag(); {
	case k.Choices() != nil && k.Kind == config.List:
		completeBy(c, flag, completeList(k.Choices()))
	case k.Choices() != nil:
		complete(c, flag, k.Choices()...)
	case k.Kind == config.Truth:
		complete(c, flag, "true", "false")
	case k.Name == "interface":
		completeBy(c, flag, completeInterface)
	case strings.HasSuffix(k.Name, "_dir"):
		completeBy(c, flag, cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs))
	case k.Name == "password_file" || k.Name == "roots" || k.Name == "on_change": // files
	default:
		complete(c, flag)
	}
}

// completeList offers what is not in a list with commas yet.
func completeList(values []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndexByte(typed, ',')+1]
		var offered []cobra.Completion
		for _, v := range values {
			if !strings.Contains(","+before, ","+v+",") {
				offered = append(offered, before+v)
			}
		}
		return offered, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

func completeInterface(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	for _, i := range interfaces {
		names = append(names, i.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeVerb offers what `help` explains.
func completeVerb(c *cobra.Command, path []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	above, rest, err := c.Root().Find(path)
	if err != nil || len(rest) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, verb := range above.Commands() {
		if verb.IsAvailableCommand() {
			names = append(names, cobra.CompletionWithDesc(verb.Name(), verb.Short))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
