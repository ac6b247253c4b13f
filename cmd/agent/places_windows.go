package main

// Where things are; directories as the configuration says it.
const (
	defaultConfig     = `C:\ProgramData\homeward\homeward.toml`
	defaultPassword   = `C:\ProgramData\homeward\password`
	defaultStateDir   = `'C:\ProgramData\homeward\state'`
	defaultRuntimeDir = `'C:\ProgramData\homeward\run'`
)
