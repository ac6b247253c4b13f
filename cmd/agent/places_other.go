//go:build !linux && !windows

package main

// Where things are; directories as the configuration says it. There is no /run on BSD and macOS.
const (
	defaultConfig     = "/etc/homeward/homeward.toml"
	defaultPassword   = "/etc/homeward/password"
	defaultStateDir   = `"/var/lib/homeward"`
	defaultRuntimeDir = `"/var/run/homeward"`
)
