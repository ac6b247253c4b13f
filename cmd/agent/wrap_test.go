package main

import "testing"

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		name     string
		width    int
		in, want string
	}{
		{"it fits", 20, "a short line\n", "a short line\n"},
		{"it just fits", 20, "12345678 01234567890\n", "12345678 01234567890\n"},
		{"no columns", 20, "one two three four five\n", "one two three four\n  five\n"},
		{"below its column", 40, "  because        dns-timeout: no name server answered\n", "  because        dns-timeout: no name\n                 server answered\n"},
		{"below the last column of the left half", 40, "  failed     internal-tls  fe01.contoso.com:5061 TLS\n", "  failed     internal-tls\n             fe01.contoso.com:5061 TLS\n"},
		{"a margin that leaves no room", 40, "                           hint: check that the Registrar runs\n", "    hint: check that the Registrar runs\n"},
		{"that margin again", 30, "                           hint: check that the Registrar runs\n", "    hint: check that the\n    Registrar runs\n"},
		{"two blanks far right are no column", 20, "one two three four  five six seven\n", "one two three four\n  five six seven\n"},
		{"nor are those of what was broken off", 20, "one two three four five  six seven eight\n", "one two three four\n  five  six seven\n  eight\n"},
		{"a word that is too long", 20, "  see            http://pool01.contoso.com/cert x\n", "  see\n  http://pool01.contoso.com/cert\n  x\n"},
		{"colours have no width", 20, "\x1b[1;32mone\x1b[0m two three four five\n", "\x1b[1;32mone\x1b[0m two three four\n  five\n"},
		{"letters, not bytes", 20, "äöü äöüäöü äöü äöüäö äöü\n", "äöü äöüäöü äöü äöüäö\n  äöü\n"},
		{"lines", 20, "\none\n\ntwo\n", "\none\n\ntwo\n"},
		{"nothing", 20, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := wrap(test.in, test.width); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}
