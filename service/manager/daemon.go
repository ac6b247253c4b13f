package manager

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	kardianos "github.com/kardianos/service"
)

// Managed is what the service manager says about the daemon.
type Managed struct {
	Version   int    `json:"version"`
	Manager   string `json:"manager"`
	File      string `json:"file,omitempty"`    // that it reads
	Package   string `json:"package,omitempty"` // the file of a package that is not read, because of File
	Installed bool   `json:"installed"`
	Enabled   bool   `json:"enabled"` // started at boot
	Running   bool   `json:"running"`
	Detail    string `json:"detail,omitempty"` // in the words of the service manager
}

// Status asks the service manager about the daemon.
func (m *Manager) Status() (Managed, error) {
	s := Managed{Version: 1, Manager: m.Name}
	is, err := m.installed()
	if err != nil {
		return s, err
	}
	packaged := m.packaged()
	switch {
	case is:
		s.File = m.File
		if packaged != m.File {
			s.Package = packaged
		}
	case packaged != "":
		s.File = packaged
	default:
		return s, nil
	}
	s.Installed = true
	s.Enabled = m.enabled()
	if m.Name == "systemd" {
		return s, s.askSystemd()
	}
	library, err := m.library("", "")
	if err != nil {
		return s, err
	}
	said, err := library.Status()
	s.Running = said == kardianos.StatusRunning
	var exit *exec.ExitError // how a script says that it is not
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, kardianos.ErrNotInstalled) {
		s.Detail = err.Error()
	}
	return s, nil
}

// enabled says whether the daemon is started at boot.
func (m *Manager) enabled() bool {
	if m.File == "" {
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
	s.Detail = fmt.Sprintf("%s (%s)", active, sub)
	if load := is["LoadState"]; load != "loaded" {
		s.Detail = load
	}
	return nil
}

// Start starts the daemon.
func (m *Manager) Start() error {
	return m.order("start", func(l kardianos.Service, running bool) error {
		if running {
			return nil
		}
		return l.Start()
	})
}

// Stop stops the daemon.
func (m *Manager) Stop() error {
	return m.order("stop", func(l kardianos.Service, _ bool) error {
		// Also one that does not run now: its supervisor may be about to start it.
		return m.stop(l)
	})
}

// Restart starts the daemon, if need be after it was stopped.
func (m *Manager) Restart() error {
	return m.order("restart", func(l kardianos.Service, running bool) error {
		if !running {
			_ = m.stop(l) // as above
			return l.Start()
		}
		return l.Restart()
	})
}

// stop bears with a service manager to which it is an error when there is nothing to stop.
func (m *Manager) stop(l kardianos.Service) error {
	err := l.Stop()
	if s, asked := m.Status(); err != nil && asked == nil && !s.Running {
		return nil
	}
	return err
}

// order tells the service manager, if it knows the service, and says what can be done when that fails.
func (m *Manager) order(verb string, do func(l kardianos.Service, running bool) error) error {
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
	library, err := m.library("", "")
	if err != nil {
		return err
	}
	if err := do(library, s.Running); err != nil {
		why := "see why in the log: " + m.Log
		if filepath.Base(m.File) == serviceName { // a script, whose words the library drops
			why = fmt.Sprintf("see what it says: %s %s; the log: %s", m.File, verb, m.Log)
		}
		return refuse(why, "%s could not %s the service: %w", m.Name, verb, err)
	}
	return nil
}

// startLinks are the links through which the daemon is started at boot, those that stop it left out.
func (m *Manager) startLinks() []string {
	return slices.DeleteFunc(glob(m.links), func(path string) bool { return strings.HasPrefix(filepath.Base(path), "K") })
}
