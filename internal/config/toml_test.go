package config

import (
	"bytes"
	"errors"
	"testing"
)

// Each problem of a document tells its line, its key where it has one, and what to do where that is known.
func TestProblems(t *testing.T) {
	var all Problems
	_, err := Parse("homeward.toml", []byte("user = \"CONTOSO\\phone1\"\n"))
	if !errors.As(err, &all) || len(all) != 1 || all[0].From != (Origin{File: "homeward.toml", Line: 1}) || all[0].Hint != singleQuotes {
		t.Errorf("a backslash in double quotes: %+v", all)
	}
	_, err = Parse("homeward.toml", []byte("# settings\nsip_address\n"))
	if all = nil; !errors.As(err, &all) || len(all) != 1 || all[0].From.Line != 2 || all[0].Hint == "" {
		t.Errorf("no value: %+v", all)
	}
	_, err = Parse("homeward.toml", []byte("colour = 1\n\nallow_tcp = 1\n[dns]\nuser = 1\nallow_tcp = 2\n"))
	if all = nil; !errors.As(err, &all) || len(all) != 3 || all[0].From.Line != 1 || all[1].From.Line != 3 || all[1].Key != "allow_tcp" || all[2].From.Line != 4 {
		t.Errorf("three in one file: %+v", all)
	}
	for _, p := range all {
		if !errors.Is(err, p) {
			t.Errorf("%v is not among what is wrong", p)
		}
	}
	for origin, want := range map[Origin]string{
		{}: "", {File: "a"}: "a", {File: "a", Line: 2}: "a:2", {Flag: "order"}: "--order",
	} {
		if origin.String() != want || origin.Given() != (want != "") {
			t.Errorf("%+v: %q, given %v", origin, origin, origin.Given())
		}
	}
}

// A TLS version may stand without quotes, as it is written.
func TestNumbers(t *testing.T) {
	for text, want := range map[string]string{"1.0": "1.0", "1.2": "1.2", "1.25": "1.25", `"1.3"`: "1.3"} {
		if s, err := Parse("", []byte("tls_min = "+text)); err != nil || s.Of("tls_min").Text != want {
			t.Errorf("%s: got %q, %v", text, s.Of("tls_min").Text, err)
		}
	}
}

// Whatever a file holds, the answer is settings or problems, each in a line that there is.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		Example(), "user = \"\xff\"", "a = 1\na = 2", "[x]\ny = 1", "[[x]]", "auth = [[\"ntlm\"], 1]", "a.\"b c\".d = {e = 1}", "user = \"\"\"\n\\", "\r", "tls_min = 1_0.2e3",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		before := bytes.Clone(document)
		s, err := Parse("homeward.toml", document)
		if !bytes.Equal(before, document) {
			t.Fatal("the document has changed")
		}
		if err == nil {
			for _, k := range keys {
				if from := s.Of(k.Name).From; from.Given() && (from.Line < 1 || from.Line > 1+bytes.Count(document, []byte("\n"))) {
					t.Errorf("%s is said to be in line %d", k.Name, from.Line)
				}
			}
			return
		}
		var all Problems
		if !errors.As(err, &all) || len(all) == 0 {
			t.Fatalf("what is wrong is %v", err)
		}
		for _, p := range all {
			if p.From.Line < 1 || p.From.Line > 1+bytes.Count(document, []byte("\n")) || p.Err == nil {
				t.Errorf("%+v", p)
			}
		}
	})
}
