package main

// Where things are; directories as the configuration says it.
const (
	defaultConfig     = `C:\ProgramData\homeward\homeward.toml`
	defaultStateDir   = `'C:\ProgramData\homeward\state'`
	defaultRuntimeDir = `'C:\ProgramData\homeward\run'`
)
