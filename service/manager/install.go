package manager

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"homeward/internal/safefile"
)

// Install lets the service manager start the program at boot, and does not start it now. What a package has brought is
// started in its place. The file config is written if there is none. It returns what it has done, a sentence each.
func (m *Manager) Install(program, config, example string) (done []string, err error) {
	if err := mustBeRoot("install"); err != nil {
		return nil, err
	}
	openUmask()
	is, err := m.installed()
	if err != nil {
		return nil, err
	}
	text, packaged := m.unit(program), m.packaged()
	ofPackage := packaged != "" && (!is || packaged == m.file)
	if !ofPackage {
		if err := checkProgram(program); err != nil {
			return nil, err
		}
		if there, _ := os.ReadFile(m.file); is && string(there) != text {
			return nil, refuse("run homeward service uninstall, then install it again; configuration and state are kept",
				"a service is already installed, and differs from what this program would install")
		}
		if m.account {
			if done, err = makeAccount(); err != nil {
				return done, err
			}
		}
	}
	switch wrote, err := furnish(config, example); {
	case err != nil:
		return done, fmt.Errorf("write a configuration: %w", err)
	case wrote:
		done = append(done, "wrote "+config)
	}
	says := strings.TrimSuffix("installed for "+m.name+": "+m.file, ": ")
	switch {
	case ofPackage:
		says = "the packaged service is now started at boot: " + packaged
	case is:
		says = "the service is already installed"
	default:
		err = m.write(program, text)
	}
	if err == nil {
		err = run(m.enable)
	}
	if err != nil {
		if !is && !ofPackage {
			_ = m.erase() // of what there is
		}
		return done, fmt.Errorf("set up %s: %w", m.name, err)
	}
	return append(done, says), nil
}

// write leaves all of the file, also after a power cut, or nothing: systemd would take an empty one for a wish never to
// start homeward.
func (m *Manager) write(program, text string) error {
	if m.file == "" {
		return register(program)
	}
	mode := fs.FileMode(0o644)
	if strings.HasPrefix(text, "#!") {
		mode = 0o755
	}
	if err := os.MkdirAll(filepath.Dir(m.file), 0o755); err != nil {
		return err
	}
	return safefile.Replace(m.file, []byte(text), mode)
}

// erase removes the file and what points to it.
func (m *Manager) erase() error {
	if m.file == "" {
		return unregister()
	}
	var failed []error
	for _, path := range append(glob(m.links), m.file) {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
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
	if file := m.packaged(); file != "" && (!is || file == m.file) {
		return false, refuse("remove the package with the tool that installed it", "%s belongs to a package, and is removed with it", file)
	}
	if !is {
		return false, nil
	}
	if err := m.Order("stop", nil); err != nil {
		return false, err
	}
	if err = m.erase(); err == nil {
		err = run(m.disable)
	}
	for _, dir := range transient {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	if err != nil {
		return false, fmt.Errorf("set up %s: %w", m.name, err)
	}
	return true, nil
}
