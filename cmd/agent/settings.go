package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const maxConfig = 64 << 10 // bytes, our choice; the example has 4

// setting is a value with the place it comes from, for messages: "homeward.toml:3", "--sip-address", "" for a
// default.
type setting struct {
	value
	from string
	none error // why there is nothing, where more is to be said than that
}

// settings are the values of all keys, by name: defaults, below the file, below the flags.
type settings map[string]setting

// loadSettings reads the file named by --config, and the flags of c. The default file may be missing; one that
// was asked for may not.
func loadSettings(c *cobra.Command) (settings, error) {
	s := defaults()
	path, err := c.Flags().GetString("config")
	if err != nil {
		return nil, err
	}
	document, err := readConfig(path)
	noFile := &advised{fmt.Errorf("configuration: %w", err), "homeward config example prints one"}
	switch asked := c.Flags().Changed("config"); {
	case !asked && errors.Is(err, fs.ErrNotExist):
		s["sip_address"] = setting{none: noFile}
	case errors.Is(err, fs.ErrNotExist):
		return nil, &failure{code: exitUsage, err: noFile}
	case err != nil:
		return nil, &failure{code: exitUsage, err: fmt.Errorf("configuration: %w", err)}
	default:
		if err := s.addFile(path, document); err != nil {
			return nil, &failure{code: exitUsage, err: err}
		}
	}
	c.Flags().Visit(func(f *pflag.Flag) {
		if given, ok := f.Value.(*flagValue); ok {
			s[given.name] = setting{value: given.value, from: "--" + f.Name}
		}
	})
	if !c.Flags().Changed("config") && s["password_file"].from == "" && hasOwnPassword() {
		s["password_file"] = setting{value: value{text: defaultPassword}}
	}
	return s, nil
}

// loadSite reads the configuration file and the flags of c, and checks the values of the named keys, or of all.
func loadSite(c *cobra.Command, names ...string) (*site, error) {
	s, err := loadSettings(c)
	if err != nil {
		return nil, err
	}
	return s.site(names...)
}

// loadPlaces returns where a daemon keeps its files, for commands that only read. They work without the right
// to read the configuration.
func loadPlaces(c *cobra.Command) (*site, error) {
	s, err := loadSettings(c)
	if errors.Is(err, fs.ErrPermission) && !c.Flags().Changed("config") {
		s, err = defaults(), nil
	}
	if err != nil {
		return nil, err
	}
	return s.site("state_dir", "runtime_dir")
}

// allBut returns the names of all keys but one.
func allBut(name string) []string {
	var names []string
	for _, k := range keys {
		if k.name != name {
			names = append(names, k.name)
		}
	}
	return names
}

// site checks the values of the named keys, or of all, and says everything that is wrong with them.
func (s settings) site(names ...string) (*site, error) {
	to := &site{}
	var wrong []error
	isPassword := func(k key) bool { return k.name == "password_file" } // whose it may be, state_dir tells
	for _, k := range append(slices.DeleteFunc(slices.Clone(keys), isPassword), *findKey("password_file")) {
		if len(names) > 0 && !slices.Contains(names, k.name) {
			continue
		}
		at := s[k.name]
		if err := k.apply(at.value, to); err != nil {
			switch {
			case at.none != nil:
				err = at.none
			case at.from == "":
				err = fmt.Errorf("%s: %w", k.name, err)
			case strings.HasPrefix(at.from, "--"):
				err = fmt.Errorf("%s: %w", at.from, err)
			default:
				err = fmt.Errorf("%s: %s: %w", at.from, k.name, err)
			}
			wrong = append(wrong, err)
		}
	}
	if len(wrong) > 0 {
		return nil, &failure{code: exitUsage, err: errors.Join(wrong...)}
	}
	return to, nil
}

// defaults returns the values of the key table.
func defaults() settings {
	s := settings{}
	for _, k := range keys {
		v := value{}
		if k.normal != "" {
			var document map[string]any
			if err := toml.Unmarshal([]byte("v = "+k.normal), &document); err == nil { // a test reads them all
				v, _ = k.convert(document["v"])
			}
		}
		s[k.name] = setting{value: v}
	}
	return s
}

// readConfig returns the bytes of a configuration file. It reads a file that others may write to no more than
// it waits for a pipe: on_change would let them run what they like.
func readConfig(path string) ([]byte, error) {
	f, info, err := openRegular(path, true)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > maxConfig {
		return nil, fmt.Errorf("%s has %d bytes, %d are possible", path, info.Size(), maxConfig)
	}
	if writableByAll(info) {
		return nil, fmt.Errorf("%s can be written by everybody; run: chmod o-w %s", path, path)
	}
	document, err := io.ReadAll(io.LimitReader(f, maxConfig))
	if err != nil {
		return nil, err
	}
	return bytes.TrimPrefix(document, byteOrderMark), nil
}

// byteOrderMark is what some editors put in front of text.
var byteOrderMark = []byte("\ufeff")

// addFile puts the values of a file in place of the defaults.
func (s settings) addFile(path string, document []byte) error {
	lines, err := keyLines(path, document)
	if err != nil {
		return err
	}
	var wrong []error
	for _, line := range lines {
		if k := findKey(line.name); k == nil {
			said := unknownKey(line.name)
			if text := bytes.TrimSpace(lineOf(document, line.number)); bytes.HasPrefix(text, []byte("[")) {
				said = fmt.Sprintf("the file has no sections; leave out %q", text)
			}
			wrong = append(wrong, fmt.Errorf("%s:%d: %s", path, line.number, said))
		}
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	var values map[string]any
	if err := toml.Unmarshal(document, &values); err != nil {
		return syntaxError(path, document, err)
	}
	for _, line := range lines {
		k := findKey(line.name)
		v, err := k.convert(values[k.name])
		from := path + ":" + strconv.Itoa(line.number)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %s: %w", from, k.name, err))
		}
		s[k.name] = setting{value: v, from: from}
	}
	return errors.Join(wrong...)
}

