// Package config reads the settings of a device. What homeward.toml and flags say, and what the files hold that they name
// (the password, roots), becomes a Config: a provisioning.Policy, and what else the daemon needs to know, all of it checked;
// or Problems, each with its key, the line or flag, what is wrong, and what to do about it. The sections homeward.toml of
// scenarios and of the sites of check are read by this package, too: there is one dialect.
//
// It knows no command line: that makes flags from Keys, and hands over what was given in a Source. Nor does it read the
// environment.
//
// The files in an order in which each uses only those before it:
//
//	problem.go      where a setting was given, and what is wrong with it
//	config.go       what all settings come to
//	places_*.go     where things are when nobody says otherwise
//	owner_*.go      who may have what is secret
//	file.go         the one way to read a text
//	password.go     the password
//	roots.go        certificates
//	values.go       addresses, names and the like, as people write them
//	keys.go         the table of keys; a new key is a row of it
//	example.go      the commented example
//	nearest.go      the key that was probably meant
//	toml.go         from a document to values and where they are given
//	settings.go     defaults, below the file, below the flags; start here
//	doubts.go       what is valid, and will not work on this machine
package config
