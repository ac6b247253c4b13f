package config

import (
	"crypto/x509"
	"log/slog"

	"homeward/internal/fleet"
	"homeward/provisioning"
)

// Config is what all settings come to: values that have been checked.
type Config struct {
	Policy        provisioning.Policy
	StateDir      string // absolute, as all paths here
	RuntimeDir    string
	LogLevel      slog.Level
	LogFormat     string         // "auto", "text", "json" or "journal"
	OnChange      []string       // program and arguments; none: nothing is started
	MetricsListen string         // "": no metrics
	Fleet         fleet.Settings // without a Broker: none
	Files         []string       // which the settings, the password and roots came from, some more than once
	Warnings      []string       // exceptions the site has made, and what is probably not meant; logged at start

	fleetCert string            // a file
	fleetLeaf *x509.Certificate // what it holds; nil: it could not be read

	byPIN         bool   // pin_sign_in is on
	credentials   string // directory in which the service manager has put the password; "": it has not
	usualPassword string // the file that service managers take it from
	runsAs        RunsAs
}

// RunsAs says as which user the daemon runs that uses a runtime_dir, and how that is known, in words such as "it runs as"; "": it
// is not known.
type RunsAs func(runtimeDir string) (uid int, by string)

// daemonUser is what tells the user of the daemon, to whom its secrets may belong.
type daemonUser struct {
	stateDir, runtimeDir string
	runsAs               RunsAs // nil: nobody is asked
}

func (c *Config) daemonUser() daemonUser { return daemonUser{c.StateDir, c.RuntimeDir, c.runsAs} }

// warn notes a warning; "" is none.
func (c *Config) warn(text string) {
	if text != "" {
		c.Warnings = append(c.Warnings, text)
	}
}
