// Package packaging holds the files that tell a service manager about homeward: those of the packages, and those that
// `homeward service install` writes. They are the same.
package packaging

import (
	_ "embed"
	"strings"

	"homeward/internal/packed"
)

// What a service manager reads, packed by make generate. The files name the program by the path it has in a package; see For.
var (
	//go:embed systemd/homeward.service.gz
	Systemd string
	//go:embed openrc/homeward.gz
	OpenRC string
	//go:embed sysv/homeward.gz
	SysV string
	//go:embed procd/homeward.gz
	Procd string
	//go:embed freebsd/homeward.gz
	FreeBSD string
	//go:embed launchd/homeward.plist.gz
	Launchd string
)

// For returns a file, unpacked, for a program that is installed elsewhere.
func For(program, file string) string {
	return strings.NewReplacer("/usr/local/bin/homeward", program, "/usr/bin/homeward", program).Replace(packed.Text(file))
}
