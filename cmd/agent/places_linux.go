package main

// Where things are; directories as the configuration says it.
const (
	defaultConfig     = "/etc/homeward/homeward.toml"
	defaultStateDir   = `"/var/lib/homeward"`
	defaultRuntimeDir = `"/run/homeward"`
)
