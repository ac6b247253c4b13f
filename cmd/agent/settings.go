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
			wrong = append(wrong, fmt.Errorf("%s:%d: %s", path, line.number, unknownKey(line.name)))
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

// syntaxError says where a document is not TOML, in the words of the decoder.
func syntaxError(path string, document []byte, err error) error {
	text := strings.TrimPrefix(err.Error(), "toml: ")
	var at *toml.DecodeError
	if errors.As(err, &at) {
		number, _ := at.Position()
		line := bytes.Split(document, []byte("\n"))[number-1]
		name, v, found := bytes.Cut(line, []byte("="))
		if found && unquoted(v) {
			text += "; text needs quotes"
		}
		err := fmt.Errorf("%s:%d: %s", path, number, text)
		if string(bytes.TrimSpace(name)) == "user" && bytes.ContainsRune(v, '\\') {
			return &advised{err, singleQuotes}
		}
		return err
	}
	return fmt.Errorf("%s: %s", path, text)
}

// singleQuotes is for login names: in double quotes TOML reads a backslash as the beginning of an escape.
const singleQuotes = `write it in single quotes: 'CONTOSO\phone1'`

// unquoted says whether a value looks like text without quotes.
func unquoted(v []byte) bool {
	v = bytes.TrimSpace(v)
	return len(v) > 0 && !bytes.ContainsAny(v[:1], "\"'[{0123456789+-")
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
		return value{}, errors.New("the value must be text in quotes")
	case truth:
		if v, ok := from.(bool); ok {
			return value{truth: v}, nil
		}
		return value{}, errors.New("the value must be true or false, without quotes")
	default: // list, command
		if v, ok := texts(from); ok {
			return value{list: v}, nil
		}
		return value{}, errors.New("the value must be a list of texts in quotes, such as " + k.sample())
	}
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
