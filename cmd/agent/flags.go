package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// addSettingFlags gives a command a flag for each of the named keys, or for all. A flag beats the file.
func addSettingFlags(c *cobra.Command, names ...string) {
	for _, k := range keys {
		if len(names) > 0 && !slices.Contains(names, k.name) {
			continue
		}
		doc, _, _ := strings.Cut(k.doc, "\n")
		switch {
		case k.kind == truth && k.normal == "true":
			doc += " (default true; off: --" + k.flag() + "=false)"
		case k.normal != "":
			doc += " (default " + k.normal + ")"
		}
		f := c.Flags().VarPF(&flagValue{key: k}, k.flag(), "", doc)
		if k.kind == truth {
			f.NoOptDefVal = "true"
		}
		completeKey(c, k)
	}
	c.Flags().SortFlags = false
}

// flagValue is the value of a setting given as a flag.
type flagValue struct {
	key
	value
}

// Set is called for each time the flag is given.
func (f *flagValue) Set(s string) error {
	switch f.kind {
	case truth:
		v, err := strconv.ParseBool(s)
		if err != nil {
			return errors.New("the value must be true or false")
		}
		f.truth = v
	case list:
		for element := range strings.SplitSeq(s, ",") {
			f.list = append(f.list, strings.TrimSpace(element))
		}
	case command:
		f.list = append(f.list, s)
	default:
		f.text = s
	}
	return nil
}

// Type is the placeholder in the help; pflag shows none for "bool".
func (f *flagValue) Type() string {
	return [...]string{text: "text", truth: "bool", list: "list", command: "argument"}[f.kind]
}

// String is the default as help shows it: addSettingFlags writes it into the text.
func (f *flagValue) String() string { return "" }
