package manager

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Managed is what the service manager says about the daemon.
type Managed struct {
	Version    int    `json:"version"`
	Manager    string `json:"manager"`              // "systemd", "openrc", …
	File       string `json:"file,omitempty"`       // that it reads
	Package    string `json:"package,omitempty"`    // the file of a package that is not read, because of File
	Installed  bool   `json:"installed"`            // the service is there
	Enabled    bool   `json:"enabled"`              // started at boot
	Running    bool   `json:"running"`              // it runs now
	Restarting bool   `json:"restarting,omitempty"` // it does not live, and is started again and again
	Detail     string `json:"detail,omitempty"`     // in the words of the service manager
}

// Status asks the service manager about the daemon.
func (m *Manager) Status() (Managed, error) {
	s := Managed{Version: 1, Manager: m.name}
	is, err := m.installed()
	if err != nil {
		return s, err
	}
	packaged := m.packaged()
	switch {
	case is:
		s.File = m.file
		if packaged != m.file {
			s.Package = packaged
		}
	case packaged != "":
		s.File = packaged
	default:
		return s, nil
	}
	s.Installed = true
	s.Enabled = m.enabled()
	if m.name == "systemd" {
		return s, s.askSystemd()
	}
	s.Running, err = isRunning(m.command("status"), m.running)
	var exit *exec.ExitError // how a script says that it is not
	if err != nil && !errors.As(err, &exit) {
		s.Detail = err.Error()
	}
	return s, nil
}

// RunsAs returns the name or the number of the user of the daemon; "": the service manager does not know.
func (m *Manager) RunsAs(ctx context.Context) string {
	if is, err := m.installed(); err != nil || !is && m.packaged() == "" {
		return ""
	}
	if m.name == "systemd" { // where an administrator may have said otherwise
		out, err := exec.CommandContext(ctx, "systemctl", "show", "--property=User", "--value", serviceName).Output()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	if m.account {
		return serviceName
	}
	return ""
}

// enabled says whether the daemon is started at boot.
func (m *Manager) enabled() bool {
	if m.file == "" {
		return enabledInRegistry()
	}
	if m.asked != nil {
		return exec.Command(m.asked[0], m.asked[1:]...).Run() == nil
	}
	return len(m.startLinks()) > 0
}

// askSystemd asks systemd itself: the library takes a daemon that fails again and again for one that runs.
func (s *Managed) askSystemd() error {
	out, err := exec.Command("systemctl", "show", "--property=LoadState", "--property=ActiveState", "--property=SubState", serviceName).Output()
	if err != nil {
		return fmt.Errorf("systemctl show: %w", err)
	}
	is := map[string]string{}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		is[key] = value
	}
	active, sub := is["ActiveState"], is["SubState"]
	s.Running = active == "active" || active == "reloading" || active == "activating" && sub == "start"
	s.Restarting = sub == "auto-restart"
	s.Detail = fmt.Sprintf("%s (%s)", active, sub)
	if load := is["LoadState"]; load != "loaded" {
		s.Detail = load
	}
	return nil
}

// Order starts, stops or restarts the daemon, as verb says. It asks first when nothing else is in the way.
func (m *Manager) Order(verb string, first func() error) error {
	if err := mustBeRoot(verb); err != nil {
		return err
	}
	s, err := m.Status()
	if err != nil {
		return err
	}
	if !s.Installed {
		return refuse("homeward service install", "the service is not installed")
	}
	if first != nil {
		if err := first(); err != nil {
			return err
		}
	}
	switch { // one that does not run now is stopped, too: its supervisor may be about to start it
	case verb == "start" && s.Running:
	case m.order == nil:
		err = orderByLibrary(verb)
	default:
		err = run(m.command(verb))
	}
	if err == nil {
		return nil
	}
	if now, asked := m.Status(); verb == "stop" && asked == nil && !now.Running {
		return nil // to some it is an error when there is nothing to stop
	}
	return refuse("the log says why: "+m.Log, "%s could not %s the service: %w", m.name, verb, err)
}

// startLinks are the links through which the daemon is started at boot, those that stop it left out.
func (m *Manager) startLinks() []string {
	return slices.DeleteFunc(glob(m.links), func(path string) bool { return strings.HasPrefix(filepath.Base(path), "K") })
}
