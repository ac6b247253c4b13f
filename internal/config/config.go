package config

import (
	"log/slog"

	"github.com/homeward-agent/homeward/provisioning"
)

// Config is what all settings come to: values that have been checked.
type Config struct {
	Policy        provisioning.Policy
	StateDir      string // absolute, as all paths here
	RuntimeDir    string
	LogLevel      slog.Level
	LogFormat     string   // "auto", "text", "json" or "journal"
	OnChange      []string // program and arguments; none: nothing is started
	MetricsListen string   // "": no metrics
	Warnings      []string // exceptions the site has made, and what is probably not meant; logged at start

	credentials string // directory in which the service manager has put the password; "": it has not
}

// warn notes a warning; "" is none.
func (c *Config) warn(text string) {
	if text != "" {
		c.Warnings = append(c.Warnings, text)
	}
}
