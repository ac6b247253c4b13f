package safefile

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// TestMend127Quoted: a shell takes what is quoted as one word, and as that path.
func TestMend127Quoted(t *testing.T) {
	for path, want := range map[string]string{
		"/var/lib/homeward/last-good.json": "/var/lib/homeward/last-good.json",
		"/run/user/1000/a_b+c,d:e@f%g=1":   "/run/user/1000/a_b+c,d:e@f%g=1",
		"/etc/my phone/password":           "'/etc/my phone/password'",
		"/etc/a; rm -rf x":                 "'/etc/a; rm -rf x'",
		"/etc/$(reboot)`x`&|<>*?[]{}~#!\\": "'/etc/$(reboot)`x`&|<>*?[]{}~#!\\'",
		"/etc/it's":                        `'/etc/it'\''s'`,
		"/etc/Straße":                      "'/etc/Straße'",
		"~/password":                       "'~/password'",
		"-R":                               "./-R",
		"":                                 "''",
	} {
		got := Quoted(path)
		if got != want {
			t.Errorf("%q: %s, want %s", path, got, want)
		}
		if runtime.GOOS == "windows" {
			continue
		}
		out, err := exec.Command("sh", "-c", `printf "%s|" `+got).Output()
		if want := strings.Replace(path, "-R", "./-R", 1) + "|"; err != nil || string(out) != want {
			t.Errorf("a shell takes %s as %q, %v", got, out, err)
		}
	}
}

// A path that is not shown as it is stands in no command.
func TestMend127QuotedIsWhole(t *testing.T) {
	for _, path := range []string{"/etc/a\nb", "/etc/\x1b[31m", "/etc/a\xffb", "/" + strings.Repeat("a", 600), "/" + strings.Repeat("a b", 200), "/" + strings.Repeat("'", 200)} {
		if got := Quoted(path); got != "PATH" {
			t.Errorf("%q: %s", path, got)
		}
	}
}
