package manager

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	kardianos "github.com/kardianos/service"

	"github.com/homeward-agent/homeward/packaging"
)

const serviceName = "homeward"

// Manager is the service manager of this machine. What it knows of homeward stands in a file.
type Manager struct {
	Name string // as people call it
	File string // that it reads; "": it keeps a registry of its own
	Log  string // the command that shows the log, or the file it is in
	// Tells says that it knows whether the daemon has started, not only whether it was told to.
	Tells bool

	text    string     // of the file, as packaging has it
	option  string     // by which the library takes it
	account bool       // the daemon has a user of its own
	vendor  []string   // where packages put the file, if not there
	links   string     // in whose place the daemon is started at boot, as a pattern of paths
	enable  [][]string // what it takes, besides what the library does, to be started at boot
	disable [][]string
	asked   []string // succeeds if it is started at boot; nil: links say so
}

// managers are those we know, by the names the library has for them.
var managers = map[string]Manager{
	"linux-systemd": {
		Name: "systemd", File: "/etc/systemd/system/homeward.service", Log: "journalctl --unit homeward", Tells: true,
		text: packaging.Systemd, option: "SystemdScript", account: true,
		vendor: []string{"/usr/lib/systemd/system/homeward.service", "/lib/systemd/system/homeward.service"},
		enable: [][]string{{"systemctl", "enable", serviceName}},
		asked:  []string{"systemctl", "is-enabled", serviceName},
	},
	"linux-openrc": {
		Name: "OpenRC", File: "/etc/init.d/homeward", Log: "syslog, or /var/log/homeward.log",
		text: packaging.OpenRC, option: "OpenRCScript", account: true,
		links:  "/etc/runlevels/*/homeward",
		enable: [][]string{{"rc-update", "add", serviceName, "default"}},
	},
	"linux-procd": {
		Name: "procd", File: "/etc/init.d/homeward", Log: "logread -e homeward",
		text: packaging.Procd, option: "SysvScript",
		links:  "/etc/rc.d/[SK]??homeward",
		enable: [][]string{{"/etc/init.d/homeward", "disable"}, {"/etc/init.d/homeward", "enable"}}, // the library's links are not those of START and STOP
	},
	"unix-systemv": {
		Name: "System V init", File: "/etc/init.d/homeward", Log: "syslog",
		text: packaging.SysV, option: "SysvScript", account: true,
		links: "/etc/rc?.d/[SK]??homeward",
	},
	"freebsd": {
		Name: "rc", File: "/usr/local/etc/rc.d/homeward", Log: "syslog",
		text: packaging.FreeBSD, option: "SysvScript", account: true,
		enable:  [][]string{{"sysrc", "homeward_enable=YES"}},
		disable: [][]string{{"sysrc", "-x", "homeward_enable"}},
		asked:   []string{"service", serviceName, "enabled"},
	},
	"darwin-launchd": {
		Name: "launchd", File: "/Library/LaunchDaemons/homeward.plist", Log: "/var/log/homeward.log",
		text: packaging.Launchd, option: "LaunchdConfig",
		links: "/Library/LaunchDaemons/homeward.plist",
	},
	"windows-service": {Name: "the service control manager of Windows", Log: "homeward.log in state_dir"},
}

// Refusal is why the service manager was not asked, or has not done it, and what to do about it.
type Refusal struct {
	err  error
	Hint string
}

func (r *Refusal) Error() string { return r.err.Error() }

func (r *Refusal) Unwrap() error { return r.err }

func refuse(hint, format string, args ...any) error {
	return &Refusal{fmt.Errorf(format, args...), hint}
}

// Find returns the service manager of this machine.
func Find() (*Manager, error) {
	m, known := managers[kardianos.Platform()]
	if first := firstProcess(); m.Name == "System V init" && first != "init" { // the library takes it where it finds no other
		return nil, refuse("let it run, and start again whenever it ends: homeward run",
			"no service manager is found that homeward knows: the first process is %q", first)
	}
	if !known {
		return nil, refuse("let the service manager run, and start again whenever it ends: homeward run",
			"homeward does not know the service manager of this machine (%s)", kardianos.Platform())
	}
	return &m, nil
}

// firstProcess returns the name of process 1 of Linux.
func firstProcess() string {
	name, _ := os.ReadFile("/proc/1/comm") // unknown is no init
	return string(bytes.TrimSpace(name))
}

// library returns the library's view of the service. What it writes is text, to the letter.
func (m *Manager) library(program, text string) (kardianos.Service, error) {
	c := &kardianos.Config{
		Name: serviceName, DisplayName: serviceName, Description: "finds the SIP Registrar of this device",
		Executable: program, Arguments: []string{"run"}, Option: kardianos.KeyValue{m.option: text},
	}
	forPlatform(c)
	return kardianos.New(nil, c)
}

