package config

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"homeward/internal/safefile"
)

const maxFile = 64 << 10 // bytes, our choice; the example has 4

// Source is where settings come from. What it does not name, such as the environment, does not count.
type Source struct {
	File        string           // configuration file
	Named       bool             // somebody has named File: it must be there, and Password does not count
	Flags       map[string]Value // those that were given, by the name of their key; they beat the file
	Credentials string           // directory in which the service manager has put the password; "": it has not
	Password    string           // the file that service managers take it from, used where nothing else says which
	RunsAs      RunsAs           // tells root as whom the daemon runs; nil: state_dir alone does
}

// Settings are the values of all keys: defaults, below the file, below the flags.
type Settings struct {
	of            map[string]Setting
	credentials   string
	usualPassword string
	runsAs        RunsAs
	file          string
}

// Of returns the setting of a key.
func (s Settings) Of(name string) Setting { return s.of[name] }

// Defaults returns the settings where nobody has set anything.
func Defaults() Settings {
	var document strings.Builder
	for _, k := range keys {
		if k.Default != "" {
			fmt.Fprintf(&document, "%s = %s\n", k.Name, k.Default)
		}
	}
	of, err := readDocument("", []byte(document.String()))
	if err != nil {
		panic(err) // the table of keys is not as its test says
	}
	for name, at := range of {
		at.From = Origin{}
		of[name] = at
	}
	return Settings{of: of}
}

// Parse returns the settings of a document above the defaults. The file is what problems call it.
func Parse(file string, document []byte) (Settings, error) {
	s := Defaults()
	s.file = file
	of, err := readDocument(file, document)
	if err != nil {
		return Settings{}, err
	}
	for name, at := range of {
		s.of[name] = at
	}
	return s, nil
}

// Load reads the file of a source, and puts its flags above. A file that nobody has named may be missing. An error is
// Problems.
func Load(from Source) (Settings, error) {
	document, err := readFile(from.File)
	missing := &Problem{From: Origin{File: from.File}, Err: err, Hint: "homeward config example prints one"}
	var s Settings
	switch {
	case errors.Is(err, fs.ErrNotExist) && !from.Named:
		s = Defaults()
		s.file = from.File
		s.of["sip_address"] = Setting{missing: missing}
	case errors.Is(err, fs.ErrNotExist):
		return Settings{}, Problems{missing}
	case err != nil:
		return Settings{}, Problems{{From: Origin{File: from.File}, Err: err}}
	default:
		if s, err = Parse(from.File, document); err != nil {
			return Settings{}, err
		}
	}
	for name, v := range from.Flags {
		s.of[name] = Setting{Value: v, From: Origin{Flag: findKey(name).Flag()}}
	}
	if !from.Named && from.Credentials == "" && !s.Of("password_file").From.Given() && isThere(from.Password) {
		s.of["password_file"] = Setting{Value: Value{Text: from.Password}}
	}
	s.credentials, s.usualPassword, s.runsAs = from.Credentials, from.Password, from.RunsAs
	return s, nil
}

// Check checks the values of the named keys, or of all, and what they name. An error is Problems: everything that is
// wrong with them.
func (s Settings) Check(names ...string) (*Config, error) {
	to := &Config{credentials: s.credentials, usualPassword: s.usualPassword, runsAs: s.runsAs}
	to.Policy.File = s.file
	var wrong Problems
	for i, k := range append(Keys(), *findKey("password_file")) {
		if k.Name == "password_file" && i < len(Keys()) { // it comes last: whose it may be, the directories tell
			continue
		}
		if len(names) > 0 && !slices.Contains(names, k.Name) {
			continue
		}
		at := s.Of(k.Name)
		to.readFrom(k.Name, at)
		switch err := k.check(at.Value, to); {
		case err != nil && at.missing != nil:
			wrong = append(wrong, at.missing)
		case err != nil:
			wrong.add(at.From, k.Name, err)
		}
	}
	if err := wrong.orNil(); err != nil {
		return nil, err
	}
	return to, nil
}

// given notes where a setting was given.
func (c *Config) given(name string, at Origin) {
	if !at.Given() {
		return
	}
	if c.Policy.Given == nil {
		c.Policy.Given = map[string]string{}
	}
	if c.Policy.Given[name] = name + " in " + at.String(); at.Flag != "" {
		c.Policy.Given[name] = "the flag " + at.String()
	}
}

// readFrom notes the files of a setting.
func (c *Config) readFrom(name string, at Setting) {
	if at.From.File != "" {
		c.Files = append(c.Files, at.From.File)
	}
	c.given(name, at.From)
	switch name {
	case "roots":
		c.Files = append(c.Files, at.List...)
	case "password_file":
		c.Files = append(c.Files, at.Text)
	}
}

// readFile returns the text of a configuration file. It reads a file that others may write to no more than it waits for a
// pipe: on_change would let them run what they like.
func readFile(path string) ([]byte, error) {
	document, err := readText(path, maxFile, openAny, func(info fs.FileInfo) error {
		if writableByAll(info) {
			return fmt.Errorf("%s can be written by everybody; run: chmod o-w %s", path, safefile.Quoted(path))
		}
		return nil
	})
	if err == nil {
		err = checkPlainText(path, document)
	}
	return document, err
}
