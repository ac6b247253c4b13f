package sitetest

import (
	"regexp"
	"strings"
)

// What tests read in docs/simulated-site.md.

var (
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	row     = regexp.MustCompile("(?m)^\\| `([^` =:\\[]+)")
	fence   = regexp.MustCompile("(?ms)^```txtar\n(.*?)^```")
)

// Listed are the words in the tables below a heading: the first of each row, up to a "=" or a blank.
func Listed(page []byte, below string) (words []string) {
	text := string(page)
	for _, at := range heading.FindAllStringSubmatchIndex(text, -1) {
		if text[at[2]:at[3]] != below {
			continue
		}
		part := text[at[1]:]
		if next := heading.FindStringIndex(part); next != nil {
			part = part[:next[0]]
		}
		for _, m := range row.FindAllStringSubmatch(part, -1) {
			words = append(words, m[1])
		}
	}
	return words
}

// Examples are the files in a page.
func Examples(page []byte) (files []string) {
	for _, m := range fence.FindAllStringSubmatch(string(page), -1) {
		files = append(files, strings.TrimSuffix(m[1], "\n")+"\n")
	}
	return files
}
