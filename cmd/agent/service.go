package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"homeward/internal/config"
	"homeward/service/control"
	"homeward/service/manager"
)

func serviceCommand(e env) *cobra.Command {
	c := group("service", "Install homeward as a system service, and control it", []*cobra.Command{
		serviceInstallCommand(e),
		serviceUninstallCommand(e),
		serviceOrder(e, "start", "Start the service", "started"),
		serviceOrder(e, "stop", "Stop the service, until the next boot or start", "stopped"),
		serviceOrder(e, "restart", "Restart the service, as after a change of the configuration", "restarted"),
		serviceStatusCommand(e),
	})
	c.PersistentFlags().String("config", config.DefaultFile, "refused, see managed") // in place of that of every command
	_ = c.PersistentFlags().MarkHidden("config")                                     // it is there
	return c
}

// managed is a verb that speaks to the service manager.
func managed(use, short string, do func(c *cobra.Command, m *manager.Manager) error) *cobra.Command {
	return verb(use, short, func(c *cobra.Command) error {
		if c.Flags().Changed("config") {
			return badUsage("the service reads only the configuration %s", config.DefaultFile)
		}
		m, err := manager.Find()
		if err == nil {
			err = do(c, m)
		}
		var f *failure
		if err == nil || errors.As(err, &f) {
			return err
		}
		return managerFailure(err)
	})
}

func managerFailure(err error) *failure {
	f := &failure{code: exitFailed, err: err}
	var refusal *manager.Refusal
	if errors.As(err, &refusal) {
		f.hints = []string{refusal.Hint}
	}
	return f
}

func serviceInstallCommand(e env) *cobra.Command {
	c := managed("install", "Install the service: start homeward at every boot, and restart it whenever it exits", func(c *cobra.Command, m *manager.Manager) error {
		program, err := os.Executable()
		if err == nil {
			program, err = filepath.EvalSymlinks(program)
		}
		if err != nil {
			return err
		}
		done, err := m.Install(program, config.DefaultFile, strings.Replace(config.Example(), "\nsip_address", "\n#sip_address", 1))
		p := newPage(e.stdout)
		for _, sentence := range done {
			p.printf("%s\n", sentence)
		}
		if err != nil {
			return err
		}
		s, err := m.Status()
		if err != nil {
			return err
		}
		p.printf("next: %s\n", nextStep(c, s))
		if !s.Enabled {
			return &failure{code: exitFailed, err: errors.New("nothing starts the service at boot"), hints: []string{"have something run this at boot: " + s.File + " start"}}
		}
		return p.err
	})
	c.Long = "The service starts at the next boot, or with homeward service start. If they do not exist, a user for the daemon and a configuration file that explains every key are created. Installing it again changes nothing."
	return c
}

// nextStep is what is left to be done after the installation.
func nextStep(c *cobra.Command, s manager.Managed) string {
	if s.Running {
		return "homeward status"
	}
	if settings, err := loadSettings(c); err == nil && !settings.Of("sip_address").From.Given() {
		return "set sip_address in " + config.DefaultFile + ", then: homeward service start"
	}
	return "homeward service start"
}

func serviceUninstallCommand(e env) *cobra.Command {
	c := managed("uninstall", "Stop the service and remove it", func(_ *cobra.Command, m *manager.Manager) error {
		was, err := m.Uninstall()
		if err != nil {
			return err
		}
		p := newPage(e.stdout)
		if was {
			p.printf("stopped and removed\n")
		} else {
			p.printf("there was nothing to remove\n")
		}
		p.printf("configuration and state were kept: %s, %s\n", filepath.Dir(config.DefaultFile), config.Defaults().Of("state_dir").Text)
		if s, err := m.Status(); err == nil && s.Installed {
			p.printf("the service now in use comes from a package: %s\n", s.File)
			e.remark("hint", "start it now and at every boot: systemctl enable --now homeward")
		}
		return p.err
	})
	c.Long = "The program, the configuration, the state and the user of the daemon are kept. A service that a package installed is removed with the package."
	return c
}

