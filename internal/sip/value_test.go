package sip

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
)

// The characters of a token are those of RFC 3261 section 25.1, up to the last of each range.
func TestTokens(t *testing.T) {
	for _, token := range []string{"a", "z", "A", "Z", "0", "9", "azAZ09-.!%*_+`'~"} {
		if !isToken(token) {
			t.Errorf("%q is none", token)
		}
	}
	for _, other := range []string{"", " ", "a b", "a/b", "a:b", "a;b", "a=b", "(a)", "<a>", "a@b", "[a]", "{a}", "a\\", "a\"", "a\x00", "\x7f", "é"} {
		if isToken(other) {
			t.Errorf("%q is one", other)
		}
	}
}

// What is quoted, and what was not quoted to its end.
func TestUnquote(t *testing.T) {
	for text, want := range map[string]string{
		``: ``, `abc`: `abc`, `"abc"`: `abc`, `"a\"b\\"`: `a"b\`, `"abc" d`: `abc`, `"abc`: `abc`, `"`: ``, `"\`: `\`, `"a\b`: `ab`,
	} {
		if got := unquote(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "abc", `a"b\c`, `\`, `"`} {
		if got := unquote(quote(text)); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
}

// What may be repeated in a message has neither blanks nor brackets, and an end.
func TestPlain(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "!~": true, strings.Repeat("a", 1024): true, strings.Repeat("a", 1025): false,
		" a": false, "a b": false, "a\x7f": false, "<a": false, "a>": false, `"a`: false, "é": false, "a\r\nb": false,
	} {
		if got := isPlain(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

// A status has three digits, from 100 to 699.
func TestStatusLines(t *testing.T) {
	for line, code := range map[string]int{
		"SIP/2.0 100 Trying": 100, "SIP/2.0 699 x": 699, "sip/2.0 200": 200,
		"SIP/2.0 099 x": 0, "SIP/2.0 99 x": 0, "SIP/2.0 700 x": 0, "SIP/2.0 0200 x": 0, "SIP/2.0 +20 x": 0, "SIP/2.0": 0, "SIP/3.0 200 OK": 0,
	} {
		m, err := parseStart(line)
		if (err == nil) != (code != 0) || err == nil && m.code != code {
			t.Errorf("%s: got %+v, %v", line, m, err)
		}
	}
}

// Two line ends are a ping and one is a pong, however they are written; nothing need follow them.
func TestLineEndsBeforeAMessage(t *testing.T) {
	for text, want := range map[string]struct {
		blanks int
		rest   string
	}{
		"\r\n\r\n": {2, ""}, "\r\n": {1, ""}, "\n\n\n": {3, ""}, "\r": {0, ""}, "": {0, ""},
		"SIP": {0, "SIP"}, "\r\n\r\nSIP": {2, "SIP"}, "\r\r\nSIP": {1, "SIP"},
	} {
		in := bufio.NewReader(strings.NewReader(text))
		blanks, err := skipBlanks(in)
		rest, _ := io.ReadAll(in)
		if ended := want.blanks == 0 && want.rest == ""; blanks != want.blanks || string(rest) != want.rest || errors.Is(err, io.EOF) != ended {
			t.Errorf("%q: got %d, %v, and %q behind", text, blanks, err, rest)
		}
	}
}

// The head of a message may have 64 KiB, and its body 256 KiB; that of a longer one is passed over.
func TestLargestMessage(t *testing.T) {
	sized := func(head, body int) string {
		const begin, end = "SIP/2.0 200 OK\r\nX: ", "\r\n\r\n"
		length := ""
		if body > 0 {
			length = "\r\nContent-Length: " + strings.Repeat("0", 10-len(strconv.Itoa(body))) + strconv.Itoa(body)
		}
		return begin + strings.Repeat("x", head-len(begin+length+end)) + length + end + strings.Repeat("y", body)
	}
	for _, test := range []struct {
		head, body, kept int
		tooLarge         bool
	}{
		{head: 64 << 10}, {head: 64<<10 + 1, tooLarge: true}, {head: 5000}, {head: 200 << 10, tooLarge: true},
		{head: 100, body: 256 << 10, kept: 256 << 10}, {head: 100, body: 256<<10 + 1},
	} {
		m, err := parseOne([]byte(sized(test.head, test.body)))
		var malformed *MalformedError
		if tooLarge := errors.As(err, &malformed) && malformed.Kind == HeadTooLarge; tooLarge != test.tooLarge || err != nil && !tooLarge {
			t.Errorf("head of %d, body of %d bytes: %v", test.head, test.body, err)
		} else if err == nil && len(m.body) != test.kept {
			t.Errorf("head of %d, body of %d bytes: %d are kept", test.head, test.body, len(m.body))
		}
	}
}

// Which version of MS-SIPAE is spoken: the older one, or none.
func TestNTLMVersions(t *testing.T) {
	for text, want := range map[string]int{"1": 0, "2": 2, "3": 3, "4": 4, "5": 4, "": 0, "x": 0, "-4": 0} {
		version, told, problem := sipaeVersion(challenge{params: params{"version": text}})
		if version != want || !told || (problem == "") != (want != 0) {
			t.Errorf("%q: got %d, %t, %q", text, version, told, problem)
		}
	}
	if version, told, problem := sipaeVersion(challenge{}); version != 2 || told || problem != "" {
		t.Errorf("none told: got %d, %t, %q", version, told, problem)
	}
}
