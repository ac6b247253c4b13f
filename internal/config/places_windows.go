package config

// Where things are when nobody says otherwise; directories as the configuration says it.
const (
	DefaultFile       = `C:\ProgramData\homeward\homeward.toml`
	DefaultPassword   = `C:\ProgramData\homeward\password`
	defaultStateDir   = `'C:\ProgramData\homeward\state'`
	defaultRuntimeDir = `'C:\ProgramData\homeward\run'`
)
