package config

// Where things are when nobody says otherwise; directories as the configuration says it.
const (
	DefaultFile       = "/etc/homeward/homeward.toml"
	DefaultPassword   = "/etc/homeward/password"
	defaultStateDir   = `"/var/lib/homeward"`
	defaultRuntimeDir = `"/run/homeward"`
)
