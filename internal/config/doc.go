// Package config reads the settings of a device. What homeward.toml and flags say, and what the files hold that they name
// (the password, roots), becomes a Config: a provisioning.Policy, and what else the daemon needs to know, all of it checked;
// or Problems, each with its key, the line or flag, what is wrong, and what to do about it. The sections homeward.toml of
// scenarios and of the sites of check are read by this package, too: there is one dialect.
//
// It knows no command line: that makes flags from Keys, and hands over what was given in a Source. Nor does it read the
// environment.
//
// keys.go is the table of keys, a row for each; settings.go, where defaults, the file and the flags come together, is the
// story to begin with.
//
// Read problem.go first, then config.go, places_linux.go, owner_unix.go, file.go, password.go, roots.go, broker.go, values.go, keys.go,
// example.go, toml.go, settings.go, doubts.go.
package config
