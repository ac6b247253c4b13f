package manager

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"

	"homeward/packaging"
)

// Manager is the service manager of this machine. What it knows of homeward stands in a file.
type Manager struct {
	Log string // the command that shows the log, or the file it is in
	// Tells says that it knows whether the daemon has started, not only whether it was told to.
	Tells bool

	name    string      // as people call it
	file    string      // that it reads; "": it keeps a registry of its own
	runs    func() bool // says that it is in charge here, and not only installed; nil: it always is
	text    *string     // of the file, as packaging has it
	account bool        // the daemon has a user of its own
	vendor  []string    // where packages put the file, if not there
	links   string      // in whose place the daemon is started at boot, as a pattern of paths
	enable  []string    // what makes it start at boot
	disable []string    // what is left to do when file and links are gone
	asked   []string    // succeeds if it is started at boot; nil: links say so
	order   []string    // a command line with a place for start, stop, restart or status; nil: the library gives the order
	running string      // what the answer to status begins with when the daemon runs; "": it succeeds then
}

const verbHere = "VERB" // the place in order

// command is the command line for a verb; nil: the library gives the order.
func (m *Manager) command(verb string) []string {
	line := slices.Clone(m.order)
	if i := slices.Index(line, verbHere); i >= 0 {
		line[i] = verb
	}
	return line
}

// unit is the file for a program; "": the service manager reads none.
func (m *Manager) unit(program string) string {
	if m.text == nil {
		return ""
	}
	return packaging.For(program, *m.text)
}

// The service managers that we know, the likeliest first. (Each program has those of its system alone: the compiler leaves out the
// others.)
var (
	onLinux = []Manager{
		{
			name: "systemd", file: "/etc/systemd/system/homeward.service", Log: "journalctl --unit homeward", Tells: true,
			runs: func() bool { return exists("/run/systemd/system") },
			text: &packaging.Systemd, account: true,
			vendor:  []string{"/usr/lib/systemd/system/homeward.service", "/lib/systemd/system/homeward.service"},
			links:   "/etc/systemd/system/*.wants/homeward.service",
			enable:  []string{"systemctl", "enable", serviceName},
			disable: []string{"systemctl", "daemon-reload"},
			asked:   []string{"systemctl", "is-enabled", serviceName},
			order:   []string{"systemctl", verbHere, serviceName},
		},
		{
			name: "OpenRC", file: "/etc/init.d/homeward", Log: "syslog, or /var/log/homeward.log",
			runs: func() bool { return exists("/run/openrc/softlevel") },
			text: &packaging.OpenRC, account: true,
			links:  "/etc/runlevels/*/homeward",
			enable: []string{"rc-update", "add", serviceName, "default"},
			order:  []string{"rc-service", serviceName, verbHere},
		},
		{
			name: "procd", file: "/etc/init.d/homeward", Log: "logread -e homeward",
			runs:    func() bool { return firstProcess() == "procd" },
			text:    &packaging.Procd,
			links:   "/etc/rc.d/[SK]??homeward",
			enable:  []string{"/etc/init.d/homeward", "enable"},
			order:   []string{"/etc/init.d/homeward", verbHere},
			running: "running",
		},
		{
			name: "System V init", file: "/etc/init.d/homeward", Log: "syslog",
			runs: func() bool { return firstProcess() == "init" },
			text: &packaging.SysV, account: true,
			links: "/etc/rc?.d/[SK]??homeward",
			enable: []string{"sh", "-c", `link() { [ ! -d "$1" ] || ln -sf /etc/init.d/homeward "$1/$2"; }
			for dir in /etc/rc[2-5].d; do link $dir S50homeward; done
			for dir in /etc/rc[016].d; do link $dir K02homeward; done`},
			order:   []string{"service", serviceName, verbHere},
			running: "Running",
		},
	}
	onFreeBSD = []Manager{{
		name: "rc", file: "/usr/local/etc/rc.d/homeward", Log: "syslog",
		text: &packaging.FreeBSD, account: true,
		enable:  []string{"sysrc", "homeward_enable=YES"},
		disable: []string{"sysrc", "-x", "homeward_enable"},
		asked:   []string{"service", serviceName, "enabled"},
		order:   []string{"service", serviceName, verbHere},
	}}
	onDarwin = []Manager{{
		name: "launchd", file: "/Library/LaunchDaemons/homeward.plist", Log: "/var/log/homeward.log",
		text:  &packaging.Launchd,
		links: "/Library/LaunchDaemons/homeward.plist",
	}}
	onWindows = []Manager{{name: "the service control manager of Windows", Log: "homeward.log in state_dir"}}
)

// known returns those of this system.
func known() []Manager {
	switch runtime.GOOS {
	case "windows":
		return onWindows
	case "darwin":
		return onDarwin
	case "freebsd":
		return onFreeBSD
	default:
		return onLinux
	}
}

// Find returns the service manager of this machine: the first that is at work, and not only installed.
func Find() (*Manager, error) {
	for _, m := range known() {
		if m.runs == nil || m.runs() {
			return &m, nil
		}
	}
	return nil, refuse("have something run this, and restart it whenever it exits: homeward run",
		"homeward does not support the service manager of this system: the first process is %q", firstProcess())
}

// firstProcess returns the name of process 1 of Linux.
func firstProcess() string {
	name, _ := os.ReadFile("/proc/1/comm") // unknown is no init
	return string(bytes.TrimSpace(name))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func glob(pattern string) []string {
	paths, _ := filepath.Glob(pattern) // ours are right
	return paths
}

// installed says whether the service manager has what `service install` gives it.
func (m *Manager) installed() (bool, error) {
	if m.file != "" {
		if to, _ := os.Readlink(m.file); to == os.DevNull { // the Debian package leaves this behind
			return false, refuse("systemctl unmask "+serviceName, "the service is masked: %s leads to %s", m.file, to)
		}
		_, err := os.Stat(m.file)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}
	return registered()
}

// owners are the commands that tell which package a file belongs to.
var owners = [][]string{{"dpkg-query", "--search"}, {"rpm", "--query", "--file"}, {"apk", "info", "--who-owns"}, {"opkg", "search"}, {"pkg", "which", "-q"}}

// packaged returns the file by which a package tells the service manager; "" if none does.
func (m *Manager) packaged() string {
	for _, file := range m.vendor {
		if exists(file) {
			return file
		}
	}
	if m.vendor != nil || !exists(m.file) {
		return ""
	}
	for _, command := range owners {
		owner, err := exec.Command(command[0], append(command[1:], m.file)...).Output()
		if err == nil && len(bytes.TrimSpace(owner)) > 0 {
			return m.file
		}
	}
	return ""
}