// serviceOrder is a verb that tells the service manager what to do with the daemon.
func serviceOrder(e env, use, short, done string) *cobra.Command {
	begins := use != "stop"
	return managed(use, short, func(c *cobra.Command, m *manager.Manager) error {
		var wrong error // with the configuration
		err := m.Order(use, func() error {
			if begins {
				_, wrong = loadConfig(c)
			}
			if m.Tells { // then its word counts: it may start the daemon with more than we see
				return nil
			}
			return wrong
		})
		switch {
		case err != nil && m.Tells && wrong != nil:
			f := managerFailure(errors.Join(err, wrong))
			f.code = exitUsage
			return f
		case err != nil:
			return err
		case begins && !m.Tells:
			if err := awaitAnswer(c, m); err != nil {
				return err
			}
		}
		p := newPage(e.stdout)
		p.printf("%s\n", done)
		return p.err
	})
}

// startLimit is our choice: the slowest device takes seconds to start, and a daemon that ends is started again after five.
const startLimit = 10 * time.Second

// awaitAnswer waits for the daemon, of which the service manager says no more than that it was told to start it.
func awaitAnswer(c *cobra.Command, m *manager.Manager) error {
	limit := time.After(startLimit)
	for !answers(c) {
		select {
		case <-time.After(startLimit / 100):
		case <-c.Context().Done():
			return uninterrupted(c)
		case <-limit:
			return &failure{
				code: exitFailed, err: errors.New("the daemon does not answer: it keeps exiting and being restarted"),
				hints: []string{"the log says why: " + m.Log},
			}
		}
	}
	return nil
}

// answers says whether there is a daemon. There is one where this user may not ask it.
func answers(c *cobra.Command) bool {
	places, err := loadPlaces(c)
	if err != nil { // a daemon that runs has begun with another configuration
		if places, err = placesOf(config.Defaults()); err != nil {
			return false
		}
	}
	_, err = daemon(places).Status(c.Context())
	return !errors.Is(err, control.ErrNotRunning)
}

func serviceStatusCommand(e env) *cobra.Command {
	var asJSON bool
	c := managed("status [--json]", "Show whether the service is installed, started at boot, and running", func(c *cobra.Command, m *manager.Manager) error {
		s, err := m.Status()
		if err != nil {
			return err
		}
		if s.Running && !m.Tells && !answers(c) {
			s.Running, s.Restarting = false, true
		}
		if asJSON {
			err = printJSON(e.stdout, s)
		} else {
			err = printManaged(newPage(e.stdout), s)
		}
		why := "the log says why it is not running: " + m.Log
		switch {
		case err != nil || s.Running:
			return err
		case !s.Installed:
			return &failure{code: exitNotRunning, hints: []string{"install it: homeward service install"}}
		case s.Restarting:
			return &failure{code: exitNotRunning, hints: []string{why}}
		default:
			return &failure{code: exitNotRunning, hints: []string{"start it: homeward service start", why}}
		}
	})
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printManaged(p *page, s manager.Managed) error {
	switch {
	case s.Running:
		p.printf("%s\n", p.paint(good, "running"))
	case s.Restarting:
		p.printf("%s\n", p.paint(bad, "NOT RUNNING: it keeps exiting and being restarted"))
	case s.Installed:
		p.printf("%s\n", p.paint(bad, "NOT RUNNING"))
	default:
		p.printf("%s\n", p.paint(bad, "NOT INSTALLED"))
	}
	p.row("manager", s.Manager)
	p.row("manager says", printable(s.Detail))
	if s.Installed {
		p.row("at boot", map[bool]string{true: "started", false: "not started"}[s.Enabled])
	}
	p.row("file", s.File)
	if s.Package != "" {
		p.row("overridden", "packaged service "+s.Package+"; to go back to it: homeward service uninstall")
	}
	return p.err
}