// Install lets the service manager start the program at boot, and does not start it now. It returns what it has done, a
// sentence each.
func (m *Manager) Install(program string) (done []string, err error) {
	if err := mustBeRoot("install"); err != nil {
		return nil, err
	}
	if file := m.packaged(); file != "" {
		return nil, refuse("nothing is to be installed: homeward service start", "the service is there: a package has brought %s", file)
	}
	if err := checkProgram(program); err != nil {
		return nil, err
	}
	text := packaging.For(program, m.text)
	if strings.Contains(text, "{{") { // to the library, the beginning of a place to be filled
		return nil, fmt.Errorf("%s cannot be in a file of %s", program, m.Name)
	}
	is, err := m.installed()
	if err != nil {
		return nil, err
	}
	if there, _ := os.ReadFile(m.File); is && string(there) != text {
		return nil, refuse("homeward service uninstall, then install it again; configuration and state stay",
			"the service is installed already, and not as this program does it")
	}
	if m.account {
		made, err := makeAccount()
		if err != nil {
			return nil, err
		}
		done = append(done, made...)
	}
	if is {
		done = append(done, "the service is installed already")
	} else if err := m.write(program, text); err != nil {
		return done, err
	} else {
		done = append(done, strings.TrimSuffix("installed for "+m.Name+": "+m.File, ": "))
	}
	return done, runAll(m.enable)
}

// write lets the library tell the service manager. It leaves all of the file, also after a power cut, or nothing: systemd
// would take an empty one for a wish never to start homeward.
func (m *Manager) write(program, text string) error {
	library, err := m.library(program, text)
	if err != nil {
		return err
	}
	if err = library.Install(); err == nil && m.File != "" {
		err = verify(m.File, text)
	}
	if err != nil {
		_ = library.Uninstall() // of what there is
		m.erase()
		return fmt.Errorf("tell %s: %w", m.Name, err)
	}
	return nil
}

// verify makes sure that a file holds the text, and that the disk has it.
func verify(file, text string) error {
	written, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if string(written) != text {
		return fmt.Errorf("%s is not what was written to it", file)
	}
	for _, path := range []string{file, filepath.Dir(file)} {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		err = f.Sync()
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// erase removes the file and what points to it.
func (m *Manager) erase() {
	for _, path := range append(glob(m.links), m.File) {
		_ = os.Remove(path) // it may be gone
	}
}

func glob(pattern string) []string {
	paths, _ := filepath.Glob(pattern) // ours are right
	return paths
}

// Uninstall stops the daemon, and makes the service manager forget it; false: it did not know it. Configuration, state and
// user stay.
func (m *Manager) Uninstall() (bool, error) {
	if err := mustBeRoot("uninstall"); err != nil {
		return false, err
	}
	is, err := m.installed()
	if err != nil {
		return false, err
	}
	if file := m.packaged(); file != "" && (!is || file == m.File) {
		return false, refuse("remove the package, with the tool that has installed it", "a package has brought %s, and takes it away", file)
	}
	if !is {
		return false, nil
	}
	if err := m.Stop(); err != nil {
		return false, err
	}
	library, err := m.library("", m.text)
	if err != nil {
		return false, err
	}
	if err = library.Uninstall(); m.File != "" {
		if left, _ := m.installed(); !left { // it may have failed at a link, and those are removed here
			err = nil
		}
	}
	if err != nil {
		return false, fmt.Errorf("tell %s: %w", m.Name, err)
	}
	m.erase()
	return true, runAll(m.disable)
}

// installed says whether the service manager has what `service install` gives it.
func (m *Manager) installed() (bool, error) {
	if m.File != "" {
		if to, _ := os.Readlink(m.File); to == os.DevNull { // the Debian package leaves this behind
			return false, refuse("systemctl unmask "+serviceName, "the service is masked: %s leads to %s", m.File, to)
		}
		_, err := os.Stat(m.File)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}
	library, err := m.library("", "")
	if err != nil {
		return false, err
	}
	_, err = library.Status()
	if errors.Is(err, kardianos.ErrNotInstalled) {
		return false, nil
	}
	return err == nil, err
}

// owners are the commands that tell which package a file belongs to.
var owners = [][]string{{"dpkg-query", "--search"}, {"rpm", "--query", "--file"}, {"apk", "info", "--who-owns"}, {"opkg", "search"}, {"pkg", "which", "-q"}}

// packaged returns the file by which a package tells the service manager; "" if none does.
func (m *Manager) packaged() string {
	for _, file := range m.vendor {
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	if _, err := os.Stat(m.File); err != nil || m.vendor != nil {
		return ""
	}
	for _, command := range owners {
		owner, err := exec.Command(command[0], append(command[1:], m.File)...).Output()
		if err == nil && len(bytes.TrimSpace(owner)) > 0 {
			return m.File
		}
	}
	return ""
}

// runAll runs commands until one fails, and tells what it said.
func runAll(commands [][]string) error {
	for _, c := range commands {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(c, " "), err, bytes.TrimSpace(out))
		}
	}
	return nil
}
