//go:build unix

package manager

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	kardianos "github.com/kardianos/service"

	"github.com/homeward-agent/homeward/service/internal/replace"
)

func forPlatform(*kardianos.Config) {}

func enabledInRegistry() bool { return false } // there is none

func mustBeRoot(verb string) error {
	if os.Geteuid() != 0 {
		return refuse("run it as root: sudo homeward service "+verb, "only root can %s the service", verb)
	}
	return nil
}

// plainPath is what a path may be made of to stand in every file of packaging as it is.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9_./+-]+$`)

// hidden are the directories that the sandbox of systemd's unit hides (ProtectHome=), if their modes do not.
var hidden = []string{"/home/", "/root/", "/run/user/"}

// checkProgram refuses a program that its user cannot start, or that somebody else than root can exchange: it is started
// at every boot.
func checkProgram(program string) error {
	const hint = "install it first: sudo install -m 755 %s %s/homeward, then: sudo %[2]s/homeward service install"
	place := "/usr/bin"
	if kardianos.Platform() == "freebsd" || kardianos.Platform() == "darwin-launchd" {
		place = "/usr/local/bin"
	}
	install := fmt.Sprintf(hint, program, place)
	if !plainPath.MatchString(program) {
		return refuse(install, "%q cannot be the program of a service: letters, digits and . _ + - are possible", program)
	}
	for _, dir := range hidden {
		if strings.HasPrefix(program, dir) {
			return refuse(install, "%s cannot be the program of a service, which does not see %s", program, dir)
		}
	}
	for path := program; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		at, ok := info.Sys().(*syscall.Stat_t)
		switch mode := info.Mode().Perm(); {
		case ok && at.Uid != 0:
			return refuse(install, "%s cannot be the program of a service: %s belongs to user %d, not to root", program, path, at.Uid)
		case mode&0o002 != 0:
			return refuse(install, "%s cannot be the program of a service: everybody can write to %s", program, path)
		case mode&0o001 == 0:
			return refuse(install, "%s cannot be the program of a service: %s is closed to others", program, path)
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}

// accountCommands are what systems have to make a user and a group homeward, as our packages do: shadow, BusyBox, FreeBSD.
var accountCommands = [][][]string{
	{{"useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", "--comment", "homeward", "homeward"}},
	{{"pw", "useradd", "homeward", "-d", "/nonexistent", "-s", "/usr/sbin/nologin", "-c", "homeward"}},
	{{"addgroup", "-S", "homeward"}, {"adduser", "-S", "-D", "-H", "-h", "/nonexistent", "-s", "/sbin/nologin", "-g", "homeward", "-G", "homeward", "homeward"}},
}

// makeAccount makes the user and the group of the daemon unless they exist, and says so.
func makeAccount() ([]string, error) {
	_, err := user.Lookup(serviceName)
	if err == nil {
		_, err = user.LookupGroup(serviceName)
	}
	if err == nil {
		return nil, nil
	}
	for _, commands := range accountCommands {
		if _, err := exec.LookPath(commands[0][0]); err != nil {
			continue
		}
		if err := runAll(commands); err != nil {
			return nil, fmt.Errorf("make the user homeward: %w", err)
		}
		return []string{"made the user homeward, and its group"}, nil
	}
	return nil, refuse("make a system user and a group with the name homeward, then try again", "there is no user homeward, and no program that makes one")
}

// Furnish writes the configuration, unless there is one, and says whether it did.
func Furnish(config, text string) (bool, error) {
	if err := os.MkdirAll(filepath.Dir(config), 0o755); err != nil {
		return false, err
	}
	if _, err := os.Lstat(config); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return true, replace.File(config, []byte(text), 0o644)
}
