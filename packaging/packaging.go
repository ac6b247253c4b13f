// Package packaging holds the files that tell a service manager about homeward: those of the packages, and those that
// `homeward service install` writes. They are the same.
package packaging

import (
	_ "embed"
	"strings"
)

// What a service manager reads. The files name the program by the path it has in a package; see For.
var (
	//go:embed systemd/homeward.service
	Systemd string
	//go:embed openrc/homeward
	OpenRC string
	//go:embed sysv/homeward
	SysV string
	//go:embed procd/homeward
	Procd string
	//go:embed freebsd/homeward
	FreeBSD string
	//go:embed launchd/homeward.plist
	Launchd string
)

// For returns a file for a program that is installed elsewhere.
func For(program, file string) string {
	return strings.NewReplacer("/usr/local/bin/homeward", program, "/usr/bin/homeward", program).Replace(file)
}
