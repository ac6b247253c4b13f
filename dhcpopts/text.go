package dhcpopts

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"homeward/internal/place"
)

// Specification constants.
const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" // RFC 1123 section 2.1: ASCII only
	digits  = "0123456789"
)

// Our choices.
const (
	maxText    = 256 // bytes of untrusted text that people are shown
	maxRemarks = 16  // about one option: maxText has no room for more
)

// problems collects what is wrong with an option, in the order of its bytes.
type problems struct {
	remarks []string
	wrong   []int    // the bytes they are about
	once    []string // formats of remarks that are not repeated
}

// nowhere is the byte of a remark about something that is missing and has no place of its own.
const nowhere = -1

// add appends one remark about the byte at; untrusted text in args is for the verb %+q, which escapes it.
func (p *problems) add(at int, format string, args ...any) {
	if len(p.remarks) == maxRemarks {
		return
	}
	p.remarks = append(p.remarks, fmt.Sprintf(format, args...))
	if at != nowhere {
		p.wrong = append(p.wrong, at)
	}
}

// addOnce is add for what need not be said of every byte it is true of.
func (p *problems) addOnce(at int, format string, args ...any) {
	if !slices.Contains(p.once, format) {
		p.once = append(p.once, format)
		p.add(at, format, args...)
	}
}

// String returns all remarks as one sentence of at most maxText bytes, "" when there are none.
func (p problems) String() string {
	s := strings.Join(p.remarks, "; ")
	if len(s) > maxText {
		const cut = "..."
		s = s[:maxText-len(cut)] + cut
	}
	return s
}

// show prints a byte as techs compare it with a hex dump, and as the letter it may have been meant to be.
func show(b byte) string {
	if isText(string(b)) && b != ' ' {
		return fmt.Sprintf("0x%02x (%q)", b, b)
	}
	return fmt.Sprintf("0x%02x", b)
}

// isText tells whether s is printable ASCII and not empty.
func isText(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// hostName joins the labels of a name on the wire to a host name. A label in which there is a dot is no label of one.
func hostName(labels []string) (string, error) {
	if slices.ContainsFunc(labels, func(label string) bool { return strings.Contains(label, ".") }) {
		return "", errors.New("a dot inside a label")
	}
	return place.HostName(strings.Join(labels, "."))
}
