//go:build !linux && !windows

package config

// Where things are when nobody says otherwise; directories as the configuration says it. There is no /run on BSD and macOS.
const (
	DefaultFile       = "/etc/homeward/homeward.toml"
	DefaultPassword   = "/etc/homeward/password"
	defaultStateDir   = `"/var/lib/homeward"`
	defaultRuntimeDir = `"/var/run/homeward"`
)