// keyLine is a key of a file and its line.
type keyLine struct {
	name   string
	number int
}

// keyLines returns the keys of a document. The decoder tells the line of a key only when it complains about it:
// asked to decode into nothing, it complains about every one.
func keyLines(path string, document []byte) ([]keyLine, error) {
	var nothing struct{}
	err := toml.NewDecoder(bytes.NewReader(document)).DisallowUnknownFields().Decode(&nothing)
	var unknown *toml.StrictMissingError
	if !errors.As(err, &unknown) {
		if err != nil {
			return nil, syntaxError(path, document, err)
		}
		return nil, nil
	}
	var lines []keyLine
	for _, e := range unknown.Errors {
		number, _ := e.Position()
		lines = append(lines, keyLine{strings.Join(e.Key(), "."), number})
	}
	return lines, nil
}

// syntaxError says where a document is not TOML: what the value of the key must be, or else the words of the decoder.
func syntaxError(path string, document []byte, err error) error {
	text := strings.TrimPrefix(err.Error(), "toml: ")
	var at *toml.DecodeError
	if !errors.As(err, &at) {
		return fmt.Errorf("%s: %s", path, text)
	}
	number, _ := at.Position()
	name, v, found := bytes.Cut(lineOf(document, number), []byte("="))
	name, v = bytes.TrimSpace(name), bytes.TrimSpace(v)
	if k := findKey(string(name)); k != nil && found {
		if problem := k.misspelt(v); problem != "" {
			text = k.name + ": " + problem
		}
	}
	err = fmt.Errorf("%s:%d: %s", path, number, text)
	switch {
	case string(name) == "user" && bytes.ContainsRune(v, '\\'):
		return &advised{err, singleQuotes}
	case !found:
		return &advised{err, "a line reads key = value, as homeward config example prints them; # begins a comment"}
	}
	return err
}

// lineOf returns a line of a document, counted from 1.
func lineOf(document []byte, number int) []byte { return bytes.Split(document, []byte("\n"))[number-1] }

// singleQuotes is for login names: in double quotes TOML reads a backslash as the beginning of an escape.
const singleQuotes = `write it in single quotes: 'CONTOSO\phone1'`

// misspelt says what is wrong with a value that is not TOML, or "" where only the decoder knows.
func (k key) misspelt(v []byte) string {
	opened := bytes.HasPrefix(v, []byte("[")) && (k.kind == list || k.kind == command)
	text := bytes.TrimSpace(bytes.TrimPrefix(v, []byte("[")))
	switch first, _ := utf8.DecodeRune(text); {
	case len(v) == 0:
		return "the value is missing"
	case strings.ContainsRune("\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb`", first):
		return `the quotes must be straight ones, " or '`
	case k.kind == truth && (bytes.HasPrefix(v, []byte("true")) || bytes.HasPrefix(v, []byte("false"))):
		return ""
	case k.kind == truth:
		return "the value must be true or false, in small letters, without quotes"
	case !opened && (k.kind == list || k.kind == command) || opened && len(text) > 0 && !bytes.ContainsAny(text, `"'`):
		return k.mustBe()
	case !opened && !bytes.ContainsRune([]byte(`"'[{`), first):
		return k.mustBe()
	case (first == '"' || first == '\'') && bytes.Count(text, []byte{byte(first)}) == 1:
		return "the closing quote is missing"
	}
	return ""
}

// mustBe says what a value of this key is.
func (k key) mustBe() string {
	switch k.kind {
	case text:
		return "the value must be text in quotes"
	case truth:
		return "the value must be true or false, without quotes"
	default: // list, command
		return "the value must be a list of texts in quotes, such as " + k.sample()
	}
}

func findKey(name string) *key {
	for i := range keys {
		if keys[i].name == name {
			return &keys[i]
		}
	}
	return nil
}

func unknownKey(name string) string {
	if name == "password" {
		return "there is no key for the password itself; put it into a file of its own and name the file in password_file"
	}
	if name == "digest_over_tcp" {
		return "unknown key \"digest_over_tcp\": credentials_over_tcp is in its place, for NTLM too"
	}
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	said := fmt.Sprintf("unknown key %q", name)
	if near := nearest(name, names); near != "" {
		said += ", did you mean " + near + "?"
	}
	return said
}

// convert turns a value of the file into one of this key.
func (k key) convert(from any) (value, error) {
	switch k.kind {
	case text:
		switch v := from.(type) {
		case string:
			return value{text: v}, nil
		case float64: // tls_min = 1.2, without quotes, is clear enough
			return value{text: strconv.FormatFloat(v, 'f', 1, 64)}, nil
		}
	case truth:
		if v, ok := from.(bool); ok {
			return value{truth: v}, nil
		}
	default: // list, command
		if v, ok := texts(from); ok {
			return value{list: v}, nil
		}
	}
	return value{}, errors.New(k.mustBe())
}

// texts returns a list of the file whose elements are all text.
func texts(from any) ([]string, bool) {
	elements, ok := from.([]any)
	list := []string{}
	for _, e := range elements {
		s, isText := e.(string)
		ok = ok && isText
		list = append(list, s)
	}
	return list, ok
}

// sample returns the value that documentation shows.
func (k key) sample() string {
	if k.normal != "" {
		return k.normal
	}
	return k.example
}
