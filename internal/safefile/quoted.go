package safefile

import (
	"strings"
	"unicode"
)

// longestQuoted is the longest path that a command names, in bytes: what is shown of a longer one may be cut, and half a path is another file. (Our
// choice.)
const longestQuoted = 512

// Quoted is a path as an argument of a command that is to be pasted into a shell: as it is, where that is safe. It is "PATH" where it cannot be shown as
// it is, since it is too long, or not all of it can be printed.
func Quoted(path string) string { return QuotedWithin(path, longestQuoted) }

// QuotedWithin is the same where a text has less room.
func QuotedWithin(path string, longest int) string {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	if path != "" && !strings.ContainsFunc(path, needsQuotes) && len(path) <= longest {
		return path
	}
	quoted := "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	if len(quoted) > longest || strings.ContainsFunc(path, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }) {
		return "PATH"
	}
	return quoted
}

// needsQuotes says whether a character may mean something to a shell.
func needsQuotes(r rune) bool {
	return (r|0x20 < 'a' || r|0x20 > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("/._-+,:@%=", r)
}
