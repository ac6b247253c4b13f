package main

// Where things are; directories as the configuration says it.
const (
	defaultConfig     = "/etc/homeward/homeward.toml"
	defaultPassword   = "/etc/homeward/password"
	defaultStateDir   = `"/var/lib/homeward"`
	defaultRuntimeDir = `"/run/homeward"`
)
