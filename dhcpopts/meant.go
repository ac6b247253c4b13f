package dhcpopts

import (
	"bytes"
	"encoding/hex"
	"strings"

	"homeward/internal/place"
)

// meant guesses which names a malformed value of option 120 was meant to say, and how it was entered. It is for people
// who mend it: a guess leads nowhere.
func meant(raw []byte) (names []string, how string) {
	for _, guess := range []struct {
		value []byte
		how   string
	}{
		{fromDigits(typed(raw)), "read as digits that were typed as text"},
		{fromDigits(typed(raw[min(2, len(raw)):])), "read as digits"}, // of which a server has made a name
		{fromDigits(typed(raw[1:])), "read as digits that were typed as text behind the encoding"},
		{withoutHeader(fromDigits(typed(raw))), "read as digits that were typed as text, without the option's own code and length in front"},
		{withoutHeader(raw), "read without the option's own code and length in front"},
		{append([]byte{encodingNames}, raw...), "read with the encoding byte 0 in front"},
		{raw[1:], "read without byte 0"},
		{append([]byte{encodingNames}, raw[1:]...), "read with 0 as its first byte"},
	} {
		if names := plainNames(guess.value); len(names) > 0 {
			return names, guess.how
		}
	}
	if name, ok := fullName(typed(raw[1:])); ok {
		return []string{name}, "read as text behind the encoding"
	}
	return nil, ""
}

// plainNames are the names of a value of option 120 without a flaw; each has a domain.
func plainNames(value []byte) []string {
	if len(value) == 0 || value[0] != encodingNames {
		return nil
	}
	var p problems
	names := readNames(value, namesStart, &p)
	for _, name := range names {
		if !strings.Contains(name, ".") {
			return nil
		}
	}
	if len(p.remarks) > 0 {
		return nil
	}
	return names
}

// withoutHeader is a value without the code and length of the option, which somebody has entered, too; nil: it has none.
func withoutHeader(raw []byte) []byte {
	if len(raw) < 2 || raw[0] != optionSIPServers || int(raw[1]) != len(raw)-2 {
		return nil
	}
	return raw[2:]
}

// typed is the text that somebody has typed where bytes belong, or "": printable ASCII, also with two bytes a letter,
// with zeros or white space behind it.
func typed(raw []byte) string {
	for at := range 2 { // UTF-16, in either order of bytes
		if wide, ok := everyOther(raw, at); ok {
			raw = wide
			break
		}
	}
	text := string(bytes.TrimRight(raw, "\x00 \t\r\n"))
	if !isText(text) {
		return ""
	}
	return text
}

// everyOther returns the bytes at the even places, or at the odd ones, if all others are zero.
func everyOther(raw []byte, first int) (wide []byte, ok bool) {
	if len(raw) < 8 || len(raw)%2 != 0 {
		return nil, false
	}
	for i, b := range raw {
		if i%2 == first {
			wide = append(wide, b)
		} else if b != 0 {
			return nil, false
		}
	}
	return wide, true
}

// digitsOnly takes away what people, and the programs they copy from, write around and between hexadecimal digits.
var digitsOnly = strings.NewReplacer("0x", "", `\x`, "", " ", "", ":", "", "-", "", ",", "", ".", "", "'", "", `"`, "")

// fromDigits are the bytes that a text of hexadecimal digits stands for, as people write them; nil: it is none. Half a byte
// at the end has been cut off by a field that was too short.
func fromDigits(text string) []byte {
	text = digitsOnly.Replace(strings.TrimPrefix(strings.ToLower(text), "hex "))
	raw, err := hex.DecodeString(text[:len(text)/2*2])
	if err != nil || len(raw) == 0 {
		return nil
	}
	return raw
}

// isDigits says whether a text is the digits of a value of option 120: with dots in between, they look like a name.
func isDigits(text string) bool {
	value := fromDigits(text)
	return len(plainNames(value))+len(plainNames(withoutHeader(value))) > 0
}

// fullName is a host name with a domain, from text.
func fullName(text string) (name string, ok bool) {
	name, err := place.HostName(text)
	return name, err == nil && strings.Contains(name, ".")
}
