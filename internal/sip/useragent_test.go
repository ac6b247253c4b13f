package sip

import (
	"strings"
	"testing"
)

func TestMend21UserAgentIsAListOfTokens(t *testing.T) {
	for _, good := range []string{
		"homeward/1.0", "homeward", "UCCAPI/15.0.4420.1017 OC/15.0.4420.1017 (Microsoft Lync)", "a/1 (b) c", "(nothing but a comment)", "x/~1+2-3_dirty", "a (~ !)", strings.Repeat("a", 256),
	} {
		if err := CheckUserAgent(good); err != nil {
			t.Error(err)
		}
	}
	for bad, want := range map[string]string{
		"":                       "it is empty",
		"homeward/(devel)":       `"homeward/(devel)" is not a name`,
		"a/b/c":                  `"a/b/c" is not a name`,
		"a/":                     `"a/" is not a name`,
		"/1":                     `"/1" is not a name`,
		"a\r\nVia: b":            `"a\r\nVia:" is not a name`,
		"ein/träger":             `"ein/träger" is not a name`,
		"a  b":                   `"" is not a name`,
		" a":                     `"" is not a name`,
		"a ":                     "none at the ends",
		"(a)b":                   "one blank in between",
		"a (b":                   "a comment is ASCII text",
		"a ((b))":                "a comment is ASCII text",
		"a (ä)":                  "a comment is ASCII text",
		`a (\)`:                  "a comment is ASCII text",
		strings.Repeat("a", 257): "it has 257 characters, 256 are possible",
	} {
		if err := CheckUserAgent(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", bad, err, want)
		}
	}
}

func TestMend21VersionsAreTokens(t *testing.T) {
	for version, want := range map[string]string{
		"1.2.3": "1.2.3", "v1.2.3-4-g0123abc-dirty": "v1.2.3-4-g0123abc-dirty", "v0.0.0-20260101+dirty": "v0.0.0-20260101+dirty",
		"(devel)": "devel", "feature/é 1": "feature---1", "": "unknown", "()": "unknown",
	} {
		if got := Token(version); got != want || CheckUserAgent("homeward/"+got) != nil {
			t.Errorf("%q: %q, want %q", version, got, want)
		}
	}
}
