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
	"runtime"
	"strings"
	"sync"
	"syscall"

	"homeward/internal/safefile"
)

func enabledInRegistry() bool { return false } // there is none

func mustBeRoot(verb string) error {
	if os.Geteuid() != 0 {
		return refuse("run it as root: sudo homeward service "+verb, "only root can %s the service", verb)
	}
	return nil
}

// openUmask lets others read what is made from here on, also where root's umask would not: the daemon is not root.
func openUmask() { syscall.Umask(0o022) }

// transient are the directories that are made anew for each daemon, on Linux and on BSD. The password is in one of them.
var transient = []string{"/run/homeward", "/run/homeward-credentials", "/var/run/homeward", "/var/run/homeward-credentials"}

// plainPath is what a path may be made of to stand in every file of packaging as it is.
var plainPath = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^/[A-Za-z0-9_./+-]+$`) })

// hidden are the directories that the sandbox of systemd's unit hides (ProtectHome=), if their modes do not.
var hidden = []string{"/home/", "/root/", "/run/user/"}

// checkProgram refuses a program that its user cannot start, or that somebody else than root can exchange: it is started
// at every boot.
func checkProgram(program string) error {
	const hint = "install it first: sudo install -m 755 %s %s/homeward, then: sudo %[2]s/homeward service install"
	place, typed := "/usr/bin", program
	if runtime.GOOS != "linux" {
		place = "/usr/local/bin"
	}
	if !plainPath().MatchString(program) {
		typed = "'" + strings.ReplaceAll(program, "'", `'\''`) + "'"
	}
	install := fmt.Sprintf(hint, typed, place)
	if !plainPath().MatchString(program) {
		return refuse(install, "%q cannot be the program of a service: only letters, digits and . _ + - are allowed", program)
	}
	for _, dir := range hidden {
		if strings.HasPrefix(program, dir) {
			return refuse(install, "%s cannot be the program of a service, which has no access to %s", program, dir)
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
		case ok && at.Gid != 0 && mode&0o020 != 0:
			return refuse(install, "%s cannot be the program of a service: group %d can write to %s", program, at.Gid, path)
		case mode&0o001 == 0:
			return refuse(install, "%s cannot be the program of a service: other users have no access to %s", program, path)
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}

// accountCommands are what systems have to make a group and a user homeward, as our packages do: shadow, FreeBSD, BusyBox.
var accountCommands = []struct{ group, user []string }{
	{
		[]string{"groupadd", "--system", "homeward"},
		[]string{"useradd", "--system", "--gid", "homeward", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", "--comment", "homeward", "homeward"},
	},
	{
		[]string{"pw", "groupadd", "homeward"},
		[]string{"pw", "useradd", "homeward", "-g", "homeward", "-d", "/nonexistent", "-s", "/usr/sbin/nologin", "-c", "homeward"},
	},
	{
		[]string{"addgroup", "-S", "homeward"},
		[]string{"adduser", "-S", "-D", "-H", "-h", "/nonexistent", "-s", "/sbin/nologin", "-g", "homeward", "-G", "homeward", "homeward"},
	},
}

// makeAccount makes the group and the user of the daemon, those that do not exist, and says so.
func makeAccount() (done []string, err error) {
	_, noGroup := user.LookupGroup(serviceName)
	_, noUser := user.Lookup(serviceName)
	if noGroup == nil && noUser == nil {
		return nil, nil
	}
	for _, commands := range accountCommands {
		if _, err := exec.LookPath(commands.user[0]); err != nil {
			continue
		}
		if noGroup != nil {
			if err := run(commands.group); err != nil {
				return nil, fmt.Errorf("create the group homeward: %w", err)
			}
			done = append(done, "created the group homeward")
		}
		if noUser != nil {
			if err := run(commands.user); err != nil {
				return done, fmt.Errorf("create the user homeward: %w", err)
			}
			done = append(done, "created the user homeward")
		}
		return done, nil
	}
	return nil, refuse("create a system user and a group named homeward, then try again", "there is no user homeward, and no program that can create one")
}

// furnish writes the configuration, unless there is one, and says whether it did.
func furnish(config, text string) (bool, error) {
	if err := os.MkdirAll(filepath.Dir(config), 0o755); err != nil {
		return false, err
	}
	if _, err := os.Lstat(config); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return true, safefile.Replace(config, []byte(text), 0o644)
}
